"""The HTTP intake: listens while bridge mode is on, in the app's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import ipaddress
import logging
import os
import shutil
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from c2jy_bridge.core.bridge_requests import ENDED
from c2jy_bridge.core.events import BridgeIntakeChanged, Event, Problem
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.views import BridgeView, IntakeView
from c2jy_bridge.plugin import ToolRegistry
from c2jy_bridge.relay.intakes.http.tokens import Tokens
from c2jy_bridge.relay.request import BridgeProblem, bridge_problem
from c2jy_bridge.relay.request_queue import RequestService

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from c2jy_bridge.relay.intakes.http.app import EmbeddedServer
    from c2jy_bridge.relay.intakes.http.request_routes import Closing

log = logging.getLogger(__name__)

GRACE_S: Final = 3
"""Seconds that answers under way get when the server stops."""
FREE_BYTES: Final = 200 * 1024**2
"""Free disk space below which the bridge is not ready."""


class HttpIntake:
    """The HTTP server between one `start` and one `stop`."""

    def __init__(
        self,
        settings: Settings,
        *,
        service: RequestService,
        probe: Callable[[], Awaitable[object]],
        registry: ToolRegistry,
        tokens: Tokens,
        status: Callable[[], Awaitable[BridgeView]],
        emit: Callable[[Event], Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is opened before `start`.

        Args:
            settings: Addresses and limits.
            service: Takes the requests.
            probe: Writes something where the queue is; raises when it cannot.
            registry: The tools that can be called.
            tokens: Who may call.
            status: The bridge as it is.
            emit: Awaited when the server ends by itself.
            clock: Unix seconds.
        """
        self._emit = emit
        self._settings = settings
        self._service = service
        self._probe = probe
        self._registry = registry
        self._tokens = tokens
        self._status = status
        self._clock = clock
        self._socket: socket.socket | None = None
        self._address = ""
        self._server: EmbeddedServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._reporting: asyncio.Future[None] | None = None
        self._closing: Closing | None = None

    async def start(self) -> None:
        """Listen; connections are answered when this returns.

        Raises:
            BridgeProblem: The address cannot be listened on.
            OSError: The token can be neither read nor written.
        """
        bridge = self._settings.bridge
        await asyncio.to_thread(self._tokens.current)
        self._socket = await asyncio.to_thread(
            listen, bridge.host, bridge.port, allow_remote=bridge.allow_remote
        )
        self._address = address_of(self._socket)
        # The web framework takes half a second to import: not on the loop that draws the screen.
        await asyncio.to_thread(importlib.import_module, "c2jy_bridge.relay.intakes.http.app")
        from c2jy_bridge.relay.intakes.http.app import embedded_server

        self._server = embedded_server(self._app(), GRACE_S)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        self._serving.add_done_callback(self._ended)
        await self._server.listening.wait()

    async def stop(self) -> None:
        """Stop accepting connections; waiting callers are answered now."""
        if self._closing is not None:
            self._closing.set()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._serving, GRACE_S + 2)
        if self._socket is not None:
            self._socket.close()

    def _ended(self, serving: asyncio.Task[None]) -> None:
        """Report a server that ended by itself."""
        if serving.cancelled() or self._server is None or self._server.should_exit:
            return
        log.error("the HTTP server ended: %s", type(serving.exception()).__name__)
        problem = bridge_problem("server_ended")
        event = BridgeIntakeChanged(at=self._clock(), intake="http", address=self._address, problem=problem)
        self._reporting = asyncio.ensure_future(self._emit(event))

    def status(self) -> IntakeView:
        """The address, and whether the server runs."""
        alive = self._serving is not None and not self._serving.done()
        problem = None if alive else bridge_problem("server_ended")
        return IntakeView("http", self._address, self._clock() if alive else 0.0, problem)

    def _app(self) -> ASGIApp:
        from c2jy_bridge.relay.intakes.http.app import build
        from c2jy_bridge.relay.intakes.http.guard import Rules, host_name
        from c2jy_bridge.relay.intakes.http.request_routes import Closing

        bridge, self._closing = self._settings.bridge, Closing()
        known = [bridge.host, bridge.public_url.partition("://")[2].partition("/")[0], *bridge.allowed_hosts]
        names = {host_name(name.lower()) for name in known} - {""}
        rules = Rules(
            hosts=names | {"localhost", "127.0.0.1", "::1", urlsplit(self._address).hostname or ""},
            origins={origin.rstrip("/").lower() for origin in bridge.allowed_origins},
            accepts=self._tokens.accepts,
            max_body_bytes=bridge.max_body_bytes,
        )
        return build(
            self._settings,
            service=self._service,
            registry=self._registry,
            status=self._status,
            ready=self._hindrances,
            closing=self._closing,
            address=self._address,
            rules=rules,
        )

    async def _hindrances(self) -> Sequence[Problem]:
        """Problems that keep requests from being run now."""
        found: list[Problem] = []
        data_dir, limit = self._settings.data_dir, self._settings.bridge.queue_limit
        try:
            await self._probe()
        except BridgeProblem as error:
            found.append(error.problem)
        except Exception as error:
            found.append(bridge_problem("journal", why=type(error).__name__))
        else:
            counts = await self._service.counts()
            if sum(n for state, n in counts.items() if state not in ENDED) >= limit:
                found.append(bridge_problem("queue_full", limit=limit))
        free = (await asyncio.to_thread(shutil.disk_usage, data_dir)).free
        if free < FREE_BYTES:
            found.append(bridge_problem("disk", free=free // 1024**2, data=data_dir))
        status = await self._status()
        return [*found, *([status.problem] if status.problem else [])]


BACKLOG: Final = 128


def listen(host: str, port: int, *, allow_remote: bool) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        BridgeProblem: The address is taken, is not of this machine, needs a permission, or is not loopback.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise BridgeProblem(bridge_problem("bad_address", host=host)) from None
    family, kind, protocol, _, address = found[0]
    if not allow_remote and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise BridgeProblem(bridge_problem("remote", host=host))
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere the option would let two apps share one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        kinds = {errno.EADDRINUSE: "port_taken", errno.EACCES: "port_denied"}
        name = kinds.get(error.errno or 0, "bad_address")
        raise BridgeProblem(bridge_problem(name, host=host, port=port)) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """`http://host:port` of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
