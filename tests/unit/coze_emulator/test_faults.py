"""Each fault: that it strikes, where, how often, and that all is well after it."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pydantic
import pytest

from coze_emulator import Emulator, Script

DONE = 'event:done\ndata:"[DONE]"\n\n'


def received(wire: Any, text: str) -> tuple[str, Exception | None]:
    """What of a stream arrives, and how it ends."""
    body = {"bot_id": "1", "stream": True, "additional_messages": [{"role": "user", "content": text}]}
    parts: list[str] = []
    try:
        with wire.http.stream("POST", "/v3/chat", json=body) as response:
            parts.extend(response.iter_text())
    except httpx.TransportError as error:
        return "".join(parts), error
    return "".join(parts), None


def test_a_drop_lets_the_frame_arrive_and_then_ends_the_connection(wire: Any) -> None:
    fault = wire.emulator.add_fault("drop", at="delta", nth=2)
    text, error = received(wire, "one two three four")
    assert isinstance(error, httpx.RemoteProtocolError)
    assert text.count("event:conversation.message.delta") == 2
    assert text.endswith("\n\n")
    assert (fault.hits, fault.exhausted) == (1, True)
    assert received(wire, "hi")[0].endswith(DONE)


def test_a_torn_frame_ends_in_its_middle(wire: Any) -> None:
    wire.emulator.add_fault("tear", at="delta", nth=2)
    text, error = received(wire, "one two three four")
    assert isinstance(error, httpx.RemoteProtocolError)
    assert text.count("event:conversation.message.delta") == 2
    assert not text.endswith("\n")


def test_a_reset_ends_the_connection_without_manners(wire: Any) -> None:
    wire.emulator.add_fault("reset", at="in_progress")
    _, error = received(wire, "hi")
    assert isinstance(error, httpx.ReadError | httpx.RemoteProtocolError)


def test_a_clean_end_comes_without_done(wire: Any) -> None:
    wire.emulator.add_fault("eof", at="requires_action")
    text, error = received(wire, "call")
    assert error is None
    assert "conversation.chat.requires_action" in text
    assert "event:done" not in text


def test_a_chat_is_finished_behind_a_dropped_stream(wire: Any) -> None:
    wire.emulator.add_fault("drop", at="created")
    text, _ = received(wire, "hi")
    chat = json.loads(text.split("data:")[1])
    deadline = time.monotonic() + 5
    while wire.status(chat) != "completed":
        assert time.monotonic() < deadline
    assert wire.about(chat, "/v3/chat/message/list")["data"][0]["content"] == "You said: hi"


def test_outputs_are_taken_though_the_answer_never_comes(wire: Any) -> None:
    chat = wire.ask("call")[-2][1]
    wire.emulator.add_fault("drop", on="submit", at="response")
    with pytest.raises(httpx.RemoteProtocolError):
        wire.submit(chat, {"status": "success", "name": "x"})
    deadline = time.monotonic() + 5
    while wire.status(chat) != "completed":
        assert time.monotonic() < deadline


def test_every_answer_can_be_lost_and_no_more_often_than_ordered(
    wire: Any, caplog: pytest.LogCaptureFixture
) -> None:
    lost = wire.emulator.add_fault("drop", on="any", at="response", times=3)
    refused = wire.emulator.add_fault("refuse", on="account", code=4101)
    for path in ("/v1/users/me", "/_media/tea.mp4", "/v1/conversations"):
        with pytest.raises(httpx.RemoteProtocolError):
            wire.http.get(path)
    assert (lost.hits, refused.hits) == (3, 1)
    assert wire.http.get("/v1/users/me").json()["code"] == 0
    assert not caplog.records


def test_faults_of_every_call_can_be_ended_from_outside(wire: Any) -> None:
    lost = wire.emulator.add_fault("refuse", on="any", times=1_000)
    assert wire.http.get("/v1/users/me").json()["code"] == 5000
    assert wire.http.delete("/_emulator/faults").json()["code"] == 0
    assert wire.http.get("/v1/users/me").json()["code"] == 0
    assert lost.hits == 1


def test_a_request_can_be_lost_before_anything_is_done(wire: Any) -> None:
    chat = wire.ask("call")[-2][1]
    wire.emulator.add_fault("drop", on="submit", at="request")
    with pytest.raises(httpx.RemoteProtocolError):
        wire.submit(chat, {"status": "success"})
    assert wire.status(chat) == "requires_action"
    assert wire.submit(chat, {"status": "success"}).text.endswith(DONE)


@pytest.mark.parametrize(("kind", "at"), [("stall", "delta"), ("slow", "delta")])
def test_silence_lasts_as_long_as_ordered(wire: Any, kind: Any, at: Any) -> None:
    wire.emulator.add_fault(kind, at=at, seconds=0.3)
    before = time.monotonic()
    assert received(wire, "hi")[0].endswith(DONE)
    assert time.monotonic() - before >= 0.3


def test_a_client_that_waits_less_sees_a_read_timeout(wire: Any) -> None:
    wire.emulator.add_fault("stall", at="delta", seconds=30)
    wire.http.timeout = httpx.Timeout(5, read=0.2)
    text, error = received(wire, "hi")
    assert isinstance(error, httpx.ReadTimeout)
    assert "conversation.message.delta" in text


@pytest.mark.parametrize(
    ("code", "status"), [(4013, 429), (4016, 200), (5000, 200), (4100, 401), (4101, 403), (4000, 200)]
)
def test_a_refusal_has_its_code_and_status_and_strikes_as_often_as_ordered(
    wire: Any, code: int, status: int
) -> None:
    fault = wire.emulator.add_fault("refuse", code=code, times=2)
    for _ in range(2):
        answer = wire.begin("hi")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["detail"]["logid"] == answer.headers["x-tt-logid"]
    assert wire.ask("hi")[-1][0] == "done"
    assert fault.hits == 2


@pytest.mark.parametrize("on", ["retrieve", "cancel", "messages", "submit"])
def test_a_refusal_is_for_one_sort_of_call(wire: Any, on: Any) -> None:
    chat = wire.ask("call")[-2][1]
    wire.emulator.add_fault("refuse", on=on, code=4013)
    ids = {"conversation_id": chat["conversation_id"], "chat_id": chat["id"]}
    calls = {
        "cancel": lambda: wire.http.post("/v3/chat/cancel", json=ids).json()["code"],
        "messages": lambda: wire.about(chat, "/v3/chat/message/list")["code"],
        "retrieve": lambda: wire.about(chat)["code"],
        "submit": lambda: wire.submit_as(chat, []).json()["code"],
    }
    assert {name for name, call in calls.items() if call() == 4013} == {on}


def test_the_error_event_stands_in_the_frames_place(wire: Any) -> None:
    wire.emulator.add_fault("error_event", at="delta", nth=2, code=4016, msg="occupied")
    events = wire.ask("one two three")
    assert [name for name, _ in events][-3:] == ["conversation.message.delta", "error", "done"]
    assert events[-2][1] == {"code": 4016, "msg": "occupied"}
    assert wire.status(events[0][1]) == "failed"


@pytest.mark.parametrize("at", ["created", "delta", "requires_action"])
def test_a_chat_can_be_made_to_fail_anywhere(wire: Any, at: Any) -> None:
    wire.emulator.add_fault("chat_failed", at=at, code=5000)
    events = wire.ask("call")
    name, chat = events[-2]
    assert name == "conversation.chat.failed"
    assert chat["last_error"]["code"] == 5000
    assert "required_action" not in chat
    assert wire.ask("hi", conversation_id=chat["conversation_id"])[-1][0] == "done"  # not stranded


def test_unknown_events_and_knowledge_messages_come_between(wire: Any) -> None:
    wire.emulator.add_fault("unknown_event", at="delta")
    wire.emulator.add_fault("knowledge", at="delta", nth=2)
    events = wire.ask("one two three")
    assert "conversation.weather.changed" in [name for name, _ in events]
    assert "knowledge" in [data.get("type") for _, data in events if isinstance(data, dict)]
    assert events[-1][0] == "done"


def test_comments_ids_and_retry_lines_come_from_there_on(wire: Any) -> None:
    wire.emulator.add_fault("comments", at="delta")
    text, _ = received(wire, "hi")
    before, after = text.split(": keep-alive\n\nid:7\nretry:3000\n", 1)
    assert "delta" not in before
    assert ": keep-alive" in after


def test_separators_come_raw_and_only_when_ordered(wire: Any) -> None:
    wire.emulator.add_fault("raw_separators")
    raw = wire.begin("hi").content.decode()
    assert all(mark in raw for mark in "\u2028\u2029\u0085")
    assert wire.begin("a\u2028b").content.isascii()


def test_two_calls_come_at_once_and_both_must_be_answered(wire: Any, read_events: Any) -> None:
    wire.emulator.add_fault("two_calls", tool="list_drafts", arguments={"limit": 3})
    chat = wire.ask("call")[-2][1]
    calls = chat["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["generate_draft", "list_drafts"]
    assert json.loads(calls[1]["function"]["arguments"]) == {"limit": 3}
    assert wire.submit_as(chat, [{"tool_call_id": calls[0]["id"], "output": "{}"}]).json()["code"] == 4000
    events = read_events(wire.submit(chat, {"status": "success", "name": "x"}, {}).text)
    assert "Done: x" in [data.get("content") for _, data in events if isinstance(data, dict)]


def test_a_second_action_follows_the_first(wire: Any, read_events: Any) -> None:
    wire.emulator.add_fault("second_action", tool="list_drafts")
    first = wire.ask("call")[-2][1]
    second = read_events(wire.submit(first, {"status": "success", "name": "x"}).text)[-2][1]
    (call,) = second["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert call["function"]["name"] == "list_drafts"
    events = read_events(wire.submit(second, {}).text)
    assert "Done: x" in [data.get("content") for _, data in events if isinstance(data, dict)]


def test_a_reply_message_has_no_function_and_is_answered_by_a_message(wire: Any) -> None:
    wire.emulator.add_fault("reply_message")
    chat = wire.ask("call")[-2][1]
    (call,) = chat["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert call["type"] == "reply_message"
    assert "function" not in call
    assert wire.ask("hi", conversation_id=chat["conversation_id"])[-1][0] == "done"
    assert wire.status(chat) == "completed"


def test_the_bot_misuses_its_tools_when_told_to(wire: Any) -> None:
    wire.emulator.add_fault("malformed_arguments")
    call = wire.ask("call")[-2][1]["required_action"]["submit_tool_outputs"]["tool_calls"][0]
    with pytest.raises(ValueError, match=r"delimiter|Expecting"):
        json.loads(call["function"]["arguments"])
    wire.emulator.add_fault("unknown_tool", tool="paint")
    call = wire.ask("call")[-2][1]["required_action"]["submit_tool_outputs"]["tool_calls"][0]
    assert call["function"]["name"] == "paint"
    wire.emulator.add_fault("no_call")
    events = wire.ask("call")
    assert events[-2][0] == "conversation.chat.completed"
    assert not [data for _, data in events if isinstance(data, dict) and "required_action" in data]


def test_a_huge_answer_has_as_many_deltas_as_ordered(wire: Any) -> None:
    wire.emulator.add_fault("huge", count=5000)
    text, error = received(wire, "hi")
    assert error is None
    assert text.count("event:conversation.message.delta") == 5000
    assert text.endswith(DONE)


def test_a_fault_can_wait_for_a_text_that_matches(wire: Any) -> None:
    refusal = wire.emulator.add_fault("refuse", code=4013, matching="^second")
    drop = wire.emulator.add_fault("drop", at="delta", matching="^third")
    assert wire.ask("first")[-1][0] == "done"
    assert (refusal.hits, drop.hits) == (0, 0)
    assert wire.begin("second").json()["code"] == 4013
    assert received(wire, "third")[1] is not None


def test_a_rule_of_the_script_can_carry_faults(wire: Any) -> None:
    assert received(wire, "hi")[1] is None
    assert isinstance(received(wire, "torn")[1], httpx.RemoteProtocolError)
    assert received(wire, "torn")[1] is None  # spent


def test_faults_are_ordered_over_http_by_clients_of_other_languages(wire: Any) -> None:
    assert wire.http.post("/_emulator/faults", json={"kind": "refuse", "code": 4016}).json()["code"] == 0
    assert wire.begin("hi").json()["code"] == 4016
    wire.http.post("/_emulator/faults", json={"kind": "refuse", "code": 4016})
    wire.http.delete("/_emulator/faults")
    assert wire.ask("hi")[-1][0] == "done"
    assert wire.http.post("/_emulator/faults", json={"kind": "none"}).json()["code"] == 4000
    assert not wire.emulator.requests_to("/_emulator/faults")


def test_a_fault_that_does_not_exist_is_refused(wire: Any) -> None:
    for wrong in (
        {"kind": "drop", "at": "moon"},
        {"kind": "explode"},
        {"kind": "drop", "nth": 0},
        {"kind": "drop", "x": 1},
    ):
        with pytest.raises(pydantic.ValidationError):
            wire.emulator.add_fault(**wrong)


def test_forgotten_faults_do_not_strike(wire: Any) -> None:
    fault = wire.emulator.add_fault("drop", times=5)
    wire.emulator.clear_faults()
    assert received(wire, "hi")[1] is None
    assert fault.hits == 0


def test_a_play_that_crashes_ends_its_chat(caplog: pytest.LogCaptureFixture, wire: Any) -> None:
    script = Script.parse(
        "rules: [{name: odd, match: odd, steps: [{call: t}, {say: '{{t.items|count}}'}, {say: x}]}]"
    )
    with Emulator(script=script) as emulator:
        other = type(wire)(emulator)
        chat = other.ask("odd")[-2][1]
        script.rules[0].steps[2].__dict__["repeat"] = "not a number"  # what no script can say
        answer = other.submit(chat, "{}")
        assert "conversation.chat.failed" in answer.text
        assert answer.text.endswith(DONE)
    assert "the play of odd failed" in caplog.text
