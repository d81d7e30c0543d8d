"""Clocks that are set, computers that sleep, networks that change: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from c2jy_bridge.core.bridge_requests import State
from c2jy_bridge.core.steady_clock import SteadyClock, uptime
from c2jy_bridge.relay import worker
from coze_emulator import Emulator, Script
from mailbox_workflow import Workflow
from relay_harness import OBEDIENT, RelayHarness, eventually
from unit.relay.conftest import Clock

Make = Callable[..., Any]
DAY_S = 86_400.0
JUMPS = pytest.mark.parametrize("jump_s", [30 * DAY_S, -30 * DAY_S], ids=["ahead", "back"])


@pytest.fixture
def wall() -> Clock:
    return Clock(time.time())


@pytest.fixture(autouse=True)
def quick_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker looks and sweeps many times a second."""
    monkeypatch.setattr(worker, "LOOK_S", 0.02)
    monkeypatch.setattr(worker, "SWEEP_S", 0.0)


async def looked_again(harness: RelayHarness) -> None:
    """The worker has claimed, expired and swept several times since."""
    for text in ("x", "y", "z"):
        await harness.result(await harness.ask("note", {"text": text}, relay="direct"))
        await asyncio.sleep(0.05)


def test_a_steady_clock_ignores_the_wall_clock_and_counts_on() -> None:
    wall, elapsed = Clock(1000.0), Clock(5.0)
    steady = SteadyClock(wall, elapsed)
    wall.advance(3600)
    assert steady() == 1000.0
    elapsed.advance(2)
    wall.advance(-7200)
    assert steady() == 1002.0
    assert uptime() <= uptime()


