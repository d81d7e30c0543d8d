"""`c2jy-tui bridge`: bridge mode without a screen, and its token."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.events import (
    BridgeIntakeChanged,
    BridgeRequestChanged,
    Event,
    JournalResumed,
    JournalStopped,
    Problem,
    ToolCallFinished,
)
from c2jy_bridge.core.safety import one_line
from c2jy_tui.commands import say
from c2jy_tui.commands.running import print_call, print_stderr, with_engine, with_settings
from c2jy_tui.labels import label, source_label

if TYPE_CHECKING:
    from c2jy_bridge.core.settings import Settings
    from c2jy_bridge.engine import Engine


def serve(options: argparse.Namespace) -> int:
    """Accept requests until a signal, then let the running ones end; 1 when it cannot start."""
    stop = asyncio.Event()

    async def work(engine: Engine) -> int:
        events = engine.events()
        if problem := await engine.switch_bridge(True):
            print_stderr(problem.message, problem.hint)
            return 1
        address = (await engine.bridge()).address
        print_stderr(say("bridge.on", address=address or "-"))
        if address.startswith("http"):
            print_stderr(say("bridge.try_it", command=example_call(options, address)))
        _printing.add(asyncio.create_task(print_events(events)))
        await stop.wait()
        print_stderr(say("bridge.draining"))
        return 0  # closing the engine lets running requests end

    return with_engine(options, work, start=True, interrupt=lambda _: stop.set())


_printing: set[asyncio.Task[None]] = set()
"""Prints until the engine has closed, including requests that end during shutdown."""


def token(options: argparse.Namespace) -> int:
    """Print only the token on stdout; a running bridge accepts it at once."""
    from c2jy_bridge.engine import bridge_token

    def show(settings: Settings) -> int:
        print(bridge_token(settings, rotate=options.rotate))
        return 0

    try:
        return with_settings(options, show)
    except OSError as error:
        print_stderr(say("bridge.no_token", why=os_reason(error)))
        return 1


def example_call(options: argparse.Namespace, address: str) -> str:
    """A shell command that lists this bridge's tools, with the token of its data folder."""
    words = ["c2jy-tui"]
    for name in ("config", "profile", "data_dir"):
        if value := getattr(options, name, None):
            words += [f"--{name.replace('_', '-')}", shlex.quote(str(value))]
    if getattr(options, "demo", False):
        words.append("--demo")
    token = " ".join((*words, "bridge token"))
    return f'curl -H "Authorization: Bearer $({token})" {address}/v1/tools'


async def print_events(events: AsyncIterator[Event]) -> None:
    """One line per step of a request and per tool call, and for each failure and recovery."""
    async for event in events:
        print_event(event)


def print_event(event: Event) -> None:
    """A line for an event that concerns a bridge without a screen."""
    when = time.strftime("%H:%M:%S", time.localtime(event.at))
    match event:
        case BridgeRequestChanged():
            state = label(f"bridge_pane:state.{event.state}")
            print_stderr(when, one_line(f"{event.request_id} {event.tool} {state}{_why(event.problem)}"))
        case BridgeIntakeChanged():
            state = _why(event.problem) or say("bridge.intake_works", address=event.address)
            print_stderr(when, one_line(f"{source_label(event.intake)}{state}"))
        case JournalStopped():
            print_stderr(when, one_line(f"{event.problem.message} {event.problem.hint}"))
        case JournalResumed():
            print_stderr(when, label("tui:notice.journal_resumed"))
        case ToolCallFinished():
            print_call(event)


def _why(problem: Problem | None) -> str:
    return f": {problem.message} {problem.hint}".rstrip() if problem is not None else ""
