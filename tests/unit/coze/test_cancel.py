"""Stopping a turn: at once here, on Coze's side as far as it goes, and the conversation stays usable."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from c2jy_bridge.core.events import (
    AnswerDelta,
    Outcome,
    ToolCallFinished,
    ToolCallStarted,
    TurnCancelled,
    TurnCompleted,
    TurnEnded,
    TurnStarted,
)
from faults.wire_fixtures import CHAT, answer, calls, chat, collect, delta, only, shape, stream, success

CANCEL = "/v3/chat/cancel"
SUBMIT = "/v3/chat/submit_tool_outputs"


async def cancelled_at(session, text, kind):
    """Read a turn in a task of its own, cancel it from here at the first event of a kind; all its events."""
    events, reached = [], asyncio.Event()

    async def read():
        async for event in session.send(text):
            events.append(event)
            if isinstance(event, kind):
                reached.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(reached.wait(), 5)
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await session.cancel()
    await asyncio.wait_for(task, 5)
    return events, time.monotonic() - began


async def test_an_answer_is_stopped_here_and_at_coze(talk, emulator):
    session = talk(emulator.base_url)
    events, took = await cancelled_at(session, "slow", AnswerDelta)
    assert shape(events)[-1] == "TurnCancelled"
    assert took < 1
    started = events[0]
    assert emulator.requests_to(CANCEL)[0].body == {
        "chat_id": started.chat_id,
        "conversation_id": started.conversation_id,
    }
    assert isinstance((await collect(session.send("hello")))[-1], TurnCompleted)


async def test_a_stopped_stream_is_closed_at_once(talk, raw):
    gone = asyncio.Event()

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(stream(chat("created"), delta("It begins"), chunked=False))
        while not writer.transport.is_closing():
            writer.write(b": still here\n\n")
            await asyncio.sleep(0.02)
        gone.set()

    raw.on("/v3/chat", endless)
    raw.on(CANCEL, success({**CHAT, "status": "canceled"}))
    events, _ = await cancelled_at(talk(raw.base_url), "go", AnswerDelta)
    await asyncio.wait_for(gone.wait(), 2)
    assert isinstance(events[-1], TurnCancelled)


async def test_a_running_tool_is_stopped_and_its_call_answered_before_the_chat_is_cancelled(
    talk, emulator, runner
):
    runner.hang = True
    session = talk(emulator.base_url)
    events, took = await cancelled_at(session, "both", ToolCallStarted)
    assert runner.closed == 1
    assert took < 1
    assert [e.outcome for e in only(events, ToolCallFinished)] == [Outcome.CANCELLED] * 2
    assert isinstance(events[-1], TurnCancelled)
    outputs = emulator.requests_to(SUBMIT)[0].body["tool_outputs"]
    assert [json.loads(o["output"]) for o in outputs] == [
        {"status": "error", "message": "Cancelled by the user."}
    ] * 2
    paths = [seen.path for seen in emulator.requests]
    assert paths.index(SUBMIT) < paths.index(CANCEL)
    runner.hang = False
    assert isinstance((await collect(session.send("hello")))[-1], TurnCompleted)


async def test_what_finished_before_the_cancel_is_submitted_as_it_is(talk, emulator, runner):
    session = talk(emulator.base_url)
    async for event in session.send("both"):
        if isinstance(event, ToolCallFinished) and event.tool == "probe_media":
            await session.cancel()
    outputs = emulator.requests_to(SUBMIT)[0].body["tool_outputs"]
    assert [json.loads(o["output"])["status"] for o in outputs] == ["success", "error"]
    assert len(emulator.requests_to(SUBMIT)) == 1
    assert event == only([event], TurnCancelled)[0]


async def test_a_question_on_its_way_is_stopped_once_coze_confirmed_it(talk, emulator):
    emulator.add_fault("slow", on="chat", seconds=0.3)
    session = talk(emulator.base_url)
    reading = asyncio.create_task(collect(session.send("slow")))
    await asyncio.sleep(0.1)
    await session.cancel()
    events = await asyncio.wait_for(reading, 5)
    assert shape(events) == ["TurnStarted", "TurnCancelled"]
    assert len(emulator.requests_to(CANCEL)) == 1


async def test_a_question_that_is_never_confirmed_is_given_up_soon(talk, emulator):
    emulator.add_fault("slow", on="chat", seconds=20)
    session = talk(emulator.base_url)
    reading = asyncio.create_task(collect(session.send("slow")))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await session.cancel()
    events = await asyncio.wait_for(reading, 5)
    assert shape(events) == ["TurnCancelled"]
    assert time.monotonic() - began < 3


async def test_a_cancel_that_crosses_with_a_required_action_answers_its_calls(talk, raw, runner):
    asks = calls({"id": "c1", "type": "function", "function": {"name": "probe_media", "arguments": "{}"}})
    waiting = {**CHAT, "status": "requires_action", "required_action": asks}

    async def talks_on(writer: asyncio.StreamWriter) -> None:
        writer.write(stream(chat("created"), delta("Let me see"), chunked=False))
        await asyncio.sleep(5)

    raw.on("/v3/chat", talks_on)
    cannot = answer({"code": 4104, "msg": "cannot be cancelled"})
    raw.on(CANCEL, cannot, success({**CHAT, "status": "canceled"}))
    raw.on("/v3/chat/retrieve", success(waiting))
    raw.on(SUBMIT, success({**CHAT, "status": "in_progress"}))
    events, _ = await cancelled_at(talk(raw.base_url), "go", AnswerDelta)
    assert isinstance(events[-1], TurnCancelled)
    assert [asked.path for asked in raw.asked[1:]] == [CANCEL, "/v3/chat/retrieve", SUBMIT, CANCEL]
    assert raw.to(SUBMIT)[0].body["tool_outputs"][0]["tool_call_id"] == "c1"
    assert runner.ran == []


async def test_a_coze_that_does_not_answer_holds_a_cancel_for_two_seconds_at_most(talk, raw):
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(20)

    async def talks_on(writer: asyncio.StreamWriter) -> None:
        writer.write(stream(chat("created"), delta("Let me see"), chunked=False))
        await asyncio.sleep(20)

    raw.on("/v3/chat", talks_on).on(CANCEL, silent)
    events, took = await cancelled_at(talk(raw.base_url), "go", AnswerDelta)
    assert isinstance(events[-1], TurnCancelled)
    assert took < 3


async def test_a_cancel_while_a_broken_stream_is_looked_up_ends_the_turn(wire, raw, runner):
    from c2jy_bridge.coze import ChatSession

    raw.on("/v3/chat", stream(chat("created"), delta("a"), chunked=False))
    raw.on("/v3/chat/retrieve", success({**CHAT, "status": "in_progress"}))
    raw.on(CANCEL, success({**CHAT, "status": "canceled"}))
    session = ChatSession(wire(raw.base_url), bot_id="7", user_id="user", runner=runner)
    events, took = await cancelled_at(session, "go", AnswerDelta)
    assert [type(e) for e in events if isinstance(e, TurnEnded)] == [TurnCancelled]
    assert took < 1


async def test_cancel_without_a_turn_does_nothing(talk, emulator):
    session = talk(emulator.base_url)
    await session.cancel()
    await collect(session.send("hello"))
    await session.cancel()
    assert emulator.requests_to(CANCEL) == []


async def test_two_cancels_are_as_one(talk, emulator):
    session = talk(emulator.base_url)
    events = []
    async for event in session.send("slow"):
        events.append(event)
        if isinstance(event, AnswerDelta):
            await session.cancel()
            await session.cancel()
    assert [type(e) for e in events if isinstance(e, TurnEnded)] == [TurnCancelled]
    assert len(emulator.requests_to(CANCEL)) == 1


@pytest.mark.parametrize("way", ["close", "cancel"])
@pytest.mark.parametrize("tool", [False, True])
async def test_an_app_that_quits_leaves_the_conversation_usable(talk, emulator, runner, way, tool):
    runner.hang = True
    session = talk(emulator.base_url)
    turn = session.send("both" if tool else "slow")
    reached = asyncio.Event()

    async def read():
        async for event in turn:
            if isinstance(event, ToolCallStarted if tool else AnswerDelta):
                reached.set()
                if way == "close":
                    return

    task = asyncio.create_task(read())
    await asyncio.wait_for(reached.wait(), 5)
    if way == "cancel":
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        await task
        await turn.aclose()
    assert len(emulator.requests_to(CANCEL)) == 1
    assert len(emulator.requests_to(SUBMIT)) == (1 if tool else 0)
    assert runner.closed == (1 if tool else 0)
    assert isinstance((await collect(session.send("hello")))[-1], TurnCompleted)


async def test_a_turn_that_nobody_reads_can_be_cancelled_before_it_begins(talk, emulator):
    session = talk(emulator.base_url)
    turn = session.send("hello")
    await session.cancel()
    assert shape(await collect(turn)) == ["TurnCancelled"]
    assert emulator.requests_to("/v3/chat") == []


async def test_the_task_that_reads_is_not_marked_as_cancelled(talk, emulator):
    session = talk(emulator.base_url)
    async for event in session.send("slow"):
        if isinstance(event, TurnStarted):
            asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(session.cancel()))
    assert isinstance(event, TurnCancelled)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)
