"""Policies: allow, ask, deny; and a person who is asked."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from c2jy_bridge.core.events import (
    Decision,
    Outcome,
    RunWith,
    ToolCallAwaitingApproval,
    ToolCallFinished,
    ToolCallRequested,
    ToolCallStarted,
)
from c2jy_bridge.core.ports import CallHold
from c2jy_bridge.plugin import tool

if TYPE_CHECKING:
    from unit.plugin.conftest import Bench


@tool(policy="ask")
def delete(name: str, forever: bool = False) -> str:
    """Delete."""
    return f"{name} gone"


@pytest.fixture(autouse=True)
def tools(bench: Bench) -> None:
    bench.add(delete)


async def test_a_tool_that_asks_shows_exactly_the_arguments_it_would_get(bench: Bench) -> None:
    events = await bench.run(bench.call("delete", {"name": "a"}, source="bridge"))
    assert [type(event) for event in events] == [
        ToolCallRequested, ToolCallAwaitingApproval, ToolCallStarted, ToolCallFinished,
    ]  # fmt: skip
    (asked,) = bench.person.asked
    assert asked.arguments == {"name": "a", "forever": False}
    assert (asked.tool, asked.source, asked.deadline_s) == ("delete", "bridge", None)
    assert "tools.policy" in asked.reason
    assert bench.ends(events)[0].outcome is Outcome.OK


async def test_a_no_is_an_error_output_and_the_tool_never_begins(bench: Bench) -> None:
    bench.person.decision = Decision.DENY
    events = await bench.run(bench.call("delete", {"name": "a"}))
    assert not [event for event in events if isinstance(event, ToolCallStarted)]
    finished = bench.ends(events)[0]
    assert finished.outcome is Outcome.DENIED
    assert json.loads(finished.output)["status"] == "error"
    assert json.loads(finished.output)["code"] == "denied"


async def test_malformed_arguments_never_reach_the_person(bench: Bench) -> None:
    for arguments in (
        '{"name": NaN}',
        '{"name": 1}',
        "[]",
        '{"name": "a", "name": "b"}',
        '{"name": "a", "x": 1}',
    ):
        assert (await bench.finish("delete", arguments)).outcome is Outcome.ERROR
    assert bench.person.asked == []


async def test_once_asks_again_the_next_time(bench: Bench) -> None:
    for _ in range(2):
        await bench.finish("delete", {"name": "a"})
    assert len(bench.person.asked) == 2


async def test_always_holds_for_this_tool_in_this_conversation_only(bench: Bench) -> None:
    @tool(policy="ask")
    def other() -> None:
        """Other."""

    bench.add(other)
    bench.person.decision = Decision.ALWAYS
    for _ in range(3):
        await bench.finish("delete", {"name": "a"})
    assert len(bench.person.asked) == 1
    await bench.finish("delete", {"name": "a"}, conversation_id="another")
    await bench.finish("other")
    assert [ask.tool for ask in bench.person.asked] == ["delete", "delete", "other"]


async def test_always_without_a_conversation_is_a_once(bench: Bench) -> None:
    bench.person.decision = Decision.ALWAYS
    for _ in range(2):
        await bench.finish("delete", {"name": "a"}, conversation_id="")
    assert len(bench.person.asked) == 2


async def test_an_always_also_answers_the_calls_behind_it_in_the_batch(bench: Bench) -> None:
    bench.person.decision = Decision.ALWAYS
    events = await bench.run(*(bench.call("delete", {"name": str(i)}) for i in range(5)))
    assert len(bench.person.asked) == 1
    assert [end.outcome for end in bench.ends(events)] == [Outcome.OK] * 5


async def test_deny_in_the_settings_wins_over_an_earlier_always(bench: Bench) -> None:
    bench.person.decision = Decision.ALWAYS
    await bench.finish("delete", {"name": "a"})
    bench.settings.policy = {"delete": "deny"}
    finished = await bench.finish("delete", {"name": "a"})
    assert finished.outcome is Outcome.DENIED
    assert "tools.policy" in finished.error
    assert len(bench.person.asked) == 1


async def test_allow_in_the_settings_needs_no_question(bench: Bench) -> None:
    bench.settings.policy = {"delete": "allow"}
    assert (await bench.finish("delete", {"name": "a"})).outcome is Outcome.OK
    assert bench.person.asked == []


async def test_silence_until_the_deadline_is_a_no(bench: Bench) -> None:
    bench.settings.approval_timeout_s = 0.05
    bench.person.silent = True
    finished = await bench.finish("delete", {"name": "a"})
    assert bench.person.asked[0].deadline_s == 0.05
    assert finished.outcome is Outcome.DENIED
    assert "0.05 s" in finished.error


async def test_whoever_asks_and_fails_has_not_said_yes(bench: Bench) -> None:
    async def broken(ask: ToolCallAwaitingApproval) -> Decision:
        raise ConnectionError("no screen")

    bench.person.decide = broken  # type: ignore[method-assign]  # a person who cannot be reached
    assert (await bench.finish("delete", {"name": "a"})).outcome is Outcome.DENIED


async def test_an_answer_that_is_no_answer_is_a_no(bench: Bench) -> None:
    bench.person.decision = "yes"  # type: ignore[assignment]  # the case under test
    assert (await bench.finish("delete", {"name": "a"})).outcome is Outcome.DENIED


async def test_a_call_can_be_stopped_while_it_waits_for_an_answer(bench: Bench) -> None:
    bench.person.silent = True
    call = bench.call("delete", {"name": "a"})
    task = asyncio.create_task(bench.run(call))
    await bench.person.question.wait()
    assert bench.runner.cancel(call.call_id)
    finished = bench.ends(await task)[0]
    assert (finished.outcome, finished.elapsed_s) == (Outcome.CANCELLED, 0.0)


HELD = CallHold(lambda call: call.tool == "look")


async def test_a_held_call_is_asked_about_each_time_although_its_policy_allows_it(bench: Bench) -> None:
    @tool
    def look(name: str) -> str:
        """Look."""
        return f"{name} seen"

    bench.add(look)
    bench.runner.hold = HELD
    bench.person.decision = Decision.ALWAYS
    for _ in range(2):
        events = await bench.run(bench.call("look", {"name": "a"}))
        assert bench.ends(events)[0].outcome is Outcome.OK
    assert [asked.scope for asked in bench.person.asked] == ["", ""]
    bench.runner.hold = None
    await bench.run(bench.call("look", {"name": "a"}))
    assert len(bench.person.asked) == 2


async def test_what_the_settings_deny_is_not_released_by_holding_it(bench: Bench) -> None:
    bench.settings.policy["delete"] = "deny"
    bench.runner.hold = CallHold(lambda call: True)
    finished = bench.ends(await bench.run(bench.call("delete", {"name": "a"})))[0]
    assert (finished.outcome, bench.person.asked) == (Outcome.DENIED, [])


async def test_other_arguments_run_instead_and_the_bot_is_told(bench: Bench) -> None:
    bench.person.decision = RunWith('{"name": "b"}')
    finished = bench.ends(await bench.run(bench.call("delete", {"name": "a"})))[0]
    answer = json.loads(finished.output)
    assert "b gone" in answer.values()
    assert '{"name": "b"}' in answer["notes"][0]


async def test_other_arguments_that_do_not_fit_run_nothing(bench: Bench) -> None:
    bench.person.decision = RunWith('{"name": 5, "depth": 1}')
    events = await bench.run(bench.call("delete", {"name": "a"}))
    assert not [event for event in events if isinstance(event, ToolCallStarted)]
    assert bench.ends(events)[0].outcome is Outcome.ERROR
    assert len(bench.runner.argument_faults("delete", '{"name": 5, "depth": 1}')) == 2
    assert bench.runner.argument_faults("delete", '{"name": "b"}') == ()
