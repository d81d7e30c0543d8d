"""A chat turn as a stream of events, against the emulator and against given bytes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from c2jy_bridge.core.events import (
    AnswerCompleted,
    AnswerDelta,
    FollowUpSuggested,
    Outcome,
    ReasoningDelta,
    ToolCallFinished,
    ToolCallRequested,
    ToolOutputsSubmitted,
    TurnCompleted,
    TurnEvent,
    TurnFailed,
    TurnStarted,
    Usage,
)
from c2jy_bridge.core.ports import Busy
from c2jy_bridge.coze.turn import MOST_CALLS
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


async def test_a_plain_answer_comes_as_deltas_and_then_whole(talk, emulator):
    session = talk(emulator.base_url)
    events = await collect(session.send("hello", turn_id="t1"))
    assert shape(events) == ["TurnStarted", "AnswerDelta", "AnswerCompleted", "TurnCompleted"]
    whole = only(events, AnswerCompleted)[0]
    assert whole.text == "You said: hello" == "".join(e.text for e in only(events, AnswerDelta))
    assert {e.message_id for e in only(events, AnswerDelta)} == {whole.message_id}
    assert {e.turn_id for e in only(events, TurnEvent)} == {"t1"}
    assert len(only(events, TurnEvent)) == len(events)
    usage = last(events, TurnCompleted).usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0


async def test_the_conversation_goes_on_with_the_next_turn(talk, emulator):
    session = talk(emulator.base_url)
    assert session.conversation_id == ""
    (first,) = only(await collect(session.send("one")), TurnStarted)
    (second,) = only(await collect(session.send("two")), TurnStarted)
    assert session.conversation_id == first.conversation_id == second.conversation_id != ""
    assert first.chat_id != second.chat_id
    assert [seen.query.get("conversation_id", "") for seen in emulator.requests_to("/v3/chat")] == [
        "",
        first.conversation_id,
    ]


async def test_reasoning_comes_before_the_answer_and_stays_with_it(talk, emulator):
    events = await collect(talk(emulator.base_url).send("think"))
    assert shape(events) == [
        "TurnStarted",
        "ReasoningDelta",
        "AnswerDelta",
        "AnswerCompleted",
        "TurnCompleted",
    ]
    assert "".join(e.text for e in only(events, ReasoningDelta)) == "First I think about it."
    assert only(events, AnswerCompleted)[0].reasoning == "First I think about it."


async def test_a_tool_call_is_run_submitted_and_the_answer_goes_on(talk, emulator, runner):
    events = await collect(talk(emulator.base_url).send("a draft please", turn_id="t1", source="bridge"))
    assert shape(events) == [
        "TurnStarted",
        "AnswerDelta",
        "AnswerCompleted",
        "ToolCallRequested",
        "ToolCallStarted",
        "ToolCallFinished",
        "ToolOutputsSubmitted",
        "AnswerDelta",
        "AnswerCompleted",
        "FollowUpSuggested",
        "FollowUpSuggested",
        "TurnCompleted",
    ]
    ran = runner.ran[0]
    assert (ran.tool, json.loads(ran.arguments), ran.turn_id, ran.source) == (
        "generate_draft",
        {"name": "food"},
        "t1",
        "bridge",
    )
    (started,) = only(events, TurnStarted)
    assert (ran.chat_id, ran.conversation_id) == (started.chat_id, started.conversation_id)
    assert only(events, ToolOutputsSubmitted)[0].call_ids == (ran.call_id,)
    assert only(events, AnswerCompleted)[-1].text == "Done: food-1"
    assert [e.text for e in only(events, FollowUpSuggested)] == ["Another one?", "With music?"]


async def test_two_calls_at_once_are_answered_in_one_submit(talk, emulator, runner):
    events = await collect(talk(emulator.base_url).send("both"))
    assert runner.batches == [2]
    submitted = emulator.requests_to("/v3/chat/submit_tool_outputs")
    assert [len(seen.body["tool_outputs"]) for seen in submitted] == [2]
    assert len(only(events, ToolOutputsSubmitted)[0].call_ids) == 2
    assert only(events, AnswerCompleted)[-1].text == "Two answers: success success"


async def test_a_second_required_action_is_another_round_of_the_loop(talk, emulator, runner):
    emulator.add_fault("second_action", tool="list_drafts")
    events = await collect(talk(emulator.base_url).send("draft"))
    assert [call.tool for call in runner.ran] == ["generate_draft", "list_drafts"]
    assert len(only(events, ToolOutputsSubmitted)) == 2
    assert isinstance(events[-1], TurnCompleted)


async def test_fifty_required_actions_in_a_row_are_no_recursion(talk, raw, runner):
    def asks(number: int) -> bytes:
        return chat("requires_action", required_action=calls(call(f"c{number}", "probe_media")))

    raw.on("/v3/chat", stream(chat("created"), asks(0), DONE))
    for number in range(1, 50):
        raw.on("/v3/chat/submit_tool_outputs", stream(chat("in_progress"), asks(number), DONE))
    raw.on("/v3/chat/submit_tool_outputs", stream(chat("in_progress"), chat("completed"), DONE))
    events = await collect(talk(raw.base_url).send("go"))
    assert len(runner.ran) == 50
    assert isinstance(events[-1], TurnCompleted)


async def test_malformed_arguments_reach_the_runner_as_the_model_wrote_them(talk, emulator, runner):
    emulator.add_fault("malformed_arguments")
    await collect(talk(emulator.base_url).send("draft"))
    assert runner.ran[0].arguments.endswith('"content": {"tracks": [')


async def test_arguments_that_are_an_object_reach_the_runner_as_json(talk, raw, runner):
    strange = {"id": "c1", "function": {"name": "probe_media", "arguments": {"urls": ["a"]}}}
    raw.on("/v3/chat", stream(chat("created"), chat("requires_action", required_action=calls(strange)), DONE))
    raw.on("/v3/chat/submit_tool_outputs", stream(chat("completed"), DONE))
    events = await collect(talk(raw.base_url).send("go"))
    assert json.loads(runner.ran[0].arguments) == {"urls": ["a"]}
    assert isinstance(events[-1], TurnCompleted)


@pytest.mark.parametrize("number", [MOST_CALLS + 1, pytest.param(100_000, marks=pytest.mark.slow)])
async def test_of_too_many_calls_in_one_batch_the_first_are_run_and_all_are_answered(
    talk, raw, runner, number
):
    batch = calls(*(call(f"c{n}", "list_drafts") for n in range(number)))
    raw.on("/v3/chat", stream(chat("created"), chat("requires_action", required_action=batch), DONE))
    raw.on("/v3/chat/submit_tool_outputs", stream(message("ok"), chat("completed"), DONE))
    begun = time.monotonic()
    events = await collect(talk(raw.base_url).send("go"))
    assert time.monotonic() - begun < 60
    assert shape(events)[-1] == "TurnCompleted"
    assert [ran.tool_call_id for ran in runner.ran] == [f"c{n}" for n in range(MOST_CALLS)]
    ends = [event for event in events if isinstance(event, ToolCallFinished)]
    assert len(ends) == MOST_CALLS + 1
    assert (ends[-1].outcome, "64" in ends[-1].error) == (Outcome.ERROR, True)
    outputs = raw.to("/v3/chat/submit_tool_outputs")[0].body["tool_outputs"]
    assert len(outputs) == number
    assert json.loads(outputs[-1]["output"])["status"] == "error"


async def test_the_same_call_twice_in_one_batch_is_run_and_answered_once(talk, raw, runner):
    twice = calls(call("c1", "probe_media"), call("c1", "probe_media"))
    raw.on("/v3/chat", stream(chat("created"), chat("requires_action", required_action=twice), DONE))
    raw.on("/v3/chat/submit_tool_outputs", stream(chat("completed"), DONE))
    await collect(talk(raw.base_url).send("go"))
    assert len(runner.ran) == 1
    assert len(raw.to("/v3/chat/submit_tool_outputs")[0].body["tool_outputs"]) == 1


async def test_one_id_with_two_sets_of_arguments_is_left_to_the_runner_and_answered_once(talk, raw, runner):
    two = calls(call("c1", "probe_media", '{"urls":["a"]}'), call("c1", "probe_media", '{"urls":["b"]}'))
    raw.on("/v3/chat", stream(chat("created"), chat("requires_action", required_action=two), DONE))
    raw.on("/v3/chat/submit_tool_outputs", stream(chat("completed"), DONE))
    await collect(talk(raw.base_url).send("go"))
    assert runner.batches == [2]
    assert [o["tool_call_id"] for o in raw.to("/v3/chat/submit_tool_outputs")[-1].body["tool_outputs"]] == [
        "c1"
    ]


async def test_an_unknown_event_and_a_knowledge_message_do_not_end_the_turn(talk, emulator):
    emulator.add_fault("unknown_event", at="delta")
    emulator.add_fault("knowledge", at="delta", nth=2)
    events = await collect(talk(emulator.base_url).send("hello"))
    assert shape(events) == ["TurnStarted", "AnswerDelta", "AnswerCompleted", "TurnCompleted"]


async def test_raw_line_separators_reach_the_answer_unharmed(talk, emulator):
    emulator.add_fault("raw_separators")
    events = await collect(talk(emulator.base_url).send("hello"))
    text = only(events, AnswerCompleted)[0].text
    assert all(mark in text for mark in "\u2028\u2029\u0085")
    assert text == "".join(e.text for e in only(events, AnswerDelta))


async def test_comments_and_stray_fields_are_not_seen(talk, emulator):
    emulator.add_fault("comments", at="created")
    events = await collect(talk(emulator.base_url).send("hello"))
    assert shape(events) == ["TurnStarted", "AnswerDelta", "AnswerCompleted", "TurnCompleted"]


async def test_a_question_node_is_explained_and_the_next_message_answers_it(talk, emulator, runner):
    emulator.add_fault("reply_message")
    session = talk(emulator.base_url)
    events = await collect(session.send("draft"))
    assert shape(events)[-1] == "TurnCompleted"
    assert runner.ran == []
    assert isinstance((await collect(session.send("blue, please")))[-1], TurnCompleted)


async def test_a_question_node_without_words_says_that_it_waits(talk, raw):
    asks = calls({"id": "r1", "type": "reply_message"})
    raw.on("/v3/chat", stream(chat("created"), chat("requires_action", required_action=asks), DONE))
    events = await collect(talk(raw.base_url).send("go"))
    assert shape(events) == ["TurnStarted", "AnswerCompleted", "TurnCompleted"]
    assert "next message" in only(events, AnswerCompleted)[0].text


async def test_a_question_node_that_keeps_the_conversation_busy_gets_the_words_as_its_output(talk, raw):
    asks = calls({"id": "r1", "type": "reply_message", "require_info": None})
    waiting = {**CHAT, "status": "requires_action", "required_action": asks}
    raw.on("/v3/chat", answer({"code": 4016, "msg": "Conversation occupied"}))
    listed = [{"id": "m", "role": "user", "content": "go", "content_type": "text", "chat_id": CHAT["id"]}]
    raw.on("/v1/conversation/message/list", success(listed, first_id="m", last_id="m", has_more=False))
    raw.on("/v3/chat/retrieve", success(waiting))
    raw.on(
        "/v3/chat/submit_tool_outputs",
        stream(chat("in_progress"), message("Blue it is"), chat("completed"), DONE),
    )
    session = talk(raw.base_url, conversation_id=CHAT["conversation_id"])
    events = await collect(session.send("blue"))
    assert shape(events) == ["TurnStarted", "AnswerCompleted", "TurnCompleted"]
    assert raw.to("/v3/chat/submit_tool_outputs")[0].body["tool_outputs"] == [
        {"tool_call_id": "r1", "output": "blue"}
    ]


async def test_a_question_node_beside_a_tool_call_gets_an_explaining_output(talk, raw, runner):
    mixed = calls({"id": "r1", "type": "reply_message"}, call("c1", "probe_media"))
    raw.on("/v3/chat", stream(chat("created"), chat("requires_action", required_action=mixed), DONE))
    raw.on("/v3/chat/submit_tool_outputs", stream(chat("completed"), DONE))
    await collect(talk(raw.base_url).send("go"))
    outputs = {
        o["tool_call_id"]: o["output"]
        for o in raw.to("/v3/chat/submit_tool_outputs")[-1].body["tool_outputs"]
    }
    assert outputs["c1"] == '{"status":"success"}'
    assert json.loads(outputs["r1"])["status"] == "error"


async def test_a_runner_that_breaks_still_leaves_every_call_answered(talk, emulator, runner):
    runner.crash = True
    events = await collect(talk(emulator.base_url).send("both"))
    outputs = emulator.requests_to("/v3/chat/submit_tool_outputs")[0].body["tool_outputs"]
    assert [json.loads(o["output"])["status"] for o in outputs] == ["error", "error"]
    assert [e.outcome for e in only(events, ToolCallFinished)] == [Outcome.ERROR, Outcome.ERROR]
    assert isinstance(events[-1], TurnCompleted)


async def test_a_required_action_without_calls_fails_and_does_not_hang(talk, raw):
    raw.on("/v3/chat", stream(chat("created"), chat("requires_action", required_action=calls()), DONE))
    events = await collect(talk(raw.base_url).send("go"))
    assert isinstance(events[-1], TurnFailed)


async def test_a_failed_chat_ends_with_code_words_hint_and_logid(talk, emulator):
    problem = last(await collect(talk(emulator.base_url).send("fail")), TurnFailed).problem
    assert (problem.kind, problem.code) == ("server", 5000)
    assert "event interval error" in problem.message
    assert problem.hint
    assert problem.logid


async def test_the_short_form_of_a_failed_chat_is_a_failure_with_its_code(talk, raw):
    short = sse("conversation.chat.failed", {"code": 701231, "msg": "error"})
    raw.on("/v3/chat", stream(chat("created"), short, DONE))
    raw.on("/v3/chat/cancel", success({**CHAT, "status": "canceled"}))
    problem = last(await collect(talk(raw.base_url).send("go")), TurnFailed).problem
    assert (problem.code, problem.logid) == (701231, "LOG1")


async def test_a_response_without_a_content_type_is_read_as_json(talk, raw):
    body = b'{"code":4015,"msg":"not published"}'
    raw.on("/v3/chat", b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
    assert last(await collect(talk(raw.base_url).send("go")), TurnFailed).problem.kind == "not_published"


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "application/json", ""])
@pytest.mark.parametrize("first", [b"", b"\xef\xbb\xbf", b"\n: ping\n\n"])
async def test_a_stream_is_told_by_its_bytes_and_not_by_its_content_type(talk, raw, kind, first):
    def labelled(*parts: bytes) -> bytes:
        named = b"content-type: " + kind.encode() if kind else b"x: y"
        return stream(*filter(None, (first, *parts))).replace(
            b"content-type: text/event-stream; charset=utf-8", named
        )

    batch = calls(call("c1", "list_drafts"))
    raw.on("/v3/chat", labelled(chat("created"), chat("requires_action", required_action=batch), DONE))
    answered = delta("al"), delta("l"), message("all"), chat("completed"), DONE
    raw.on("/v3/chat/submit_tool_outputs", labelled(*answered))
    events = await collect(talk(raw.base_url).send("go"))
    assert "StreamRecovered" not in shape(events)
    assert shape(events)[-1] == "TurnCompleted"
    assert [event.text for event in only(events, AnswerCompleted)] == ["all"]


@pytest.mark.parametrize(
    "reply",
    [
        answer({"code": 0, "msg": ""}),
        answer({"detail": "Not Found"}, 200),
        answer([1, 2]),
        answer(b"null"),
        answer({"code": "x", "msg": ""}),
    ],
)
async def test_an_answer_that_makes_no_sense_ends_the_turn_with_a_sentence(talk, raw, reply):
    raw.on("/v3/chat", reply)
    events = await collect(talk(raw.base_url).send("go"))
    assert shape(events) == ["TurnFailed"]
    assert last(events, TurnFailed).problem.kind == "bad_answer"


async def test_a_page_instead_of_an_api_is_told_by_its_status(talk, raw):
    raw.on("/v3/chat", answer(b"<html>Bad Gateway</html>", 502, "text/html"))
    problem = last(await collect(talk(raw.base_url).send("go")), TurnFailed).problem
    assert (problem.kind, problem.code) == ("server", 502)


async def test_metadata_that_is_no_text_does_not_kill_the_stream(talk, raw):
    odd: dict[str, Any] = {"meta_data": {"n": 1, "deep": {"a": None}, "flag": True}}
    raw.on(
        "/v3/chat",
        stream(
            chat("created", **odd), delta("Hi", **odd), message("Hi", **odd), chat("completed", **odd), DONE
        ),
    )
    events = await collect(talk(raw.base_url).send("go"))
    assert shape(events) == ["TurnStarted", "AnswerDelta", "AnswerCompleted", "TurnCompleted"]


async def test_what_is_skipped_on_purpose_gives_no_event(talk, raw):
    skipped = [
        message('{"msg_type":"generate_answer_finish"}', "verbose"),
        message("{}", "function_call"),
        message("{}", "tool_response"),
        message("{}", "tool_output"),
        message("a snippet", "knowledge"),
        message("something new", "of_tomorrow"),
        message("UklGRg==", content_type="audio"),
        sse(
            "conversation.audio.delta",
            {"role": "assistant", "type": "answer", "content": "UklGRg==", "content_type": "audio"},
        ),
        delta("not an answer", type="of_tomorrow"),
    ]
    raw.on("/v3/chat", stream(chat("created"), *skipped, chat("completed"), DONE))
    assert shape(await collect(talk(raw.base_url).send("go"))) == ["TurnStarted", "TurnCompleted"]


async def test_a_mixed_message_is_shown_as_its_texts_and_addresses(talk, raw):
    parts = json.dumps([{"type": "text", "text": "See"}, {"type": "image", "file_url": "https://x/y.png"}])
    raw.on(
        "/v3/chat",
        stream(chat("created"), message(parts, content_type="object_string"), chat("completed"), DONE),
    )
    events = await collect(talk(raw.base_url).send("go"))
    whole = only(events, AnswerCompleted)[0]
    assert whole.text == "See\n\nImage: y.png (https://x/y.png)"
    assert (whole.content_type, whole.content) == ("object_string", parts)


async def test_the_pieces_of_a_card_are_no_text(talk, raw):
    card = json.dumps({"title": "Peking", "text": "Sunny"})
    pieces = [delta(card[:9], content_type="card"), delta(card[9:], content_type="card")]
    whole = message(card, content_type="card")
    raw.on("/v3/chat", stream(chat("created"), *pieces, whole, chat("completed"), DONE))
    events = await collect(talk(raw.base_url).send("go"))
    assert shape(events) == ["TurnStarted", "AnswerCompleted", "TurnCompleted"]
    assert only(events, AnswerCompleted)[0].text == "Peking\nSunny"


async def test_usage_that_coze_does_not_tell_is_zero(talk, raw):
    raw.on("/v3/chat", stream(chat("created"), chat("completed"), DONE))
    assert last(await collect(talk(raw.base_url).send("go")), TurnCompleted).usage == Usage()


async def test_a_second_turn_while_one_runs_is_refused(talk, emulator):
    session = talk(emulator.base_url)
    turn = session.send("slow")
    assert isinstance(await anext(turn), TurnStarted)
    with pytest.raises(Busy):
        session.send("another")
    await turn.aclose()
    assert isinstance((await collect(session.send("again")))[-1], TurnCompleted)


async def test_a_session_without_a_bot_says_where_to_find_one(wire, emulator, runner):
    from c2jy_bridge.coze import ChatSession

    session = ChatSession(wire(emulator.base_url), bot_id="", user_id="user", runner=runner)
    events = await collect(session.send("hello"))
    problem = last(events, TurnFailed).problem
    assert problem.kind == "bot_missing"
    assert "COZE_BOT_ID" in problem.hint
    assert emulator.requests_to("/v3/chat") == []


async def test_requested_calls_carry_ids_of_ours_and_of_cozes(talk, emulator):
    events = await collect(talk(emulator.base_url).send("both"))
    asked = [e.call for e in only(events, ToolCallRequested)]
    assert len({call.call_id for call in asked}) == 2
    sent = emulator.requests_to("/v3/chat/submit_tool_outputs")[0].body["tool_outputs"]
    assert [o["tool_call_id"] for o in sent] == [call.tool_call_id for call in asked]


async def test_an_answer_that_only_the_message_list_has_is_found(talk, raw):
    raw.on("/v3/chat", stream(chat("created"), chat("completed"), DONE))
    listed = {"id": "m", "role": "assistant", "type": "answer", "content": "here", "content_type": "text"}
    raw.on("/v3/chat/message/list", success([listed]))
    events = await collect(talk(raw.base_url).send("go"))
    assert shape(events) == ["TurnStarted", "AnswerCompleted", "TurnCompleted"]
    assert only(events, AnswerCompleted)[0].text == "here"


async def test_a_turn_without_an_answer_completes_also_when_the_list_cannot_be_had(talk, raw):
    raw.on("/v3/chat", stream(chat("created"), chat("completed"), DONE))
    raw.on("/v3/chat/message/list", answer({"code": 4000, "msg": "no"}))
    events = await collect(talk(raw.base_url).send("go"))
    assert shape(events) == ["TurnStarted", "TurnCompleted"]
