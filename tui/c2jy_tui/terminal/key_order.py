"""Lets each key take effect where the key before it has put the focus.

Textual forwards a key to the widget that has the focus when it is read; a binding runs when the key has
bubbled up to the app, and the focus moves later still. Keys typed fast are read together: of `/read` the
letters went to the list whose filter the `/` opened, and `r` ran a tool again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import Any, Final

from textual import events
from textual.app import App
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, TextArea

LOOK_S: Final = 0.2
"""Seconds between looks at whether the widget that has the key is still there: its mark goes with it."""
LOST_S: Final = 5.0
"""Seconds after which a key counts as processed, whatever became of its mark."""


class Processed(Message):
    """Follows a key on its way from widget to widget; it arrives after everything that the key has done."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class KeyOrder:
    """Dispatches one key after the other; letters for a text field, which keep the focus, do not wait."""

    def __init__(self, app: App[Any], dispatch: Callable[[events.Event], Awaitable[None]]) -> None:
        """`dispatch` forwards one key or paste to the widget that has the focus."""
        self._app = app
        self._dispatch = dispatch
        self._waiting: deque[events.Event] = deque()
        self._number = 0
        self._under_way = False

    async def take(self, event: events.Key | events.Paste) -> None:
        """Dispatch it, or keep it until those before it have been processed."""
        if self._under_way:
            self._waiting.append(event)
        else:
            await self._send(event)

    def processed(self, number: int) -> None:
        """The mark of key `number` has arrived; a change of the focus that it asked for is still to come."""
        self._app.call_later(self._go_on, number)

    async def _send(self, event: events.Event) -> None:
        target = self._app.focused or self._app.screen
        await self._dispatch(event)
        is_text = not isinstance(event, events.Key) or event.is_printable
        if is_text and isinstance(target, Input | TextArea):
            return
        self._under_way = True
        self._number += 1
        if target.post_message(Processed(self._number)):
            self._look_again(self._number, target, monotonic() + LOST_S)
        else:
            self.processed(self._number)

    def _look_again(self, number: int, target: Widget, until: float) -> None:
        self._app.set_timer(LOOK_S, partial(self._look, number, target, until))

    async def _look(self, number: int, target: Widget, until: float) -> None:
        if number != self._number or not self._under_way:
            return
        if target.is_attached and monotonic() < until:
            self._look_again(number, target, until)
        else:
            await self._go_on(number)

    async def _go_on(self, number: int) -> None:
        if number != self._number:
            return
        self._under_way = False
        while self._waiting and not self._under_way:
            await self._send(self._waiting.popleft())
