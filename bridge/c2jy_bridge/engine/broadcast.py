"""Every event to everybody who listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from c2jy_bridge.core.events import Event


class Broadcast:
    """One stream of events for each listener, in order and without loss; for one event loop.

    What happens before anybody listens is kept for the first who does: an engine may begin to take up an
    unfinished turn before its screen has found its place.
    """

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event | None]] = set()
        self._early: list[Event] | None = []
        self._closed = False

    def publish(self, event: Event) -> None:
        """Hand `event` to everybody who listens now."""
        if self._early is not None:
            self._early.append(event)
        for queue in self._queues:
            queue.put_nowait(event)

    def subscribe(self) -> AsyncIterator[Event]:
        """All events from this call on, not from the first `await`, until `close`."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        for event in self._early or ():
            queue.put_nowait(event)
        self._early = None
        if self._closed:
            queue.put_nowait(None)
        self._queues.add(queue)
        return self._read(queue)

    def close(self) -> None:
        """End every stream after what was published."""
        self._closed = True
        for queue in self._queues:
            queue.put_nowait(None)

    async def _read(self, queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._queues.discard(queue)
