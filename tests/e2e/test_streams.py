"""Commands in any encoding, with odd files, odd folders and tools that write where they should not."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from coze_emulator import Emulator, Script

WORDS = "完成 ✓ 🍜 – “好”"
DOCUMENT = {
    "schema": "c2jy/1",
    "name": "面 🍜 ✓",
    "tracks": [{"type": "text", "clips": [{"text": WORDS, "start": 0, "duration": 2}]}],
}
ENCODINGS = ("gbk", "ascii", "cp1252", "utf-8")


@pytest.fixture
def coze() -> Iterator[dict[str, str]]:
    steps = [{"call": [{"tool": "list_drafts", "arguments": {}}]}, {"say": WORDS}, {"follow_ups": [WORDS]}]
    echo = {"name": "echo", "match": "^(?P<all>你.*)$", "steps": [{"say": "{{all}}"}]}
    script = {"bot": {"name": WORDS}, "rules": [echo, {"name": "x", "match": ".", "steps": steps}]}
    with Emulator(script=Script.parse(yaml.safe_dump(script))) as emulator:
        yield {
            "COZE_API_TOKEN": "pat_x",
            "COZE_API_BASE": emulator.base_url,
            "COZE_BOT_ID": emulator.bot_id,
        }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path, command: Path) -> Callable[..., Any]:
    """A command whose streams are bytes."""

    def go(*arguments: Any, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [command, *arguments],
            input=stdin,
            capture_output=True,
            env={**environment, **more},
            cwd=tmp_path,
            timeout=30,
        )

    return go


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_command_dies_of_what_its_output_cannot_hold(
    run: Callable[..., Any], coze: dict[str, str], tmp_path: Path, encoding: str
) -> None:
    document = tmp_path / "document.json"
    document.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    root = ("--drafts-root", tmp_path / "drafts", "--lang", "zh")
    listing: tuple[Any, ...] = ("draft", "list", *root)
    chat: tuple[Any, ...] = ("chat", "go", *root)
    for arguments in (("draft", "build", document, *root), listing, ("doctor", *root), chat):
        done = run(*arguments, PYTHONIOENCODING=encoding, **coze)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
        done.stdout.decode(encoding)
    for arguments in (listing, chat):
        done = run(*arguments, "--json", PYTHONIOENCODING=encoding, **coze)
        assert done.returncode == 0, done.stderr
        text = done.stdout.decode(encoding)
        parsed = [json.loads(line) for line in (text.splitlines() if arguments is chat else [text])]
        assert "🍜" in json.dumps(parsed, ensure_ascii=False)


def test_a_tick_reads_well_in_gbk(run: Callable[..., Any], coze: dict[str, str]) -> None:
    done = run("doctor", "--lang", "zh", PYTHONIOENCODING="gbk", **coze)
    assert "\n+ " in done.stdout.decode("gbk")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_a_question_on_stdin_is_read_in_the_encodings_of_its_systems(
    run: Callable[..., Any], coze: dict[str, str], encoding: str
) -> None:
    done = run("chat", "-", stdin="你好吗".encode(encoding), **coze)
    assert (done.returncode, done.stdout.decode().strip()) == (0, "你好吗"), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "utf-8-sig"])
def test_a_document_is_read_in_them_too(run: Callable[..., Any], tmp_path: Path, encoding: str) -> None:
    document = {**DOCUMENT, "name": "面"}
    text = json.dumps(document, ensure_ascii=False).replace("🍜", "").replace("✓", "")
    done = run("draft", "build", "-", "--drafts-root", tmp_path / "d", stdin=text.encode(encoding))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["面"]


def test_bytes_that_are_no_text_are_refused(run: Callable[..., Any], coze: dict[str, str]) -> None:
    for arguments in (("chat", "-"), ("draft", "build", "-")):
        done = run(*arguments, stdin=b"\xff\xff\x00\xfe", **coze)
        assert done.returncode == 2
        assert b"UTF-8" in done.stderr


# --- files and folders --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "folder"])
def test_a_document_without_an_end_is_refused_with_a_sentence(
    run: Callable[..., Any], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "odd" if kind != "/dev/zero" else Path(kind)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    done = run("draft", "build", path)
    assert done.returncode == 2
    assert str(path).encode() in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_document_may_come_through_a_pipe(
    environment: dict[str, str], tmp_path: Path, command: Path
) -> None:
    document = tmp_path / "document.json"
    document.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    line = f'"{command}" draft build --drafts-root "{tmp_path}/d" <(sleep 0.5; cat "{document}")'
    done = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [("config", "show"), ("draft", "list"), ("doctor",)])
def test_settings_nested_too_deep_are_a_sentence(
    run: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    config = tmp_path / "deep.toml"
    config.write_text("a = " + "[" * 5000 + "]" * 5000)
    done = run(*arguments, "--config", config)
    assert done.returncode == 2
    assert b"deep.toml" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("draft", "list"), ("doctor",), ("doctor", "--json")])
@pytest.mark.parametrize(
    ("root", "words"),
    [
        (b"C:\\Users\\me\\Drafts", b"Windows"),
        (b"C:/Users/me/Drafts", b"Windows"),
        (b"\\\\server\\share", b"Windows"),
        (b"bad\xff", b"UTF-8"),
        (b"a" * 800, b"too long"),
        (b"HERE/nowhere/at/all/drafts", b"no such folder"),
        (b"~no-such-user/drafts", b"no user of that name"),
    ],
    ids=["backslashes", "slashes", "share", "not UTF-8", "long", "missing", "user"],
)
def test_a_drafts_folder_that_cannot_be_meant_has_its_sentence_and_does_not_appear(
    run: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...], root: bytes, words: bytes
) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    done = run(*arguments, "--drafts-root", root.replace(b"HERE", os.fsencode(tmp_path)))
    assert done.returncode != 0
    assert words in done.stdout + done.stderr, done
    assert b"Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} - before <= {"data", "home", "config"}


@pytest.mark.slow
def test_a_home_in_the_settings_file_is_the_users_and_every_command_agrees(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "drafts").mkdir(parents=True, exist_ok=True)
    config = tmp_path / "c.toml"
    config.write_text('data_dir = "~/data"\n[drafts]\nroot = "~/drafts"\n')
    document = tmp_path / "d.json"
    clips = [{"text": "hi", "duration": 2}]
    document.write_text(
        json.dumps({"schema": "c2jy/1", "name": "made", "tracks": [{"type": "text", "clips": clips}]})
    )
    shown = [
        run(*arguments, "--config", config).stdout
        for arguments in (("config", "show"), ("doctor",), ("draft", "build", document), ("draft", "list"))
    ]
    assert [str(home / "drafts").encode() in text for text in shown[:3]] == [True, True, True], shown
    assert b"made" in shown[3]
    assert (home / "drafts" / "made").is_dir()
    assert not (tmp_path / "~").exists()


# --- tools that write where they should not -----------------------------------------------------------

NOISY = """
import os, subprocess, sys
from c2jy_bridge.plugin import tool

