"""`c2jy-tui tools`: lists, exports and runs the tools that the Bot can call."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.events import Outcome, ToolCallAwaitingApproval, ToolCallFinished
from c2jy_bridge.core.safety import one_line
from c2jy_tui.commands import say
from c2jy_tui.commands.running import as_json, json_object, print_stderr, with_engine

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


def list_(options: argparse.Namespace) -> int:
    """Print every tool with its policy."""

    async def work(engine: Engine) -> int:
        views = engine.tools()
        if options.json:
            print(as_json(views, indent=2))
            return 0
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("tool", "policy", "what"):
            table.add_column(say(f"column.{column}"))
        for v in views:
            table.add_row(Text(v.name), say(f"policy.{v.policy}"), Text(one_line(v.about)))
        Console(highlight=False).print(table)
        return 0

    return with_engine(options, work, issues=True)


def manifest(options: argparse.Namespace) -> int:
    """Write the files to be pasted into Coze's pages; 1 when they cannot be written."""

    async def work(engine: Engine) -> int:
        try:
            written = engine.write_manifests(options.out)
        except OSError as error:
            print_stderr(say("tools.unwritable", folder=options.out, why=os_reason(error)))
            return 1
        for path in written:
            print(path)
        return 0

    return with_engine(options, work)


def call(options: argparse.Namespace) -> int:
    """Run one tool and print its output; 1 when it did not succeed."""
    arguments = json_object(options.arguments)
    if arguments is None:
        return 2

    async def work(engine: Engine) -> int:
        events = engine.events()
        call_id = await engine.call_tool(options.tool, arguments)
        asked = False
        async for event in events:
            asked = asked or (isinstance(event, ToolCallAwaitingApproval) and event.call_id == call_id)
            if isinstance(event, ToolCallFinished) and event.call_id == call_id:
                print(as_json(json.loads(event.output), indent=2))
                if asked and event.outcome is Outcome.DENIED:  # the output is worded for a Bot
                    print_stderr(say("tools.needs_yes", tool=event.tool))
                return 0 if event.outcome is Outcome.OK else 1
        return 1

    return with_engine(options, work)
