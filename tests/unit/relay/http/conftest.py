"""A bridge that listens, and a client that has its token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from unit.relay.conftest import workshop
from unit.relay.relay_harness import Workshop

__all__ = ["workshop"]


class Caller(httpx.AsyncClient):
    """Knows the bridge's address and token; `shop` is what stands behind it."""

    shop: Workshop


@pytest.fixture
async def call(workshop: Callable[..., Any]) -> AsyncIterator[Callable[..., Any]]:
    """Makes bridges that listen: `client = await call(relay="direct")`."""
    clients: list[Caller] = []

    async def make(*script: str, **settings: Any) -> Caller:
        shop = await workshop(*script, intakes=["http"], **{"port": 0, "relay": "direct", **settings})
        address = (await shop.bridge.status()).address
        token = {"Authorization": f"Bearer {shop.tokens.current()}"}
        client = Caller(base_url=address, headers=token, timeout=30)
        client.shop = shop
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()
