"""The gateway of a studio: takes requests in over HTTP and runs none; needs no Coze, no tools, no drafts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from nats.errors import Error as NatsError

from c2jy_bridge.core.bridge_requests import ENDED, PARKED, State
from c2jy_bridge.core.events import BridgeStarted, BridgeStopped, Event, Problem
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.steady_clock import SteadyClock
from c2jy_bridge.core.views import BridgeView, WorkerView
from c2jy_bridge.relay.intakes.http import HttpIntake, Tokens
from c2jy_bridge.relay.request import BridgeProblem, ChangeNotifier, QueueUnavailable, bridge_problem
from c2jy_bridge.relay.request_queue import RequestService
from c2jy_bridge.relay.studio.announced_tools import AnnouncedTools
from c2jy_bridge.relay.studio.artifacts import StudioArtifacts
from c2jy_bridge.relay.studio.connection import Studio, end_tasks, open_studio
from c2jy_bridge.relay.studio.queue import StudioQueue
from c2jy_bridge.relay.studio.workers import toolsets_of, workers_of

log = logging.getLogger(__name__)

SWEEP_S: Final = 3.0
"""Seconds between two looks for requests whose time is up, and for machines and their tools."""
FORGET_S: Final = 300.0


class Gateway:
    """On between `start` and `stop`."""

    def __init__(
        self,
        settings: Settings,
        *,
        tokens: Tokens,
        emit: Callable[[Event], Awaitable[None]],
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
    ) -> None:
        """Nothing is opened here; `emit` is awaited for every change of any request."""
        self._settings, self._tokens, self._emit = settings, tokens, emit
        self._clock = clock
        self._steady = steady or SteadyClock(clock)
        self.tools = AnnouncedTools()
        self.workers: list[WorkerView] = []
        """The machines that are there."""
        self._studio: Studio | None = None
        self._queue: StudioQueue | None = None
        self._intake: HttpIntake | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._problem: Problem | None = None

    async def start(self) -> None:
        """Connect, read what is there, and listen.

        Raises:
            BridgeProblem: The servers cannot be used, or the address cannot be listened on.
        """
        bridge = self._settings.bridge
        limit, retention_s = bridge.queue_limit, bridge.retention_s
        self._studio = await open_studio(
            self._settings.studio, limit=limit, retention_s=retention_s, who="gateway", role="gateway"
        )
        try:
            changes = ChangeNotifier(self._emit, self._clock)
            self._queue = StudioQueue(
                self._studio, limit=limit, changed=changes.notify, clock=self._clock, steady=self._steady
            )
            await self._queue.start(follow=True, claim=False)
            await self._look_at_workers()
            service = RequestService(
                self._queue,
                changes,
                bridge,
                check=self.tools.check,
                wake=_nothing,
                stop=_stopped_by_its_worker,
                artifacts=StudioArtifacts(self._studio),
            )
            self._sweeping = asyncio.create_task(self._sweep(changes))
            self._intake = HttpIntake(
                self._settings,
                service=service,
                probe=self._probe,
                registry=self.tools,
                tokens=self._tokens,
                status=self.status,
                emit=self._emit,
                clock=self._clock,
            )
            await self._intake.start()
        except BaseException:
            await self._close()
            raise
        await self._emit(BridgeStarted(at=self._clock(), address=(await self.status()).address))

    async def stop(self) -> None:
        """Stop listening and disconnect; requests stay in the studio."""
        await self._close()
        await self._emit(BridgeStopped(at=self._clock()))

    async def status(self) -> BridgeView:
        """The present state."""
        if self._queue is None or self._intake is None:
            return BridgeView(on=False)
        counts, intake = await self._queue.counts(), self._intake.status()
        return BridgeView(
            on=True,
            address=intake.address,
            waiting=sum(count for state, count in counts.items() if state not in ENDED),
            at_work=counts[State.RELAYING] + counts[State.RUNNING],
            parked=sum(counts[state] for state in PARKED),
            intakes=(intake,),
            problem=self._problem,
            counts=counts,
            machines=tuple(self.workers),
        )

    async def _probe(self) -> None:
        """Raise BridgeProblem when requests cannot be stored or no worker can run them."""
        assert self._studio is not None
        try:
            await self._studio.control.put("ready", b"")
        except (NatsError, TimeoutError) as error:
            servers = self._settings.studio.queue.rpartition("@")[2]
            why = str(error) or type(error).__name__
            problem = bridge_problem("studio_unreachable", servers=servers, why=why)
            raise BridgeProblem(problem) from None
        if not any(not worker.draining for worker in self.workers):
            raise BridgeProblem(bridge_problem("no_workers"))

    async def _look_at_workers(self) -> None:
        assert self._studio is not None
        self.workers = await workers_of(self._studio)
        self.tools.announce(await toolsets_of(self._studio))

    async def _sweep(self, changes: ChangeNotifier) -> None:
        assert self._queue is not None
        next_forget = 0.0
        while True:
            try:
                await self._look_at_workers()
                await self._queue.submissions.look_for_room()
                for request in await self._queue.expire(bridge_problem("expired")):
                    await changes.notify(request)
                if (now := self._steady()) >= next_forget:
                    next_forget = now + FORGET_S
                    await self._queue.forget(now - self._settings.bridge.retention_s)
            except (NatsError, TimeoutError, QueueUnavailable) as error:
                log.warning("the studio's servers: %s", error)
            except Exception:
                log.exception("the sweep failed")
            await asyncio.sleep(SWEEP_S)

    async def _close(self) -> None:
        if self._intake is not None:
            await self._intake.stop()
        if self._sweeping is not None:
            await end_tasks(self._sweeping)
        with suppress(NatsError):
            if self._queue is not None:
                await self._queue.aclose()
            if self._studio is not None:
                await self._studio.aclose()
        self._intake = self._sweeping = self._queue = self._studio = None


def _nothing() -> None:
    """Workers are offered requests by the servers."""


async def _stopped_by_its_worker(request_id: str) -> None:
    """The queue tells the machine that runs it."""
