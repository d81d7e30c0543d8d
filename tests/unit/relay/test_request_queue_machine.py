"""Requests, repetitions, workers that crash anywhere, restarts, cancels, leases that run out: in any order.

Whatever the order: a key has one request, a request has at most one effect and one end, and every accepted
request ends.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from c2jy_bridge.core.bridge_requests import BridgeRequest, ChatRef, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.embedded_queue import EmbeddedQueue
from c2jy_bridge.relay.request import Ending, KeyReused, Lease, LeaseLost, QueueFull, Submission
from c2jy_bridge.relay.storage import Storage
from nats_server import NatsServer, needs_nats, studio_settings
from unit.relay.conftest import Clock
from unit.relay.memory_queue import MemoryQueue

T = TypeVar("T")
LATE = Problem(kind="expired", message="", hint="")
LEASE_S = 30.0
KEYS = st.sampled_from(["", "a", "b", "c"])
STEPS = ("asking", "in_chat", "running", "effect", "finish")


@dataclass
class Worker:
    name: str
    lease: Lease
    step: int = 0


class Requests(RuleBasedStateMachine):
    engine = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.numbers = itertools.count(1)
        self.names = itertools.count(1)
        self.storage: Storage | None = None
        self.queue: Any = None
        self.workers: list[Worker] = []
        self.by_key: dict[str, tuple[int, str]] = {}
        self.accepted: list[str] = []
        self.receipts: set[str] = set()
        self.effects: Counter[str] = Counter()
        self.ends: dict[str, BridgeRequest] = {}

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    def fresh(self) -> str:
        return f"r{next(self.numbers)}"

    @initialize()
    def open(self) -> None:
        if self.engine == "memory":
            self.queue = MemoryQueue(limit=6, clock=self.clock, new_id=self.fresh)
        else:
            self.storage = Storage(Path(self.folder.name) / "journal.db")
            self.queue = EmbeddedQueue(self.storage, limit=6, clock=self.clock, new_id=self.fresh)

    async def close(self) -> None:
        if self.storage is not None:
            await self.storage.aclose()

    @rule(key=KEYS, body=st.integers(1, 2), timeout_s=st.sampled_from([40.0, 400.0]))
    def somebody_asks(self, key: str, body: int, timeout_s: float) -> None:
        submission = Submission("tool", {"body": body}, "http", idempotency_key=key, timeout_s=timeout_s)
        known = self.by_key.get(key) if key else None
        if known is not None and known[0] != body:
            with pytest.raises(KeyReused) as reused:
                self.run(self.queue.accept(submission))
            assert reused.value.request_id == known[1]
            return
        try:
            accepted = self.run(self.queue.accept(submission))
        except QueueFull:
            assert len(self.accepted) - len(self.ends) >= 6
            return
        request_id = accepted.request.request_id
        assert accepted.created == (known is None)
        if known is None:
            self.accepted.append(request_id)
            if key:
                self.by_key[key] = (body, request_id)
        else:
            assert known == (body, request_id)

    @rule()
    def a_worker_claims(self) -> None:
        name = f"w{next(self.names)}"
        lease = self.run(self.queue.claim(name, LEASE_S))
        if lease is not None:
            self.workers.append(Worker(name, lease))

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def a_worker_goes_on(self, data: st.DataObject) -> None:
        self.advance(data.draw(st.sampled_from(self.workers)))

    def advance(self, worker: Worker) -> None:
        lease, request_id = worker.lease, worker.lease.request.request_id
        step = STEPS[worker.step]
        if request_id in self.receipts and step in STEPS[:3]:
            worker.step, step = 4, "finish"  # taken up after the tool had done it
        try:
            match step:
                case "asking":
                    if self.run(self.queue.renew(lease, LEASE_S)).cancel_wanted:
                        self.run(self.queue.finish(lease, Ending(State.CANCELLED)))
                        self.workers.remove(worker)
                        return
                    self.run(self.queue.asking(lease, "digest"))
                case "in_chat":
                    turn = f"{request_id}/{lease.claim}"
                    self.run(self.queue.in_chat(lease, ChatRef(turn, "conv", turn)))
                case "running":
                    self.run(self.queue.running(lease, "call"))
                case "effect":
                    if request_id not in self.receipts:
                        self.effects[request_id] += 1
                        self.receipts.add(request_id)
                case "finish":
                    self.run(self.queue.finish(lease, Ending(State.SUCCEEDED, "{}")))
                    self.workers.remove(worker)
        except LeaseLost:
            self.workers.remove(worker)
        else:
            worker.step += 1

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def a_worker_dies(self, data: st.DataObject) -> None:
        self.workers.remove(data.draw(st.sampled_from(self.workers)))

    def early_worker(self, data: st.DataObject) -> Worker | None:
        early = [worker for worker in self.workers if worker.step < 2]
        return data.draw(st.sampled_from(early)) if early else None

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), pause_s=st.sampled_from([0.0, 5.0]))
    def a_worker_puts_its_request_back(self, data: st.DataObject, pause_s: float) -> None:
        worker = self.early_worker(data)
        if worker is not None:
            self.workers.remove(worker)
            try:
                not_before = self.clock.now + pause_s
                self.run(self.queue.release(worker.lease, not_before=not_before, problem=None))
            except LeaseLost:
                return

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def a_worker_finds_no_login(self, data: st.DataObject) -> None:
        worker = self.early_worker(data)
        if worker is not None:
            self.workers.remove(worker)
            try:
                self.run(self.queue.park(worker.lease, State.NEEDS_LOGIN, LATE))
            except LeaseLost:
                return

    @rule()
    def there_is_a_login_again(self) -> None:
        assert all(
            request.state is State.QUEUED for request in self.run(self.queue.unpark(State.NEEDS_LOGIN))
        )

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        request = self.run(self.queue.cancel(data.draw(st.sampled_from(self.accepted))))
        assert request.ended or request.cancel_wanted

    @rule(seconds=st.sampled_from([1.0, 20.0, 45.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.run(self.queue.expire(LATE))

    @rule()
    def the_program_is_killed_and_started_again(self) -> None:
        self.workers.clear()
        if self.storage is not None:
            self.run(self.storage.aclose())
            self.open()
        self.run(self.queue.void_leases(f"w{next(self.names)}"))

    @invariant()
    def a_request_has_one_effect_and_one_end(self) -> None:
        if self.queue is None:
            return
        for request_id in self.accepted:
            request = self.run(self.queue.get(request_id))
            assert request is not None
            assert self.effects[request_id] <= 1
            if request_id in self.ends:
                assert request == self.ends[request_id]
            elif request.ended:
                self.ends[request_id] = request
            if request.state is State.SUCCEEDED:
                assert self.effects[request_id] == 1

    def teardown(self) -> None:
        try:
            if self.queue is not None:
                self.the_program_is_killed_and_started_again()
                self.there_is_a_login_again()
                for _ in range(20):
                    self.time_passes(45.0)
                    self.a_worker_claims()
                    for _ in range(1000):
                        if not self.workers:
                            break
                        self.advance(self.workers[0])
                    assert not self.workers
                    self.a_request_has_one_effect_and_one_end()
                    if set(self.ends) == set(self.accepted):
                        break
                assert set(self.ends) == set(self.accepted)
        finally:
            self.run(self.close())
            self.loop.close()
            self.folder.cleanup()


class SqliteRequests(Requests):
    engine = "sqlite"


NATS_LEASE_S = 0.2
"""A lease as NATS's servers count it, for the 30 seconds of the clock."""


