"""What `chat` prints when a stream was not what it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from coze_emulator import Emulator, Script

ANSWER = "The answer is whole: one, two, three, four, five, six, seven, eight, nine, ten."
RULES = [
    {"name": "silent", "match": "^silent$", "steps": [{"sleep": 0}]},
    {"name": "whole", "match": ".", "steps": [{"say": ANSWER}]},
]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(script=Script.parse(yaml.safe_dump({"rules": RULES}))) as served:
        yield served


@pytest.fixture
def coze(emulator: Emulator) -> dict[str, str]:
    return {
        "COZE_API_TOKEN": "pat_x",
        "COZE_API_BASE": emulator.base_url,
        "COZE_BOT_ID": emulator.bot_id,
    }


@pytest.mark.parametrize("kind", ["drop", "eof", "tear"])
def test_the_whole_answer_is_on_stdout_after_a_stream_broke(
    c2jy: Callable[..., Any], emulator: Emulator, coze: dict[str, str], kind: Any
) -> None:
    emulator.add_fault(kind, at="delta", nth=2)
    done = c2jy("chat", "go", **coze)
    assert (done.status, done.out) == (0, f"{ANSWER}\n"), done.err


def test_a_turn_without_an_answer_is_said(c2jy: Callable[..., Any], coze: dict[str, str]) -> None:
    done = c2jy("chat", "silent", **coze)
    assert (done.status, done.out) == (0, "")
    assert "without an answer" in done.err
