"""Nodes that do something: requests that are really made, loops that wait, lists that are looked through."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from coze_emulator import Script, ScriptError

MAILBOX, OWN_CHAT, HTTP, FACADE = (f"73973950791423500{n}" for n in (11, 12, 13, 14))
PLUGIN = "7397395079142350005"
TAKES = """
  - pick: "parameters.parts"
    where: {rid: "{{parameters.rid}}"}
    by: n
    of: count
    take: text
    into: reply
"""


def run(wire: Any, workflow_id: str, **parameters: Any) -> Any:
    body = {"workflow_id": workflow_id, "parameters": parameters}
    return wire.http.post("/v1/workflow/run", json=body).json()


def output(answer: dict[str, Any]) -> Any:
    assert answer["code"] == 0, answer
    return json.loads(answer["data"])


def steps(*nodes: str) -> str:
    return "workflows: [{id: '1', steps: [" + ", ".join(nodes) + "]}]"


def test_an_http_node_makes_its_request_with_the_token_of_the_run(playing: Callable[[str], Any]) -> None:
    node = (
        '{http: "POST {{origin}}/v1/conversation/create", headers: {Authorization: "Bearer {{token}}"},'
        ' json: {name: "{{parameters.name}}"}, into: made}'
    )
    wire = playing(steps(node, '{output: {status: "{{made.status}}", name: "{{made.body.data.name}}"}}'))
    assert output(run(wire, "1", name="信箱")) == {"status": 200, "name": "信箱"}
    (seen,) = wire.emulator.requests_to("/v1/conversation/create")
    assert seen.headers["authorization"] == "Bearer pat_x"


def test_a_run_fails_in_words_when_nobody_answers_its_http_node(playing: Callable[[str], Any]) -> None:
    wire = playing(steps('{http: "GET http://127.0.0.1:9/", title: 查询}'))
    answer = run(wire, "1")
    assert answer["code"] == 5000
    assert answer["msg"].startswith("查询: ")


def test_an_http_node_tries_again_when_the_other_side_is_busy(playing: Callable[[str], Any]) -> None:
    node = (
        '{http: "GET {{origin}}/v1/users/me", headers: {Authorization: "Bearer {{token}}"}, retries: 1,'
        " into: me}"
    )
    wire = playing(steps(node, '{output: {status: "{{me.status}}"}}'))
    wire.emulator.add_fault("refuse", on="account", code=4013)
    assert output(run(wire, "1")) == {"status": 200}
    assert len(wire.emulator.requests_to("/v1/users/me")) == 2


def test_a_loop_goes_round_until_what_it_waits_for_is_there(playing: Callable[[str], Any]) -> None:
    me = '{http: "GET {{origin}}/v1/users/me", headers: {Authorization: "Bearer {{token}}"}, into: me}'
    rounds = f"{{loop: [{me}], until: {{me.status: 200}}, pause: 0, times: 4}}"
    wire = playing(steps(rounds, '{output: {status: "{{me.status}}"}}'))
    wire.emulator.add_fault("refuse", on="account", code=4013, times=2)
    assert output(run(wire, "1")) == {"status": 200}
    wire.emulator.add_fault("refuse", on="account", code=4013, times=9)
    assert output(run(wire, "1")) == {"status": 429}  # it goes on after so many rounds
    assert len(wire.emulator.requests_to("/v1/users/me")) == 3 + 4


@pytest.mark.parametrize(
    ("parts", "reply"),
    [
        ([], None),
        ([(2, 2, ":1}")], None),  # the first part is not there yet
        ([(2, 2, ":1}"), (1, 2, '{"a"')], {"a": 1}),
        ([(1, 1, "no JSON")], "no JSON"),
    ],
)
def test_parts_are_joined_in_their_order_when_all_are_there(
    playing: Callable[[str], Any], parts: list[tuple[int, int, str]], reply: Any
) -> None:
    wire = playing(f"workflows:\n- id: '1'\n  steps:{TAKES}  - output: {{reply: '{{{{reply}}}}'}}")
    letters = [{"rid": "7", "n": n, "count": count, "text": text} for n, count, text in parts]
    assert output(run(wire, "1", rid=7, parts=[*letters, {"rid": "8", "text": "x"}])) == {"reply": reply}


def test_a_local_plugins_interrupt_carries_the_call(built_in: Any) -> None:
    stop = run(built_in, PLUGIN, tool="probe_media", args={"urls": ["茶.mp4"]})["interrupt_data"]
    assert stop["type"] == 6
    (call,) = json.loads(stop["data"])["tool_calls"]
    assert call["function"]["name"] == "probe_media"
    assert json.loads(call["function"]["arguments"]) == {"urls": ["茶.mp4"]}


def test_the_mailbox_is_there_from_the_beginning_and_belongs_to_no_bot(built_in: Any) -> None:
    where = {"conversation_id": built_in.emulator.mailbox_id}
    listed = built_in.http.post("/v1/conversation/message/list", params=where, json={}).json()
    assert (listed["code"], listed["data"]) == (0, [])
    own = built_in.http.get("/v1/conversations", params={"bot_id": built_in.emulator.bot_id}).json()
    assert own["data"]["conversations"] == []


def test_a_mistake_in_a_node_is_named_with_its_place() -> None:
    with pytest.raises(ScriptError, match=r"s: workflows\[0\]\.steps\[0\]\.http: "):
        Script.parse(steps('{http: "FETCH me"}'), "s")
    with pytest.raises(ScriptError, match=r"loop\[0\]: a step has exactly one of: http, pick"):
        Script.parse(steps("{loop: [{ask: x}], until: {}}"), "s")
