"""The way to MCP clients over streamable HTTP on this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from mcp.server.transport_security import TransportSecuritySettings

from c2jy_bridge.core.settings import BridgeSettings
from c2jy_bridge.mcp.server import ToolServer
from c2jy_bridge.relay.intakes.http.app import embedded_server
from c2jy_bridge.relay.intakes.http.guard import AnswerCounts, Guard, RateLimit, Rules, host_name
from c2jy_bridge.relay.intakes.http.intake import address_of, listen
from c2jy_bridge.relay.intakes.http.tokens import Tokens

PATH: Final = "/mcp"
GRACE_S: Final = 2
"""Seconds that answers under way get when the server stops."""


async def serve_http(
    tools: ToolServer,
    settings: BridgeSettings,
    tokens: Tokens,
    host: str,
    port: int,
    listening: Callable[[str], None],
) -> None:
    """Serve any number of clients over streamable HTTP until cancelled.

    Every request needs the bridge's bearer token, an allowed Host and, from a browser, an allowed Origin.

    Args:
        tools: What is served.
        settings: Allowed hosts and origins, limits.
        tokens: The bridge's token.
        host: Address; loopback unless the settings allow others.
        port: 0 takes a free one.
        listening: Called with the address once connections are answered.

    Raises:
        BridgeProblem: The address cannot be listened on.
        OSError: The token can be neither read nor written.
    """
    await asyncio.to_thread(tokens.current)
    listener: socket.socket = await asyncio.to_thread(listen, host, port, allow_remote=settings.allow_remote)
    address = address_of(listener)
    server = tools.server()
    # The guard in front checks hosts and origins, by the settings that the bridge has.
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=settings.max_body_bytes,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    names = {host_name(name.lower()) for name in (host, *settings.allowed_hosts)} - {""}
    rules = Rules(
        hosts=names | {"localhost", "127.0.0.1", "::1", urlsplit(address).hostname or ""},
        origins={origin.rstrip("/").lower() for origin in settings.allowed_origins},
        accepts=tokens.accepts,
        max_body_bytes=settings.max_body_bytes,
    )
    guarded = Guard(app, rules=rules, limit=RateLimit(settings.rate_per_minute), answered=AnswerCounts())
    web = embedded_server(guarded, GRACE_S)
    try:
        async with server.session_manager.run():
            serving = asyncio.create_task(web.serve(sockets=[listener]))
            try:
                await web.listening.wait()
                listening(f"{address}{PATH}")
                await asyncio.shield(serving)
            finally:
                await tools.close()
                web.should_exit = True
                await asyncio.wait({serving}, timeout=GRACE_S + 1)
    finally:
        listener.close()
