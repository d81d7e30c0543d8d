"""`c2jy-tui bridge`: bridge mode without a screen, and its token."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from c2jy_bridge.core.events import BridgeRequestChanged, Event, ToolCallFinished
from c2jy_tui.commands import say
from c2jy_tui.commands.running import print_call, print_issues, print_stderr, with_engine, with_settings
from c2jy_tui.labels import label

if TYPE_CHECKING:
    from c2jy_bridge.core.settings import Settings
    from c2jy_bridge.engine import Engine


def serve(options: argparse.Namespace) -> int:
    """Take requests until a signal, then let those at work end; 1 when it cannot begin."""
    stop = asyncio.Event()

    async def work(engine: Engine) -> int:
        print_issues(*engine.issues())
        _printing.add(asyncio.create_task(print_events(engine.events())))
        if problem := await engine.switch_bridge(True):
            print_stderr(problem.message, problem.hint)
            return 1
        print_stderr(say("bridge.on", address=(await engine.bridge()).address or "-"))
        await stop.wait()
        print_stderr(say("bridge.draining"))
        return 0  # closing the engine drains it

    return with_engine(options, work, start=True, interrupt=lambda _: stop.set())


_printing: set[asyncio.Task[None]] = set()
"""Prints until the engine has closed: what ends while it drains too."""


def token(options: argparse.Namespace) -> int:
    """Print the token alone on stdout; it counts in a running bridge at once."""
    from c2jy_bridge.engine import bridge_token

    def show(settings: Settings) -> int:
        print(bridge_token(settings, rotate=options.rotate))
        return 0

    try:
        return with_settings(options, show)
    except OSError as error:
        print_stderr(say("bridge.no_token", why=error.strerror or error))
        return 1


async def print_events(events: AsyncIterator[Event]) -> None:
    """A line for every step of a request and for every call of a tool."""
    async for event in events:
        match event:
            case BridgeRequestChanged():
                print_stderr(f"{event.request_id} {label(f'bridge_pane:state.{event.state}')}")
            case ToolCallFinished():
                print_call(event)
