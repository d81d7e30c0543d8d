"""A cloud workflow run from here gets its tools run, its questions answered, and is taken up after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from c2jy_bridge.core.events import (
    Outcome,
    ToolCallFinished,
    ToolCallRequested,
    WorkflowAsked,
    WorkflowEnded,
    WorkflowSaid,
    WorkflowStarted,
)
from c2jy_bridge.journal import Owner
from c2jy_bridge.relay.intakes.workflow_runs import WaitingRun, WorkflowRuns, open_workflow_runs
from c2jy_bridge.relay.storage import Storage
from unit.relay.conftest import Clock

SCRIPT = r"""
fallback: []
workflows:
  - id: tool
    steps:
      - message: One moment.
      - ask: '{"c2jy":1,"rid":"r1","tool":"note","args":{"text":"{{parameters.text}}"}}'
        packets: 3
        into: reply
      - output: {output: "{{reply.noted}}"}
  - id: tools
    steps:
      - ask: '{"c2jy":1,"calls":[{"tool":"note","args":{"text":"a"}},{"tool":"note","args":{"text":"b"}},
          {"tool":"fail","args":{}}]}'
        into: reply
      - output: {output: "{{reply.results.0.noted}}{{reply.results.1.noted}} {{reply.results.2.status}}"}
  - id: again
    steps:
      - ask: '{"c2jy":1,"rid":"same","tool":"note","args":{"text":"a"}}'
      - ask: '{"c2jy":1,"rid":"same","tool":"note","args":{"text":"a"}}'
      - output: {output: done}
  - id: twice
    steps:
      - ask: '{"c2jy":1,"tool":"note","args":{"text":"a"}}'
      - ask: '{"c2jy":1,"tool":"note","args":{"text":"b"}}'
      - output: {output: done}
  - id: person
    steps:
      - ask: Which city?
        into: city
      - output: {output: "Sunny in {{city}}"}
  - id: form
    steps:
      - ask: ""
        title: Input
        type: 5
        data: '{"content_type":"text","content":"[{\"type\":\"string\",\"name\":\"city\"}]"}'
        into: form
      - output: {output: "Sunny in {{form.city}}"}
  - id: plugin
    steps:
      - ask: ""
        type: 6
        data: '{"tool_calls":[{"id":"t1","function":{"name":"note","arguments":"{\"text\":\"six\"}"}}]}'
        into: reply
      - output: {output: "{{reply.noted}}"}
  - id: strange
    steps:
      - ask: ""
        type: 6
        data: 'it is unknown'
        into: reply
      - output: {output: "{{reply}}"}
  - id: studio
    steps:
      - ask: ""
        data: '{"messages":[{"content":"{\"c2jy\":1,\"tool\":\"note\",\"args\":{\"text\":\"s\"}}"}]}'
      - output: {output: done}
  - id: breaks
    steps:
      - message: One moment.
      - message: The answer is only half told.
        packets: 2
        sent: 1
      - fail: {code: 4000, msg: no such node}
  - id: halfway
    steps:
      - message: Your city, pl
        packets: 2
        sent: 1
      - ask: ""
        into: city
      - output: {output: "Sunny in {{city}}"}
