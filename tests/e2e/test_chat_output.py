"""Answers that are not plain text, or not whole: in `chat`, in --json, in the app and after a restart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from coze_emulator import Emulator, Script

LINK = "https://example.com/noodles"
IMAGE = "https://example.com/cat.png"
ANSWER = "The answer is whole: one, two, three, four, five, six, seven, eight, nine, ten."
RULES = [
    {"name": "silent", "match": "^silent$", "steps": [{"sleep": 0}]},
    {
        "name": "card",
        "match": "^card$",
        "steps": [{"card": {"data": {"elements": {"a": {"props": {"content": "Noodles", "url": LINK}}}}}}],
    },
    {
        "name": "parts",
        "match": "^parts$",
        "steps": [{"parts": [{"type": "text", "text": "A cat:"}, {"type": "image", "file_url": IMAGE}]}],
    },
    {
        "name": "broken",
        "match": "^broken$",
        "steps": [{"say": "It is only half"}, {"fail": {"code": 5000, "msg": "the workflow broke"}}],
    },
    {"name": "whole", "match": ".", "steps": [{"say": ANSWER}]},
]
WORKFLOWS = [
    {
        "id": "1",
        "steps": [{"message": "Half of this is lost.", "packets": 2, "sent": 1}, {"fail": {"code": 5000}}],
    }
]
SHOWN = {
    "card": f"Noodles ({LINK})\n",
    "parts": f"A cat:\n\nImage: cat.png ({IMAGE})\n",
    "broken": "It is only half\n",
}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(script=Script.parse(yaml.safe_dump({"rules": RULES, "workflows": WORKFLOWS}))) as served:
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


@pytest.mark.slow
@pytest.mark.parametrize("question", SHOWN)
def test_what_the_bot_sent_is_on_stdout_as_text(
    c2jy: Callable[..., Any], coze: dict[str, str], question: str
) -> None:
    done = c2jy("chat", question, **coze)
    assert done.out == SHOWN[question]
    assert done.status == (question == "broken")


@pytest.mark.slow
@pytest.mark.parametrize("question", SHOWN)
def test_what_the_bot_sent_is_in_the_events_as_text(
    c2jy: Callable[..., Any], coze: dict[str, str], question: str
) -> None:
    events = [json.loads(line) for line in c2jy("chat", "--json", question, **coze).out.splitlines()]
    wholes = [event for event in events if event["event"] == "answer_completed"]
    if question == "broken":
        deltas = "".join(event["text"] for event in events if event["event"] == "answer_delta")
        assert deltas == "It is only half"
        return
    (whole,) = wholes
    assert whole["text"] + "\n" == SHOWN[question]
    assert whole["content_type"] == {"card": "card", "parts": "object_string"}[question]
    assert json.loads(whole["content"])


@pytest.mark.slow
def test_what_the_bot_sent_is_in_the_chat_and_there_again_after_a_restart(
    terminal: Callable[..., Any], environment: dict[str, str], coze: dict[str, str], tmp_path: Path
) -> None:
    environment.update(coze)
    for again in (False, True):
        app = terminal("--lang", "en", "--drafts-root", tmp_path / "drafts")
        app.wait_for("ready")
        for question, shown in SHOWN.items():
            if not again:
                app.type(question)
                app.press("Enter")
            for line in shown.split():
                app.wait_for(line)
        assert "{" not in app.wait_for("the workflow broke")
        app.press("C-q")
        app.wait_for("exit status 0")


def test_the_text_before_a_workflow_broke_is_printed(c2jy: Callable[..., Any], coze: dict[str, str]) -> None:
    done = c2jy("workflow", "run", "1", **coze)
    assert (done.status, done.out) == (1, "Half of thi\n")
    events = [json.loads(line) for line in c2jy("workflow", "run", "1", "--json", **coze).out.splitlines()]
    (said,) = [event for event in events if event["event"] == "workflow_said"]
    assert (said["text"], said["complete"]) == ("Half of thi", False)
