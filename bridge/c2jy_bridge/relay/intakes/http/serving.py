"""uvicorn as a guest in somebody else's event loop: no signals, no exit, no log on the screen."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

# Imported here, so that whoever imports this module in a thread has everything.
from c2jy_bridge.relay.intakes.http import app as _app  # noqa: F401  (for its import time)


class EmbeddedServer(uvicorn.Server):
    """A server that leaves the process's signal handlers alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        """Set when connections are answered."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        try:
            await super().startup(sockets)
        finally:
            self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: Ctrl+C belongs to the app."""
        yield


def server_of(app: ASGIApp, grace_s: int) -> EmbeddedServer:
    """A server for sockets that are bound already: it has nothing left to exit for."""
    return EmbeddedServer(
        uvicorn.Config(
            app,
            loop="none",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=grace_s,
        )
    )
