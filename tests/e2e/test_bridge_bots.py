"""The emulator's Bots with a fault each: what they make of a handle, and that no harm comes of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coze_emulator import Emulator

FORGETS, ALTERS, STRAYS, TALKS = (f"737946218936519890{n}" for n in (1, 2, 3, 4))
CLIP = {"type": "text", "text": "hi", "at": {"start": 0, "duration": 2}}
CONTENT = {"schema": "c2jy/1", "name": "wanted", "tracks": [{"type": "text", "clips": [CLIP]}]}

Ask = Callable[[str, str], tuple[dict[str, Any], str]]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def ask(emulator: Emulator, environment: dict[str, str], command: Path, tmp_path: Path) -> Ask:
    """Ask a Bot for a draft through a bridge in a process of its own; what became of it, what was told."""
    own = {
        **environment,
        "COZE_API_BASE": emulator.base_url,
        "COZE_API_TOKEN": "pat_test",
        "C2JY_DRAFTS__ROOT": str(tmp_path / "drafts"),
    }

    def through(bot_id: str, lang: str) -> tuple[dict[str, Any], str]:
        variables = {**own, "COZE_BOT_ID": bot_id}
        words = [str(command), "--lang", lang]
        token = subprocess.check_output([*words, "bridge", "token"], env=variables, text=True).strip()
        serve = [*words, "bridge", "serve", "--port", "0"]
        process = subprocess.Popen(serve, stderr=subprocess.PIPE, env=variables, text=True)
        try:
            assert process.stderr is not None
            address = re.search(r"http://([\d.]+:\d+)", process.stderr.readline())
            assert address, process.stderr.read()
            request = urllib.request.Request(
                f"http://{address[1]}/v1/requests",
                json.dumps({"tool": "generate_draft", "arguments": {"content": CONTENT}}).encode(),
                {"Authorization": f"Bearer {token}", "Prefer": "wait=60"},
            )
            with urllib.request.urlopen(request) as answer:
                ended = json.load(answer)
            process.send_signal(signal.SIGTERM)
            told = process.communicate(timeout=30)[1]
        finally:
            process.kill()
            process.communicate()
        return ended, told

    return through


def drafts(tmp_path: Path) -> list[str]:
    root = tmp_path / "drafts"
    return [p.name for p in root.iterdir() if not p.name.startswith(".")] if root.exists() else []


@pytest.mark.slow
def test_a_bot_that_forgets_is_asked_three_times_and_quoted(ask: Ask, tmp_path: Path) -> None:
    ended, _ = ask(FORGETS, "en")
    assert (ended["state"], ended["attempts"]) == ("failed", 3)
    assert ended["problem"]["type"].endswith("tool-not-called")
    assert "稍后再处理" in ended["problem"]["title"]
    assert "will see to it later" in ended["problem"]["title"]
    assert drafts(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bot_id", "lang"), [(ALTERS, "zh"), pytest.param(STRAYS, "en", marks=pytest.mark.slow)]
)
def test_a_bot_that_alters_or_strays_is_refused_and_asked_again(
    ask: Ask, tmp_path: Path, bot_id: str, lang: str
) -> None:
    ended, told = ask(bot_id, lang)
    assert (ended["state"], ended["attempts"]) == ("succeeded", 2)
    assert drafts(tmp_path) == ["wanted"]
    denied = "denied" if lang == "en" else "已拒绝"
    assert told.count(denied) == 2, told


@pytest.mark.slow
def test_a_bot_that_talks_too_much_is_relayed_all_the_same(ask: Ask, tmp_path: Path) -> None:
    ended, _ = ask(TALKS, "zh")
    assert (ended["state"], ended["attempts"]) == ("succeeded", 1)
    assert drafts(tmp_path) == ["wanted"]
