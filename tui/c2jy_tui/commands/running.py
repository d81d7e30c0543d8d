"""What every command shares: settings from its options, and an engine for as long as it runs."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import Decision
from c2jy_bridge.core.settings import Settings, SettingsError, load
from c2jy_tui.commands.output import complain

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


@contextmanager
def settings_of(options: argparse.Namespace) -> Iterator[Settings]:
    """The settings for one command; with `--demo`, those of an emulator that runs until the end.

    Raises:
        SettingsError: The settings are wrong.
    """
    given = vars(options)
    overrides: dict[str, Any] = {}
    if "data_dir" in given:
        overrides["data_dir"] = given["data_dir"]
    if "drafts_root" in given:
        overrides["drafts"] = {"root": given["drafts_root"]}
    bridge = {name: given[name] for name in ("host", "port", "relay") if given.get(name) is not None}
    if given.get("intake"):
        bridge["intakes"] = given["intake"].split(",")
    if bridge and given["run"] == "bridge:serve":
        overrides["bridge"] = bridge
    config, profile = given.get("config"), given.get("profile")
    if given.get("demo"):
        from c2jy_tui.commands.demo import demo

        with demo(config, profile, overrides) as settings:
            yield settings
        return
    settings = load(config, profile=profile, overrides=overrides)
    if "lang" not in given and settings.screen.lang != "auto":
        i18n.use(settings.screen.lang)
    yield settings


@asynccontextmanager
async def engine_of(
    options: argparse.Namespace, settings: Settings, *, start: bool = False
) -> AsyncIterator[Engine]:
    """An engine without a screen: an approval is `--yes` or denied."""
    from c2jy_bridge.engine import Engine, prints_go_to_stderr

    unattended = Decision.ONCE if getattr(options, "yes", False) else Decision.DENY
    engine = Engine(settings, demo=getattr(options, "demo", False), unattended=unattended)
    try:
        if start:
            await engine.start()
        with prints_go_to_stderr():
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

    try:
        with settings_of(options) as settings:
            return asyncio.run(run(settings))
    except SettingsError as error:
        complain(str(error))
        return 2
