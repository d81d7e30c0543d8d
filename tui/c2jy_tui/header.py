"""The line at the top: who is on the other end, and what goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from c2jy_bridge.safety import visible
from c2jy_bridge.views import ConnectionView
from c2jy_tui.activity import Activity, Doing
from c2jy_tui.measures import elapsed
from c2jy_tui.words import say

Piece = tuple[str, str]
"""Text and style."""

_GAP: Final = "  "
_STYLES: Final = {
    Doing.READY: ("●", "$text-success"),
    Doing.STARTING: ("◌", "dim"),
    Doing.UNAVAILABLE: ("✗", "$text-error"),
    Doing.FAILED: ("✗", "$text-error"),
    Doing.APPROVAL: ("?", "$text-warning bold"),
}
_COUNTED: Final = (Doing.SENDING, Doing.THINKING, Doing.ANSWERING, Doing.CALLING, Doing.WAITING)


def line(connection: ConnectionView | None, activity: Activity, now: float, width: int) -> Content:
    """The header in `width` cells; what matters less goes first when there is no room."""
    left: list[Piece] = [("c2jy-tui", "$text-primary bold")]
    right = [_doing(activity, now)]
    extra: list[tuple[bool, Piece]] = []  # (belongs to the left, piece), what matters most first
    if connection is not None:
        host = say("header.demo") if connection.demo else visible(connection.host, newlines=False)
        name = connection.bot_name or connection.bot_id or say("header.no_bot")
        extra.append((True, (visible(name, newlines=False), "bold")))
        extra.append((True, (host, "$text-warning" if connection.demo else "dim")))
    if activity.tokens:
        extra.append((False, (say("header.tokens", n=f"{activity.tokens:,}"), "dim")))
    if activity.bridge_on:
        address = visible(activity.bridge_address, newlines=False)
        extra.insert(1, (False, (say("header.bridge_on", address=address), "$text-accent")))
    else:
        extra.append((False, (say("header.bridge_off"), "dim")))
    for to_the_left, piece in extra:
        side = left if to_the_left else right
        trial = [*side, piece] if to_the_left else [piece, *side]
        if _width(trial) + _width(right if to_the_left else left) + len(_GAP) <= width:
            side[:] = trial
    space = max(1, width - _width(left) - _width(right))
    return _joined(left) + " " * space + _joined(right)


def _doing(activity: Activity, now: float) -> Piece:
    mark, style = _STYLES.get(activity.doing, ("●", "$text-primary"))
    words = say(f"doing.{activity.doing}", tool=visible(activity.tool, newlines=False))
    counted = activity.doing in _COUNTED and now - activity.since >= 1
    return f"{mark} {words}" + (f" {elapsed(now - activity.since)}" if counted else ""), style


def _joined(pieces: Sequence[Piece]) -> Content:
    return Content(_GAP).join(Content.styled(text, style) for text, style in pieces)


def _width(pieces: Sequence[Piece]) -> int:
    return _joined(pieces).cell_length


class HeaderBar(Widget):
    """The header as a widget."""

    connection: reactive[ConnectionView | None] = reactive(None)
    activity: reactive[Activity] = reactive(Activity)

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock

    def on_mount(self) -> None:
        """Keep the seconds going."""
        self.set_interval(1.0, self._tick)

    def render(self) -> Content:
        """The line."""
        return line(self.connection, self.activity, self._clock(), self.content_size.width)

    def _tick(self) -> None:
        if self.activity.doing in _COUNTED:
            self.refresh()
