"""The app itself."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import sys
import tomllib
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from c2jy_bridge.core import i18n
from c2jy_bridge.core.places import default_config_file
from c2jy_tui.commands import say
from c2jy_tui.commands.output import complain
from c2jy_tui.commands.terminal import terminal_of_our_own

if TYPE_CHECKING:
    from c2jy_bridge.core.ports import EnginePort


def run(options: argparse.Namespace) -> int:
    """Paint first; settings, emulator and engine come while the first frame already stands."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        complain(say("screen.no_terminal"))
        return 2
    look = _look(options)
    if "lang" not in vars(options) and look.get("lang") in ("zh", "en"):
        i18n.use(look["lang"])
    from c2jy_tui.app import C2jyApp
    from c2jy_tui.widgets.base_screens import Look

    mouse = look.get("mouse") is not False
    dress = Look(theme=str(look.get("theme", Look().theme)), mouse=mouse, keymap=_keymap(look))
    refused: list[str] = []
    with ExitStack() as stack:

        async def start_engine() -> EnginePort:
            return await _start(options, stack, refused)

        app = C2jyApp(start_engine, dress, lang=i18n.language())
        with terminal_of_our_own():
            app.run(mouse=mouse)
    for sentence in refused:
        complain(sentence)
    return app.return_code or 0


async def _start(options: argparse.Namespace, stack: ExitStack, refused: list[str]) -> EnginePort:
    """The engine, made in threads: what it imports takes longer than the whole screen.

    Settings that are wrong end the app; their sentence is for the terminal that comes back.
    """
    settings_module = await asyncio.to_thread(importlib.import_module, "c2jy_bridge.core.settings")
    running = await asyncio.to_thread(importlib.import_module, "c2jy_tui.commands.running")
    try:
        settings = await asyncio.to_thread(stack.enter_context, running.settings_of(options))
    except settings_module.SettingsError as error:
        refused.append(str(error))
        raise SystemExit(2) from None
    module = await asyncio.to_thread(importlib.import_module, "c2jy_bridge.engine")
    engine = await asyncio.to_thread(module.Engine, settings, demo=getattr(options, "demo", False))
    await engine.start(reopen=True)
    if getattr(options, "bridge", False):
        await engine.switch_bridge(True)
    port: EnginePort = engine
    return port


def _look(options: argparse.Namespace) -> dict[str, Any]:
    """The `[screen]` settings, read without the weight of the others: the first paint waits for them.

    A file that cannot be read or used is left for the real reading, which says what is wrong.
    """
    given = vars(options)
    look: dict[str, Any] = {}
    if "config" in given or not given.get("demo"):
        try:
            path = given.get("config") or default_config_file()
            table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError):
            table = {}
        for part in (table, table.get("profiles", {}).get(given.get("profile"), {})):
            if isinstance(part, dict) and isinstance(part.get("screen"), dict):
                look |= part["screen"]
    for name in ("theme", "lang"):
        if value := os.environ.get(f"C2JY_SCREEN__{name.upper()}"):
            look[name] = value
    if given.get("theme"):
        look["theme"] = given["theme"]
    if given.get("no_mouse"):
        look["mouse"] = False
    return look


def _keymap(look: dict[str, Any]) -> dict[str, str]:
    keymap = look.get("keymap")
    return {str(k): str(v) for k, v in keymap.items()} if isinstance(keymap, dict) else {}
