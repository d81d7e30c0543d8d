"""Deadlines and cancel."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from c2jy_bridge.core.events import Outcome, ToolCallFinished, ToolCallStarted
from c2jy_bridge.plugin import ToolContext, execution, tool

if TYPE_CHECKING:
    from unit.plugin.conftest import Bench


class Slow:
    """Tools that would take a minute."""

    def __init__(self) -> None:
        self.cleaned = threading.Event()
        self.begun = threading.Event()

    @tool(timeout_s=0.1)
    async def on_loop(self) -> None:
        """On the loop."""
        self.begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.cleaned.set()

    @tool(timeout_s=0.1)
    def in_thread(self, context: ToolContext) -> None:
        """In a thread."""
        self.begun.set()
        context.cancelled.wait(60)
        context.progress("too late")
        self.cleaned.set()

    @tool
    async def patient(self) -> None:
        """No limit of its own."""
        self.begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.cleaned.set()

    @tool
    def patient_thread(self, context: ToolContext) -> None:
        """No limit of its own, in a thread."""
        self.begun.set()
        context.cancelled.wait(60)
        self.cleaned.set()

    @tool(timeout_s=0.1)
    async def deaf(self) -> None:
        """Does not let itself be cancelled."""
        while not self.cleaned.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue


@pytest.fixture
def slow(bench: Bench) -> Slow:
    made = Slow()
    bench.registry.register(made)
    return made


@pytest.mark.parametrize("name", ["on_loop", "in_thread"])
async def test_a_tool_past_its_deadline_ends_at_once_as_timed_out_and_is_told_to_stop(
    bench: Bench, slow: Slow, name: str
) -> None:
    begun = time.monotonic()
    events = await bench.run(bench.call(name))
    assert time.monotonic() - begun < 3
    started = next(event for event in events if isinstance(event, ToolCallStarted))
    assert started.deadline_s == 0.1
    finished = bench.ends(events)[0]
    assert finished.outcome is Outcome.TIMED_OUT
    assert "0.1 s" in finished.error
    assert '"timed_out"' in finished.output
    assert await asyncio.to_thread(slow.cleaned.wait, 5)
    assert "too late" not in str(events)


async def test_it_is_said_that_a_thread_may_go_on(bench: Bench, slow: Slow) -> None:
    assert "cannot be forced" in (await bench.finish("in_thread")).error
    assert "was stopped" in (await bench.finish("on_loop")).error


async def test_a_tool_without_a_limit_gets_the_settings_one(bench: Bench, slow: Slow) -> None:
    bench.settings.timeout_s = 0.1
    events = await bench.run(bench.call("patient"))
    assert next(event for event in events if isinstance(event, ToolCallStarted)).deadline_s == 0.1
    assert bench.ends(events)[0].outcome is Outcome.TIMED_OUT


async def test_a_coroutine_that_refuses_to_be_cancelled_does_not_hold_up_the_answer(
    bench: Bench, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "UNWIND_S", 0.2)
    finished = await asyncio.wait_for(bench.finish("deaf"), 5)
    assert finished.outcome is Outcome.TIMED_OUT
    slow.cleaned.set()


async def test_a_tool_that_swallows_its_cancel_is_left_behind_and_its_batch_goes_on(
    bench: Bench, slow: Slow
) -> None:
    @tool
    async def quick() -> str:
        """Quick."""
        return "done"

    bench.add(quick)
    grace = execution.UNWIND_S + 2
    batch = bench.call("deaf"), bench.call("quick"), bench.call("on_loop")
    ends = bench.ends(await asyncio.wait_for(bench.run(*batch), grace))
    outcomes = {end.tool: end.outcome for end in ends}
    assert outcomes == {"quick": Outcome.OK, "on_loop": Outcome.TIMED_OUT, "deaf": Outcome.TIMED_OUT}
    bench.settings.timeout_s = 60
    run = bench.runner.run([bench.call("deaf")])
    async with asyncio.timeout(grace), aclosing(run) as events:
        async for event in events:
            if isinstance(event, ToolCallStarted):
                break
    slow.cleaned.set()


@pytest.mark.parametrize("name", ["patient", "patient_thread"])
async def test_one_call_can_be_stopped_and_the_others_go_on(bench: Bench, slow: Slow, name: str) -> None:
    @tool
    async def quick() -> str:
        """Quick."""
        await asyncio.sleep(0.2)
        return "done"

    bench.add(quick)
    stopped, other = bench.call(name), bench.call("quick")
    task = asyncio.create_task(bench.run(stopped, other))
    await asyncio.to_thread(slow.begun.wait, 5)
    assert bench.runner.cancel(stopped.call_id)
    outcomes = {end.call_id: end.outcome for end in bench.ends(await task)}
    assert outcomes == {stopped.call_id: Outcome.CANCELLED, other.call_id: Outcome.OK}
    assert await asyncio.to_thread(slow.cleaned.wait, 5)
    assert bench.receipts.count() == 2


async def test_a_call_that_does_not_run_cannot_be_stopped(bench: Bench, slow: Slow) -> None:
    assert not bench.runner.cancel("never heard of")
    call = bench.call("on_loop")
    await bench.run(call)
    assert not bench.runner.cancel(call.call_id)


@pytest.mark.parametrize("name", ["patient", "patient_thread"])
async def test_closing_the_events_stops_what_runs_and_keeps_no_receipt_of_it(
    bench: Bench, slow: Slow, name: str
) -> None:
    async with aclosing(bench.runner.run([bench.call(name)])) as events:
        async for event in events:
            if isinstance(event, ToolCallStarted):
                break
    assert await asyncio.to_thread(slow.cleaned.wait, 5)
    assert bench.receipts.count() == 0
    assert not bench.runner.cancel("call-1")


async def test_cancelling_the_reader_stops_what_runs_and_keeps_receipts_of_what_finished(
    bench: Bench, slow: Slow
) -> None:
    @tool
    async def quick() -> str:
        """Quick."""
        return "done"

    bench.add(quick)
    calls = [bench.call("quick"), bench.call("patient")]
    one_finished = asyncio.Event()

    async def read() -> None:
        async for event in bench.runner.run(calls):
            if isinstance(event, ToolCallFinished):
                one_finished.set()

    task = asyncio.create_task(read())
    await asyncio.to_thread(slow.begun.wait, 5)
    await one_finished.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slow.cleaned.is_set()
    assert bench.receipts.receipt(calls[0]) is not None
    assert bench.receipts.receipt(calls[1]) is None


async def test_a_hanging_thread_does_not_keep_the_app_from_closing(bench: Bench) -> None:
    hanging = threading.Event()

    @tool(timeout_s=0.05)
    def hang() -> None:
        """Hang."""
        hanging.wait(30)

    bench.add(hang)
    finished = await bench.finish("hang")
    assert finished.outcome is Outcome.TIMED_OUT
    thread = next(t for t in threading.enumerate() if t.name == "tool-hang")
    assert thread.daemon
    hanging.set()
