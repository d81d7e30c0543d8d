"""Serves the tools to other agents by MCP; the SDK is imported only then."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Final

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.places import install_command
from c2jy_bridge.core.settings import Settings

if TYPE_CHECKING:
    from c2jy_bridge.engine.composition import Services

say: Final = catalogue("engine")


async def serve_agents(
    services: Services,
    settings: Settings,
    new_id: Callable[[], str],
    *,
    stdout: IO[bytes] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    listening: Callable[[str], None] = lambda address: None,
) -> Problem | None:
    """Serve until the client closes its end (`stdout`) or the task is cancelled (HTTP).

    Args:
        services: The engine's.
        settings: All settings.
        new_id: Creates call ids.
        stdout: The pipe that only the protocol is written to; None serves HTTP.
        host: Address for HTTP.
        port: Port for HTTP; 0 takes a free one.
        listening: Called with the URL once HTTP requests are answered.

    Returns:
        Why it could not be served.
    """
    if importlib.util.find_spec("mcp") is None:
        return Problem("mcp", say("mcp.extra"), say("mcp.extra.fix", command=install_command("mcp")))
    transport = "c2jy_bridge.mcp.web" if stdout is None else "c2jy_bridge.mcp.pipes"
    served = await asyncio.to_thread(importlib.import_module, transport)
    server = importlib.import_module("c2jy_bridge.mcp.server")
    tools = server.ToolServer(
        services.registry,
        services.runner,
        settings.tools,
        emit=services.sink.emit,
        answer=services.approvals.answer,
        refuse=services.approvals.refuse,
        new_id=new_id,
        one_client=stdout is not None,
    )
    if stdout is not None:
        await served.serve_pipes(tools, stdout)
        return None
    from c2jy_bridge.relay.bridge import bridge_tokens
    from c2jy_bridge.relay.request import BridgeProblem

    tokens = bridge_tokens(settings)
    try:
        await served.serve_http(tools, settings.bridge, tokens, host, port, listening)
    except BridgeProblem as error:
        problem: Problem = error.problem
        return problem
    except OSError as error:
        reason = os_reason(error)
        return Problem("mcp", say("mcp.token", reason=reason), say("mcp.token.fix"))
    return None
