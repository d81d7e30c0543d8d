"""Switches bridge mode, looks after it while it is on, and brings its pane in when it is first wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from textual import work
from textual.reactive import var
from textual.widget import Widget

from c2jy_bridge.core.events import BridgeStopped, Event, Problem
from c2jy_bridge.core.ports import EnginePort
from c2jy_bridge.core.safety import visible
from c2jy_tui import bridge_mode
from c2jy_tui.bridge_mode import BridgeMode
from c2jy_tui.labels import say
from c2jy_tui.widgets.workspace import Workspace

if TYPE_CHECKING:
    # Imported with its list when somebody wants it.
    from c2jy_tui.panes.bridge import BridgePane

LOOK_S: Final = 1.0
"""Seconds between two looks at bridge mode while it is on."""


class Bridging(Widget):
    """Invisible: it has a place in the main screen; what it knows is in `mode`."""

    DEFAULT_CSS = "Bridging { display: none; }"

    mode: var[BridgeMode] = var(BridgeMode, init=False)

    def __init__(self, mode: BridgeMode, workspace: Workspace, clock: Callable[[], float]) -> None:
        """Args:
        mode: What is known of it already.
        workspace: Where the pane goes.
        clock: Unix seconds.
        """
        super().__init__()
        self.set_reactive(Bridging.mode, mode)
        self._workspace = workspace
        self._clock = clock
        self._engine: EnginePort | None = None
        self._pane: BridgePane | None = None
        self._bringing = asyncio.Lock()
        self._explained: Problem | None = None

    def on_mount(self) -> None:
        """Look only while there is something to see."""
        self._looking = self.set_interval(LOOK_S, self.look, pause=True)
        self.watch_mode(self.mode)

    async def attach_engine(self, engine: EnginePort) -> None:
        """The engine is there; it may have bridge mode on already."""
        self._engine = engine
        self.mode = bridge_mode.looked(self.mode, await engine.bridge())
        if self._pane is not None:
            await self._pane.load(engine)

    def show(self, event: Event) -> None:
        """Take in one event."""
        self.mode = bridge_mode.after(self.mode, event)
        if self._pane is not None:
            self._pane.show(event)
        if isinstance(event, BridgeStopped) and event.problem is not None:
            self._explain(event.problem)

    def watch_mode(self, mode: BridgeMode) -> None:
        """Look on or rest; keep the pane informed, and bring it in once there is something to show."""
        if not self.is_mounted:
            return
        if mode.view.on:
            self._looking.resume()
        else:
            self._looking.pause()
        if self._pane is not None:
            self._pane.mode = mode
        elif mode.used:
            self._come()

    @work(group="bridge-look", exit_on_error=False)
    async def look(self) -> None:
        """How it is now: what waits, who gave a sign of life and when."""
        if self._engine is not None and self.mode.view.on:
            view = await self._engine.bridge()
            # It may have been switched off meanwhile.
            if self.mode.view.on:
                self.mode = bridge_mode.looked(self.mode, view)

    # --- what the maker wants ----------------------------------------------------------------------

    @work(group="bridge-switch", exit_on_error=False)
    async def toggle(self) -> None:
        """Switch it on or off; what keeps it from being on is explained."""
        if self._engine is None:
            self.notify(say("bridge.no_engine"), severity="warning")
            return
        if self.mode.switching:
            return
        on = not self.mode.view.on
        self._explained = None
        self.mode = bridge_mode.switched(self.mode, on)
        try:
            problem = await self._engine.switch_bridge(on)
            if problem is None:
                self.mode = bridge_mode.done(self.mode, await self._engine.bridge())
        except Exception as error:
            # Whatever it is, the maker reads it and the app lives on.
            problem = Problem("bridge", str(error) or type(error).__name__, say("app.failed_hint"))
        if problem is not None:
            self.mode = bridge_mode.refused(self.mode, problem)
            self._explain(problem)

    @work(group="bridge-pane", exit_on_error=False)
    async def open(self) -> None:
        """Bring the requests to the front."""
        await self._bring_in()
        self._workspace.go("bridge")

    @work(group="bridge-pane", exit_on_error=False)
    async def _come(self) -> None:
        await self._bring_in()

    async def _bring_in(self) -> None:
        async with self._bringing:
            if self._pane is not None:
                return
            from c2jy_tui.panes.bridge import BridgePane

            pane = BridgePane(clock=self._clock, mode=self.mode, id="bridge")
            await self._workspace.add("bridge", pane)
            self._pane = pane
            pane.mode = self.mode
            if self._engine is not None:
                await pane.load(self._engine)

    def _explain(self, problem: Problem) -> None:
        """Say once why bridge mode is not on; the engine tells it by its answer and by an event."""
        if problem == self._explained:
            return
        self._explained = problem
        words = "\n".join(filter(None, (problem.message, problem.hint)))
        title = say("bridge.refused")
        self.notify(visible(words), title=title, severity="error", timeout=15, markup=False)
