"""Starts the app: draws the first frame, then loads settings and engine; keeps the terminal for itself."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import io
import logging
import os
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from c2jy_bridge.core import i18n
from c2jy_bridge.core.places import default_config_file
from c2jy_bridge.core.whole_files import read_whole
from c2jy_tui.commands import say
from c2jy_tui.commands.ending import Ending, terminal_kept
from c2jy_tui.commands.running import print_stderr, settings_of

if TYPE_CHECKING:
    from c2jy_bridge.core.settings_file import SettingsEditor
    from c2jy_bridge.engine import Engine
    from c2jy_bridge.engine.guide import Guide


log: Final = logging.getLogger("c2jy_bridge.printed")

_DRAIN_S: Final = 0.5
"""Seconds to wait at the end for the last output: a program started by a tool may keep the pipe open."""


def run(options: argparse.Namespace) -> int:
    """Draw the first frame; settings, emulator and engine start after it."""
    in_browser = os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")  # set by textual-serve
    if not in_browser and not (sys.stdin.isatty() and sys.stdout.isatty()):
        print_stderr(say("screen.no_terminal"))
        return 2
    if os.environ.get("TERM") == "dumb" and not in_browser:
        from c2jy_tui.commands import line_chat

        print_stderr(say("lines.plain"))
        return line_chat.run(options)
    look = _screen_table(options)
    if "lang" not in vars(options) and look.get("lang") in ("zh", "en"):
        i18n.use(look["lang"])
    from c2jy_tui.desktop import is_remote
    from c2jy_tui.themes import AUTO
    from c2jy_tui.widgets.workspace import LEAST, MOST, SHARES

    low_bandwidth = {"on": True, "off": False}.get(str(look.get("low_bandwidth")), is_remote())
    if not low_bandwidth:  # Textual reads it once: a key waits for the next frame, 8 ms at most instead of 16
        os.environ.setdefault("TEXTUAL_FPS", "120")
    from c2jy_tui.app import C2jyApp
    from c2jy_tui.themes import Look

    mouse = look.get("mouse") is not False
    given = look.get("keymap")
    keymap = {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}
    numbers = {name: int(look[name]) for name in SHARES if str(look.get(name)).isdecimal()}
    shares = {name: number for name, number in numbers.items() if LEAST <= number <= MOST}
    theme, alerts = str(look.get("theme", AUTO)), str(look.get("alerts", Look().alerts))
    look_of_app = Look(
        theme=theme, mouse=mouse, low_bandwidth=low_bandwidth, keymap=keymap, alerts=alerts, shares=shares
    )
    refused: list[str] = []
    with ExitStack() as stack:
        guides: list[Guide] = []

        async def first_run() -> Guide | None:
            guides.extend(await asyncio.to_thread(_needed_guide, options))
            return guides[0] if guides else None

        async def start_engine() -> Engine:
            options.demo = getattr(options, "demo", False) or any(guide.demo for guide in guides)
            return await _start(options, stack, refused)

        keep = partial(_keep, options)

        def edit_settings() -> SettingsEditor:
            from c2jy_bridge.core.settings_file import SettingsEditor

            given = vars(options)
            demo = bool(given.get("demo")) and "config" not in given
            return SettingsEditor(given.get("config"), given.get("profile"), _given(options), demo=demo)

        lang = i18n.language()
        app = C2jyApp(
            start_engine,
            look_of_app,
            lang=lang,
            first_run=first_run,
            keep=keep,
            edit_settings=edit_settings,
        )

        async def run_app() -> None:
            ending.closing(app.exit)
            await app.run_async(mouse=mouse)

        with terminal_kept(lambda: ending) as restore, Ending(restore) as ending, redirected_stdio():
            asyncio.run(run_app())
    for sentence in refused:
        print_stderr(sentence)
    return ending.status if ending.signal else app.return_code or 0


def _given(options: argparse.Namespace) -> dict[str, str]:
    """The settings that the command line fixes, and the option of each."""
    named = {
        "theme": "screen.theme",
        "lang": "screen.lang",
        "no_mouse": "screen.mouse",
        "data_dir": "data_dir",
        "drafts_root": "drafts.root",
    }
    given = vars(options)
    return {key: f"--{name.replace('_', '-')}" for name, key in named.items() if given.get(name)}


def _needed_guide(options: argparse.Namespace) -> list[Guide]:
    """The first-run guide if no token is set; wrong settings are left for the real reading."""
    given = vars(options)
    if given.get("demo"):
        return []
    from c2jy_bridge.core.settings import SettingsError
    from c2jy_bridge.engine.guide import guide_if_needed

    folders = {"data_dir": given["data_dir"]} if "data_dir" in given else {}
    try:
        guide = guide_if_needed(given.get("config"), given.get("profile"), folders)
    except (SettingsError, OSError):
        return []
    return [guide] if guide is not None else []


def _keep(options: argparse.Namespace, settings: Mapping[str, object]) -> None:
    """Write settings of the screen to their file; the demo has none unless it is named."""
    from c2jy_bridge.core.settings_file import SettingsFile

    given = vars(options)
    if given.get("config") or not given.get("demo"):
        file = SettingsFile(given.get("config") or default_config_file(), given.get("profile"))
        file.change({f"screen.{name}": value for name, value in settings.items()})


async def _start(options: argparse.Namespace, stack: ExitStack, refused: list[str]) -> Engine:
    """The engine, made in threads: what it imports takes longer than the whole screen.

    Settings that are wrong end the app; their sentence is for the terminal that comes back.
    """
    settings_module = await asyncio.to_thread(importlib.import_module, "c2jy_bridge.core.settings")
    try:
        settings = await asyncio.to_thread(stack.enter_context, settings_of(options))
    except settings_module.SettingsError as error:
        refused.append(str(error))
        raise SystemExit(2) from None
    module = await asyncio.to_thread(importlib.import_module, "c2jy_bridge.engine")
    engine: Engine = await asyncio.to_thread(module.Engine, settings, demo=getattr(options, "demo", False))
    try:
        await engine.start(reopen=True)
        if getattr(options, "bridge", False):
            await engine.switch_bridge(True)
    except BaseException:  # also on a signal: nothing else refers to this engine yet
        await engine.close()
        raise
    return engine


def _screen_table(options: argparse.Namespace) -> dict[str, Any]:
    """The `[screen]` settings, read without importing the others: the first paint waits for them.

    A file that cannot be read or used is left for the real reading, which says what is wrong.
    """
    given = vars(options)
    look: dict[str, Any] = {}
    if "config" in given or not given.get("demo"):
        try:
            path = given.get("config") or default_config_file()
            table = tomllib.loads(read_whole(path).decode("utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            table = {}
        for part in (table, table.get("profiles", {}).get(given.get("profile"), {})):
            if isinstance(part, dict) and isinstance(part.get("screen"), dict):
                look |= part["screen"]
    for name in ("theme", "lang", "low_bandwidth", "chat_width", "chat_height", "calls_height"):
        if value := os.environ.get(f"C2JY_SCREEN__{name.upper()}"):
            look[name] = value
    if given.get("theme"):
        look["theme"] = given["theme"]
    if given.get("no_mouse"):
        look["mouse"] = False
    return look


@contextmanager
def redirected_stdio() -> Iterator[None]:
    """Point file descriptors 1 and 2 at the log, and what Textual draws with at the terminal.

    A tool's C library or a program that it starts writes to the descriptors, past everything that Python
    could catch, and would spoil the screen. Textual 8.2.8 draws through `sys.__stderr__` and asks the size
    through `sys.__stdout__`. Windows has another driver and keeps its descriptors.
    """
    if sys.platform == "win32":
        yield
        return
    kept = {name: getattr(sys, name) for name in ("stdout", "stderr", "__stdout__", "__stderr__")}
    sys.stdout.flush()
    sys.stderr.flush()
    ours = {1: os.dup(1), 2: os.dup(2)}
    terminal = {
        number: _Terminal(os.fdopen(copy, "wb"), encoding="utf-8", errors="replace")
        for number, copy in ours.items()
    }
    read, write = os.pipe()
    reader = threading.Thread(target=_copy_to_log, args=(read,), name="printed", daemon=True)
    reader.start()
    for number in ours:
        os.dup2(write, number)
    os.close(write)
    sys.stdout = sys.__stdout__ = terminal[1]  # type: ignore[misc]  # as Textual reads it
    sys.stderr = sys.__stderr__ = terminal[2]  # type: ignore[misc]
    try:
        yield
    finally:
        for number, file in terminal.items():
            file.flush()
            os.dup2(ours[number], number)
        for name, stream in kept.items():
            setattr(sys, name, stream)
        for file in terminal.values():
            with suppress(OSError):
                file.close()
        reader.join(_DRAIN_S)


class _Terminal(io.TextIOWrapper):
    """A terminal that may disappear: Textual's writer would stop at the first error and its app hang."""

    @override
    def write(self, text: str, /) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    @override
    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def _copy_to_log(descriptor: int) -> None:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip():
                log.warning("%s", line.rstrip())
