"""A leased request at work: every step is written through the lease, then told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.problems import ours
from c2jy_bridge.relay.queue import WorkQueue
from c2jy_bridge.relay.request import BridgeRequest, ChatRef, Ending, Lease, State

Told = Callable[[BridgeRequest], Awaitable[None]]
"""Hears of every change of a request, after it is durable."""


class Job:
    """One claim of one request. Everything that writes raises LeaseLost when the claim no longer holds."""

    def __init__(self, lease: Lease, queue: WorkQueue, told: Told) -> None:
        self.lease = lease
        self.request = lease.request
        """As it was after the last step."""
        self.overdue = False
        """Its time ran out: what is cancelled from now on has failed of that."""
        self._queue = queue
        self._told = told

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
        """See `WorkQueue.asking`."""
        await self._step(self._queue.asking(self.lease, handle_digest))

    async def in_chat(self, chat: ChatRef) -> None:
        """See `WorkQueue.in_chat`."""
        await self._step(self._queue.in_chat(self.lease, chat))

    async def running(self, call_id: str, used_by: str = "") -> None:
        """See `WorkQueue.running`."""
        await self._step(self._queue.running(self.lease, call_id, used_by))

    async def chat_ended(self, turn_id: str) -> None:
        """See `WorkQueue.chat_ended`."""
        await self._queue.chat_ended(turn_id)

    async def renew(self, lease_s: float) -> None:
        """See `WorkQueue.renew`."""
        self.request = await self._queue.renew(self.lease, lease_s)

    async def release(self, not_before: float, problem: Problem | None) -> None:
        """See `WorkQueue.release`."""
        await self._step(self._queue.release(self.lease, not_before=not_before, problem=problem))

    async def park(self, problem: Problem) -> None:
        """See `WorkQueue.park`."""
        await self._step(self._queue.park(self.lease, problem))

    async def finish(self, ending: Ending) -> None:
        """See `WorkQueue.finish`; what was stopped because its time had run out has failed of that."""
        if ending.state is State.CANCELLED and self.overdue:
            ending = Ending(State.FAILED, ending.result, ours("expired"))
        await self._step(self._queue.finish(self.lease, ending))

    async def _step(self, written: Awaitable[BridgeRequest]) -> None:
        self.request = await written
        await self._told(self.request)
