"""What the emulator puts on the wire: error bodies, events, connections that can be cut."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

PARAMETER: Final = 4000
RATE_LIMITED: Final = 4013
OCCUPIED: Final = 4016
UNAUTHENTICATED: Final = 4100
FORBIDDEN: Final = 4101
NOT_CANCELLABLE: Final = 4104
NOT_FOUND: Final = 4200
INTERNAL: Final = 5000

_OCCUPIED_TEXT: Final = (  # word for word from Coze
    "Conversation occupied: Another chat is currently active. Please wait for the ongoing chat to complete "
    "or create a new conversation to start a separate chat. Ensure only one chat runs at a time within the "
    "same conversation."
)
MESSAGES: Final[dict[int, str]] = {
    PARAMETER: "Request parameter error",
    RATE_LIMITED: "The request frequency exceeds the limit. Please try again later.",
    OCCUPIED: _OCCUPIED_TEXT,
    UNAUTHENTICATED: "authentication is invalid",
    FORBIDDEN: "You do not have permission to access this resource.",
    NOT_CANCELLABLE: "The chat cannot be cancelled in its current status.",
    NOT_FOUND: "The requested resource does not exist or is not published.",
    INTERNAL: "internal server error",
}
STATUSES: Final[dict[int, int]] = {RATE_LIMITED: 429, UNAUTHENTICATED: 401, FORBIDDEN: 403}
"""HTTP statuses that go with a code; 200 for the others (which ones live Coze sends is not documented)."""


class CozeError(Exception):
    """A refusal in Coze's own form, `{code, msg, detail: {logid}}`."""

    def __init__(self, code: int, msg: str = "", status: int | None = None) -> None:
        self.code = code
        self.msg = msg or MESSAGES.get(code, "unknown error")
        self.status = STATUSES.get(code, 200) if status is None else status
        super().__init__(f"{self.code}: {self.msg}")


def bad_parameter(what: str) -> CozeError:
    """A 4000 that names the parameter."""
    return CozeError(PARAMETER, f"{MESSAGES[PARAMETER]}: {what}")


class Connections:
    """Open connections by the client's address."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], _Open] = {}
        self.aborted = False

    def protocol(self) -> type[H11Protocol]:
        """The protocol class for uvicorn, which notes its connections here."""
        known = self._open

        class NotedProtocol(H11Protocol):
            """HTTP/1.1 as uvicorn speaks it."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                # uvicorn's own override narrows the transport's type as well
                super().connection_made(transport)
                if self.client is not None:
                    known[self.client] = _Open(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                if self.client is not None and (gone := known.pop(self.client, None)):
                    gone.lost.set()

        return NotedProtocol

    async def hang_up(self, scope: Scope, *, reset: bool = False) -> None:
        """Close the connection of a request: with FIN what was sent still arrives, RST takes it back.

        It returns when uvicorn has seen the end, or uvicorn would complain about an unfinished answer.
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
        """Close every connection, whatever is being sent: the emulator stops."""
        self.aborted = True
        for connection in list(self._open.values()):
            connection.transport.abort()


@dataclass(frozen=True, slots=True)
class _Open:
    transport: asyncio.Transport
    lost: asyncio.Event = field(default_factory=asyncio.Event)
