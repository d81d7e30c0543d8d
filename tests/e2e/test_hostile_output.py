"""What comes from outside reaches stdout and stderr as text, never as a command to the terminal."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from coze_emulator import Emulator, Script

HOSTILE = "\x1b]52;c;cm0gLXJm\x07\x1b[2J\x9b31m\u202egpj.exe"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def assert_harmless(done: Any) -> None:
    for text in (done.out, done.err):
        found = OBEYED.search(text)
        assert not found, text[max(0, found.start() - 40) : found.end()]
    assert "Traceback" not in done.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        b"\x1b]52;c;eA==\x07esc",
        pytest.param(b"bad\xff", marks=pytest.mark.slow),
        pytest.param(b"a\nb", marks=pytest.mark.slow),
    ],
)
def test_a_hostile_draft_is_listed_shown_and_checked_as_text(
    c2jy: Callable[..., Any], tmp_path: Path, name: bytes
) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"drafts", name)
    os.makedirs(folder)
    segment = {"material_id": "a", "target_timerange": {"start": 0, "duration": 5}}
    content = {
        "tracks": [{"type": HOSTILE, "name": HOSTILE, "segments": [segment]}],
        "materials": {"texts": [{"id": "a", "content": HOSTILE}], "videos": [{"id": "v", "path": HOSTILE}]},
    }
    with open(os.path.join(folder, b"draft_content.json"), "w", encoding="utf-8") as file:
        json.dump(content, file)
    root = ("--drafts-root", tmp_path / "drafts")
    for command in ("list", "show", "check"):
        which = [] if command == "list" else [os.fsdecode(name)]
        assert_harmless(c2jy("draft", command, *which, *root))
        done = c2jy("draft", command, *which, *root, "--json")
        assert_harmless(done)
        json.loads(done.out)


@pytest.fixture
def hostile_bot() -> Any:
    call = {"call": [{"tool": "chatty", "arguments": {}}, {"tool": HOSTILE, "arguments": {"a": HOSTILE}}]}
    steps = [{"think": HOSTILE}, {"say": HOSTILE}, call, {"say": HOSTILE}, {"follow_ups": [HOSTILE]}]
    script = {"bot": {"name": HOSTILE}, "rules": [{"name": "x", "match": ["."], "steps": steps}]}
    with Emulator(script=Script.parse(yaml.safe_dump(script))) as emulator:
        yield {
            "COZE_API_TOKEN": "pat_canary",
            "COZE_API_BASE": emulator.base_url,
            "COZE_BOT_ID": emulator.bot_id,
        }


def test_a_bot_with_a_hostile_name_does_not_reach_the_terminal_through_the_doctor(
    c2jy: Callable[..., Any], hostile_bot: dict[str, str]
) -> None:
    done = c2jy("doctor", **hostile_bot)
    assert "31m" in done.out
    assert_harmless(done)


@pytest.mark.slow
def test_what_tools_print_stays_out_of_the_output(
    c2jy: Callable[..., Any], hostile_bot: dict[str, str], tmp_path: Path
) -> None:
    tools = tmp_path / "conf" / "tools"
    tools.mkdir(parents=True)
    (tmp_path / "conf" / "config.toml").write_text('[tools.policy]\nchatty = "allow"\n')
    (tools / "a.py").write_text(
        "import threading\n"
        "from c2jy_bridge.plugin import tool\n\n\n"
        "@tool\n"
        "def chatty() -> str:\n"
        '    """Say much."""\n'
        '    print("FROM A TOOL")\n'
        '    thread = threading.Thread(target=print, args=("FROM A THREAD",))\n'
        "    thread.start()\n"
        "    thread.join()\n"
        '    return "ok"\n'
    )
    config = ("--config", tmp_path / "conf" / "config.toml")
    done = c2jy("chat", "hello", "--json", *config, **hostile_bot)
    assert done.status == 0, done.err
    assert_harmless(done)
    events = [json.loads(line) for line in done.out.splitlines()]
    assert any(event.get("tool") == "chatty" and event.get("outcome") == "ok" for event in events)
    assert done.err.count("FROM A TOOL") == done.err.count("FROM A THREAD") == 1
    plain = c2jy("chat", "hello", *config, **hostile_bot)
    assert_harmless(plain)
    assert "FROM" not in plain.out


def test_arguments_nested_beyond_reason_are_not_json(c2jy: Callable[..., Any]) -> None:
    done = c2jy("tools", "call", "list_drafts", '{"a":' + "[" * 9000 + "]" * 9000 + "}")
    assert done.status == 2
    assert "Traceback" not in done.err
