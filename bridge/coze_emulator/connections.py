"""Tracks the TCP connections below HTTP, so that a fault can close one in the middle of a response."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connections:
    """Open connections by the client's address."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], _Open] = {}
        self.aborted = False

    def protocol(self) -> type[H11Protocol]:
        """A protocol class for uvicorn that registers its connections here."""
        known = self._open

        class TrackedProtocol(H11Protocol):
            """uvicorn's HTTP/1.1 protocol."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                # uvicorn's own override narrows the transport's type as well
                super().connection_made(transport)
                if self.client is not None:
                    known[self.client] = _Open(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                if self.client is not None and (gone := known.pop(self.client, None)):
                    gone.lost.set()

        return TrackedProtocol

    async def hang_up(self, scope: Scope, *, reset: bool = False) -> None:
        """Close the connection of a request: after FIN the sent data still arrives, RST discards it.

        Returns once uvicorn has noticed, or uvicorn would log an unfinished response.
        """
        connection = self._open.get(tuple(scope["client"]))
        if connection is None:
            return
        if reset:
            plug: Any = connection.transport.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.transport.abort()
        else:
            connection.transport.close()
        await connection.lost.wait()

    def abort_all(self) -> None:
        """Close every connection at once: the emulator is stopping."""
        self.aborted = True
        for connection in list(self._open.values()):
            connection.transport.abort()


@dataclass(frozen=True, slots=True)
class _Open:
    transport: asyncio.Transport
    lost: asyncio.Event = field(default_factory=asyncio.Event)
