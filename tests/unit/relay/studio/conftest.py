"""Queues of several machines in one studio on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from c2jy_bridge.core.settings import StudioSettings
from c2jy_bridge.relay.studio.connection import open_studio
from c2jy_bridge.relay.studio.queue import StudioQueue
from nats_server import NatsServer, studio_settings

MakeQueue = Callable[..., Awaitable[StudioQueue]]


@pytest.fixture
def studio(nats: NatsServer) -> StudioSettings:
    return studio_settings(nats.url)


@pytest.fixture
async def machine(studio: StudioSettings) -> AsyncIterator[MakeQueue]:
    """`await machine("a")`: the queue as machine `a` has it; `await machine()`: as a gateway has it."""
    async with AsyncExitStack() as opened:

        async def make(name: str = "", **more: Any) -> StudioQueue:
            connection = await open_studio(studio, limit=50, retention_s=7 * 86_400.0, who=name or "gateway")
            opened.push_async_callback(connection.aclose)
            queue = StudioQueue(connection, limit=50, machine=name, **{"lease_s": 2.0, "look_s": 0.2, **more})
            await queue.start(follow=not name, claim=bool(name))
            opened.push_async_callback(queue.aclose)
            return queue

        yield make
