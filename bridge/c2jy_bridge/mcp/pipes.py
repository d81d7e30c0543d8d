"""The way to an MCP client over the pipes of this process."""

from __future__ import annotations

import io
from typing import IO

import anyio
from mcp.server.stdio import stdio_server

from c2jy_bridge.mcp.server import ToolServer


async def serve_pipes(tools: ToolServer, stdout: IO[bytes]) -> None:
    """Serve one client over stdin and `stdout` until it closes its end.

    Args:
        tools: What is served.
        stdout: What the protocol alone is written to: file descriptor 1 must lead elsewhere, so that nothing
            that a tool, a library or a child prints gets into it. stdin is taken from them as well.
    """
    server = tools.server()
    wire = io.TextIOWrapper(stdout, encoding="utf-8", newline="\n", write_through=True)
    try:
        async with stdio_server(stdout=anyio.wrap_file(wire)) as (received, sent):
            await server.run(received, sent, server.create_initialization_options())
    finally:
        await tools.close()
        wire.detach()  # else it would close stdout when it is collected
