"""The HTTP intake: listens while bridge mode is on, in the app's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import shutil
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.plugin import ToolRegistry
from c2jy_bridge.relay.intakes.http.listening import address_of, listen
from c2jy_bridge.relay.intakes.http.tokens import Tokens
from c2jy_bridge.relay.problems import ours
from c2jy_bridge.relay.request import ENDED
from c2jy_bridge.relay.service import RequestService
from c2jy_bridge.relay.status import BridgeStatus, IntakeStatus
from c2jy_bridge.relay.storage import Storage

if TYPE_CHECKING:
    from c2jy_bridge.relay.intakes.http.responses import Closing
    from c2jy_bridge.relay.intakes.http.serving import EmbeddedServer

GRACE_S: Final = 3
"""Seconds that answers under way get when the server stops."""
FREE_BYTES: Final = 200 * 1024**2
"""Room on the disk below which no more is taken on."""


class HttpIntake:
    """One time of listening."""

    def __init__(
        self,
        settings: Settings,
        *,
        desk: RequestService,
        storage: Storage,
        registry: ToolRegistry,
        tokens: Tokens,
        status: Callable[[], Awaitable[BridgeStatus]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._storage = storage
        self._registry = registry
        self._tokens = tokens
        self._status = status
        self._clock = clock
        self._socket: socket.socket | None = None
        self._address = ""
        self._server: EmbeddedServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._closing: Closing | None = None

    async def start(self) -> None:
        """Listen; connections are answered when this returns.

        Raises:
            BridgeProblem: The address cannot be listened on.
            OSError: The token can be neither read nor made.
        """
        bridge = self._settings.bridge
        await asyncio.to_thread(self._tokens.current)
        self._socket = await asyncio.to_thread(
            listen, bridge.host, bridge.port, allow_remote=bridge.allow_remote
        )
        self._address = address_of(self._socket)
        # The web framework takes half a second to import: not on the loop that draws the screen.
        await asyncio.to_thread(importlib.import_module, "c2jy_bridge.relay.intakes.http.serving")
        from c2jy_bridge.relay.intakes.http.serving import server_of

        app, self._closing = self._app()
        self._server = server_of(app, GRACE_S)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        await self._server.listening.wait()

    async def stop(self) -> None:
        """Take no connection any more; whoever waits is answered now."""
        if self._closing is not None:
            self._closing.set()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._serving, GRACE_S + 2)
        if self._socket is not None:
            self._socket.close()

    def status(self) -> IntakeStatus:
        """A server that serves is alive now."""
        alive = self._serving is not None and not self._serving.done()
        problem = None if alive else ours("server_ended")
        return IntakeStatus("http", self._address, self._clock() if alive else 0.0, problem)

    def _app(self) -> tuple[Any, Closing]:
        from c2jy_bridge.relay.intakes.http.app import AppDeps, build
        from c2jy_bridge.relay.intakes.http.guard import Rules, host_name
        from c2jy_bridge.relay.intakes.http.rate import RateLimit
        from c2jy_bridge.relay.intakes.http.responses import Closing

        bridge, closing = self._settings.bridge, Closing()
        house = AppDeps(
            desk=self._desk,
            registry=self._registry,
            policy=self._settings.tools.policy,
            status=self._status,
            ready=self._hindrances,
            closing=closing,
            address=self._address,
            public_url=bridge.public_url,
        )
        known = [bridge.host, bridge.public_url.partition("://")[2].partition("/")[0], *bridge.allowed_hosts]
        names = {host_name(name.lower()) for name in known} - {""}
        rules = Rules(
            hosts=names | {"localhost", "127.0.0.1", "::1", urlsplit(self._address).hostname or ""},
            origins={origin.rstrip("/").lower() for origin in bridge.allowed_origins},
            accepts=self._tokens.accepts,
            max_body_bytes=bridge.max_body_bytes,
        )
        return build(house, rules, RateLimit(bridge.rate_per_minute)), closing

    async def _hindrances(self) -> Sequence[Problem]:
        """What keeps requests from being done now."""
        found: list[Problem] = []
        data_dir, limit = self._settings.data_dir, self._settings.bridge.queue_limit
        try:
            await self._storage.keep_note("ready", str(self._clock()))
        except Exception as error:
            found.append(ours("journal", why=type(error).__name__))
        else:
            counts = await self._desk.counts()
            if sum(n for state, n in counts.items() if state not in ENDED) >= limit:
                found.append(ours("queue_full", limit=limit))
        free = (await asyncio.to_thread(shutil.disk_usage, data_dir)).free
        if free < FREE_BYTES:
            found.append(ours("disk", free=free // 1024**2, data=data_dir))
        status = await self._status()
        return [*found, *([status.problem] if status.problem else [])]
