"""Concurrency classes: parallel, serial, exclusive."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from c2jy_bridge.core.events import Outcome, ToolCallStarted
from c2jy_bridge.plugin import ToolContext, tool

if TYPE_CHECKING:
    from unit.plugin.conftest import Bench


class Workshop:
    """Counts who is at work at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: list[str] = []
        self.seen: list[tuple[str, ...]] = []
        self.release_in_steps = threading.Event()
        self.together = threading.Barrier(4)

    def work(self, name: str) -> None:
        with self._lock:
            self._now.append(name)
            self.seen.append(tuple(sorted(self._now)))
        time.sleep(0.05)
        with self._lock:
            self._now.remove(name)

    @tool(concurrency="parallel")
    def free(self) -> None:
        """Parallel."""
        self.work("free")

    @tool(concurrency="parallel")
    def together_with_three(self) -> None:
        """Goes on when four have come."""
        self.together.wait(20)

    @tool(concurrency="serial")
    def one(self) -> None:
        """Serial."""
        self.work("one")

    @tool(concurrency="serial")
    def other(self) -> None:
        """Serial too."""
        self.work("other")

    @tool(concurrency="exclusive")
    def alone(self) -> None:
        """Exclusive."""
        self.work("alone")

    @tool(concurrency="serial", timeout_s=0.05)
    def stubborn(self) -> None:
        """Never looks at `cancelled`."""
        self.release_in_steps.wait(20)

    @tool(concurrency="serial", timeout_s=0.05)
    def obedient(self, context: ToolContext) -> None:
        """Looks at `cancelled`."""
        context.cancelled.wait(20)


@pytest.fixture
def workshop(bench: Bench) -> Workshop:
    made = Workshop()
    bench.registry.register(made)
    return made


async def test_parallel_calls_run_together(bench: Bench, workshop: Workshop) -> None:
    events = await bench.run(*(bench.call("together_with_three") for _ in range(4)))
    assert [end.outcome for end in bench.ends(events)] == [Outcome.OK] * 4


async def test_serial_calls_of_one_tool_run_one_after_another_beside_other_tools(
    bench: Bench, workshop: Workshop
) -> None:
    await bench.run(*(bench.call(name) for name in ("one", "one", "one", "other", "free")))
    assert max(seen.count("one") for seen in workshop.seen) == 1
    assert any("one" in seen and "other" in seen for seen in workshop.seen)


async def test_an_exclusive_call_runs_alone_and_is_not_starved(bench: Bench, workshop: Workshop) -> None:
    names = ["free", "free", "alone", "free", "one", "alone", "free"]
    events = await bench.run(*(bench.call(name) for name in names))
    assert {seen for seen in workshop.seen if "alone" in seen} == {("alone",)}
    started = [event.call_id for event in events if isinstance(event, ToolCallStarted)]
    assert started.index("call-3") == 2


async def test_two_batches_share_the_lanes(bench: Bench, workshop: Workshop) -> None:
    await asyncio.gather(bench.run(bench.call("one")), bench.run(bench.call("one"), bench.call("alone")))
    assert max(len(seen) for seen in workshop.seen) == 1


async def test_a_thread_that_does_not_stop_blocks_its_lane_and_the_next_call_is_told(
    bench: Bench, workshop: Workshop
) -> None:
    assert (await bench.finish("stubborn")).outcome is Outcome.TIMED_OUT
    for name in ("stubborn", "alone"):
        finished = await bench.finish(name)
        assert finished.outcome is Outcome.ERROR
        assert '"busy"' in finished.output
    assert (await bench.finish("one")).outcome is Outcome.OK
    workshop.release_in_steps.set()
    for _ in range(100):
        await asyncio.sleep(0.02)
        if (await bench.finish("alone")).outcome is Outcome.OK:
            break
    else:
        pytest.fail("the lane stayed blocked after its thread had ended")


async def test_calls_already_waiting_behind_such_a_thread_are_told_too(
    bench: Bench, workshop: Workshop
) -> None:
    events = await bench.run(
        bench.call("stubborn"), bench.call("stubborn"), bench.call("alone"), bench.call("one")
    )
    outcomes = {end.call_id: end.outcome for end in bench.ends(events)}
    assert outcomes == {
        "call-1": Outcome.TIMED_OUT, "call-2": Outcome.ERROR, "call-3": Outcome.ERROR, "call-4": Outcome.OK,
    }  # fmt: skip
    workshop.release_in_steps.set()


async def test_a_thread_that_looks_at_cancelled_frees_its_lane(bench: Bench, workshop: Workshop) -> None:
    assert (await bench.finish("obedient")).outcome is Outcome.TIMED_OUT
    for _ in range(100):
        await asyncio.sleep(0.01)
        if (await bench.finish("alone")).outcome is Outcome.OK:
            return
    pytest.fail("the lane stayed blocked")


async def test_waiting_for_a_lane_does_not_use_up_the_deadline(bench: Bench) -> None:
    @tool(concurrency="serial", timeout_s=0.5)
    async def nap() -> None:
        """Nap."""
        await asyncio.sleep(0.2)

    bench.add(nap)
    events = await bench.run(*(bench.call("nap") for _ in range(5)))
    assert [end.outcome for end in bench.ends(events)] == [Outcome.OK] * 5


async def test_a_call_that_is_stopped_while_it_waits_gives_its_place_back(
    bench: Bench, workshop: Workshop
) -> None:
    first, second, third = bench.call("one"), bench.call("alone"), bench.call("one")
    task = asyncio.create_task(bench.run(first, second, third))
    async with asyncio.timeout(20):
        while not bench.runner.cancel(second.call_id):  # noqa: ASYNC110  (nothing tells that it waits)
            await asyncio.sleep(0.005)
    outcomes = {end.call_id: end.outcome for end in bench.ends(await task)}
    assert outcomes == {
        first.call_id: Outcome.OK, second.call_id: Outcome.CANCELLED, third.call_id: Outcome.OK,
    }  # fmt: skip
