"""The wire, the real tool runner and the real journal: a tool has its effect once, whatever breaks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from c2jy_bridge.core.events import Decision, Outcome, StreamRecovered, ToolCallFinished, TurnCompleted
from c2jy_bridge.core.settings import ToolSettings
from c2jy_bridge.coze import ChatSession
from c2jy_bridge.journal import Journal
from c2jy_bridge.plugin import ToolRegistry, ToolRunner, tool
from faults.wire_fixtures import DONE, call, calls, chat, collect, only, stream

SUBMIT = "/v3/chat/submit_tool_outputs"

# The app up to the event at which it dies, hard, as by a power cut.
DYING = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[1])
from faults.test_wire_and_runner import workshop
from c2jy_bridge.coze import ChatSession, connect
from c2jy_bridge.core.settings import CozeSettings

async def main(base_url, folder, dies_at):
    client = connect(CozeSettings(api_base=base_url, token="t", bot_id="7"))
    session = ChatSession(client, bot_id="7", user_id="user", runner=workshop(folder)[0])
    async for event in session.send("draft"):
        name = type(event).__name__
        if name == "TurnStarted":
            print(event.chat_id, event.conversation_id, flush=True)
        if name == dies_at:
            os._exit(9)

asyncio.run(main(*sys.argv[2:]))
"""


class UnusedApprover:
    """Is never asked: the tools here are allowed."""

    async def decide(self, ask):
        return Decision.DENY


def workshop(folder) -> tuple[ToolRunner, Journal]:
    """A runner with one tool whose effect is a line in a file, and a journal on disk."""

    @tool(policy="allow")
    def generate_draft(name: str) -> dict[str, str]:
        """Make a draft."""
        with (Path(folder) / "made").open("a", encoding="utf-8") as made:
            made.write(f"{name}\n")
        return {"status": "success", "draft_id": "food-1"}

    registry = ToolRegistry()
    registry.register(generate_draft)
    journal = Journal(Path(folder) / "journal.db", scope="test", owner=f"owner-{os.getpid()}")
    return ToolRunner(registry, settings=ToolSettings(), receipts=journal, approver=UnusedApprover()), journal


def made(folder: Path) -> list[str]:
    file = folder / "made"
    return file.read_text(encoding="utf-8").split() if file.exists() else []


@pytest.mark.parametrize(
    "dies_at",
    [
        pytest.param("TurnStarted", marks=pytest.mark.slow),
        pytest.param("AnswerDelta", marks=pytest.mark.slow),
        "ToolCallRequested",
        "ToolCallFinished",
        pytest.param("ToolOutputsSubmitted", marks=pytest.mark.slow),
        pytest.param("FollowUpSuggested", marks=pytest.mark.slow),
    ],
)
async def test_an_app_that_dies_anywhere_makes_the_draft_once_and_ends_the_turn(
    wire, emulator, tmp_path, dies_at
):
    tests = Path(__file__).parent.parent
    command = [sys.executable, "-c", DYING, str(tests), emulator.base_url, str(tmp_path), dies_at]
    died = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert died.returncode == 9, died.stderr
    chat_id, conversation_id = died.stdout.split()

    runner, journal = workshop(tmp_path)
    client = wire(emulator.base_url)
    session = ChatSession(client, bot_id="7", user_id="user", runner=runner)
    turn = session.resume(turn_id="t1", chat_id=chat_id, conversation_id=conversation_id)
    events = await collect(turn)
    journal.close()
    assert isinstance(events[0], StreamRecovered)
    assert isinstance(events[-1], TurnCompleted)
    assert made(tmp_path) == ["food"]
    assert len(emulator.requests_to(SUBMIT)) == 1
    assert len(emulator.requests_to("/v3/chat")) == 1
    replayed = [event.replayed for event in only(events, ToolCallFinished)]
    submitted = dies_at in ("ToolOutputsSubmitted", "FollowUpSuggested")
    assert replayed == ([] if submitted else [dies_at == "ToolCallFinished"])


async def test_an_id_that_comes_again_with_other_arguments_is_refused_by_the_runner(wire, raw, tmp_path):
    def asks(name: str) -> bytes:
        wanted = calls(call("c1", "generate_draft", f'{{"name":"{name}"}}'))
        return chat("requires_action", required_action=wanted)

    raw.on("/v3/chat", stream(chat("created"), asks("one"), DONE))
    raw.on(SUBMIT, stream(chat("in_progress"), asks("two"), DONE), stream(chat("completed"), DONE))
    runner, journal = workshop(tmp_path)
    session = ChatSession(wire(raw.base_url), bot_id="7", user_id="user", runner=runner)
    events = await collect(session.send("go"))
    journal.close()
    assert [event.outcome for event in only(events, ToolCallFinished)] == [Outcome.OK, Outcome.ERROR]
    assert made(tmp_path) == ["one"]
    assert isinstance(events[-1], TurnCompleted)


async def test_a_submit_lost_on_the_way_does_not_make_a_second_draft(wire, emulator, tmp_path):
    emulator.add_fault("drop", on="submit", at="request", times=2)
    runner, journal = workshop(tmp_path)
    session = ChatSession(wire(emulator.base_url), bot_id="7", user_id="user", runner=runner)
    events = await collect(session.send("draft"))
    journal.close()
    assert made(tmp_path) == ["food"]
    assert len(only(events, ToolCallFinished)) == 1
    assert isinstance(events[-1], TurnCompleted)
