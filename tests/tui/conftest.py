"""A screen to test: an engine scripted by the test, a stopped clock, no animation."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from textual.pilot import Pilot

from c2jy_bridge.core.events import Event
from c2jy_tui.app import C2jyApp
from c2jy_tui.panes.chat import ChatPane
from c2jy_tui.panes.chat.pane import TranscriptView
from c2jy_tui.screens import settling
from c2jy_tui.screens.main import MainScreen
from pane_host import soon

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine, Workflows
else:  # the fakes inherit nothing: a method that they lack fails, and is not the real one over nothing
    Engine = Workflows = object
from scripted_engine import Clock, Say, ScriptedEngine


@pytest.fixture(scope="session", autouse=True)
def brief_waits() -> Iterator[None]:
    """Look for idleness every 8 ms instead of 20, and parse each stylesheet once for all apps.

    Half the time of these tests was spent asleep, and a fifteenth on parsing the same CSS again.
    """
    import textual._wait as wait
    from textual.css.stylesheet import Stylesheet

    parsed: dict[Any, Any] = {}
    parse = Stylesheet._parse_rules

    def once(sheet: Stylesheet, *text: Any, **more: Any) -> Any:
        key = (text, *more.items(), *sheet._variables.items())
        if key not in parsed:
            parsed[key] = parse(sheet, *text, **more)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wait, "SLEEP_GRANULARITY", 0.008)
        patch.setattr(wait, "SLEEP_IDLE", 0.0004)
        patch.setattr(Stylesheet, "_parse_rules", once)
        yield


@pytest.fixture(autouse=True)
def still_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """No blinking cursor, no other time zone: a picture taken twice is the same picture."""
    time.tzset()
    from textual.widgets import Input, TextArea

    monkeypatch.setattr(settling, "QUIET_S", 0.01)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
    monkeypatch.setattr(TextArea, "_toggle_cursor_blink_visible", lambda self: None)


class Stage:
    """The whole app on an invisible screen, with its engine, clock and Bot."""

    def __init__(self, app: C2jyApp, pilot: Pilot[None], engine: ScriptedEngine, clock: Clock) -> None:
        self.app = app
        self.pilot = pilot
        self.engine = engine
        self.clock = clock
        self.bot = Say(clock)

    @property
    def main(self) -> MainScreen:
        assert self.app._main is not None
        return self.app._main

    @property
    def chat(self) -> ChatPane:
        return self.main.chat

    async def settle(self) -> None:
        """Until everything that was said is drawn."""
        for _ in range(3):
            await self.pilot.pause()
            if self.app._main is not None and self.main.is_mounted:
                await self.chat.flush()
        if settling.QUIET_S < 1:  # a dialog that has come up takes keys
            await soon(self.pilot, lambda: getattr(self.app.screen, "settled", True))
        await self.pilot.pause()

    async def tick(self) -> None:
        """Let every running time be drawn at the clock's time, whenever the screen's own second comes."""
        self.main.header.refresh()
        self.main.inspector.tick()
        self.main.query_one(TranscriptView).tick()
        await self.settle()

    async def play(self, *events: Event) -> None:
        self.engine.emit(*events)
        await self.settle()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def ask(self, text: str) -> None:
        """Type a question and send it."""
        self.chat.composer.write(text)
        await self.press("enter")

    @property
    def lines(self) -> list[str]:
        """The text on the screen, line by line."""
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def said(self) -> str:
        """The screen without the pane at the right, the borders and the line ends."""
        return "".join(line.split("││")[0].strip("│ ") for line in self.lines)


async def entered(app: C2jyApp, pilot: Pilot[None]) -> None:
    """Wait until the main screen is there and knows its engine."""
    await soon(pilot, lambda: app._main is not None and app.screen is app._main)
    await soon(pilot, lambda: app._main is not None and app._main.activity.doing != "starting")
    # Of an empty list Textual makes "all workers", and one of them lives as long as the engine.
    if beginning := [w for w in app.workers if w.group in ("attach_engine", "warm up")]:
        await app.workers.wait_for_complete(beginning)
    await pilot.pause()


Staged = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> ScriptedEngine:
    return ScriptedEngine(clock)


@pytest.fixture
def bot(clock: Clock) -> Say:
    return Say(clock)


@pytest.fixture
def make_app(engine: ScriptedEngine, clock: Clock) -> Callable[..., C2jyApp]:
    """The app around the scripted engine; `start` replaces the way to it."""

    def make(start: Callable[[], Awaitable[Engine]] | None = None, **more: Any) -> C2jyApp:
        async def at_once() -> Engine:
            return engine

        app = C2jyApp(start or at_once, clock=clock, **more)
        app.animation_level = "none"
        return app

    return make


@pytest.fixture
def stage_of(engine: ScriptedEngine, clock: Clock) -> Callable[..., Awaitable[Stage]]:
    """A stage for an app that runs already."""

    async def staged(app: C2jyApp, pilot: Pilot[None]) -> Stage:
        await entered(app, pilot)
        on = Stage(app, pilot, engine, clock)
        await on.settle()
        return on

    return staged


@pytest.fixture
def stage(make_app: Callable[..., C2jyApp], stage_of: Callable[..., Awaitable[Stage]]) -> Staged:
    """`async with stage(size=(120, 36), lang="en") as on:` runs the app until the block ends."""

    @asynccontextmanager
    async def staged(size: tuple[int, int] = (120, 36), **more: Any) -> AsyncIterator[Stage]:
        app = make_app(**more)
        async with app.run_test(size=size) as pilot:
            yield await stage_of(app, pilot)

    return staged
