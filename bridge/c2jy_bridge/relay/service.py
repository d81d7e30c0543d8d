"""Entry point for intakes: accepts requests, wakes the worker, lets callers wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from c2jy_bridge.core.bridge_requests import BridgeRequest, RelayMode, RequestSource, State
from c2jy_bridge.core.events import BridgeRequestChanged, Event
from c2jy_bridge.core.settings import BridgeSettings
from c2jy_bridge.relay.request import Accepted, Change, Submission
from c2jy_bridge.relay.request_queue import RequestQueue


class ChangeNotifier:
    """Announces changes after they are durable; for one event loop."""

    def __init__(self, emit: Callable[[Event], Awaitable[None]], clock: Callable[[], float]) -> None:
        """`emit` is awaited with a BridgeRequestChanged for each change."""
        self._emit = emit
        self._clock = clock
        self._next = asyncio.Event()

    async def notify(self, request: BridgeRequest) -> None:
        """Announce that a request has changed."""
        self._next.set()
        self._next = asyncio.Event()
        event = BridgeRequestChanged(at=self._clock(), request_id=request.request_id, state=request.state)
        await self._emit(event)

    def next(self) -> asyncio.Event:
        """Set with the next change of any request. Take it first, then look, then wait: nothing is missed."""
        return self._next


class RequestService:
    """The only way in for requests, shared by all intakes."""

    def __init__(
        self,
        queue: RequestQueue,
        changes: ChangeNotifier,
        settings: BridgeSettings,
        *,
        wake: Callable[[], None],
        stop: Callable[[str], Awaitable[None]],
    ) -> None:
        """`wake` tells the worker that there is something in the queue; `stop` has it stop one request."""
        self._queue = queue
        self._wake = wake
        self._stop = stop
        self._changes = changes
        self._settings = settings

    async def submit(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        source: RequestSource,
        requester: str = "",
        idempotency_key: str = "",
        relay: RelayMode | None = None,
        timeout_s: float | None = None,
        submitted_at: float | None = None,
        reply_to: str = "",
    ) -> Accepted:
        """Accept a request; it is durable when this returns.

        Args:
            tool: The tool to call.
            arguments: Its arguments; the tool runner validates them.
            source: The intake.
            requester: Whose idempotency keys they are.
            idempotency_key: Makes a repetition the same request; when empty, every call makes a new request.
            relay: How to run it; None is as the settings say.
            timeout_s: Seconds until it fails; None, or more than the settings allow, is as the settings say.
            submitted_at: Unix seconds from which they count; None is now.
            reply_to: The key of whoever waits for the answer, when it is not `idempotency_key`.

        Raises:
            KeyReused: The key was used for another request.
            QueueFull: Too many requests are open.
        """
        longest_s = self._settings.request_timeout_s
        accepted = await self._queue.accept(
            Submission(
                tool=tool,
                arguments=arguments,
                source=source,
                requester=requester,
                idempotency_key=idempotency_key,
                relay=relay or self._settings.relay,
                timeout_s=longest_s if timeout_s is None else min(timeout_s, longest_s),
                submitted_at=submitted_at,
                reply_to=reply_to,
            )
        )
        if accepted.created:
            self._wake()
            await self._changes.notify(accepted.request)
        return accepted

    async def cancel(self, request_id: str) -> BridgeRequest | None:
        """End a request, or have it stopped when it is at work; None when there is none of that id."""
        request = await self._queue.cancel(request_id)
        if request is not None:
            if request.cancel_wanted and not request.ended:
                await self._stop(request_id)
            await self._changes.notify(request)
        return request

    async def get(self, request_id: str) -> BridgeRequest | None:
        """Look one request up."""
        return await self._queue.get(request_id)

    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        """Newest first; `before` is the `seq` of the last one seen."""
        return await self._queue.page(before=before, limit=limit, state=state)

    async def undelivered(self, source: RequestSource) -> Sequence[BridgeRequest]:
        """Ended requests whose answer still has to be sent, oldest first."""
        return await self._queue.undelivered(source)

    async def delivered(self, request_id: str) -> None:
        """Record that the answer was sent."""
        await self._queue.delivered(request_id)

    async def counts(self) -> Mapping[State, int]:
        """Count requests by state."""
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
