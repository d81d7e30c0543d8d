"""Dialogs that open by themselves: keys pressed before one was visible decide nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeVar

from textual import events
from textual.reactive import var
from textual.timer import Timer
from typing_extensions import override

from c2jy_bridge.core.safety import visible
from c2jy_tui.widgets.bindings import BaseDialog, moment

Result = TypeVar("Result")

QUIET_S: Final = 0.5
"""Seconds without a key, from the first paint on, until keys count."""


class SettlingDialog(BaseDialog[Result]):
    """A dialog that takes keys once it has been on the screen for a quiet moment.

    What counts is the time at which a key was read from the terminal, not when its turn comes: under load the
    two may be seconds apart. Text that comes too early goes to `typed`, for which it was meant.
    """

    settled: var[bool] = var(False, bindings=True)
    """Whether keys count; a key that was read before that is still too early."""

    def __init__(self, typed: Callable[[str], object] | None = None) -> None:
        """`typed` gets the text that is typed before the dialog takes keys."""
        super().__init__()
        self._typed = typed or (lambda _text: None)
        self._counts_from = math.inf
        self._settling: Timer | None = None

    @property
    def quiet_s(self) -> float:
        """Seconds without a key until keys count."""
        return QUIET_S

    def on_mount(self) -> None:
        self.call_after_refresh(lambda: self._wait_from(moment()))

    def on_key(self, event: events.Key) -> None:
        """Keep a key that came too early from bindings and buttons."""
        if event.time >= self._counts_from:
            return
        event.stop()
        event.prevent_default()
        if event.is_printable and event.character:
            self._typed(event.character)
        if self._counts_from != math.inf:  # the user is still typing
            self._wait_from(event.time)

    def on_paste(self, event: events.Paste) -> None:
        if event.time < self._counts_from:
            event.stop()
            self._typed(visible(event.text))

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Block the dialog's actions until keys count."""
        return True if self.settled or action == "scroll" else None

    def _wait_from(self, since: float) -> None:
        before = 0.0 if self._counts_from == math.inf else self._counts_from
        self._counts_from = max(before, since + self.quiet_s)
        if self._counts_from <= moment():
            self.settled = True
            return
        if self._settling is not None:
            self._settling.stop()
        self.settled = False
        self._settling = self.set_timer(self._counts_from - moment(), self._settle)

    def _settle(self) -> None:
        self.settled = True