"""


class Bench:
    """Runs workflows of the script; the user answers with `says`."""

    def __init__(self, harness: Any, storage: Storage, clock: Clock) -> None:
        self.harness = harness
        self.says = "Peking"
        self.asked: list[WorkflowAsked] = []
        self.slept: list[float] = []
        self.runs = WorkflowRuns(
            client=harness.client,
            bot_id="7",
            runner=harness.runner,
            storage=storage,
            owner=Owner(harness.settings.data_dir / "run"),
            emit=harness.emit,
            clock=clock,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def answer(self, asked: WorkflowAsked) -> str:
        self.asked.append(asked)
        return self.says

    async def run(self, workflow_id: str, **parameters: Any) -> WorkflowEnded:
        return await self.runs.run(workflow_id, parameters, self.answer)

    @property
    def said(self) -> list[WorkflowSaid]:
        return list(self.harness.seen(WorkflowSaid))

    async def take_up(self) -> list[WorkflowEnded]:
        return [await self.runs.resume(run, self.answer) for run in await self.runs.waiting()]


@pytest.fixture
async def bench(start_bridge: Callable[..., Any], storage: Storage, clock: Clock) -> Bench:
    return Bench(await start_bridge(SCRIPT), storage, clock)


async def test_a_question_in_our_json_is_run_and_the_run_resumed_with_the_output(bench: Bench) -> None:
    ended = await bench.run("tool", text="画布")
    assert json.loads(ended.output) == {"output": "画布"}
    assert (ended.problem, bool(ended.debug_url)) == (None, True)
    assert bench.harness.tools.done == {"画布": 1}
    (call,) = bench.harness.seen(ToolCallRequested)
    assert (call.call.tool, call.call.source, call.call.turn_id) == ("note", "bridge", ended.run_id)
    assert bench.harness.seen(WorkflowStarted)[0].workflow_id == "tool"
    assert bench.harness.seen(WorkflowSaid)[0].text == "One moment."
    assert bench.asked == []
    assert await bench.runs.waiting() == []


async def test_several_tools_are_run_in_one_stop(bench: Bench) -> None:
    ended = await bench.run("tools")
    assert json.loads(ended.output) == {"output": "ab error"}
    outcomes = [event.outcome for event in bench.harness.seen(ToolCallFinished)]
    assert sorted(outcomes) == [Outcome.ERROR, Outcome.OK, Outcome.OK]


async def test_a_question_asked_again_under_one_rid_is_answered_and_not_run_again(bench: Bench) -> None:
    await bench.run("again")
    assert bench.harness.tools.done == {"a": 1}
    assert [event.replayed for event in bench.harness.seen(ToolCallFinished)] == [False, True]


async def test_two_runs_of_one_workflow_are_two(bench: Bench) -> None:
    await bench.run("again")
    await bench.run("again")
    assert bench.harness.tools.done == {"a": 2}


async def test_an_ordinary_question_is_put_to_the_user(bench: Bench) -> None:
    ended = await bench.run("person")
    assert json.loads(ended.output) == {"output": "Sunny in Peking"}
    assert [(asked.text, asked.fields) for asked in bench.asked] == [("Which city?", ())]


async def test_an_input_node_asks_for_its_fields_by_name(bench: Bench) -> None:
    bench.says = '{"city": "Xi\'an"}'
    ended = await bench.run("form")
    assert json.loads(ended.output) == {"output": "Sunny in Xi'an"}
    assert bench.asked[0].fields == ("city",)


async def test_a_local_plugin_interrupt_is_run_when_it_looks_like_a_call(bench: Bench) -> None:
    assert json.loads((await bench.run("plugin")).output) == {"output": "six"}
    assert bench.harness.tools.done == {"six": 1}


async def test_a_local_plugin_interrupt_that_nobody_understands_is_shown_to_the_user(bench: Bench) -> None:
    await bench.run("strange")
    assert "it is unknown" in bench.asked[0].text


async def test_a_question_inside_the_interrupt_is_found_as_coze_studio_sends_it(bench: Bench) -> None:
    await bench.run("studio")
    assert bench.harness.tools.done == {"s": 1}


async def test_a_workflow_that_fails_says_so_with_cozes_code(bench: Bench) -> None:
    ended = await bench.run("breaks")
    assert ended.problem.code == 4000
    assert "no such node" in ended.problem.message
    unknown = await bench.run("nothing-such")
    assert unknown.problem.code == 4200


async def test_what_a_broken_workflow_had_said_is_told_before_its_end(bench: Bench) -> None:
    await bench.run("breaks")
    assert [(said.text, said.complete) for said in bench.said] == [
        ("One moment.", True),
        ("The answer is o", False),
    ]


@pytest.mark.parametrize("kind", ["drop", "eof", "reset"])
async def test_the_message_that_a_lost_stream_cut_off_is_told_as_far_as_it_came(
    bench: Bench, kind: str
) -> None:
    bench.harness.emulator.add_fault(kind, on="workflows", nth=2, at="message")
    ended = await bench.run("tool", text="a")
    assert ended.problem is not None
    assert bench.said[0].text == "One moment."
    assert not bench.said[-1].complete


async def test_a_question_whose_last_packet_never_came_is_asked_as_far_as_it_came(bench: Bench) -> None:
    ended = await bench.run("halfway")
    assert [asked.text for asked in bench.asked] == ["Your ci"]
    assert json.loads(ended.output) == {"output": "Sunny in Peking"}


@pytest.mark.parametrize("kind", ["drop", "eof", "reset", "tear"])
async def test_a_stream_that_breaks_after_the_answer_is_looked_up_at_coze(bench: Bench, kind: str) -> None:
    fault = bench.harness.emulator.add_fault(kind, on="workflows", at="done")
    ended = await bench.run("tool", text="a")
    assert fault.hits == 1
    assert json.loads(ended.output) == {"output": "a"}
    assert ended.problem is None
    assert bench.harness.tools.done == {"a": 1}


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("workflow_id", ["tool", "person"])
@pytest.mark.parametrize("point", ["before the tools", "after the tools", "after the answer"])
async def test_a_run_left_in_the_middle_is_taken_up_and_nothing_run_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, workflow_id: str, point: str
) -> None:
    await kill(bench, monkeypatch, workflow_id, point)
    assert [type(run) for run in await bench.runs.waiting()] == [WaitingRun]
    (ended,) = await bench.take_up()
    assert ended.problem is None
    assert ended.output
    assert set(bench.harness.tools.done.values()) <= {1}
    assert await bench.runs.waiting() == []


async def test_a_run_whose_next_question_got_lost_is_said_to_be_lost_and_where_to_look(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kill(bench, monkeypatch, "twice", "after the answer")
    (ended,) = await bench.take_up()
    assert ended.problem.kind == "workflow_lost"
    assert ended.debug_url
    assert bench.harness.tools.done == {"a": 1}
    assert await bench.runs.waiting() == []


async def kill(bench: Bench, monkeypatch: pytest.MonkeyPatch, workflow_id: str, point: str) -> None:
    runs = bench.runs
    name = "_follow" if point == "after the answer" else "_resumed"
    whole = getattr(runs, name)
    times = 0

    async def killed(*arguments: Any) -> Any:
        nonlocal times
        times += 1
        if point == "before the tools":
            raise Killed
        if point == "after the answer" and times == 1:
            return await whole(*arguments)
        await whole(*arguments)
        raise Killed

    monkeypatch.setattr(runs, name, killed)
    with pytest.raises(Killed):
        await bench.run(workflow_id, text="a")
    monkeypatch.setattr(runs, name, whole)


async def test_a_run_that_waited_longer_than_coze_keeps_it_is_let_go(bench: Bench, clock: Clock) -> None:
    async def walk_away(asked: WorkflowAsked) -> str:
        raise Killed

    with pytest.raises(Killed):
        await bench.runs.run("person", {}, walk_away)
    assert len(await bench.runs.waiting()) == 1
    clock.advance(86_401)
    assert await bench.runs.waiting() == []


async def test_workflows_run_beside_bridge_mode_in_one_data_folder(start_bridge: Callable[..., Any]) -> None:
    harness = await start_bridge(SCRIPT)

    async def unasked(asked: WorkflowAsked) -> str:
        raise AssertionError(asked)

    owner = Owner(harness.settings.data_dir / "run")
    async with open_workflow_runs(
        harness.settings, owner=owner, runner=harness.runner, client=harness.client, emit=harness.emit
    ) as runs:
        ended = await runs.run("tool", {"text": "beside"}, unasked)
    assert json.loads(ended.output) == {"output": "beside"}
    assert (await harness.bridge.status()).on
