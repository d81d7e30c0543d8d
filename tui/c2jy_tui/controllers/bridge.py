"""Switches bridge mode, polls it while it is on, and mounts its pane when it is first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from textual.timer import Timer
from textual.widget import Widget
from textual.worker import Worker

from c2jy_bridge.core.events import BridgeStopped, Event, Problem
from c2jy_bridge.core.safety import visible
from c2jy_tui.controllers import bridge_mode
from c2jy_tui.controllers.bridge_mode import BridgeMode
from c2jy_tui.formatting import Clock
from c2jy_tui.labels import say
from c2jy_tui.widgets.workspace import Workspace

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine

    # Imported when the pane is first needed.
    from c2jy_tui.panes.bridge import BridgePane

POLL_S: Final = 1.0
"""Seconds between two polls of bridge mode while it is on."""


class BridgeController:
    """Keeps `mode` up to date."""

    def __init__(self, host: Widget, mode: BridgeMode, workspace: Workspace, clock: Clock) -> None:
        self._host = host
        self.mode = mode
        self._workspace = workspace
        self._clock = clock
        self._engine: Engine | None = None
        self._pane: BridgePane | None = None
        self._mounting = asyncio.Lock()
        self._explained: Problem | None = None
        self._timer: Timer | None = None
        self.changed: Callable[[BridgeMode], None] = lambda _mode: None
        """Called with every new `mode`."""

    def _set_mode(self, mode: BridgeMode) -> None:
        if mode != self.mode:
            self.mode = mode
            self._apply_mode()
            self.changed(mode)

    def start(self) -> None:
        """The host is mounted: workers and timers may run."""
        self._timer = self._host.set_interval(POLL_S, self.poll, pause=True)
        self._apply_mode()

    def _apply_mode(self) -> None:
        """Poll only while it is on; update the pane, or mount it once there is something to show."""
        if self._timer is None:
            return
        if self.mode.view.on:
            self._timer.resume()
        else:
            self._timer.pause()
        if self._pane is not None:
            self._pane.mode = self.mode
        elif self.mode.was_on:
            self._host.run_worker(self._mount_pane(), group="bridge-pane", exit_on_error=False)

    async def attach_engine(self, engine: Engine) -> None:
        """Use `engine` from now on; it may have bridge mode on already."""
        self._engine = engine
        self._set_mode(bridge_mode.polled(self.mode, await engine.bridge()))
        if self._pane is not None:
            await self._pane.load(engine)

    def show(self, event: Event) -> None:
        """Process one event."""
        self._set_mode(bridge_mode.after(self.mode, event))
        if self._pane is not None:
            self._pane.show(event)
        if isinstance(event, BridgeStopped) and event.problem is not None:
            self._explain(event.problem)

    def poll(self) -> Worker[None]:
        """Ask the engine what waits, and which intake was active when."""
        return self._host.run_worker(self._poll(), group="bridge-poll", exit_on_error=False)

    async def _poll(self) -> None:
        if self._engine is not None and self.mode.view.on:
            view = await self._engine.bridge()
            # It may have been switched off meanwhile.
            if self.mode.view.on:
                self._set_mode(bridge_mode.polled(self.mode, view))

    # --- intents -----------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Switch it on or off; show why it cannot be switched on."""
        self._host.run_worker(self._toggle(), group="bridge-switch", exit_on_error=False)

    async def _toggle(self) -> None:
        if self._engine is None:
            self._host.notify(say("bridge.no_engine"), severity="warning")
            return
        if self.mode.switching:
            return
        on = not self.mode.view.on
        self._explained = None
        self._set_mode(bridge_mode.switch_requested(self.mode, on))
        try:
            problem = await self._engine.switch_bridge(on)
            if problem is None:
                self._set_mode(bridge_mode.switch_done(self.mode, await self._engine.bridge()))
        except Exception as error:
            # Whatever it is, show it and keep the app running.
            problem = Problem("bridge", str(error) or type(error).__name__, say("app.failed_hint"))
        if problem is not None:
            self._set_mode(bridge_mode.switch_refused(self.mode, problem))
            self._explain(problem)

    def open(self) -> None:
        """Bring the requests to the front."""
        self._host.run_worker(self._open(), group="bridge-pane", exit_on_error=False)

    async def _open(self) -> None:
        await self._mount_pane()
        self._workspace.go("bridge")

    async def _mount_pane(self) -> None:
        async with self._mounting:
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
        """Show once why bridge mode is off: the engine reports it in its answer and in an event."""
        if problem == self._explained:
            return
        self._explained = problem
        text = visible("\n".join(filter(None, (problem.message, problem.hint))))
        self._host.notify(text, title=say("bridge.refused"), severity="error", timeout=15, markup=False)
