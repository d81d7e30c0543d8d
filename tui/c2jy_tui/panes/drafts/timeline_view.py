"""Draws a draft's tracks to scale: a ruler, blocks on each track, a cursor that moves from clip to clip."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from typing_extensions import override

from c2jy_bridge.core.views import ClipView, TrackView
from c2jy_tui.panes.drafts.labels import KINDS, track_name
from c2jy_tui.panes.drafts.timeline import (
    ClipBlock,
    Scale,
    TrackLane,
    block_marks,
    block_text,
    ordered,
    ruler,
    whole,
)
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.row_list import Cell, pad_cell, truncate

GUTTER: Final = 11
"""Cells for the names of the tracks; a third of a very narrow screen."""


class TimelineView(ScrollView, can_focus=True):
    """Tracks to scale, the top one first as in JianYing; only the visible part is drawn."""

    ALLOW_SELECT = False
    HAS_CURSOR: ClassVar[bool] = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "timeline--ruler",
        "timeline--name",
        "timeline--name-here",
        "timeline--cursor",
        "timeline--missing",
        "timeline--other",
        *(f"timeline--{kind}" for kind in KINDS),
    }
    DEFAULT_CSS = """
    TimelineView {
        height: 1fr;
        overflow: auto auto;
        scrollbar-size: 1 1;
        scrollbar-gutter: stable;
        & > .timeline--ruler { color: $text-muted; }
        & > .timeline--name { color: $text-muted; }
        & > .timeline--name-here { color: $foreground; text-style: bold; }
        & > .timeline--video { background: $primary-muted; color: $text-primary; }
        & > .timeline--image { background: $secondary-muted; color: $text-secondary; }
        & > .timeline--audio { background: $success-muted; color: $text-success; }
        & > .timeline--text { background: $warning-muted; color: $text-warning; }
        & > .timeline--sticker { background: $accent-muted; color: $text-accent; }
        & > .timeline--effect { background: $accent-muted; color: $text-accent; }
        & > .timeline--filter { background: $accent-muted; color: $text-accent; }
        & > .timeline--other { background: $panel; color: $foreground; }
        & > .timeline--missing { background: $error-muted; color: $text-error; text-style: bold; }
        & > .timeline--cursor { background: $block-cursor-blurred-background; color: $foreground; }
        &:focus > .timeline--cursor {
            background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
        }
        &:ansi > .timeline--cursor { text-style: reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("drafts_pane", "timeline.next_clip", "right", "clip(1)"),
        binding("drafts_pane", "timeline.previous_clip", "left", "clip(-1)", show=False),
        binding("drafts_pane", "timeline.lower_track", "down,j", "track(1)", show=False),
        binding("drafts_pane", "timeline.upper_track", "up,k", "track(-1)", show=False),
        binding("drafts_pane", "timeline.first_clip", "home,g", "first", show=False),
        binding("drafts_pane", "timeline.last_clip", "end,G", "last", show=False),
        binding("drafts_pane", "timeline.pan_right", "l", "pan(1)"),
        binding("drafts_pane", "timeline.pan_left", "h", "pan(-1)", show=False),
        binding("drafts_pane", "timeline.closer", "plus,equals_sign", "closer"),
        binding("drafts_pane", "timeline.farther", "minus", "farther"),
        binding("drafts_pane", "timeline.whole", "0", "whole"),
        binding("drafts_pane", "timeline.next_missing", "n", "next_missing"),
    ]

    class Reached(Message):
        """The cursor moved to a clip."""

    def __init__(self, tracks: Sequence[TrackView], duration_us: int, *, id: str | None = None) -> None:
        """`tracks` are bottom first; a clip that ends after `duration_us` makes the draft longer."""
        super().__init__(id=id)
        self._scale = Scale(1_000_000)
        self._fits = True
        self._lane = 0
        self._index = 0
        self.lanes: list[TrackLane] = []
        self._video_lines = 1
        self._tops: list[int] = [0]
        """First line of each lane, and after them the number of lines."""
        self.show_tracks(tracks, duration_us)

    def show_tracks(self, tracks: Sequence[TrackView], duration_us: int) -> None:
        """Show other tracks, keeping the cursor as close to its place as possible."""
        self.lanes = [TrackLane(track) for track in ordered(tracks)]
        self._duration_us = max([duration_us, 1, *(lane.end_us for lane in self.lanes)])
        self._lane = min(self._lane, max(0, len(self.lanes) - 1))
        self._index = min(self._index, max(0, len(self.lane.clips) - 1)) if self.lanes else 0
        self._measure()

    @property
    def lane(self) -> TrackLane:
        """The track under the cursor."""
        return self.lanes[self._lane]

    @property
    def clip(self) -> tuple[TrackLane, int, ClipView] | None:
        """The clip under the cursor with its track and number; None where there is no clip."""
        if not self.lanes or not self.lane.clips:
            return None
        return self.lane, self._index, self.lane.clips[self._index]

    def fit(self, lines: int) -> int:
        """Make video tracks as tall as so many lines allow, at most three; returns the lines needed."""
        videos = sum(lane.kind == "video" for lane in self.lanes)
        spare = lines - 2 - len(self.lanes)
        self._video_lines = 1 + max(0, min(2, spare // videos)) if videos else 1
        self._measure()
        return self._tops[-1] + 2

    # --- geometry -----------------------------------------------------------------------------------

    @property
    def _room(self) -> Size:
        """The size without the scrollbars."""
        return self.scrollable_content_region.size

    @property
    def _gutter(self) -> int:
        return min(GUTTER, self._room.width // 3)

    @property
    def _width(self) -> int:
        return max(1, self._room.width - self._gutter)

    def _measure(self) -> None:
        """Recompute the scale and the virtual size."""
        if self._fits:
            self._scale = whole(self._duration_us, self._width)
        cells = self._scale.cells(self._duration_us)
        self._tops = list(accumulate(map(self._lines, self.lanes), initial=0))
        self.virtual_size = Size(self._gutter + cells, self._tops[-1] + 1)
        self.refresh()

    def _lines(self, lane: TrackLane) -> int:
        return self._video_lines if lane.kind == "video" else 1

    def _lane_at(self, line: int) -> int:
        """Index of the lane that a line below the ruler belongs to; the number of lanes below the last."""
        return bisect_right(self._tops, line) - 1

    def on_resize(self, event: events.Resize) -> None:
        """Keep the whole draft in view in another width."""
        self._measure()

    # --- drawing ------------------------------------------------------------------------------------

    @override
    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        width = self._room.width
        first = self.scroll_offset.x
        if y == 0:
            text = " " * self._gutter + ruler(self._scale, first, self._width)
            return Strip([Segment(text, self._style("ruler"))]).adjust_cell_length(width, base)
        line = y - 1 + self.scroll_offset.y
        number = self._lane_at(line)
        if number >= len(self.lanes):
            return Strip.blank(width, base)
        lane = self.lanes[number]
        here = self.HAS_CURSOR and number == self._lane
        line -= self._tops[number]
        tall = self._lines(lane) > 1
        name = truncate(track_name(lane.kind, lane.name), self._gutter - 1) if line == 0 else ""
        label = pad_cell(Cell((name,)), self._gutter)
        segments = [Segment(label, self._style("name-here" if here else "name"))]
        at, empty = first, "·" if line == 0 else " "
        for block in lane.blocks(self._scale, first, self._width):
            if block.cell > at:
                segments.append(Segment(empty * (block.cell - at), self._style("ruler")))
            shown = lane.clips[block.first]
            style = self._block_style(shown, cursor=here and self._covers(block))
            if line == 0:
                text = block_text(block, shown, alone=not tall)
            else:
                text = block_marks(block, shown, self._scale, last=line == self._lines(lane) - 1)
            segments.append(Segment(text, style))
            at = block.cell + block.width
        if (beyond := min(self._scale.cell(lane.end_us), first + self._width)) > at:
            segments.append(Segment(empty * (beyond - at), self._style("ruler")))
        return Strip(segments).adjust_cell_length(width, base)

    def _covers(self, block: ClipBlock) -> bool:
        return block.first <= self._index < block.first + block.count

    def _block_style(self, shown: ClipView, *, cursor: bool) -> Style:
        if cursor:
            return self._style("cursor")
        if not shown.media_ok:
            return self._style("missing")
        return self._style(shown.kind if shown.kind in KINDS else "other")

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"timeline--{name}")

    # --- moving -------------------------------------------------------------------------------------

    def _go(self, lane: int, index: int) -> None:
        if not self.lanes:
            return
        self._lane = max(0, min(lane, len(self.lanes) - 1))
        self._index = max(0, min(index, len(self.lane.clips) - 1))
        self._reveal()
        self.refresh()
        self.post_message(self.Reached())

    def _reveal(self) -> None:
        """Scroll to the clip under the cursor: its start, and as much of it as fits."""
        room = max(1, self._room.height - 1)
        begin, end_line = self._tops[self._lane], self._tops[min(self._lane + 1, len(self._tops) - 1)]
        top = min(max(self.scroll_offset.y, end_line - room), begin)
        left = self.scroll_offset.x
        if (found := self.clip) is not None:
            start = self._scale.cell(found[2].start_us)
            end = start + self._scale.cells(found[2].duration_us)
            if end > left + self._width:
                left = end - self._width
            left = min(left, start)
        self.scroll_to(left, top, animate=False, immediate=True, force=True)

    def _zoom(self, scale: Scale) -> None:
        """Change the scale; the clip under the cursor keeps its place on the screen."""
        start_us = found[2].start_us if (found := self.clip) else 0
        place = self._scale.cell(start_us) - self.scroll_offset.x
        self._scale = scale
        self._fits = scale.us_per_cell >= whole(self._duration_us, self._width).us_per_cell
        self._measure()
        self.scroll_to(max(0, scale.cell(start_us) - place), animate=False, immediate=True, force=True)
        self._reveal()

    def action_clip(self, by: int) -> None:
        self._go(self._lane, self._index + by)

    def action_track(self, by: int) -> None:
        """Go to the clip at the same time on the next track."""
        at = found[2].start_us if (found := self.clip) else 0
        lane = max(0, min(self._lane + by, len(self.lanes) - 1))
        if self.lanes:
            self._go(lane, self.lanes[lane].near(at) if lane != self._lane else self._index)

    def action_first(self) -> None:
        self._go(self._lane, 0)

    def action_last(self) -> None:
        if self.lanes:
            self._go(self._lane, len(self.lane.clips) - 1)

    def action_pan(self, by: int) -> None:
        """Scroll by a quarter of the width; the cursor stays."""
        self.scroll_relative(x=by * max(1, self._width // 4), animate=False)

    def action_closer(self) -> None:
        self._zoom(self._scale.closer())

    def action_farther(self) -> None:
        self._zoom(self._scale.farther(self._duration_us, self._width))

    def action_whole(self) -> None:
        self._zoom(whole(self._duration_us, self._width))

    def action_next_missing(self) -> None:
        """Go to the next clip whose media is missing, cyclically."""
        missing = [
            (number, index)
            for number, lane in enumerate(self.lanes)
            for index, shown in enumerate(lane.clips)
            if not shown.media_ok
        ]
        if missing:
            self._go(*next((place for place in missing if place > (self._lane, self._index)), missing[0]))

    def on_click(self, event: events.Click) -> None:
        number = self._lane_at(event.y - 1 + self.scroll_offset.y)
        cell = event.x - self._gutter + self.scroll_offset.x
        if event.y >= 1 and event.x >= self._gutter and number < len(self.lanes):
            self._go(number, self.lanes[number].near(self._scale.us(cell)))


class SmallTimeline(TimelineView, can_focus=False):
    """The tracks of a draft at a glance, one line each; no cursor, no keys."""

    DEFAULT_CSS = """
    SmallTimeline { display: none; overflow: hidden hidden; margin-top: 1; }
    """
    HAS_CURSOR = False

    @property
    def lines(self) -> int:
        """Lines that it needs, the empty one above it among them; 0 without tracks."""
        return len(self.lanes) + 2 if self.lanes else 0

    @override
    def on_click(self, event: events.Click) -> None:
        """Clicks choose nothing here."""
