"""`c2jy-tui mcp`: the tools for any agent that speaks the Model Context Protocol."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from c2jy_tui.commands import say
from c2jy_tui.commands.running import print_call, print_stderr, with_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from c2jy_bridge.core.events import Event
    from c2jy_bridge.engine import Engine


def run(options: argparse.Namespace) -> int:
    """Serve until the client closes its end, or a signal; 1 when it cannot be served."""

    async def work(engine: Engine) -> int:
        printing = asyncio.create_task(_print_calls(engine.events()))
        try:
            if options.http:
                problem = await engine.serve_agents(
                    host=options.host,
                    port=options.port,
                    listening=lambda url: print_stderr(say("mcp.on", url=url)),
                )
            else:
                # From here on stdout is the protocol's alone; whatever else is printed goes to stderr.
                wire, sys.stdout = sys.stdout.buffer, sys.stderr
                problem = await engine.serve_agents(stdout=wire)
        finally:
            printing.cancel()
        if problem is not None:
            print_stderr(problem.message, problem.hint)
            return 1
        return 0

    return with_engine(options, work, asks=True, issues=True)


async def _print_calls(events: AsyncIterator[Event]) -> None:
    from c2jy_bridge.core.events import ToolCallFinished

    async for event in events:
        if isinstance(event, ToolCallFinished):
            print_call(event)
