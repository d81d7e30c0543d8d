"""Cloud workflows: three-line events, interrupts, resumes, histories."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from coze_emulator import Script, ScriptError

TOOL = "7397395079142350001"
PERSON = "7397395079142350002"
FORM = "7397395079142350003"
JOKE = "7397395079142350004"


def packets(response: Any) -> list[tuple[str, dict[str, Any]]]:
    """The events of a whole stream, by the letter: id, event, data, a blank line; ids count from 0."""
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for number, frame in enumerate(response.text.removesuffix("\n\n").split("\n\n")):
        identity, event, data = frame.split("\n")
        assert identity == f"id: {number}"
        assert event.startswith("event: ")
        assert data.startswith("data: ")
        found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def start(wire: Any, workflow_id: str, **parameters: Any) -> Any:
    """Run one, streamed."""
    return wire.http.post(
        "/v1/workflow/stream_run", json={"workflow_id": workflow_id, "parameters": parameters}
    )


def resume(wire: Any, workflow_id: str, interrupt: dict[str, Any], answer: str, path: str = "") -> Any:
    """Answer an interrupt."""
    return wire.http.post(
        path or "/v1/workflow/stream_resume",
        json={
            "workflow_id": workflow_id,
            "event_id": interrupt["event_id"],
            "interrupt_type": interrupt["type"],
            "resume_data": answer,
        },
    )


def test_a_question_interrupts_and_the_answer_goes_into_the_end(built_in: Any) -> None:
    first = packets(start(built_in, TOOL, tool="list_drafts", args={"limit": 3}))
    assert [event for event, _ in first] == ["Message", "Message", "Message", "Interrupt"]
    question = [data for _, data in first if data["node_title"] == "问答"][:-1]
    assert [part["node_is_finish"] for part in question] == [False, True]
    assert [part["node_seq_id"] for part in question] == ["0", "1"]
    asked = json.loads("".join(part["content"] for part in question))
    interrupt = first[-1][1]["interrupt_data"]
    execute_id = interrupt["event_id"].partition("/")[0]
    assert asked == {"c2jy": 1, "rid": execute_id, "tool": "list_drafts", "args": {"limit": 3}}
    assert (interrupt["type"], interrupt["data"]) == (2, "")
    (event, end), (last, done) = packets(resume(built_in, TOOL, interrupt, '{"drafts":["茶"]}'))
    assert (event, last, done) == ("Message", "Done", {})
    assert json.loads(end["content"]) == {"output": {"drafts": ["茶"]}}
    assert (end["node_title"], end["node_is_finish"], end["cost"]) == ("End", True, "0")
    history = built_in.http.get(f"/v1/workflows/{TOOL}/run_histories/{execute_id}").json()["data"][0]
    assert (history["execute_status"], history["run_mode"], history["error_code"]) == ("Success", 1, 0)
    assert json.loads(history["output"]) == {"output": {"drafts": ["茶"]}}
    assert history["is_output_trimmed"] is False


def test_an_interrupt_is_answered_once_and_only_by_its_own_workflow(built_in: Any) -> None:
    interrupt = packets(start(built_in, PERSON))[-1][1]["interrupt_data"]
    for wrong in (
        resume(built_in, TOOL, interrupt, "x"),
        resume(built_in, PERSON, {**interrupt, "type": 5}, "x"),
        resume(built_in, PERSON, {**interrupt, "event_id": "1/2"}, "x"),
    ):
        assert wrong.json()["code"] == 4000
    events = packets(resume(built_in, PERSON, interrupt, "深圳"))
    assert [event for event, _ in events] == ["PING", "Message", "Done"]
    assert json.loads(events[1][1]["content"]) == {"output": "深圳：多云，13-18℃"}
    assert resume(built_in, PERSON, interrupt, "深圳").json()["code"] == 4000


def test_an_input_node_says_in_the_interrupt_what_it_wants(built_in: Any) -> None:
    ((event, data),) = packets(start(built_in, FORM))
    assert event == "Interrupt"
    interrupt = data["interrupt_data"]
    assert interrupt["type"] == 5
    assert json.loads(json.loads(interrupt["data"])["content"])[0]["name"] == "name"
    assert interrupt["required_parameters"] == {"name": {"type": "string", "required": True}}
    events = packets(resume(built_in, FORM, interrupt, '{"name": "茶"}'))
    assert json.loads(events[0][1]["content"]) == {"output": "茶"}


def test_without_a_stream_the_fields_stand_at_the_top(built_in: Any) -> None:
    answer = built_in.http.post("/v1/workflow/run", json={"workflow_id": PERSON}).json()
    assert (answer["code"], answer["data"]) == (0, "")
    assert answer["debug_url"]
    interrupt = answer["interrupt_data"]
    ended = resume(built_in, PERSON, interrupt, "北京", "/v1/workflows/resume").json()
    assert json.loads(ended["data"])["output"].startswith("北京")
    assert ended["execute_id"] == answer["execute_id"]
    assert "interrupt_data" not in ended


def test_an_asynchronous_run_is_followed_in_its_history(built_in: Any) -> None:
    started = built_in.http.post("/v1/workflow/run", json={"workflow_id": JOKE, "is_async": True}).json()
    path = f"/v1/workflows/{JOKE}/run_histories/{started['execute_id']}"
    deadline = time.monotonic() + 5
    while (found := built_in.http.get(path).json()["data"][0])["execute_status"] == "Running":
        assert time.monotonic() < deadline
    assert found["run_mode"] == 2
    assert "时间线" in json.loads(found["output"])["output"]


def test_what_does_not_exist_or_does_not_fit_is_refused(built_in: Any) -> None:
    unknown = built_in.http.post("/v1/workflow/run", json={"workflow_id": "1"}).json()
    both = {"workflow_id": JOKE, "bot_id": "1", "app_id": "2"}
    assert unknown["code"] == start(built_in, "1").json()["code"] == 4200
    assert built_in.http.post("/v1/workflow/run", json=both).json()["code"] == 4000
    assert built_in.http.get(f"/v1/workflows/{JOKE}/run_histories/1").json()["code"] == 4200
    built_in.emulator.add_fault("refuse", on="workflows", code=4013)
    assert start(built_in, JOKE).json()["code"] == 4013


def test_a_run_that_fails_says_so(playing: Any) -> None:
    wire = playing("workflows: [{id: '1', steps: [{fail: {code: 4000, msg: bad}}]}]")
    assert packets(start(wire, "1")) == [("Error", {"error_code": 4000, "error_message": "bad"})]
    answer = wire.http.post("/v1/workflow/run", json={"workflow_id": "1"}).json()
    assert (answer["code"], answer["msg"]) == (4000, "bad")


def test_a_mistake_in_a_workflow_is_named_with_its_place() -> None:
    with pytest.raises(ScriptError, match=r"s: workflows\[0\]\.steps\[0\]\.ask: "):
        Script.parse("workflows: [{id: '1', steps: [{ask: '{{#a}}'}]}]", "s")
    with pytest.raises(ScriptError, match=r"steps\[0\]: a step has exactly one of: message, ask"):
        Script.parse("workflows: [{id: '1', steps: [{say: x}]}]", "s")
