"""The draft under the cursor at a glance, below the list: a frame and its small timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.timer import Timer
from typing_extensions import override

from c2jy_bridge.core.draft_views import DraftError
from c2jy_bridge.core.views import DraftView, TrackView
from c2jy_tui.panes.drafts import labels
from c2jy_tui.panes.drafts.timeline_view import SmallTimeline
from c2jy_tui.widgets.picture import Picture

if TYPE_CHECKING:
    from c2jy_bridge.engine import Drafts

REST_S: Final = 0.15
"""Seconds that the cursor rests on a draft before its tracks are read."""
FRAME_REST_S: Final = 0.2
"""Further seconds before its frame is drawn, by a process of its own."""
_FRAME_AT_US: Final = 1_000_000
"""What begins in black is seen by then."""
_MOST_FRAMES: Final = 64
_LOWEST: Final = 5
"""Lines below which a frame shows nothing."""

_State = tuple[str, float]
"""A draft's name and when it was modified."""


class Glance(Vertical):
    """Draws one draft; takes no keys, and no lines that the list needs."""

    DEFAULT_CSS = """
    Glance {
        height: auto;
        & > Picture { margin-top: 1; }
    }
    """

    class Refused(Message):
        """Frames cannot be drawn here, or not be seen; `text` says why."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__()
        self.pictures = False
        """Whether frames are drawn."""
        self._drafts: Drafts | None = None
        self._view: DraftView | None = None
        self._small = SmallTimeline([], 0)
        self._picture = Picture()
        self._small_of: _State = ("", 0.0)
        self._picture_of: _State = ("", 0.0)
        self._frames: dict[_State, bytes] = {}
        """The frames drawn so far; empty for a draft that cannot be drawn."""
        self._rest: Timer | None = None
        self._room = Size(0, 0)

    @override
    def compose(self) -> ComposeResult:
        yield self._picture
        yield self._small

    def attach_engine(self, drafts: Drafts) -> None:
        """Use the engine's drafts from now on."""
        self._drafts = drafts

    def show(self, view: DraftView | None) -> None:
        """Show a draft once the cursor rests on it."""
        self._view = view
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST_S, self._read_tracks) if self._small_of != _state(view) else None
        self._show_frame()

    def switch_pictures(self) -> None:
        """Draw frames from now on, or no more."""
        self.pictures = not self.pictures
        if self.pictures and self._room.height and self._left < _LOWEST:
            self.post_message(self.Refused(labels.say("glance.no_room")))
        self._show_frame()

    @work(group="drafts-tracks", exit_on_error=False)
    async def _read_tracks(self) -> None:
        view = self._view
        tracks, length = await self._tracks(view)
        if view is self._view:  # the cursor may have moved on meanwhile
            self._small.show_tracks(tracks, length)
            self._small_of = _state(view)
            self._fit()

    async def _tracks(self, view: DraftView | None) -> tuple[Sequence[TrackView], int]:
        if view is None or self._drafts is None or view.state in ("damaged", "encrypted"):
            return (), 0
        try:
            return (await self._drafts.open(view.name)).tracks, view.duration_us
        except Exception:
            return (), 0  # opening the draft says what is wrong with it

    @work(group="drafts-frame", exclusive=True, exit_on_error=False)
    async def _show_frame(self) -> None:
        view, state = self._view, _state(self._view)
        if state != self._picture_of or not self.pictures:
            self._picture.clear()
            self._picture_of = ("", 0.0)
            self._fit()
        if not self.pictures or view is None or self._drafts is None or not view.duration_us:
            return
        if state not in self._frames:
            await asyncio.sleep(FRAME_REST_S)
            at_us = min(_FRAME_AT_US, view.duration_us // 2)
            try:
                self._frames[state] = await self._drafts.frame(view.name, at_us)
            except DraftError as error:
                self._frames[state] = b""
                if error.issues[0].code == "preview_extra":
                    self.pictures = False
                    self._frames.clear()
                    self.post_message(self.Refused(labels.refusal(error.issues)))
                return
            while len(self._frames) > _MOST_FRAMES:
                self._frames.pop(next(iter(self._frames)))
        if self._frames[state] and self._picture_of != state:
            self._picture_of = state
            self._picture.show(self._frames[state])
            self._fit()

    def fit(self, room: Size) -> None:
        """Use at most the cells of `room`."""
        self._room = room
        self._fit()

    def _fit(self) -> None:
        lines = self._small.lines
        fits = 0 < lines <= self._room.height
        self._small.styles.height = max(1, lines - 1)
        self._small.display = fits
        drawn = bool(self._picture_of[0]) and self._left >= _LOWEST
        self._picture.fit(Size(self._room.width, self._left if drawn else 0))
        self.display = fits or drawn

    @property
    def _left(self) -> int:
        """Lines that the timeline leaves for a frame."""
        lines = self._small.lines
        return self._room.height - 1 - (lines if lines <= self._room.height else 0)


def _state(view: DraftView | None) -> _State:
    return (view.name, view.modified_at) if view is not None else ("", 0.0)
