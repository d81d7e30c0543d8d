"""`c2jy-tui bridge gateway`, `workers` and `drain`: a studio of several machines, over NATS."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from c2jy_tui.commands import say
from c2jy_tui.commands.bridge import example_call, print_event
from c2jy_tui.commands.ending import Ending
from c2jy_tui.commands.running import as_json, print_stderr, with_settings

if TYPE_CHECKING:
    from c2jy_bridge.core.events import Event
    from c2jy_bridge.core.settings import Settings


def gateway(options: argparse.Namespace) -> int:
    """Accept requests for the studio's machines until a signal; 1 when it cannot start."""

    async def work(settings: Settings, stop: asyncio.Event) -> int:
        from c2jy_bridge.engine import gateway as running

        async def emit(event: Event) -> None:
            print_event(event)

        async with running(settings, emit) as status:
            print_stderr(say("bridge.on", address=status.address))
            print_stderr(say("bridge.try_it", command=example_call(options, status.address)))
            await stop.wait()
        return 0

    return _run(options, work)


def workers(options: argparse.Namespace) -> int:
    """List the studio's machines; 1 when the studio cannot be used."""

    async def work(settings: Settings, _: asyncio.Event) -> int:
        from c2jy_bridge.engine import workers as machines

        found = await machines(settings)
        if options.json:
            print(as_json(found, indent=2))
            return 0
        columns = ("name", "state", "load", "labels", "free", "drafts", "version")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(say(f"workers.{column}"))
        for one in found:
            state = say("workers.draining" if one.draining else "workers.ready")
            load, free = f"{one.at_work}/{one.parallel}", f"{one.free_bytes / 1024**3:.1f} GiB"
            table.add_row(one.name, state, load, " ".join(one.labels), free, one.drafts_root, one.version)
        Console(highlight=False).print(table)
        return 0

    return _run(options, work)


def drain(options: argparse.Namespace) -> int:
    """Have a machine take no more requests, or with `--undo` take them again; 1 when it is not there."""

    async def work(settings: Settings, _: asyncio.Event) -> int:
        from c2jy_bridge.engine import drain as order

        is_there = await order(settings, options.name, draining=not options.undo)
        key = "drain.undone" if options.undo else "drain.ordered"
        print_stderr(say(key if is_there else "drain.absent", name=options.name))
        return 0 if is_there else 1

    return _run(options, work)


def _run(options: argparse.Namespace, work: Callable[[Settings, asyncio.Event], Awaitable[int]]) -> int:
    """Run `work` with the settings and an event that a signal sets; 1 when the studio cannot be used."""

    async def guarded(settings: Settings, ending: Ending) -> int:
        from c2jy_bridge.engine import StudioError

        stop = asyncio.Event()
        ending.closing(stop.set)
        try:
            return await work(settings, stop)
        except StudioError as error:
            print_stderr(error.problem.message, error.problem.hint)
            return 1

    def until_signal(settings: Settings) -> int:
        with Ending() as ending:
            return asyncio.run(guarded(settings, ending))

    return with_settings(options, until_signal)