os.write(1, b"NOISE at import\\n")


@tool
def noisy() -> str:
    "Write everywhere."
    os.write(1, b"NOISE by descriptor\\n")
    print("NOISE by print")
    print("NOISE by the first stdout", file=sys.__stdout__, flush=True)
    subprocess.run(["echo", "NOISE by a child"], check=True)
    return "done"
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    folder = tmp_path / "conf" / "tools"
    folder.mkdir(parents=True)
    (tmp_path / "conf" / "config.toml").write_text('[tools.policy]\nnoisy = "allow"\n')
    return folder


def test_nothing_that_a_tool_writes_reaches_stdout(run: Callable[..., Any], tools: Path) -> None:
    (tools / "noisy.py").write_text(NOISY)
    done = run("--config", tools.parent / "config.toml", "tools", "call", "noisy")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "success"
    assert done.stderr.count(b"NOISE") == 5


@pytest.mark.parametrize("raised", ["KeyboardInterrupt()", "SystemExit(3)", "BaseException('odd')"])
def test_a_tool_file_that_raises_anything_is_an_issue(
    run: Callable[..., Any], tools: Path, raised: str
) -> None:
    (tools / "odd.py").write_text(f"raise {raised}\n")
    done = run("--config", tools.parent / "config.toml", "tools", "--json")
    assert done.returncode == 0, done.stderr
    assert b"odd.py:1" in done.stderr
    assert json.loads(done.stdout)
