"""A leased request: writes each step through the lease, keeps the lease, and watches the timeout."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from c2jy_bridge.core.bridge_requests import BridgeRequest, ChatRef, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.problems import bridge_problem
from c2jy_bridge.relay.request import Ending, Lease, LeaseLost
from c2jy_bridge.relay.request_queue import RequestQueue

OnChange = Callable[[BridgeRequest], Awaitable[None]]
"""Awaited with a request after each durable change of it."""


class Job:
    """One claim of one request. Everything that writes raises LeaseLost when the claim no longer holds."""

    def __init__(self, lease: Lease, queue: RequestQueue, on_change: OnChange) -> None:
        self.lease = lease
        self.request = lease.request
        """As it was after the last step."""
        self.overdue = False
        """It timed out: if it is cancelled from now on, it has failed of that."""
        self._queue = queue
        self._on_change = on_change

    @property
    def ended(self) -> bool:
        """Whether its end is written."""
        return self.request.ended

    @property
    def open_chat(self) -> ChatRef | None:
        """The chat that an earlier worker left without an end."""
        left = [chat for chat in self.request.chats if chat.is_open]
        return left[-1] if left else None

    async def asking(self, handle_digest: str) -> None:
        """The Bot is about to be asked with a new handle."""
        await self._step(self._queue.asking(self.lease, handle_digest))

    async def in_chat(self, chat: ChatRef) -> None:
        """The Bot answers in this chat."""
        await self._step(self._queue.in_chat(self.lease, chat))

    async def running(self, call_id: str, used_by: str = "") -> None:
        """The tool starts."""
        await self._step(self._queue.running(self.lease, call_id, used_by))

    async def chat_ended(self, turn_id: str) -> None:
        """The chat has ended, whatever became of the request."""
        await self._queue.chat_ended(turn_id)

    async def renew(self, lease_s: float) -> None:
        """Extend the lease."""
        self.request = await self._queue.renew(self.lease, lease_s)

    async def release(self, not_before: float, problem: Problem | None) -> None:
        """Put it back into the queue; nobody gets it before that time."""
        await self._step(self._queue.release(self.lease, not_before=not_before, problem=problem))

    async def park(self, problem: Problem) -> None:
        """Let it rest until `RequestQueue.unpark`."""
        await self._step(self._queue.park(self.lease, problem))

    async def finish(self, ending: Ending) -> None:
        """Write its end; what was stopped on timeout has failed of that."""
        if ending.state is State.CANCELLED and self.overdue:
            ending = Ending(State.FAILED, ending.result, bridge_problem("expired"))
        await self._step(self._queue.finish(self.lease, ending))

    async def _step(self, written: Awaitable[BridgeRequest]) -> None:
        self.request = await written
        await self._on_change(self.request)


log = logging.getLogger(__name__)

LEASE_S: Final = 60.0
"""Longer than a garbage collection or a slow disk, short enough that a dead worker's request is soon free."""
RENEW_S: Final = 15.0
STOP_S: Final = 10.0
"""Seconds that a stopped request has to end by itself."""


async def keep_lease(
    job: Job, stop: Callable[[], Awaitable[None]], work: asyncio.Task[Any] | None, clock: Callable[[], float]
) -> None:
    """Renew the lease until the request has ended; stop it on timeout or when somebody cancels it.

    Args:
        job: The request.
        stop: Asks the relay to stop.
        work: The task that runs the relay; cancelled when that is not enough, or when the lease is lost.
        clock: Unix seconds.
    """
    stopped_at: float | None = None
    while not job.ended:
        try:
            await job.renew(LEASE_S)
        except LeaseLost:
            if work is not None and not job.ended:
                work.cancel()
            return
        except Exception:
            log.exception("the lease of %s was not renewed", job.request.request_id)
        late_in = job.request.expires_at - clock()
        job.overdue = job.overdue or late_in <= 0
        if stopped_at is None and (job.overdue or job.request.cancel_wanted):
            stopped_at = clock()
            await stop()
        elif stopped_at is not None and clock() - stopped_at > STOP_S and work is not None:
            work.cancel()
            return
        await asyncio.sleep(1.0 if stopped_at is not None else max(0.05, min(RENEW_S, late_in)))
