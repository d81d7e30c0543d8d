"""A connection that reads in large pieces and answers cheaply whether it is still good."""

from __future__ import annotations

import select
import ssl
import sys
import time
from typing import Any, Final

import httpcore

_PIECE: Final = 256 * 1024
"""What asyncio reads at once (asyncio.selector_events, max_size); httpcore would take a quarter of it."""

_SURELY_GOOD_S: Final = 0.1
"""A connection that brought bytes this lately is not asked; if it is gone after all, the try is repeated."""


class MediaStream(httpcore.AsyncNetworkStream):
    """Wraps httpcore's own stream.

    Its pool asks every idle connection before every request whether the host has hung up. Through anyio's
    typed attributes that costs a getpeername and some sixty calls a time, as much as a small picture itself.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._socket = inner.get_extra_info("socket")
        self._busy_at = time.monotonic()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes, more than asked for when more are there: h11 takes any amount."""
        data = await self._inner.read(max(max_bytes, _PIECE), timeout)
        self._busy_at = time.monotonic()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Hang up."""
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """The same connection, encrypted."""
        return MediaStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about a connection."""
        return self._is_readable() if info == "is_readable" else self._inner.get_extra_info(info)

    def _is_readable(self) -> bool:
        """Whether bytes, or the end, wait to be read: on an idle connection the host has hung up."""
        if time.monotonic() - self._busy_at < _SURELY_GOOD_S:
            return False
        handle = -1 if self._socket is None else self._socket.fileno()
        if handle < 0:
            return True
        if sys.platform == "win32":
            return bool(select.select([handle], [], [], 0)[0])
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(0))
