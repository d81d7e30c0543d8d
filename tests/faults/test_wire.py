"""Faults of the connection: nothing is asked twice, no tool runs twice, nothing hangs."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import pytest

from c2jy_bridge.core.events import (
    AnswerCompleted,
    FollowUpSuggested,
    StreamRecovered,
    ToolOutputsSubmitted,
    TurnCancelled,
    TurnCompleted,
    TurnEnded,
    TurnFailed,
    TurnStarted,
)
from c2jy_bridge.coze import ChatSession
from faults.wire_fixtures import (
    CHAT,
    DONE,
    answer,
    call,
    calls,
    chat,
    collect,
    delta,
    last,
    message,
    only,
    shape,
    sse,
    stream,
    success,
)

STALL = {"stall_timeout_s": 0.4}
SUBMIT = "/v3/chat/submit_tool_outputs"


def reason_of(kind: str) -> str:
    return {"eof": "no_done", "stall": "stalled"}.get(kind, "dropped")


BREAKS = ["drop", "reset", "tear", "eof", "stall"]
TALKING = ["created", "in_progress", "delta", "message", "requires_action"]


# A torn `created` leaves the chat unknown: that has a test of its own below.
@pytest.mark.parametrize(
    ("kind", "place"), [(k, p) for k in BREAKS for p in TALKING if (k, p) != ("tear", "created")]
)
async def test_a_break_while_the_bot_talks_is_recovered(talk, emulator, runner, kind, place):
    emulator.add_fault(kind, at=place, seconds=5.0)
    events = await collect(talk(emulator.base_url, **STALL).send("draft"))
    assert len(emulator.requests_to("/v3/chat")) == 1
    assert [call.tool for call in runner.ran] == ["generate_draft"]
    assert len(emulator.requests_to(SUBMIT)) == 1
    assert [type(e) for e in events if isinstance(e, TurnEnded)] == [TurnCompleted]
    assert only(events, AnswerCompleted)[-1].text == "Done: food-1"
    recovered = only(events, StreamRecovered)
    # After requires_action everything was said: then the end of the stream is no loss. (A reset may take
    # what was said with it.)
    whole = place == "requires_action" and kind != "tear"
    expected = [] if whole else [reason_of(kind)]
    assert [e.reason for e in recovered] in ([expected, ["dropped"]] if kind == "reset" else [expected])


@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("place", ["in_progress", "delta", "message", "completed"])
async def test_a_break_after_the_submit_never_runs_the_tool_again(talk, emulator, runner, kind, place):
    emulator.add_fault(kind, at=place, on="submit", seconds=5.0)
    events = await collect(talk(emulator.base_url, **STALL).send("draft"))
    assert len(runner.ran) == 1
    assert len(emulator.requests_to("/v3/chat")) == 1
    assert len(emulator.requests_to(SUBMIT)) == 1
    assert isinstance(events[-1], TurnCompleted)
    assert len(only(events, ToolOutputsSubmitted)) == 1
    assert only(events, AnswerCompleted)[-1].text == "Done: food-1"
    assert [e.text for e in only(events, FollowUpSuggested)] == ["Another one?", "With music?"]
    expected = 0 if place == "completed" and kind != "tear" else 1
    assert len(only(events, StreamRecovered)) in ({expected, 1} if kind == "reset" else {expected})


@pytest.mark.parametrize("place", ["request", "response"])
@pytest.mark.parametrize("kind", ["drop", "reset"])
async def test_a_submit_that_gets_no_answer_is_looked_up_before_it_is_sent_again(
    talk, emulator, runner, kind, place
):
    emulator.add_fault(kind, at=place, on="submit")
    events = await collect(talk(emulator.base_url).send("draft"))
    submits = emulator.requests_to(SUBMIT)
    # Lost before Coze took it: the same outputs once more. Lost after it: never again.
    assert len(submits) == (2 if place == "request" else 1)
    assert all(seen.body == submits[0].body for seen in submits)
    assert len(runner.ran) == 1
    assert len(only(events, ToolOutputsSubmitted)) == 1
    assert isinstance(events[-1], TurnCompleted)


async def test_an_answer_that_was_cut_is_replaced_by_the_whole_one(talk, emulator):
    emulator.add_fault("drop", at="delta", nth=2)
    events = await collect(talk(emulator.base_url).send("hello there"))
    names = shape(events)
    assert names == ["TurnStarted", "AnswerDelta", "StreamRecovered", "AnswerCompleted", "TurnCompleted"]
    assert only(events, AnswerCompleted)[0].text == "You said: hello there"
    assert last(events, TurnCompleted).usage.total_tokens > 0


async def test_a_chat_that_still_runs_is_looked_at_no_more_than_once_a_second(talk, raw, slept):
    raw.on("/v3/chat", stream(chat("created"), delta("par"), chunked=False))
    running = success({**CHAT, "status": "in_progress"})
    raw.on("/v3/chat/retrieve", *[running] * 5, success({**CHAT, "status": "completed"}))
    whole = {
        "id": "m",
        "role": "assistant",
        "type": "answer",
        "content": "partial no more",
        "content_type": "text",
    }
    raw.on("/v3/chat/message/list", success([whole]))
    events = await collect(talk(raw.base_url).send("go"))
    assert shape(events)[2:] == ["StreamRecovered", "AnswerCompleted", "TurnCompleted"]
    assert len(slept) == 5
    assert min(slept) >= 1.0


async def test_a_chat_that_never_ends_is_given_up_after_a_quarter_of_an_hour(talk, raw, slept):
    raw.on("/v3/chat", stream(chat("created"), chunked=False))
    raw.on("/v3/chat/retrieve", success({**CHAT, "status": "in_progress"}))
    events = await collect(talk(raw.base_url).send("go"))
    assert last(events, TurnFailed).problem.kind == "still_running"
    assert 850 < sum(slept) < 950


async def test_a_chat_stopped_elsewhere_ends_as_cancelled(talk, raw):
    raw.on("/v3/chat", stream(chat("created"), DONE))
    raw.on("/v3/chat/retrieve", success({**CHAT, "status": "canceled"}))
    events = await collect(talk(raw.base_url).send("go"))
    assert shape(events) == ["TurnStarted", "StreamRecovered", "TurnCancelled"]


async def test_a_chat_that_failed_meanwhile_ends_as_failed(talk, raw):
    raw.on("/v3/chat", stream(chat("created"), chunked=False))
    failed = {**CHAT, "status": "failed", "last_error": {"code": 4028, "msg": "no quota left"}}
    raw.on("/v3/chat/retrieve", success(failed))
    problem = last(await collect(talk(raw.base_url).send("go")), TurnFailed).problem
    assert (problem.code, problem.logid) == (4028, "LOG1")
    assert "no quota left" in problem.message


async def test_messages_of_a_recovered_chat_may_carry_strange_metadata(talk, raw):
    raw.on("/v3/chat", stream(chat("created"), chunked=False))
    raw.on("/v3/chat/retrieve", success({**CHAT, "status": "completed", "meta_data": {"n": 1}}))
    whole = {
        "id": "m", "role": "assistant", "type": "answer", "content": "Hi", "content_type": "text",
        "meta_data": {"n": 1},
    }  # fmt: skip
    raw.on("/v3/chat/message/list", success([whole, {**whole, "id": "n", "content": None}]))
    events = await collect(talk(raw.base_url).send("go"))
    assert [e.text for e in only(events, AnswerCompleted)] == ["Hi", ""]


async def test_looks_that_fail_in_passing_are_repeated(talk, emulator, runner, slept):
    emulator.add_fault("drop", at="delta")
    emulator.add_fault("refuse", on="retrieve", code=4013)
    emulator.add_fault("refuse", on="retrieve", code=5000)
    emulator.add_fault("drop", on="retrieve", at="request")
    emulator.add_fault("refuse", on="messages", code=4013)
    events = await collect(talk(emulator.base_url).send("hello"))
    assert isinstance(events[-1], TurnCompleted)
    assert len(only(events, StreamRecovered)) == 1
    assert len(slept) >= 4


async def test_a_look_that_is_refused_for_good_ends_the_turn(talk, emulator):
    emulator.add_fault("drop", at="delta")
    emulator.add_fault("refuse", on="retrieve", code=4101)
    events = await collect(talk(emulator.base_url).send("hello"))
    problem = last(events, TurnFailed).problem
    assert (problem.kind, problem.code) == ("forbidden", 4101)


async def test_a_network_that_stays_away_is_given_up_after_a_minute(talk, raw, slept):
    raw.on("/v3/chat", stream(chat("created"), delta("a"), chunked=False))

    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    raw.on("/v3/chat/retrieve", hang_up)
    events = await collect(talk(raw.base_url).send("go"))
    assert last(events, TurnFailed).problem.kind == "network"
    assert 60 <= sum(slept) <= 70


# --- before Coze confirmed the question -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop", "reset"])
@pytest.mark.parametrize("place", ["request", "response"])
async def test_a_question_without_confirmation_is_never_sent_again(talk, emulator, kind, place):
    emulator.add_fault(kind, on="chat", at=place)
    events = await collect(talk(emulator.base_url).send("hello"))
    assert shape(events) == ["TurnFailed"]
    problem = last(events, TurnFailed).problem
    assert problem.kind == "stream_dropped"
    assert "not sent again" in problem.message
    assert len(emulator.requests_to("/v3/chat")) == 1


@pytest.mark.parametrize("ahead_s", [0, 3600, -3600], ids=["right clock", "an hour ahead", "behind"])
async def test_a_lost_confirmation_in_a_known_conversation_is_found_by_the_question(
    talk, emulator, runner, ahead_s
):
    session = talk(emulator.base_url, clock=lambda: time.time() + ahead_s)
    await collect(session.send("first"))
    emulator.add_fault("drop", on="chat", at="response")
    events = await collect(session.send("draft"))
    assert shape(events)[:2] == ["TurnStarted", "StreamRecovered"]
    assert isinstance(events[-1], TurnCompleted)
    assert len(runner.ran) == 1
    assert [seen.body["additional_messages"][0]["content"] for seen in emulator.requests_to("/v3/chat")] == [
        "first",
        "draft",
    ]


async def test_an_older_question_with_the_same_words_is_not_taken_for_the_lost_one(talk, emulator):
    session = talk(emulator.base_url)
    await collect(session.send("again"))
    emulator.add_fault("drop", on="chat", at="request")
    events = await collect(session.send("again"))
    assert shape(events) == ["TurnFailed"]


async def test_a_torn_confirmation_in_a_new_conversation_is_said_openly(talk, emulator):
    emulator.add_fault("tear", at="created")
    events = await collect(talk(emulator.base_url).send("hello"))
    assert shape(events) == ["TurnFailed"]
    assert last(events, TurnFailed).problem.hint


async def test_silence_instead_of_a_confirmation_ends_after_the_stall_timeout(talk, emulator):
    emulator.add_fault("slow", on="chat", seconds=5.0)
    began = time.monotonic()
    events = await collect(talk(emulator.base_url, **STALL).send("hello"))
    assert shape(events) == ["TurnFailed"]
    assert time.monotonic() - began < 3


async def test_a_refused_connection_says_where_nothing_answers(talk):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    events = await collect(talk(f"http://127.0.0.1:{port}").send("hello"))
    assert shape(events) == ["TurnFailed"]
    problem = last(events, TurnFailed).problem
    assert problem.kind == "network"
    assert "127.0.0.1" in problem.message


# --- refusals ---------------------------------------------------------------------------------------------


async def test_a_clear_rate_limit_is_waited_out(talk, emulator, slept):
    emulator.add_fault("refuse", code=4013, times=3)
    events = await collect(talk(emulator.base_url).send("hello"))
    assert isinstance(events[-1], TurnCompleted)
    assert slept == [1.0, 2.0, 4.0]
    assert len(only(events, TurnStarted)) == 1


async def test_a_rate_limit_that_stays_ends_the_turn_with_a_hint(talk, emulator, slept):
    emulator.add_fault("refuse", code=4013, times=9)
    events = await collect(talk(emulator.base_url).send("hello"))
    assert shape(events) == ["TurnFailed"]
    problem = last(events, TurnFailed).problem
    assert (problem.kind, problem.code) == ("rate_limited", 4013)
    assert len(emulator.requests_to("/v3/chat")) == 4


@pytest.mark.parametrize(
    ("code", "kind"),
    [(4000, "bad_request"), (4016, "conversation_busy"), (4100, "unauthorized"), (4101, "forbidden"),
     (5000, "server"), (4200, "not_found"), (123456, "coze")],
)  # fmt: skip
async def test_a_refused_question_is_sent_once_and_named_by_its_code(talk, emulator, code, kind):
    emulator.add_fault("refuse", code=code)
    events = await collect(talk(emulator.base_url).send("hello"))
    assert shape(events) == ["TurnFailed"]
    problem = last(events, TurnFailed).problem
    assert (problem.kind, problem.code) == (kind, code)
    assert problem.hint
    assert problem.logid
    assert len(emulator.requests_to("/v3/chat")) == 1


async def test_an_error_event_ends_the_turn_with_its_code_and_frees_the_conversation(talk, emulator):
    emulator.add_fault("error_event", at="delta", nth=2, code=4013, msg="too fast")
    session = talk(emulator.base_url)
    events = await collect(session.send("hello"))
    problem = last(events, TurnFailed).problem
    assert (problem.kind, problem.code) == ("rate_limited", 4013)
    assert "too fast" in problem.message
    assert problem.logid
    assert isinstance((await collect(session.send("again")))[-1], TurnCompleted)


async def test_an_error_event_before_the_confirmation_is_a_refusal(talk, raw, slept):
    raw.on("/v3/chat", stream(sse("error", {"code": 4013, "msg": "slow down"})))
    raw._replies["/v3/chat"].append(stream(chat("created"), chat("completed"), DONE))
    events = await collect(talk(raw.base_url).send("go"))
    assert shape(events) == ["TurnStarted", "TurnCompleted"]
    assert slept == [1.0]


async def test_a_chat_failed_in_the_middle_ends_as_failed(talk, emulator):
    emulator.add_fault("chat_failed", at="delta", code=5000)
    events = await collect(talk(emulator.base_url).send("hello"))
    assert last(events, TurnFailed).problem.code == 5000


@pytest.mark.parametrize("code", [4013, 5000])
async def test_a_refused_submit_is_sent_again_without_running_the_tool(talk, emulator, runner, code):
    emulator.add_fault("refuse", on="submit", code=code, times=2)
    events = await collect(talk(emulator.base_url).send("draft"))
    assert len(runner.ran) == 1
    assert len(emulator.requests_to(SUBMIT)) == 3
    assert isinstance(events[-1], TurnCompleted)
    assert only(events, StreamRecovered) == []


async def test_outputs_that_coze_never_takes_end_the_turn_and_free_the_conversation(talk, emulator, runner):
    emulator.add_fault("refuse", on="submit", code=5000, times=4)
    session = talk(emulator.base_url)
    events = await collect(session.send("draft"))
    problem = last(events, TurnFailed).problem
    assert problem.code == 5000
    assert "on your disk" in problem.hint
    assert len(runner.ran) == 1
    refused = emulator.requests_to(SUBMIT)[-1].body["tool_outputs"][0]["output"]
    assert json.loads(refused)["status"] == "error"
    assert isinstance((await collect(session.send("again")))[-1], TurnCompleted)


async def test_outputs_refused_although_taken_are_not_sent_again(talk, raw, runner):
    asks = calls(call("c1", "probe_media"))
    raw.on("/v3/chat", stream(chat("created"), chat("requires_action", required_action=asks), DONE))
    raw.on(SUBMIT, answer({"code": 4000, "msg": "requires no action"}))
    raw.on("/v3/chat/retrieve", success({**CHAT, "status": "completed"}))
    raw.on("/v3/chat/message/list", success([]))
    events = await collect(talk(raw.base_url).send("go"))
    assert isinstance(events[-1], TurnCompleted)
    assert len(only(events, ToolOutputsSubmitted)) == 1
    assert len(raw.to(SUBMIT)) == 1


async def test_a_garbled_event_is_looked_up_like_a_drop(talk, raw):
    raw.on("/v3/chat", stream(chat("created"), sse("conversation.message.delta", "{no json"), DONE))
    raw.on("/v3/chat/retrieve", success({**CHAT, "status": "completed"}))
    raw.on("/v3/chat/message/list", success([]))
    events = await collect(talk(raw.base_url).send("go"))
    assert shape(events) == ["TurnStarted", "StreamRecovered", "TurnCompleted"]


async def test_a_stream_that_cozepy_gave_up_on_is_closed(talk, raw):
    gone = asyncio.Event()

    async def talks_on(writer: asyncio.StreamWriter) -> None:
        writer.write(stream(chat("created"), delta("a"), chunked=False))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(sse("conversation.message.delta", "{no json"))
        while not writer.transport.is_closing():
            writer.write(b": still here\n\n")
            await asyncio.sleep(0.02)
        gone.set()

    raw.on("/v3/chat", talks_on)
    raw.on("/v3/chat/retrieve", success({**CHAT, "status": "completed"}))
    raw.on("/v3/chat/message/list", success([]))
    events = await collect(talk(raw.base_url).send("go"))
    await asyncio.wait_for(gone.wait(), 2)
    assert isinstance(events[-1], TurnCompleted)


async def test_a_server_that_never_closes_the_stream_does_not_hold_the_turn(talk, raw):
    async def endless(writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        writer.write(head + chat("created") + message("Hi") + chat("completed") + DONE)
        await writer.drain()
        await asyncio.sleep(30)

    raw.on("/v3/chat", endless)
    began = time.monotonic()
    events = await collect(talk(raw.base_url).send("go"))
    assert isinstance(events[-1], TurnCompleted)
    assert time.monotonic() - began < 3


# --- after a crash of the app -----------------------------------------------------------------------------


@pytest.mark.parametrize("receipt", [True, False])
async def test_a_restart_submits_what_is_owed_and_runs_only_what_has_no_receipt(
    wire, talk, emulator, runner, receipt
):
    client = wire(emulator.base_url)
    session = ChatSession(client, bot_id=emulator.bot_id, user_id="user", runner=runner)
    crashed = session.send("draft")
    begun = None
    async for event in crashed:
        begun = event if isinstance(event, TurnStarted) else begun
        if len(runner.receipts) == 1 or (not receipt and runner.working.is_set()):
            break
    await client.aclose()  # the process dies here: nothing more of this turn reaches Coze
    await crashed.aclose()
    assert begun is not None
    assert emulator.requests_to(SUBMIT) == []
    already = len(runner.ran)
    if not receipt:
        runner.receipts.clear()

    fresh = talk(emulator.base_url)
    events = await collect(
        fresh.resume(turn_id="t9", chat_id=begun.chat_id, conversation_id=begun.conversation_id)
    )
    assert isinstance(events[0], StreamRecovered)
    assert events[0].reason == "restart"
    assert len(runner.ran) - already == (0 if receipt else 1)
    assert len({ran.call_id for ran in runner.ran}) == 1
    assert isinstance(events[-1], TurnCompleted)
    assert {e.turn_id for e in events if hasattr(e, "turn_id")} == {"t9"}
    assert fresh.conversation_id == begun.conversation_id
    assert len(emulator.requests_to("/v3/chat")) == 1


async def test_a_restart_after_the_end_fetches_the_finished_answer(talk, emulator, runner):
    (begun,) = only(await collect(talk(emulator.base_url).send("draft")), TurnStarted)
    again = await collect(
        talk(emulator.base_url).resume(
            turn_id="t1", chat_id=begun.chat_id, conversation_id=begun.conversation_id
        )
    )
    assert shape(again) == [
        "StreamRecovered",
        "AnswerCompleted",
        "AnswerCompleted",
        "FollowUpSuggested",
        "FollowUpSuggested",
        "TurnCompleted",
    ]
    assert len(runner.ran) == 1


async def test_a_restart_with_a_chat_that_coze_does_not_know_fails_with_a_sentence(talk, emulator):
    events = await collect(talk(emulator.base_url).resume(turn_id="t1", chat_id="1", conversation_id="2"))
    assert shape(events) == ["StreamRecovered", "TurnFailed"]
    assert last(events, TurnFailed).problem.code == 4000


async def test_a_restart_of_a_cancelled_chat_ends_as_cancelled(talk, raw):
    raw.on("/v3/chat/retrieve", success({**CHAT, "status": "canceled"}))
    events = await collect(
        talk(raw.base_url).resume(turn_id="t1", chat_id=CHAT["id"], conversation_id=CHAT["conversation_id"])
    )
    assert isinstance(events[-1], TurnCancelled)


async def test_outputs_that_coze_takes_and_asks_for_again_are_not_sent_for_ever(talk, raw, runner):
    asks = calls(call("c1", "probe_media"))
    raw.on("/v3/chat", stream(chat("created"), chat("requires_action", required_action=asks), DONE))
    raw.on(SUBMIT, stream(chat("in_progress"), chat("requires_action", required_action=asks), DONE))
    raw.on("/v3/chat/cancel", success({**CHAT, "status": "canceled"}))
    events = await collect(talk(raw.base_url).send("go"))
    assert isinstance(events[-1], TurnFailed)
    assert len(runner.ran) == 1
    assert len(raw.to(SUBMIT)) <= 6


async def test_two_conversations_share_a_client_and_not_their_faults(wire, emulator, runner):
    client = wire(emulator.base_url)
    one, two = (ChatSession(client, bot_id="7", user_id="user", runner=runner) for _ in range(2))
    emulator.add_fault("drop", at="delta", matching="^hello")
    broken, whole = one.send("hello there"), two.send("draft")
    first, second = await asyncio.gather(collect(broken), collect(whole))
    assert len(only(first, StreamRecovered)) == 1
    assert only(second, StreamRecovered) == []
    assert isinstance(first[-1], TurnCompleted)
    assert isinstance(second[-1], TurnCompleted)
