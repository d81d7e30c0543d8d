"""A manual clock, sequential ids, the SQLite queue and its model in memory, bridges and mailboxes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.relay.embedded_queue import EmbeddedQueue
from c2jy_bridge.relay.storage import Storage
from coze_emulator import Emulator, Script
from mailbox_workflow import cloud, quick
from nats_server import NatsServer, needs_nats, studio_settings
from relay_harness import OBEDIENT, RelayHarness
from unit.relay.memory_queue import MemoryQueue

__all__ = ["cloud", "quick"]


class Clock:
    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def new_id() -> Callable[[], str]:
    numbers: Iterator[int] = itertools.count(1)
    return lambda: f"r{next(numbers)}"


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = Storage(tmp_path / "journal.db")
    yield opened
    await opened.aclose()


STUDIO_LEASE_S = 3.0
"""Seconds of a lease at NATS, whose servers count it: what the clock calls 10 seconds."""


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats")).start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "memory", pytest.param("nats", marks=[pytest.mark.slow, needs_nats])])
async def queue(
    request: pytest.FixtureRequest, clock: Clock, new_id: Callable[[], str], tmp_path: Path
) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield MemoryQueue(limit=5, clock=clock, new_id=new_id)
    elif request.param == "sqlite":
        storage = Storage(tmp_path / "journal.db")
        yield EmbeddedQueue(storage, limit=5, clock=clock, new_id=new_id)
        await storage.aclose()
    else:
        from c2jy_bridge.relay.studio.connection import open_studio
        from c2jy_bridge.relay.studio.queue import StudioQueue

        server = request.getfixturevalue("nats")
        studio = await open_studio(studio_settings(server.url), limit=5, retention_s=7 * 86_400.0, who="test")
        queue = StudioQueue(
            studio,
            limit=5,
            machine="one",
            lease_s=STUDIO_LEASE_S,
            look_s=0.2,
            clock=clock,
            new_id=new_id,
        )
        await queue.start(follow=True, claim=True)
        yield queue
        await queue.aclose()
        await studio.aclose()


@pytest.fixture
def passes(queue: Any, clock: Clock) -> Callable[[float], Coroutine[Any, Any, None]]:
    """Lets time pass, for leases too."""

    async def wait(seconds: float) -> None:
        clock.advance(seconds)
        if not isinstance(queue, EmbeddedQueue | MemoryQueue):
            await asyncio.sleep(seconds / 10 * STUDIO_LEASE_S)

    return wait


@pytest.fixture
async def start_bridge(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Makes bridges that are on: `await start_bridge(OBEDIENT, parallel=3)`; closes all."""
    harnesses: list[RelayHarness] = []
    emulators: list[Emulator] = []

    async def make(script: str | Emulator = OBEDIENT, **more: Any) -> RelayHarness:
        if isinstance(script, str):
            script = Emulator(script=Script.parse(script)).start()
            emulators.append(script)
            # Two web apps that are built at once, in two threads, take each other's warning filters away.
            await asyncio.to_thread(script.wait_ready)
        harness = RelayHarness(tmp_path, **{"api_base": script.base_url, **more})
        harnesses.append(harness)
        harness.emulator = script
        await harness.bridge.start()
        return harness

    yield make
    for harness in harnesses:
        harness.tools.go_on.set()
        await harness.close()
    for emulator in emulators:
        emulator.stop()