class NatsRequests(Requests):
    """On a real server, which counts leases by its own clock: they may also run out while a worker lives."""

    engine = "nats"

    def __init__(self) -> None:
        super().__init__()
        self.studio: Any = None
        self.servers = tempfile.TemporaryDirectory()
        self.server = NatsServer(Path(self.servers.name)).start()
        self.settings = studio_settings(self.server.url)

    @initialize()
    def open(self) -> None:
        self.run(self._open())

    async def _open(self) -> None:
        from c2jy_bridge.relay.studio.connection import open_studio
        from c2jy_bridge.relay.studio.queue import StudioQueue

        self.studio = await open_studio(self.settings, limit=6, retention_s=7 * 86_400.0, who="one")
        self.queue = StudioQueue(
            self.studio,
            limit=6,
            machine="one",
            lease_s=NATS_LEASE_S,
            look_s=0.1,
            clock=self.clock,
            new_id=self.fresh,
        )
        await self.queue.start(follow=True, claim=True)

    async def close(self) -> None:
        if self.studio is not None:
            await self.queue.aclose()
            await self.studio.aclose()

    @rule(seconds=st.sampled_from([1.0, 20.0, 45.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds / LEASE_S * NATS_LEASE_S))
        super().time_passes(seconds)

    @rule()
    def the_program_is_killed_and_started_again(self) -> None:
        self.workers.clear()
        self.run(self.close())
        self.open()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.server.stop()
            self.servers.cleanup()


TestInMemory = Requests.TestCase
TestInMemory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestOnDisk = pytest.mark.slow(SqliteRequests.TestCase)
TestOnDisk.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
TestOnNats = pytest.mark.slow(needs_nats(NatsRequests.TestCase))
TestOnNats.settings = settings(max_examples=3, stateful_step_count=25, deadline=None)
