"""The bytes: framing, envelopes, headers, errors."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

FULL_STORY = [
    "conversation.chat.created",
    "conversation.chat.in_progress",
    "conversation.message.delta",
    "conversation.message.completed",
    "conversation.message.completed",
    "conversation.chat.completed",
    "done",
]


def kinds(events: list[tuple[str, Any]]) -> list[str]:
    """Event names with runs of one name made one."""
    return [name for i, (name, _) in enumerate(events) if i == 0 or events[i - 1][0] != name]


def test_a_stream_is_framed_to_the_byte_as_coze_frames_it(wire: Any) -> None:
    response = wire.begin("hi", stream=True)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["x-tt-logid"]
    raw = response.content
    assert raw.isascii()
    assert b"\r" not in raw
    assert raw.startswith(b'event:conversation.chat.created\ndata:{"id":"')
    assert raw.endswith(b'\n\nevent:done\ndata:"[DONE]"\n\n')


def test_a_plain_answer_comes_in_the_order_of_the_captures(wire: Any) -> None:
    events = wire.ask("hi there")
    names = [name for name, _ in events]
    deltas = [data for name, data in events if name == "conversation.message.delta"]
    completed = [data for name, data in events if name == "conversation.message.completed"]
    assert kinds(events) == [*FULL_STORY[:4], *FULL_STORY[5:]]
    assert len(deltas) > 2
    assert "".join(delta["content"] for delta in deltas) == completed[0]["content"] == "You said: hi there"
    assert {delta["id"] for delta in deltas} == {completed[0]["id"]}
    assert [message["type"] for message in completed] == ["answer", "verbose"]
    mark = json.loads(completed[1]["content"])
    assert mark == {
        "msg_type": "generate_answer_finish",
        "data": '{"finish_reason":0,"FinData":""}',
        "from_module": None,
        "from_unit": None,
    }
    assert names[-2:] == ["conversation.chat.completed", "done"]
    chat = events[-2][1]
    assert chat["usage"]["token_count"] == chat["usage"]["input_count"] + chat["usage"]["output_count"] > 0
    assert chat["last_error"] == {"code": 0, "msg": ""}
    assert events[0][1]["usage"] == {"token_count": 0, "output_count": 0, "input_count": 0}


def test_ids_have_nineteen_digits_and_only_grow(wire: Any) -> None:
    events = wire.ask("hi")
    chat = events[0][1]
    messages = [data["id"] for name, data in events if name == "conversation.message.completed"]
    ids = [chat["conversation_id"], chat["section_id"], chat["id"], *messages]
    assert all(len(identity) == 19 and identity.isdigit() for identity in ids)
    assert [int(identity) for identity in ids] == sorted({int(identity) for identity in ids})


def test_reasoning_comes_before_the_answer_and_without_content(wire: Any) -> None:
    deltas = [data for name, data in wire.ask("think") if name == "conversation.message.delta"]
    reasoning = [delta for delta in deltas if "reasoning_content" in delta]
    assert "".join(delta["reasoning_content"] for delta in reasoning) == "Let me see."
    assert {delta["content"] for delta in reasoning} == {""}
    assert deltas[: len(reasoning)] == reasoning
    assert "".join(delta["content"] for delta in deltas) == "Seen."


def test_thoughts_before_a_call_make_no_empty_answer(built_in: Any) -> None:
    events = built_in.ask("What do I have to do in the afternoon?")
    assert any("reasoning_content" in data for _, data in events if isinstance(data, dict))
    types = [data["type"] for name, data in events if name == "conversation.message.completed"]
    assert types == ["function_call"]


def test_a_required_action_looks_as_in_the_guide(wire: Any) -> None:
    events = wire.ask("call me")
    called = next(
        data for _, data in events if isinstance(data, dict) and data.get("type") == "function_call"
    )
    content = json.loads(called["content"])
    assert (content["plugin_type"], content["api_name"]) == (6, "generate_draft")
    assert content["name"] == "ts-c2jy-generate_draft"
    assert content["arguments"] == {"content": {"name": "call me"}}
    (name, chat), (last, done) = events[-2:]
    assert (name, last, done) == ("conversation.chat.requires_action", "done", "[DONE]")
    assert chat["status"] == "requires_action"
    assert chat["completed_at"] >= chat["created_at"]
    action = chat["required_action"]
    assert action["type"] == "submit_tool_outputs"
    (call,) = action["submit_tool_outputs"]["tool_calls"]
    assert call["type"] == "function"
    assert call["require_info"] is None
    assert len(call["id"]) == 56
    assert call["function"]["name"] == "generate_draft"
    assert json.loads(call["function"]["arguments"]) == {"content": {"name": "call me"}}


def test_the_stream_after_the_outputs_begins_in_progress_with_the_tool_response(
    wire: Any, read_events: Any
) -> None:
    chat = wire.ask("call")[-2][1]
    events = read_events(wire.submit(chat, {"status": "success", "name": "食"}).text)
    assert events[0][0] == "conversation.chat.in_progress"
    assert events[0][1]["id"] == chat["id"]
    assert "required_action" not in events[0][1]
    assert (events[1][1]["type"], json.loads(events[1][1]["content"])["name"]) == ("tool_response", "食")
    types = [data["type"] for name, data in events if name == "conversation.message.completed"]
    assert types == ["tool_response", "answer", "verbose", "follow_up"]
    assert [name for name, _ in events][-2:] == ["conversation.chat.completed", "done"]


def test_a_chat_that_fails_says_so_as_coze_does(wire: Any) -> None:
    events = wire.ask("fail")
    name, chat = events[-2]
    assert name == "conversation.chat.failed"
    assert chat["last_error"] == {"code": 5000, "msg": "event interval error"}
    assert (chat["status"], chat["failed_at"] > 0) == ("failed", True)
    assert wire.status(chat) == "failed"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/there/is/no/such/route", 404, 4000),
        ("GET", "/v3/chat", 405, 4000),
        ("GET", "/v3/chat/retrieve", 200, 4000),
        ("POST", "/v3/chat/cancel", 400, 4000),
        ("GET", "/v1/conversation/retrieve?conversation_id=1", 200, 4000),
        ("GET", "/v1/conversations?page_size=51", 400, 4000),
        ("GET", "/v1/bots/1", 200, 4200),
        ("GET", "/v1/files/retrieve?file_id=1", 200, 4000),
        ("GET", "/_media/nothing.mp4", 404, 4000),
        ("GET", "/_media/..%2fserver.py", 404, 4000),
        ("GET", "/docs", 404, 4000),
    ],
)
def test_every_error_has_cozes_envelope_and_its_log_id(
    wire: Any, method: str, path: str, status: int, code: int
) -> None:
    response = wire.http.request(method, path)
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code)
    assert isinstance(body["msg"], str)
    assert body["msg"]
    assert body["detail"] == {"logid": response.headers["x-tt-logid"]}


def test_a_wrong_body_names_the_field(wire: Any) -> None:
    response = wire.http.post("/v3/chat", json={"bot_id": 5, "additional_messages": [{"content": "x"}]})
    assert response.status_code == 400
    assert response.json()["code"] == 4000
    assert "bot_id" in response.json()["msg"]
    broken = wire.http.post("/v3/chat", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["code"]) == (400, 4000)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc"])
def test_without_a_token_nothing_is_answered(wire: Any, header: str | None) -> None:
    client = httpx.Client(base_url=wire.emulator.base_url, trust_env=False)
    response = client.get("/v1/users/me", headers={} if header is None else {"Authorization": header})
    assert response.status_code == 401
    assert response.json()["code"] == 4100
    assert response.headers["x-tt-logid"] == response.json()["detail"]["logid"]


def test_a_crash_inside_is_a_5000_in_the_same_form(
    wire: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("coze_emulator.routes.files.StoredFile", crash)
    response = wire.http.post("/v1/files/upload", files={"file": ("a.txt", b"a")})
    assert response.status_code == 500
    assert response.json()["code"] == 5000
    assert response.json()["detail"]["logid"] == response.headers["x-tt-logid"]
    wire.emulator.stop()  # what it still had to log is logged
    assert "ZeroDivisionError" in caplog.text


def test_the_journal_keeps_what_arrived(wire: Any) -> None:
    wire.begin("hello", conversation_id="")
    wire.http.post("/v1/files/upload", files={"file": ("a.txt", b"abc")})
    chat, upload = wire.emulator.requests
    assert (chat.method, chat.path, chat.query) == ("POST", "/v3/chat", {"conversation_id": ""})
    assert chat.body["additional_messages"][0]["content"] == "hello"
    assert b"abc" in upload.body
    assert wire.emulator.requests_to("/v3/chat") == [chat]
