"""Which state of a chat allows what."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from coze_emulator import Emulator, Script


def until(wire: Any, chat: dict[str, Any], status: str) -> None:
    """Poll as clients do, until the chat is in this state."""
    deadline = time.monotonic() + 10
    while wire.status(chat) != status:
        assert time.monotonic() < deadline, wire.status(chat)
        time.sleep(0.02)


def test_a_chat_without_a_stream_is_polled_and_its_messages_listed(wire: Any) -> None:
    chat = wire.begin("hi", stream=False).json()["data"]
    assert chat["status"] == "in_progress"
    until(wire, chat, "completed")
    assert wire.about(chat)["data"]["usage"]["token_count"] > 0
    listed = wire.about(chat, "/v3/chat/message/list")["data"]
    assert [(message["type"], message["role"]) for message in listed] == [
        ("answer", "assistant"),
        ("verbose", "assistant"),
    ]
    assert listed[0]["content"] == "You said: hi"


def test_a_chat_without_a_stream_shows_its_calls_to_whoever_retrieves(wire: Any) -> None:
    chat = wire.begin("both", stream=False).json()["data"]
    until(wire, chat, "requires_action")
    for answer in (wire.about(chat), wire.http.post("/v3/chat/retrieve", params=ids(chat)).json()):
        calls = answer["data"]["required_action"]["submit_tool_outputs"]["tool_calls"]
        assert [call["function"]["name"] for call in calls] == ["probe_media", "list_drafts"]
        assert calls[0]["require_info"] == {}
    answer = wire.submit(wire.about(chat)["data"], {"n": 1}, {"n": 2}, stream=False).json()
    assert answer["data"]["status"] == "in_progress"
    until(wire, chat, "completed")
    listed = wire.about(chat, "/v3/chat/message/list")["data"]
    assert [message["type"] for message in listed] == [
        "function_call",
        "function_call",
        "verbose",
        "verbose",
        "tool_response",
        "tool_response",
        "answer",
        "verbose",
    ]
    assert [json.loads(m["content"])["msg_type"] for m in listed if m["type"] == "verbose"] == [
        "interrupt",
        "generate_answer_finish",
        "generate_answer_finish",
    ]
    assert listed[6]["content"] == "1 and 2"


def ids(chat: dict[str, Any]) -> dict[str, str]:
    """The two ids of a chat, as query parameters."""
    return {"conversation_id": chat["conversation_id"], "chat_id": chat["id"]}


def test_a_conversation_has_one_running_chat(wire: Any) -> None:
    chat = wire.begin("slow", stream=False).json()["data"]
    busy = wire.begin("hi", conversation_id=chat["conversation_id"]).json()
    assert busy["code"] == 4016
    assert busy["msg"].startswith("Conversation occupied: Another chat is currently active.")
    assert wire.ask("hi")[-1][0] == "done"  # another conversation is free
    until(wire, chat, "completed")
    assert wire.ask("hi", conversation_id=chat["conversation_id"])[-1][0] == "done"


@pytest.mark.parametrize("occupies", [True, False])
def test_whether_a_waiting_chat_occupies_its_conversation_can_be_chosen(occupies: bool, wire: Any) -> None:
    script = Script.parse("rules: [{name: c, match: call, steps: [{call: t}]}]\nfallback: [{say: hi}]")
    with Emulator(script=script, waiting_occupies=occupies) as emulator:
        other = type(wire)(emulator)
        chat = other.ask("call")[-2][1]
        answer = other.begin("hi", conversation_id=chat["conversation_id"])
    assert ("4016" in answer.text) is occupies


def test_outputs_must_answer_exactly_the_open_calls(wire: Any) -> None:
    chat = wire.ask("both")[-2][1]
    first, second = (c["id"] for c in chat["required_action"]["submit_tool_outputs"]["tool_calls"])

    def refused(*given: str) -> str:
        answer = wire.submit_as(
            chat, [{"tool_call_id": identity, "output": "{}"} for identity in given]
        ).json()
        assert answer["code"] == 4000
        return str(answer["msg"])

    assert second in refused(first)
    assert "unknown" in refused(first, second, "unknown")
    assert "twice" in refused(first, second, second)
    assert refused()
    assert wire.status(chat) == "requires_action"
    assert wire.submit(chat, {"n": 1}, {"n": 2}).text.endswith('event:done\ndata:"[DONE]"\n\n')


def test_outputs_are_taken_once(wire: Any) -> None:
    chat = wire.ask("call")[-2][1]
    assert wire.submit(chat, {"status": "success"}).headers["content-type"].startswith("text/event-stream")
    again = wire.submit(chat, {"status": "success"}).json()
    assert again["code"] == 4000
    assert "completed" in again["msg"]


def test_a_chat_belongs_to_its_conversation(wire: Any) -> None:
    chat = wire.ask("call")[-2][1]
    foreign = {**chat, "conversation_id": wire.ask("hi")[0][1]["conversation_id"]}
    assert wire.about(foreign)["code"] == 4000
    assert wire.submit(foreign, {}).json()["code"] == 4000
    assert wire.begin("hi", conversation_id="7000000000000000000").json()["code"] == 4000


def test_an_unsaved_chat_cannot_go_on_after_a_call(wire: Any) -> None:
    chat = wire.ask("call", auto_save_history=False)[-2][1]
    assert wire.submit(chat, {}).json()["code"] == 5000
    assert wire.begin("hi", stream=False, auto_save_history=False).json()["code"] == 4000


def test_a_chat_that_waits_or_has_ended_cannot_be_cancelled(wire: Any) -> None:
    waiting, ended, failed = (wire.ask(text)[-2][1] for text in ("call", "hi", "fail"))
    for chat in (waiting, ended, failed):
        answer = wire.http.post("/v3/chat/cancel", json=ids(chat)).json()
        assert answer["code"] == 4104
        assert wire.status(chat) == chat["status"]


def test_cancel_switches_the_state_and_leaves_the_open_stream_alone(wire: Any, read_events: Any) -> None:
    with wire.http.stream(
        "POST",
        "/v3/chat",
        json={"bot_id": "1", "stream": True, "additional_messages": [{"role": "user", "content": "slow"}]},
    ) as response:
        lines = response.iter_lines()
        next(lines)
        chat = json.loads(next(lines).removeprefix("data:"))
        cancelled = wire.http.post("/v3/chat/cancel", json=ids(chat)).json()
        rest = "\n".join(lines)
    assert (cancelled["code"], cancelled["data"]["status"]) == (0, "canceled")
    assert "ends." in rest
    assert "conversation.chat.completed" not in rest
    assert rest.rstrip().endswith('event:done\ndata:"[DONE]"')
    assert wire.status(chat) == "canceled"
    kept = wire.http.post("/v1/conversation/message/list", params=ids(chat), json={}).json()["data"]
    assert kept == []  # query and reply of a cancelled chat are no context


def test_a_chat_goes_on_when_its_listener_has_gone(wire: Any) -> None:
    with wire.http.stream(
        "POST",
        "/v3/chat",
        json={"bot_id": "1", "stream": True, "additional_messages": [{"role": "user", "content": "slow"}]},
    ) as response:
        lines = response.iter_lines()
        next(lines)
        chat = json.loads(next(lines).removeprefix("data:"))
    until(wire, chat, "completed")
    listed = wire.about(chat, "/v3/chat/message/list")["data"]
    assert listed[0]["content"] == "It begins and ends."


def test_without_a_new_message_the_last_one_of_the_conversation_is_the_query(wire: Any) -> None:
    conversation_id = wire.ask("hi")[0][1]["conversation_id"]
    wire.http.post(
        "/v1/conversation/message/create",
        params={"conversation_id": conversation_id},
        json={"role": "user", "content": "from the mailbox", "content_type": "text"},
    )
    events = wire.ask("", conversation_id=conversation_id, additional_messages=None)
    assert "You said: from the mailbox" in [d.get("content") for n, d in events if n.endswith("completed")]
    empty = wire.http.post("/v1/conversation/create", json={}).json()["data"]["id"]
    assert wire.begin("", conversation_id=empty, additional_messages=[]).json()["code"] == 4000


def test_the_text_of_an_object_string_is_what_the_bot_reads(wire: Any) -> None:
    parts = json.dumps([{"type": "text", "text": "look"}, {"type": "image", "file_id": "7"}])
    question = {"role": "user", "content": parts, "content_type": "object_string"}
    events = wire.ask("", additional_messages=[question])
    assert any(data.get("content") == "You said: look" for _, data in events if isinstance(data, dict))
    broken = {"role": "user", "content": "no json", "content_type": "object_string"}
    assert wire.begin("", additional_messages=[broken]).json()["code"] == 4000


def test_a_hundred_messages_go_with_a_chat_and_not_one_more(wire: Any) -> None:
    question = {"role": "user", "content": "x", "content_type": "text"}
    assert wire.ask("", additional_messages=[question] * 100)[-1][0] == "done"
    assert wire.begin("", additional_messages=[question] * 101).json()["code"] == 4000


def test_only_the_given_token_is_let_in() -> None:
    with Emulator(token="right") as emulator:
        client = httpx.Client(base_url=emulator.base_url, trust_env=False)
        assert client.get("/v1/users/me", headers={"Authorization": "Bearer wrong"}).json()["code"] == 4100
        assert client.get("/v1/users/me", headers={"Authorization": "Bearer right"}).json()["code"] == 0


def test_cards_and_mixed_answers_are_sent_whole_as_json_text(playing: Any) -> None:
    script = """
rules:
  - name: both
    match: "^(?P<what>.*)$"
    steps:
      - say: "Here: "
      - card: {card_type: 3, data: {elements: {}, variables: {v: {name: "{{what}}"}}}}
      - parts: [{type: text, text: "{{what}}"}, {type: image, file_url: "{{media}}/a.png"}]
      - card: "no JSON: {{what}}"
      - say: "That was all."
"""
    wire = playing(script)
    answers = [
        (data["content_type"], data["content"])
        for event, data in wire.ask("tea")
        if event == "conversation.message.completed" and data["type"] == "answer"
    ]
    assert [kind for kind, _ in answers] == ["text", "card", "object_string", "card", "text"]
    (_, card), (_, parts), (_, broken) = answers[1:4]
    assert json.loads(json.loads(card)["data"])["variables"]["v"]["name"] == "tea"
    assert json.loads(parts)[1]["file_url"] == f"{wire.emulator.base_url}/_media/a.png"
    assert broken == "no JSON: tea"
    deltas = [data for event, data in wire.ask("tea") if event == "conversation.message.delta"]
    assert {data["content_type"] for data in deltas} == {"text"}
