"""A bridge that listens, and a client that has its token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from relay_harness import RelayHarness


class Caller(httpx.AsyncClient):
    """A client with the bridge's address and token; `harness` runs that bridge."""

    harness: RelayHarness


@pytest.fixture
async def call(start_bridge: Callable[..., Any]) -> AsyncIterator[Callable[..., Any]]:
    """Makes bridges that listen: `client = await call(relay="direct")`."""
    clients: list[Caller] = []

    async def make(*script: str, **settings: Any) -> Caller:
        harness = await start_bridge(*script, intakes=["http"], **{"port": 0, "relay": "direct", **settings})
        address = (await harness.bridge.status()).address
        token = {"Authorization": f"Bearer {harness.tokens.current()}"}
        client = Caller(base_url=address, headers=token, timeout=30)
        client.harness = harness
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()
