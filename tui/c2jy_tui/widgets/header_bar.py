"""The line at the top: the connection, the current activity, the state of bridge mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from typing_extensions import override

from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import ConnectionView, IntakeView
from c2jy_tui.controllers.activity import Activity, Doing
from c2jy_tui.controllers.bridge_mode import BridgeMode
from c2jy_tui.formatting import Clock, elapsed
from c2jy_tui.labels import say, source_label

Piece = tuple[str, str]
"""Text and style."""

_GAP: Final = "  "
_JUST_NOW_S: Final = 2.0
"""Seconds shown as "just now": bridge mode is polled once a second."""
_STYLES: Final = {
    Doing.READY: ("●", "$text-success"),
    Doing.STARTING: ("◌", "dim"),
    Doing.CONNECTING: ("◌", "dim"),
    Doing.UNAVAILABLE: ("✗", "$text-error"),
    Doing.FAILED: ("✗", "$text-error"),
    Doing.APPROVAL: ("?", "$text-warning bold"),
    Doing.QUESTION: ("?", "$text-warning bold"),
}
_EARLY: Final = (Doing.STARTING, Doing.CONNECTING)
_COUNTED: Final = (
    Doing.SENDING,
    Doing.THINKING,
    Doing.ANSWERING,
    Doing.CALLING,
    Doing.WAITING,
    Doing.WORKFLOW,
)


def line(
    connection: ConnectionView | None, activity: Activity, bridge: BridgeMode, now: float, width: int
) -> Content:
    """The header in `width` cells; the least important parts are dropped first."""
    left: list[Piece] = [("c2jy-tui", "$text-primary bold")]
    right = [_doing(activity, now)]
    # (on the left, variants longest first), most important first
    extra: list[tuple[bool, Sequence[Piece]]] = []
    if connection is not None:
        host = say("header.demo") if connection.demo else one_line(connection.host)
        # Before Coze has sent the name, the id would only flicker.
        unknown = "" if activity.doing in _EARLY else connection.bot_id or say("header.no_bot")
        if name := connection.bot_name or unknown:
            extra.append((True, [(one_line(name), "bold")]))
        extra.append((True, [(host, "$text-warning" if connection.demo else "dim")]))
    if activity.tokens:
        extra.append((False, [(say("header.tokens", n=f"{activity.tokens:,}"), "dim")]))
    at_rest = not (bridge.view.on or bridge.switching or bridge.problem)
    extra.insert(len(extra) if at_rest else 1, (False, _bridge(bridge, now)))
    for to_the_left, ways in extra:
        side = left if to_the_left else right
        for piece in ways:
            trial = [*side, piece] if to_the_left else [piece, *side]
            if _width(trial) + _width(right if to_the_left else left) + len(_GAP) <= width:
                side[:] = trial
                break
    space = max(1, width - _width(left) - _width(right))
    return _joined(left) + " " * space + _joined(right)


def _doing(activity: Activity, now: float) -> Piece:
    mark, style = _STYLES.get(activity.doing, ("●", "$text-primary"))
    words = say(f"doing.{activity.doing}", tool=one_line(activity.tool))
    counted = activity.doing in _COUNTED and now - activity.since >= 1
    return f"{mark} {words}" + (f" {elapsed(now - activity.since)}" if counted else ""), style


def _bridge(mode: BridgeMode, now: float) -> list[Piece]:
    """Variants of the state of bridge mode, longest first."""
    if mode.switching:
        return [(say(f"header.bridge_switching_{mode.switching}"), "$text-accent")]
    if mode.problem is not None:
        return [(f"✗ {say('header.bridge_refused')}", "$text-error")]
    if not mode.view.on:
        return [(say("header.bridge_off"), "dim")]
    sign, style = ("! ", "$text-warning bold") if mode.problems else ("", "$text-accent")
    view = mode.view
    address = one_line(view.address).removeprefix("http://")
    here = say("header.bridge_at", address=address) if address else say("header.bridge_on")
    # The port is usually enough: the host is this computer.
    short = say("header.bridge_at", address=f":{address.rpartition(':')[2]}") if ":" in address else here
    queue = say("header.bridge_queue", n=view.waiting - view.parked)
    if view.parked:
        for_quota = view.problem is not None and view.problem.kind == "needs_quota"
        resting = (
            say("header.bridge_needs_quota", n=view.parked)
            if for_quota
            else say("header.bridge_needs_login", n=view.parked)
        )
        queue = resting if view.parked == view.waiting else f"{resting} · {queue}"
    lives = []
    if view.intakes:
        each = (f"{source_label(intake.name)} {_last_seen(intake, now)}" for intake in view.intakes)
        oldest = _last_seen(min(view.intakes, key=lambda intake: intake.alive_at), now)
        lives = [
            say("header.bridge_alive", when=when) for when in (say("header.list_and").join(each), oldest)
        ]
    ways = [f"{place} · {queue} · {life}" for place in (here, short) for life in lives]
    ways += [f"{place} · {queue}" for place in (here, short, say("header.bridge_on"))]
    ways.append(say("header.bridge_on"))
    return [(f"{sign}{words}", style) for words in ways]


def _last_seen(intake: IntakeView, now: float) -> str:
    """How long ago an intake was last active."""
    if not intake.alive_at:
        return say("header.never")
    ago = now - intake.alive_at
    if ago < _JUST_NOW_S:
        return say("header.just_now")
    if ago >= 3600:
        return say("header.ago_hours", count=int(ago // 3600))
    if ago >= 60:
        return say("header.ago_minutes", count=int(ago // 60))
    return say("header.ago_seconds", count=int(ago))


def _joined(pieces: Sequence[Piece]) -> Content:
    return Content(_GAP).join(Content.styled(text, style) for text, style in pieces)


def _width(pieces: Sequence[Piece]) -> int:
    return _joined(pieces).cell_length


class HeaderBar(Widget):
    """The header as a widget."""

    connection: reactive[ConnectionView | None] = reactive(None)
    activity: reactive[Activity] = reactive(Activity)
    bridge: reactive[BridgeMode] = reactive(BridgeMode)

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def on_mount(self) -> None:
        self.set_interval(1.0, self._tick)

    @override
    def render(self) -> Content:
        return line(self.connection, self.activity, self.bridge, self._clock(), self.content_size.width)

    def _tick(self) -> None:
        if self.activity.doing in _COUNTED or self.bridge.view.on:
            self.refresh()