class Network:
    """Passes TCP on to Coze; when it changes, what is open goes dead without a word."""

    def __init__(self, upstream: str) -> None:
        self._host, _, port = upstream.removeprefix("http://").rpartition(":")
        self._port = int(port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._dead: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def change(self) -> int:
        """How many connections are dead now."""
        self._dead |= self._writers
        return len(self._dead)

    def close(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, forth}
        with suppress(ConnectionError):
            await asyncio.gather(self._copy(reader, forth), self._copy(back, writer))

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if target not in self._dead:
                target.write(data)
        if target not in self._dead:
            target.close()


@pytest.mark.slow
@pytest.mark.parametrize("when", ["between two requests", "in an answer"])
async def test_another_network_leaves_no_request_on_the_dead_connections_of_the_first(
    start_bridge: Make, when: str
) -> None:
    with Emulator(script=Script.parse(OBEDIENT)) as emulator:
        network = Network(emulator.base_url)
        harness = await start_bridge(emulator, api_base=await network.start())
        patience = harness.settings.coze.model_copy(update={"stall_timeout_s": 1.0})
        harness.settings = harness.settings.model_copy(update={"coze": patience})
        await harness.result(await harness.ask("note", {"text": "first"}))
        if when == "in an answer":
            harness.tools.go_on.clear()
            request_id = await harness.ask("wait", {"text": "second"})
            await asyncio.to_thread(harness.tools.started.wait, 15)
        assert network.change() > 0
        if when == "between two requests":
            request_id = await harness.ask("wait", {"text": "second"})
        harness.tools.go_on.set()
        assert (await harness.result(request_id, 40)).state is State.SUCCEEDED
        assert harness.tools.begun == {"second": 1}
        third = await harness.result(await harness.ask("note", {"text": "third"}), 40)
        assert third.state is State.SUCCEEDED
        await harness.close()
        network.close()


@JUMPS
async def test_a_clock_that_is_set_changes_nothing_for_what_runs_and_what_waits(
    start_bridge: Make, wall: Clock, jump_s: float
) -> None:
    harness = await start_bridge(clock=wall, steady=time.time, parallel=2)
    harness.tools.go_on.clear()
    running = await harness.ask("wait", {"text": "running"})
    await asyncio.to_thread(harness.tools.started.wait, 15)
    other = await harness.ask("wait", {"text": "other"})
    waiting = await harness.ask("note", {"text": "waiting"})
    wall.advance(jump_s)
    await asyncio.sleep(0.2)
    late = await harness.ask("note", {"text": "late"})
    harness.tools.go_on.set()
    ended = [await harness.result(one) for one in (running, other, waiting, late)]
    assert [request.state for request in ended] == [State.SUCCEEDED] * 4
    assert harness.tools.begun == {"running": 1, "other": 1}
    assert harness.tools.done == dict.fromkeys(("running", "other", "waiting", "late"), 1)


@JUMPS
async def test_a_pause_before_the_next_try_lasts_as_long_as_it_was_to(
    start_bridge: Make, wall: Clock, jump_s: float
) -> None:
    harness = await start_bridge(clock=wall, steady=time.time)
    harness.emulator.add_fault("refuse", on="chat", code=5000, msg="later", times=1)
    request_id = await harness.ask()

    async def put_back() -> bool:
        request = await harness.service.get(request_id)
        return bool(request and request.problem)

    await eventually(put_back)
    wall.advance(jump_s)
    assert (await harness.result(request_id)).state is State.SUCCEEDED


@JUMPS
async def test_an_idempotency_key_is_remembered_across_a_jump(
    start_bridge: Make, wall: Clock, jump_s: float
) -> None:
    harness = await start_bridge(clock=wall, steady=time.time)
    request_id = await harness.ask(idempotency_key="k")
    await harness.result(request_id)
    wall.advance(jump_s)
    await looked_again(harness)
    assert await harness.ask(idempotency_key="k") == request_id
    assert harness.tools.done["a"] == 1


async def test_what_ended_is_forgotten_when_its_time_is_over(start_bridge: Make, wall: Clock) -> None:
    harness = await start_bridge(clock=wall)  # time has really passed
    request_id = await harness.ask(idempotency_key="k")
    await harness.result(request_id)
    wall.advance(8 * DAY_S)
    await looked_again(harness)
    assert await harness.service.get(request_id) is None


@pytest.mark.parametrize("counted", [True, False], ids=["time asleep counted", "not counted"])
async def test_a_tool_that_ran_when_the_computer_fell_asleep_is_run_once(
    start_bridge: Make, wall: Clock, counted: bool
) -> None:
    """Longer than any lease, shorter than the timeout of the request."""
    more = {} if counted else {"steady": time.time}
    harness = await start_bridge(clock=wall, request_timeout_s=DAY_S, **more)
    harness.tools.go_on.clear()
    request_id = await harness.ask("wait")
    await asyncio.to_thread(harness.tools.started.wait, 15)
    wall.advance(8 * 3600)
    await looked_again(harness)
    harness.tools.go_on.set()
    request = await harness.result(request_id)
    assert (request.state, harness.tools.begun["a"], harness.tools.done["a"]) == (State.SUCCEEDED, 1, 1)


@pytest.mark.slow
async def test_a_request_whose_timeout_was_slept_through_has_failed_of_that(
    start_bridge: Make, wall: Clock
) -> None:
    harness = await start_bridge(clock=wall, parallel=1)
    harness.tools.go_on.clear()
    ids = [await harness.ask("wait", {"text": text}, relay="direct") for text in "ab"]
    await asyncio.to_thread(harness.tools.started.wait, 15)
    wall.advance(8 * 3600)
    ended = [await harness.result(request_id, 40) for request_id in ids]
    assert [r.problem and r.problem.kind for r in ended] == ["expired", "expired"]
    assert harness.tools.begun == {"a": 1}


@JUMPS
async def test_a_letter_is_taken_by_a_clock_that_was_set(
    start_bridge: Make, wall: Clock, jump_s: float
) -> None:
    harness = await start_bridge(intakes=["mailbox"], relay="direct", clock=wall, steady=time.time)

    async def looked() -> str:
        (box,) = (await harness.bridge.status()).intakes
        return box.address if box.alive_at else ""

    workflow = Workflow(harness, await eventually(looked))
    wall.advance(jump_s)
    await workflow.request("r", text="a")
    assert (await workflow.answer("r"))["state"] == "succeeded"
    await workflow.aclose()


@pytest.mark.slow
@pytest.mark.parametrize("ahead_s", [8 * 3600, -8 * 3600], ids=["ahead", "behind"])
async def test_a_letter_is_taken_by_a_clock_that_was_never_right(start_bridge: Make, ahead_s: float) -> None:
    """Its age is what Coze's own clock says: two systems on a computer differ by their time zone."""
    wrong = Clock(time.time() + ahead_s)
    harness = await start_bridge(intakes=["mailbox"], relay="direct", clock=wrong)

    async def looked() -> str:
        (box,) = (await harness.bridge.status()).intakes
        return box.address if box.alive_at else ""

    workflow = Workflow(harness, await eventually(looked))
    await workflow.request("r", text="a")
    assert (await workflow.answer("r"))["state"] == "succeeded"
    await workflow.aclose()


async def test_a_restart_with_a_clock_that_was_set_back_waits_for_no_pause(
    start_bridge: Make, wall: Clock
) -> None:
    harness = await start_bridge(clock=wall)
    harness.emulator.add_fault("refuse", on="chat", code=5000, msg="later", times=1)
    request_id = await harness.ask()

    async def put_back() -> bool:
        request = await harness.service.get(request_id)
        return bool(request and request.problem)

    await eventually(put_back)
    await harness.bridge.stop()
    wall.advance(-DAY_S)
    await harness.bridge.start()
    assert (await harness.result(request_id)).state is State.SUCCEEDED
