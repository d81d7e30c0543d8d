"""Calls the user back to a terminal that is not in front: for a question, and after a long turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from c2jy_bridge.core import events as ev
from c2jy_bridge.core.safety import one_line
from c2jy_tui.labels import say

LONG_TURN_S: Final = 20.0
"""Seconds after which the end of a turn is worth a notice."""


class Alerts:
    """Decides from the events what the user is called for."""

    def __init__(self, in_front: Callable[[], bool], alert: Callable[[str], None]) -> None:
        """Args:
        in_front: Whether the terminal has the focus, as far as it reports that.
        alert: Rings, or shows a notice on the desktop.
        """
        self._in_front = in_front
        self._alert = alert
        self._began: dict[str, float] = {}

    def show(self, event: ev.Event) -> None:
        """Process one event."""
        match event:
            case ev.TurnStarted(source="chat"):
                self._began[event.turn_id] = event.at
            case ev.TurnEnded():
                began = self._began.pop(event.turn_id, event.at)
                if event.at - began > LONG_TURN_S:
                    self._call(
                        say("alert.failed") if isinstance(event, ev.TurnFailed) else say("alert.ended")
                    )
            case ev.ToolCallAwaitingApproval():
                self._call(say("alert.approval", tool=one_line(event.tool)))
            case ev.WorkflowAsked():
                self._call(say("alert.question"))

    def _call(self, text: str) -> None:
        if not self._in_front():
            self._alert(text)
