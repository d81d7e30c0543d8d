"""Bridge mode without a screen: a request over HTTP, run through a Bot chat, once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from coze_emulator import Emulator

CLIP = {"type": "text", "text": "你好", "at": {"start": 0, "duration": 2}}
CONTENT = {"schema": "c2jy/1", "name": "桥接", "tracks": [{"type": "text", "clips": [CLIP]}]}
BODY = {"tool": "generate_draft", "arguments": {"content": CONTENT}}


@contextmanager
def bridge(command: Path, environment: dict[str, str], *options: str | Path) -> Iterator[str]:
    """The address of a bridge in a process of its own; it ends by SIGTERM, cleanly."""
    with printing_bridge(command, environment, *options) as (address, _):
        yield address


@contextmanager
def printing_bridge(
    command: Path, environment: dict[str, str], *options: str | Path
) -> Iterator[tuple[str, str]]:
    """The address and the example call that the process prints."""
    words = [str(command), "--demo", "--lang", "en", *map(str, options), "bridge", "serve", "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "http://" in line, line + process.stderr.read()
        example = process.stderr.readline().partition(": ")[2].strip()
        yield line.partition("http://")[2].partition(". ")[0], example
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def ask(address: str, token: str, key: str = "a1") -> tuple[int, dict[str, Any]]:
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "Prefer": "wait=30",
    }
    request = urllib.request.Request(f"http://{address}/v1/requests", json.dumps(BODY).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.slow
def test_a_request_sent_twice_makes_one_draft(
    command: Path, environment: dict[str, str], c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    root = tmp_path / "drafts"
    with bridge(command, environment, "--drafts-root", root) as address:
        token = c2jy("--demo", "bridge", "token").out.strip()
        first, second = ask(address, token), ask(address, token)
        assert first == second
        assert first[0] == 200
        assert (first[1]["state"], first[1]["relay"]) == ("succeeded", "bot")
        assert [p.name for p in root.iterdir() if not p.name.startswith(".")] == ["桥接"]
        status, problem = ask(address, "wrong")
        assert (status, token in json.dumps(problem)) == (401, False)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_line_that_is_printed_with_the_address_works(
    command: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "a folder"
    with printing_bridge(command, environment, "--data-dir", folder) as (_, example):
        path = f"{command.parent}{os.pathsep}{environment['PATH']}"
        ran = subprocess.run(
            example,
            shell=True,
            capture_output=True,
            text=True,
            env={**environment, "PATH": path},
            check=False,
        )
    assert "generate_draft" in {tool["name"] for tool in json.loads(ran.stdout)["items"]}, example


def test_bridge_serve_says_why_an_intake_fails(
    command: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    with Emulator() as coze:
        coze.add_fault("refuse", on="any", code=4101, times=10_000)
        at_coze = {"COZE_API_BASE": coze.base_url, "COZE_API_TOKEN": "t", "COZE_BOT_ID": coze.bot_id}
        more = {"C2JY_BRIDGE__MAILBOX_CONVERSATION_ID": "7395", "C2JY_DRAFTS__ROOT": str(tmp_path)}
        words = [str(command), "--lang", "en", "--data-dir", str(tmp_path / "d")]
        with subprocess.Popen(
            [*words, "bridge", "serve", "--intake", "mailbox"],
            stderr=subprocess.PIPE,
            env={**environment, **at_coze, **more},
            text=True,
        ) as process:
            seen = said(process, "mailbox: ")
            process.terminate()
            assert process.wait(30) == 0
        assert "token" in seen


def said(process: subprocess.Popen[str], words: str, within_s: float = 20) -> str:
    """The first line on stderr with these words; nothing when the process has not said it in time."""
    assert process.stderr is not None
    timer = threading.Timer(within_s, process.terminate)
    timer.start()
    try:
        return next((line for line in process.stderr if words in line), "")
    finally:
        timer.cancel()


def as_curl(address: str, token: str) -> tuple[int, dict[str, Any]]:
    """The issue's own line: `curl -d` says that a body is a form, whatever it is; so does urllib."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "a1", "Prefer": "wait=20"}
    request = urllib.request.Request(f"http://{address}/v1/requests", json.dumps(BODY).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        assert request.get_header("Content-type") == "application/x-www-form-urlencoded"
        return answer.status, json.load(answer)


def test_bridge_mode_switched_on_with_one_key_shows_the_request_its_chat_and_its_draft(
    terminal: Callable[..., Any], c2jy: Callable[..., Any], environment: dict[str, str], tmp_path: Path
) -> None:
    environment["C2JY_BRIDGE__PORT"] = "0"
    root = tmp_path / "drafts"
    app = terminal("--demo", "--lang", "en", "--drafts-root", root)
    app.wait_for("● ready")
    app.press("F2")
    address = app.wait_for("bridge 127.0.0.1:", "alive: HTTP").partition("bridge ")[2].split()[0]
    token = c2jy("--demo", "bridge", "token").out.strip()
    first, second = as_curl(address, token), as_curl(address, token)
    assert first == second
    assert (first[0], first[1]["state"], first[1]["relay"]) == (200, "succeeded", "bot")
    assert [p.name for p in root.iterdir() if not p.name.startswith(".")] == ["桥接"]
    app.wait_for("generate_draft", "Calls: 1")
    app.press("F5")
    app.wait_for("桥接", "Drafts: 1")
    app.press("F6")
    app.wait_for("Requests: 1", "✓ done")
    app.press("Enter")
    app.wait_for("Chats", "Timeline", "HTTP")
    app.press("Tab", "Tab")
    app.wait_for(first[1]["chats"][0]["chat_id"])
    app.press("Escape")
    app.press("C-q")
    app.wait_for("exit status 0")


@pytest.mark.slow
def test_a_workflow_of_the_emulator_reaches_this_machine_by_every_way(
    c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    request = json.dumps({"tool": "generate_draft", "args": {"content": CONTENT}})
    for name, workflow in (("mailbox", "7397395079142350011"), ("type 6", "7397395079142350005")):
        root = tmp_path / name
        options = ("--demo", "--bridge", "--drafts-root", root)
        done = c2jy(*options, "workflow", "run", workflow, request, C2JY_BRIDGE__PORT="0")
        assert done.status == 0, done.err
        assert '"status": "success"' in done.out.splitlines()[-1]
        assert (root / "桥接").is_dir()


@pytest.mark.slow
def test_a_rotated_token_counts_at_once_in_a_running_bridge(
    command: Path, environment: dict[str, str], c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    with bridge(command, environment, "--drafts-root", tmp_path / "drafts") as address:
        old = c2jy("--demo", "bridge", "token").out.strip()
        new = c2jy("--demo", "bridge", "token", "--rotate").out.strip()
        assert new != old
        assert ask(address, new)[0] == 200
        assert ask(address, old)[0] == 200  # for a few minutes more


@pytest.mark.slow
def test_a_second_bridge_of_the_same_data_says_who_has_it(
    command: Path, environment: dict[str, str], c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    with bridge(command, environment, "--drafts-root", tmp_path / "drafts"):
        second = c2jy("--demo", "bridge", "serve", "--port", "0")
        assert second.status == 1
        assert "pid" in second.err


@pytest.mark.slow
def test_a_workflow_gets_a_tool_run_here_and_the_user_asked(c2jy: Callable[..., Any]) -> None:
    done = c2jy("--demo", "workflow", "run", "7397395079142350001", '{"tool": "list_drafts", "args": {}}')
    assert done.status == 0, done.err
    assert '"status": "success"' in done.out
    asked = c2jy("--demo", "workflow", "run", "7397395079142350002", stdin="北京\n")
    assert asked.status == 0, asked.err
    assert "北京" in asked.out


def test_the_demo_adds_its_own_media_to_the_addresses_that_the_settings_allow(
    c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[materials]\nallow_private_hosts = ["127.0.0.1:9"]\n')
    shown = json.loads(c2jy("--demo", "--config", config, "config", "show").out)
    hosts = shown["materials"]["allow_private_hosts"]
    assert hosts == ["127.0.0.1:9", shown["coze"]["api_base"].removeprefix("http://")]
