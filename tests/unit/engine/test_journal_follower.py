"""An app shows the calls of other processes on its data folder, as an agent's server makes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from c2jy_bridge.core.events import (
    Event,
    Outcome,
    ToolCall,
    ToolCallEvent,
    ToolCallFinished,
    ToolCallRequested,
    ToolCallStarted,
)
from c2jy_bridge.core.ports import Receipt
from c2jy_bridge.engine import journal_follower
from c2jy_bridge.engine.event_sink import Broadcast, EventSink, Recorder
from c2jy_bridge.engine.journal_follower import JournalFollower
from c2jy_bridge.journal import Journal


@pytest.fixture
async def journals(tmp_path: Path) -> AsyncIterator[tuple[Journal, Journal]]:
    """One file, as the app and as another process open it."""
    pair = [Journal(tmp_path / "journal.db", scope="demo/1", owner=owner) for owner in ("app", "other")]
    yield pair[0], pair[1]
    for journal in pair:
        journal.close()


def _call(known: str) -> ToolCall:
    return ToolCall(known, "list_drafts", "{}", source="mcp")


def _requested(known: str) -> ToolCallRequested:
    return ToolCallRequested(at=1.0, call_id=known, call=_call(known))


async def test_calls_of_another_process_are_shown_once_and_our_own_not_again(
    journals: tuple[Journal, Journal], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(journal_follower, "EVERY_S", 0.01)
    ours, theirs = journals
    theirs.record([_requested("before")])
    broadcast = Broadcast()
    seen: asyncio.Queue[Event] = asyncio.Queue()
    follower = JournalFollower(ours, seen.put_nowait, 600.0)
    recorder = Recorder(ours, tmp_path, publish=broadcast.publish, clock=lambda: 0.0)
    sink = EventSink(recorder, broadcast)
    sink.watch = follower.saw
    await follower.begin()
    following = asyncio.create_task(follower.run())
    try:
        await sink.emit(_requested("ours"))
        await recorder.flush()
        theirs.record([_requested("theirs"), ToolCallStarted(at=2.0, call_id="theirs", deadline_s=9.0)])
        async with asyncio.timeout(30):
            first, second = [await seen.get() for _ in range(2)]
        theirs.write_receipt(
            _call("theirs"),
            Receipt(outcome=Outcome.OK, output="{}", error="", started_at=2.0, finished_at=5.0),
        )
        async with asyncio.timeout(30):
            last = await seen.get()
        theirs.record([_requested("later")])
        async with asyncio.timeout(30):
            later = await seen.get()
    finally:
        following.cancel()

    assert isinstance(first, ToolCallRequested)
    assert (first.call_id, first.call.source) == ("theirs", "mcp")
    assert isinstance(second, ToolCallStarted)
    assert isinstance(last, ToolCallFinished)
    assert (last.call_id, last.outcome, last.output, last.elapsed_s) == ("theirs", Outcome.OK, "{}", 3.0)
    assert isinstance(later, ToolCallEvent)
    assert later.call_id == "later"
    assert seen.empty()
