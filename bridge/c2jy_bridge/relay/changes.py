"""Changes of requests, to everybody in this process who waits for one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from c2jy_bridge.core.events import BridgeRequestChanged, Event
from c2jy_bridge.relay.request import BridgeRequest


class Changes:
    """Tells of changes after they are durable; for one event loop."""

    def __init__(self, saw: Callable[[Event], Awaitable[None]], clock: Callable[[], float]) -> None:
        """`saw` is awaited with a BridgeRequestChanged for each of them."""
        self._saw = saw
        self._clock = clock
        self._next = asyncio.Event()

    async def told(self, request: BridgeRequest) -> None:
        """A request has changed."""
        self._next.set()
        self._next = asyncio.Event()
        event = BridgeRequestChanged(at=self._clock(), request_id=request.request_id, state=request.state)
        await self._saw(event)

    def next(self) -> asyncio.Event:
        """Set with the next change of any request. Take it first, then look, then wait: nothing is missed."""
        return self._next
