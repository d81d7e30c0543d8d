"""Receipts: written before the end is seen, and a call that has one is never run again."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from c2jy_bridge.core.events import Outcome, ToolCall, ToolCallFinished, ToolCallStarted
from c2jy_bridge.core.settings import ToolSettings
from c2jy_bridge.plugin import Receipt, ToolRunner, tool

if TYPE_CHECKING:
    from unit.plugin.conftest import Bench


class Counter:
    """Counts how often it is really run."""

    def __init__(self) -> None:
        self.runs = 0

    @tool
    async def count(self, name: str = "") -> str:
        """Count."""
        self.runs += 1
        await asyncio.sleep(0.02)
        return f"run {self.runs} {name}"

    @tool(policy="ask")
    def risky(self) -> None:
        """Fail."""
        self.runs += 1
        raise ValueError("no")


@pytest.fixture
def counter(bench: Bench) -> Counter:
    made = Counter()
    bench.registry.register(made)
    return made


async def test_the_receipt_is_on_disk_before_the_end_is_seen(
    bench: Bench, counter: Counter, tmp_path: Path
) -> None:
    async for event in bench.runner.run([bench.call("count")]):
        if isinstance(event, ToolCallFinished):
            with sqlite3.connect(tmp_path / "receipts.db") as db:
                (kept,) = db.execute("SELECT receipt FROM receipts").fetchone()
            assert "run 1" in kept
            break


async def test_a_call_with_a_receipt_is_not_run_again_by_another_process_either(
    bench: Bench, counter: Counter
) -> None:
    call = bench.call("count", {"name": "a"})
    (first,) = bench.ends(await bench.run(call))
    restarted = ToolRunner(
        bench.registry, settings=ToolSettings(), receipts=bench.receipts, approver=bench.person
    )
    events = [event async for event in restarted.run([replace(call, call_id="after-restart")])]
    assert not [event for event in events if isinstance(event, ToolCallStarted)]
    (again,) = bench.ends(events)
    assert again.replayed
    assert not first.replayed
    assert (again.call_id, again.output, again.outcome) == ("after-restart", first.output, Outcome.OK)
    assert again.elapsed_s == pytest.approx(first.elapsed_s)
    assert counter.runs == 1


async def test_errors_and_denials_are_answered_from_their_receipts_too(
    bench: Bench, counter: Counter
) -> None:
    call = bench.call("risky")
    first, second = [bench.ends(await bench.run(call))[0] for _ in range(2)]
    assert (second.outcome, second.output, second.error) == (Outcome.ERROR, first.output, first.error)
    assert counter.runs == 1
    assert len(bench.person.asked) == 1


async def test_the_same_call_twice_in_one_batch_runs_once(bench: Bench, counter: Counter) -> None:
    call = bench.call("count")
    ends = bench.ends(await bench.run(call, replace(call, call_id="twin")))
    assert counter.runs == 1
    assert sorted(end.replayed for end in ends) == [False, True]
    assert len({end.output for end in ends}) == 1


async def test_the_same_call_in_two_batches_at_once_runs_once(bench: Bench, counter: Counter) -> None:
    call = bench.call("count")
    await asyncio.gather(bench.run(call), bench.run(replace(call, call_id="twin")))
    assert counter.runs == 1


async def test_the_same_id_with_other_arguments_is_refused_and_not_run(
    bench: Bench, counter: Counter
) -> None:
    call = bench.call("count", {"name": "a"})
    await bench.run(call)
    (refused,) = bench.ends(await bench.run(replace(call, arguments='{"name": "b"}')))
    assert refused.outcome is Outcome.ERROR
    assert '"receipt_conflict"' in refused.output
    assert counter.runs == 1
    (again,) = bench.ends(await bench.run(call))
    assert again.replayed


async def test_calls_without_an_id_of_cozes_run_every_time(bench: Bench, counter: Counter) -> None:
    for _ in range(2):
        await bench.finish("count", tool_call_id="")
    assert counter.runs == 2


async def test_without_a_readable_journal_nothing_runs(bench: Bench, counter: Counter) -> None:
    bench.receipts.broken = sqlite3.OperationalError("disk I/O error")
    finished = await bench.finish("count")
    assert finished.outcome is Outcome.ERROR
    assert '"journal"' in finished.output
    assert counter.runs == 0


async def test_a_receipt_that_cannot_be_written_does_not_hide_the_result(
    bench: Bench, counter: Counter
) -> None:
    def full(call: ToolCall, receipt: Receipt) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    bench.receipts.write_receipt = full  # type: ignore[method-assign]  # the fault
    finished = await bench.finish("count")
    assert (finished.outcome, "run 1" in finished.output) == (Outcome.OK, True)
    assert "receipt" in finished.error


async def test_receipts_are_never_touched_on_the_loop(bench: Bench, counter: Counter) -> None:
    await bench.run(bench.call("count"), bench.call("risky"))
    assert bench.receipts.threads
    assert all(name.startswith("receipts") for name in bench.receipts.threads)


async def test_a_receipt_is_written_whole_though_the_reader_is_cancelled_meanwhile(
    bench: Bench, counter: Counter
) -> None:
    call = bench.call("count")
    write, writing = bench.receipts.write_receipt, asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(call: ToolCall, receipt: Receipt) -> None:
        loop.call_soon_threadsafe(writing.set)
        asyncio.run(asyncio.sleep(0.2))
        write(call, receipt)

    bench.receipts.write_receipt = slow  # type: ignore[method-assign]  # a slow disk
    task = asyncio.create_task(bench.run(call))
    await writing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.receipts.receipt(call) is not None
