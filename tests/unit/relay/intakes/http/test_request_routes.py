"""A workflow's HTTP node asks for a tool call, and everything it can ask after that is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from c2jy_bridge.core.events import TurnCompleted

Call = Callable[..., Any]
NOTE = {"tool": "note", "arguments": {"text": "a"}}


async def test_a_request_that_waits_is_answered_with_its_result(call: Call) -> None:
    http = await call(relay="bot")
    answer = await http.post("/v1/requests", json=NOTE, headers={"Prefer": "wait=20"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["relay"], body["attempts"]) == ("succeeded", "bot", 1)
    assert body["result"] == {"status": "success", "noted": "a", "padding": ""}
    assert body["chats"][0]["chat_id"]
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert (await http.get(answer.headers["Location"])).json() == {**body, "chats": body["chats"]}


async def test_a_request_that_does_not_wait_is_accepted_and_found_again(call: Call) -> None:
    http = await call()
    answer = await http.post("/v1/requests", json=NOTE)
    assert answer.status_code == 202
    assert int(answer.headers["Retry-After"]) > 0
    later = await http.get(answer.headers["Location"], headers={"Prefer": "wait=20"})
    assert later.json()["state"] == "succeeded"


async def test_the_wait_ends_with_202_when_the_tool_is_slower(call: Call) -> None:
    http = await call()
    http.harness.tools.go_on.clear()
    wanted = {"tool": "wait", "arguments": {"text": "slow"}}
    answer = await http.post("/v1/requests", json=wanted, headers={"Prefer": "respond-async, wait=1"})
    assert answer.status_code == 202
    assert answer.json()["state"] == "running"


async def test_sent_twice_with_one_key_it_is_done_once(call: Call) -> None:
    http = await call(relay="bot")
    key = {"Idempotency-Key": "a1", "Prefer": "wait=20"}
    both = await asyncio.gather(*(http.post("/v1/requests", json=NOTE, headers=key) for _ in range(2)))
    again = await http.post("/v1/requests", json=NOTE, headers=key)
    assert {answer.status_code for answer in (*both, again)} == {200}
    assert len({answer.json()["id"] for answer in (*both, again)}) == 1
    assert again.headers["Idempotency-Replayed"] == "true"
    assert http.harness.tools.done == {"a": 1}


async def test_a_repetition_while_the_first_runs_is_told_where_to_look(call: Call) -> None:
    http = await call()
    http.harness.tools.go_on.clear()
    slow = {"tool": "wait", "arguments": {"text": "a"}}
    first = await http.post("/v1/requests", json=slow, headers={"Idempotency-Key": "a1"})
    await asyncio.to_thread(http.harness.tools.started.wait, 15)
    again = await http.post("/v1/requests", json=slow, headers={"Idempotency-Key": "a1"})
    assert (again.status_code, again.json()["state"]) == (202, "running")
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    http.harness.tools.go_on.set()
    await http.harness.result(first.json()["id"])
    assert http.harness.tools.begun == {"a": 1}


async def test_a_key_used_for_something_else_is_refused_and_names_the_first(call: Call) -> None:
    http = await call()
    key = {"Idempotency-Key": "a1"}
    first = await http.post("/v1/requests", json=NOTE, headers=key)
    other = await http.post("/v1/requests", json={**NOTE, "arguments": {"text": "b"}}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:c2jy:problem:key-reused"
    assert other.headers["Location"] == first.headers["Location"]


async def test_a_failed_request_says_why_and_what_to_do(call: Call) -> None:
    http = await call("fallback: [{say: I would rather not.}]", relay="bot")
    answer = await http.post("/v1/requests", json=NOTE, headers={"Prefer": "wait=20"})
    problem = answer.json()["problem"]
    assert problem["type"] == "urn:c2jy:problem:tool-not-called"
    assert "I would rather not" in problem["title"]
    assert "bridge_execute" in problem["detail"]


async def test_cancelling_stops_the_tool(call: Call) -> None:
    http = await call()
    http.harness.tools.go_on.clear()
    asked = await http.post("/v1/requests", json={"tool": "wait", "arguments": {"text": "x"}})
    where = asked.headers["Location"]
    await asyncio.to_thread(http.harness.tools.started.wait, 10)
    answer = await http.delete(where)
    assert answer.status_code in (200, 202)
    ended = await http.get(where, headers={"Prefer": "wait=20"})
    assert ended.json()["state"] == "cancelled"
    assert (await http.delete(where)).status_code == 200  # once more changes nothing
    assert http.harness.tools.done == {}


async def test_a_list_is_read_page_by_page(call: Call) -> None:
    http = await call()
    ids = [(await http.post("/v1/requests", json=NOTE)).json()["id"] for _ in range(5)]
    seen, cursor = [], None
    for _ in range(5):
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await http.get("/v1/requests", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]
    await http.harness.result(ids[-1])
    assert (await http.get("/v1/requests", params={"state": "failed"})).json()["items"] == []
    assert (await http.get("/v1/requests", params={"cursor": "zzz"})).status_code == 400


def events_of(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("id:")]
    return [(int(b[0][4:]), b[1][7:], json.loads(b[2][6:])) for b in blocks]


async def test_the_events_of_a_request_are_followed_to_its_end_and_taken_up_again(call: Call) -> None:
    http = await call(relay="bot")
    where = (await http.post("/v1/requests", json=NOTE)).headers["Location"]
    events = events_of((await http.get(f"{where}/events")).text)
    states = [data["state"] for _, name, data in events if name == "state"]
    assert states[0] == "queued"
    assert states[-2:] == ["running", "succeeded"]
    seq, name, last = events[-1]
    assert (name, last["result"]["noted"]) == ("ended", "a")
    middle = events[1][0]
    rest = events_of((await http.get(f"{where}/events", headers={"Last-Event-ID": str(middle)})).text)
    assert rest == [event for event in events if event[0] > middle]
    assert events_of((await http.get(f"{where}/events", headers={"Last-Event-ID": str(seq)})).text) == [
        events[-1]
    ]


async def test_a_quiet_event_stream_shows_that_it_lives(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("c2jy_bridge.relay.intakes.http.request_routes.BEAT_S", 0.1)
    http = await call()
    http.harness.tools.go_on.clear()
    where = (await http.post("/v1/requests", json={"tool": "wait", "arguments": {"text": "x"}})).headers[
        "Location"
    ]
    async with http.stream("GET", f"{where}/events") as stream:
        async for line in stream.aiter_lines():
            if line.startswith(":"):
                http.harness.tools.go_on.set()
            if line == "event: ended":
                return
    pytest.fail("no end was seen")


async def test_the_simple_form_takes_arguments_and_gives_the_output(call: Call) -> None:
    http = await call()
    answer = await http.post("/v1/tools/note", json={"text": "simple"})
    assert (answer.status_code, answer.json()["noted"]) == (200, "simple")
    listed = (await http.get("/v1/tools")).json()["items"]
    assert "note" in {tool["name"] for tool in listed}
    assert "bridge_execute" not in {tool["name"] for tool in listed}


@pytest.mark.parametrize(
    ("tool", "arguments", "status", "kind"),
    [
        ("fail", {}, 422, "tool-failed"),
        ("asks", {}, 403, "tool-denied"),
        ("nothing_such", {}, 404, "unknown-tool"),
        ("bridge_execute", {"handle": "x"}, 404, "unknown-tool"),
        ("note", {"text": 1}, 422, "bad-arguments"),
    ],
)
async def test_the_simple_form_says_by_its_status_what_went_wrong(
    call: Call, tool: str, arguments: dict[str, Any], status: int, kind: str
) -> None:
    http = await call(approval_timeout_s=0.2)
    answer = await http.post(f"/v1/tools/{tool}", json=arguments)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:c2jy:problem:{kind}"


@pytest.mark.parametrize(
    ("tool", "arguments", "status", "kind"),
    [
        ("nothing_such", {}, 404, "unknown-tool"),
        ("bridge_execute", {"handle": "x"}, 404, "unknown-tool"),
        ("note", {"text": "a", "size": [1]}, 422, "bad-arguments"),
    ],
)
async def test_a_request_that_cannot_succeed_is_refused_at_acceptance(
    call: Call, tool: str, arguments: dict[str, Any], status: int, kind: str
) -> None:
    http = await call(relay="bot")
    answer = await http.post("/v1/requests", json={"tool": tool, "arguments": arguments})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (status, f"urn:c2jy:problem:{kind}")
    if kind == "bad-arguments":
        (fault,) = problem["faults"]
        assert fault["message"].startswith("size: must be a whole number")
    assert (await http.get("/v1/requests")).json()["items"] == []
    assert http.harness.emulator.requests_to("/v3/chat") == []


async def test_arguments_written_as_text_are_taken_and_the_result_says_so(call: Call) -> None:
    http = await call()
    done = (await http.post("/v1/tools/note", json={"text": "a", "size": "3"})).json()
    assert (done["padding"], done["notes"]) == ("xxx", ["size: sent as text, read as a whole number"])


async def test_a_full_queue_turns_requests_away_with_a_time_to_come_back(call: Call) -> None:
    http = await call(queue_limit=2, parallel=1)
    http.harness.tools.go_on.clear()
    wait = {"tool": "wait", "arguments": {"text": "x"}}
    assert [(await http.post("/v1/requests", json=wait)).status_code for _ in range(2)] == [202, 202]
    answer = await http.post("/v1/requests", json=wait)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:c2jy:problem:full")
    assert int(answer.headers["Retry-After"]) > 0
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["hindrances"][0]["kind"]) == (503, "queue_full")


async def test_health_readiness_and_metrics(call: Call) -> None:
    http = await call(relay="bot")
    assert (await http.get("/readyz")).json() == {"status": "ready"}
    await http.post("/v1/requests", json=NOTE, headers={"Prefer": "wait=20"})
    await http.harness.until(lambda: http.harness.seen(TurnCompleted))
    exposition = (await http.get("/metrics")).text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }
    assert samples["c2jy_bridge_requests", "succeeded"] == 1
    assert samples["c2jy_bridge_http_responses_total", "200", "POST", "/v1/requests"] == 1
    assert samples["c2jy_bridge_http_seconds_total", "POST", "/v1/requests"] > 0
    assert ("c2jy_bridge_at_work",) in samples
    assert samples["c2jy_bridge_intake_alive_seconds", "http"] > 10**9
    http.harness.emulator.add_fault("refuse", on="chat", code=4101, msg="no permission", times=9)
    await http.post("/v1/requests", json={**NOTE, "arguments": {"text": "b"}}, headers={"Prefer": "wait=20"})
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["hindrances"][0]["kind"]) == (503, "forbidden")


async def test_too_little_room_on_the_disk_is_not_ready(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    http = await call()
    monkeypatch.setattr("c2jy_bridge.relay.intakes.http.intake.FREE_BYTES", 2**80)
    ready = await http.get("/readyz")
    assert (ready.status_code, [one["kind"] for one in ready.json()["hindrances"]]) == (503, ["disk"])


async def test_switching_off_answers_whoever_waits_and_lets_streams_go(call: Call) -> None:
    http = await call()
    http.harness.tools.go_on.clear()
    wanted = {"tool": "wait", "arguments": {"text": "x"}}
    waiting = asyncio.create_task(http.post("/v1/requests", json=wanted, headers={"Prefer": "wait=60"}))
    await asyncio.to_thread(http.harness.tools.started.wait, 10)
    (request,) = await http.harness.service.page()
    stream = asyncio.create_task(http.get(f"/v1/requests/{request.request_id}/events"))
    await asyncio.sleep(0.2)
    async with asyncio.timeout(5):
        await http.harness.bridge.stop(grace_s=0)
        assert (await waiting).status_code == 202
        assert (await stream).status_code == 200
    http.harness.tools.go_on.set()
