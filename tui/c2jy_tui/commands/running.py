"""What every command shares: settings from its options, an engine for as long as it runs, plain output."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge import i18n
from c2jy_bridge.events import Decision, Issue
from c2jy_bridge.safety import visible
from c2jy_bridge.settings import Settings, SettingsError, load
from c2jy_tui.commands import say

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine

# C1 and bidi controls and the odd line ends: legal inside JSON, but not for a terminal that shows it.
_RISKY: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@contextmanager
def settings_of(options: argparse.Namespace) -> Iterator[Settings]:
    """The settings for one command; with `--demo`, those of an emulator that runs until the end.

    Raises:
        SystemExit: The settings are wrong; the sentence is on stderr.
    """
    given = vars(options)
    overrides: dict[str, Any] = {}
    if "data_dir" in given:
        overrides["data_dir"] = given["data_dir"]
    if "drafts_root" in given:
        overrides["drafts"] = {"root": given["drafts_root"]}
    screen = {"theme": given.get("theme"), "mouse": False if given.get("no_mouse") else None}
    overrides["screen"] = {name: value for name, value in screen.items() if value is not None}
    try:
        if given.get("demo"):
            from c2jy_tui.commands.demo import demo

            with demo(overrides) as settings:
                yield settings
            return
        settings = load(given.get("config"), profile=given.get("profile"), overrides=overrides)
    except SettingsError as error:
        complain(str(error))
        raise SystemExit(2) from None
    if "lang" not in given and settings.screen.lang != "auto":
        i18n.use(settings.screen.lang)
    yield settings


@asynccontextmanager
async def engine_of(
    options: argparse.Namespace, settings: Settings, *, start: bool = False
) -> AsyncIterator[Engine]:
    """An engine without a screen: an approval is `--yes` or denied."""
    from c2jy_bridge.engine import Engine

    unattended = Decision.ONCE if getattr(options, "yes", False) else Decision.DENY
    engine = Engine(settings, demo=getattr(options, "demo", False), unattended=unattended)
    try:
        if start:
            await engine.start()
        yield engine
    finally:
        await engine.close()


def with_engine(
    options: argparse.Namespace, work: Callable[[Engine], Awaitable[int]], *, start: bool = False
) -> int:
    """Run `work` with an engine and return its status."""

    async def run(settings: Settings) -> int:
        async with engine_of(options, settings, start=start) as engine:
            return await work(engine)

    with settings_of(options) as settings:
        return asyncio.run(run(settings))


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON with readable Chinese and nothing in it that a terminal would obey."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_plain)
    return _RISKY.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def complain(text: str) -> None:
    """One line of diagnostics."""
    print(visible(text), file=sys.stderr, flush=True)


def complain_of(issue: Issue) -> None:
    """One issue: what, where, what to do."""
    where = f"{issue.path}: " if issue.path else ""
    fix = f" → {issue.fix}" if issue.fix else ""
    complain(f"{say(f'severity.{issue.severity}')}: {where}{issue.message}{fix}")
