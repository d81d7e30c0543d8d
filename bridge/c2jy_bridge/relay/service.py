"""Where the intakes come to: it takes wishes in, wakes the worker, and waits with whoever waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from c2jy_bridge.core.settings import BridgeSettings
from c2jy_bridge.relay.changes import Changes
from c2jy_bridge.relay.queue import Accepted, RequestQueue
from c2jy_bridge.relay.request import BridgeRequest, Change, Intake, Relay, State, Wanted


class Works(Protocol):
    """The worker, as far as the desk needs it."""

    def wake(self) -> None:
        """There is something in the queue."""

    async def cancel(self, request_id: str) -> None:
        """Stop a request at work."""


class RequestService:
    """The one way by which requests get in, shared by all intakes."""

    def __init__(
        self, queue: RequestQueue, worker: Works, changes: Changes, settings: BridgeSettings
    ) -> None:
        self._queue = queue
        self._worker = worker
        self._changes = changes
        self._settings = settings

    async def ask(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        source: Intake,
        requester: str = "",
        idempotency_key: str = "",
        relay: Relay | None = None,
        timeout_s: float | None = None,
        wanted_at: float | None = None,
        reply_to: str = "",
    ) -> Accepted:
        """Take a wish in; it is durable when this returns.

        Args:
            tool: The tool that is wanted.
            arguments: Its arguments, not checked yet: that is the tool runner's part.
            source: The intake.
            requester: Whose idempotency keys they are.
            idempotency_key: Makes a repetition the same request; empty makes every wish a new one.
            relay: How to run it; None is as the settings say.
            timeout_s: Seconds until it fails; None, or more than the settings allow, is as the settings say.
            wanted_at: Unix seconds from which they count; None is now.
            reply_to: The key of whoever waits for the answer, when it is not `idempotency_key`.

        Raises:
            KeyReused: The key was used for another wish.
            QueueFull: Too many requests are open.
        """
        longest_s = self._settings.request_timeout_s
        accepted = await self._queue.accept(
            Wanted(
                tool=tool,
                arguments=arguments,
                source=source,
                requester=requester,
                idempotency_key=idempotency_key,
                relay=relay or self._settings.relay,
                timeout_s=longest_s if timeout_s is None else min(timeout_s, longest_s),
                wanted_at=wanted_at,
                reply_to=reply_to,
            )
        )
        if accepted.created:
            self._worker.wake()
            await self._changes.told(accepted.request)
        return accepted

    async def cancel(self, request_id: str) -> BridgeRequest | None:
        """End a request, or have it stopped when it is at work; None when there is none of that id."""
        request = await self._queue.cancel(request_id)
        if request is not None:
            if request.cancel_wanted and not request.ended:
                await self._worker.cancel(request_id)
            await self._changes.told(request)
        return request

    async def get(self, request_id: str) -> BridgeRequest | None:
        """One request."""
        return await self._queue.get(request_id)

    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        """See `RequestQueue.page`."""
        return await self._queue.page(before=before, limit=limit, state=state)

    async def undelivered(self, source: Intake) -> Sequence[BridgeRequest]:
        """See `RequestQueue.undelivered`."""
        return await self._queue.undelivered(source)

    async def delivered(self, request_id: str) -> None:
        """See `RequestQueue.delivered`."""
        await self._queue.delivered(request_id)

    async def counts(self) -> Mapping[State, int]:
        """See `RequestQueue.counts`."""
        return await self._queue.counts()

    async def ended(self, request_id: str, wait_s: float) -> BridgeRequest | None:
        """The request when it has ended, or as it is after `wait_s` seconds; None: there is no such one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while True:
                    next_change = self._changes.next()
                    request = await self._queue.get(request_id)
                    if request is None or request.ended:
                        return request
                    await next_change.wait()
        return await self._queue.get(request_id)

    async def follow(
        self, request_id: str, *, after: int = 0, beat_s: float = 15.0
    ) -> AsyncIterator[Change | None]:
        """Changes of one request from the one after `after` to its end; None for `beat_s` of silence."""
        while True:
            next_change = self._changes.next()
            for change in await self._queue.changes(after=after, request_id=request_id):
                after = change.seq
                yield change
            request = await self._queue.get(request_id)
            if request is None or request.ended:
                # The end may have been written after the changes were read.
                for change in await self._queue.changes(after=after, request_id=request_id):
                    yield change
                return
            try:
                await asyncio.wait_for(next_change.wait(), beat_s)
            except TimeoutError:
                yield None

    def watch(self) -> Callable[[], Awaitable[object]]:
        """A wait that ends with the next change of any request after this call."""
        return self._changes.next().wait
