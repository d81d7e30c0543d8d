"""The TCP connections below HTTP, so that a fault can close one in the middle of an answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connections:
    """Open connections by the client's address."""

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """The protocol class for uvicorn, which notes its connections here."""
        known = self._transports

        class NotedProtocol(H11Protocol):
            """HTTP/1.1 as uvicorn speaks it."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                # uvicorn's own override narrows the transport's type as well
                super().connection_made(transport)
                if self.client is not None:
                    known[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                if self.client is not None:
                    known.pop(self.client, None)

        return NotedProtocol

    async def hang_up(self, scope: Scope, *, reset: bool = False) -> None:
        """Close the connection of a request: what was sent arrives, and then its end (FIN), or RST at once."""
        transport = self._transports.get(tuple(scope["client"]))
        if transport is None:
            return
        if reset:
            plug: Any = transport.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
        while tuple(scope["client"]) in self._transports:
            await asyncio.sleep(
                0.001
            )  # uvicorn must have seen it, or it would complain about an unfinished answer
