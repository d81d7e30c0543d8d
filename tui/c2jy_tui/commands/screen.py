"""The app itself."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from c2jy_bridge import i18n
from c2jy_tui.commands import say
from c2jy_tui.commands.running import complain

if TYPE_CHECKING:
    from c2jy_bridge.ports import EnginePort


def run(options: argparse.Namespace) -> int:
    """Paint first; settings, emulator and engine come while the first frame already stands."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        complain(say("screen.no_terminal"))
        return 2
    from c2jy_tui.app import C2jyApp

    with ExitStack() as stack:

        async def start_engine() -> EnginePort:
            return await _start(options, stack)

        app = C2jyApp(start_engine, lang=i18n.language())
        app.run(mouse=not getattr(options, "no_mouse", False))
        return app.return_code or 0


async def _start(options: argparse.Namespace, stack: ExitStack) -> EnginePort:
    # In a thread: what the engine imports takes longer than the whole screen.
    running = await asyncio.to_thread(importlib.import_module, "c2jy_tui.commands.running")
    settings = await asyncio.to_thread(stack.enter_context, running.settings_of(options))
    module = await asyncio.to_thread(importlib.import_module, "c2jy_bridge.engine")
    engine = await asyncio.to_thread(module.Engine, settings, demo=getattr(options, "demo", False))
    await engine.start(reopen=True)
    port: EnginePort = engine
    return port
