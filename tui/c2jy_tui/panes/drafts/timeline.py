"""Lays a draft's tracks out on terminal cells: scale, ruler, and the blocks of each track; no widget.

Blocks are found by bisection: ten thousand clips cost no more than the screen is wide.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from rich.cells import cell_len

from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import ClipView, TrackView
from c2jy_tui import formatting
from c2jy_tui.panes.drafts.labels import clip_name, kind_letter
from c2jy_tui.widgets.row_list import truncate

FINEST_US: Final = 10_000
"""Microseconds a cell at the closest zoom: a third of a frame at 30 fps."""

ZOOM: Final = 1.5
"""Factor of one zoom step."""

_SECOND: Final = 1_000_000
_STEPS: Final = tuple(
    int(seconds * _SECOND)
    for seconds in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000)
)
"""Round distances between the ruler's marks, in us."""


TICK: Final = "'"
_TICKS: Final = 5
"""Ticks of the ruler from one mark to the next."""
MISSING: Final = "!"
"""Marks a clip whose media is missing."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale of a timeline: microseconds per cell."""

    us_per_cell: int

    def cell(self, us: int) -> int:
        """The cell in which a moment lies."""
        return us // self.us_per_cell

    def us(self, cell: int) -> int:
        """The moment at which a cell begins."""
        return cell * self.us_per_cell

    def cells(self, duration_us: int) -> int:
        """Cells that a length needs, at least one."""
        return max(1, -(-duration_us // self.us_per_cell))

    def closer(self) -> Scale:
        """One zoom step in."""
        return Scale(max(FINEST_US, int(self.us_per_cell / ZOOM)))

    def farther(self, duration_us: int, width: int) -> Scale:
        """One zoom step out, at most to the whole draft."""
        return Scale(min(whole(duration_us, width).us_per_cell, int(self.us_per_cell * ZOOM) + 1))

    def step_us(self) -> int:
        """Distance between the ruler's marks: the least that leaves room for their text."""
        for step in _STEPS:
            if self.cell(step) >= len(formatting.length(step)) + 4:
                return step
        hour = _STEPS[-1]
        return hour * max(1, -(-12 * self.us_per_cell // hour))


def whole(duration_us: int, width: int) -> Scale:
    """The scale at which the whole draft fits into `width` cells."""
    return Scale(max(FINEST_US, -(-duration_us // max(1, width))))


def ruler(scale: Scale, first_cell: int, width: int) -> str:
    """The ruler over `width` cells from `first_cell` on: `|0:00.0  '   '   '   |0:05.0`."""
    step = scale.step_us()
    line = [" "] * width
    for part in range(max(0, scale.us(first_cell) // step - 1) * _TICKS, 10**9):
        if (cell := scale.cell(part * step // _TICKS) - first_cell) >= width:
            break
        if cell >= 0:
            line[cell] = TICK
    number = max(0, scale.us(first_cell) // step - 1)
    while (cell := scale.cell(number * step) - first_cell) < width:
        for offset, character in enumerate(f"|{_mark(number * step, step)}"):
            if 0 <= cell + offset < width:
                line[cell + offset] = character
        number += 1
    return "".join(line)


def _mark(us: int, step: int) -> str:
    """A moment, without tenths where the marks are whole seconds."""
    text = formatting.length(us)
    return text.rpartition(".")[0] if step % _SECOND == 0 else text


@dataclass(frozen=True, slots=True)
class ClipBlock:
    """A run of cells that shows one clip, or the one cell in which several begin."""

    cell: int
    width: int
    first: int
    """Index of its clip in the lane; of the first of them when it shows several."""
    count: int = 1
    begins: bool = True
    """Whether the clip's start is inside the block."""
    ends: bool = True
    """Whether the clip's end is inside the block."""


class TrackLane:
    """A track's clips in the order of their starts."""

    def __init__(self, track: TrackView) -> None:
        self.kind = track.kind
        self.name = track.name
        self.clips: tuple[ClipView, ...] = tuple(sorted(track.clips, key=lambda c: c.start_us))
        self._starts = [clip.start_us for clip in self.clips]
        # The latest end so far: a damaged draft may hold clips that overlap, and bisection needs order.
        self._ends = list(accumulate((c.start_us + c.duration_us for c in self.clips), max))

    @property
    def end_us(self) -> int:
        """Where the last clip ends."""
        return self._ends[-1] if self._ends else 0

    def near(self, us: int) -> int:
        """Index of the clip at a moment, else of the nearest; 0 in an empty lane."""
        if not self.clips:
            return 0
        after = bisect_right(self._starts, us)
        before = max(0, after - 1)
        if after < len(self.clips) and us >= self._ends[before]:
            return after if self._starts[after] - us < us - self._ends[before] else before
        return before

    def blocks(self, scale: Scale, first_cell: int, width: int) -> Iterator[ClipBlock]:
        """What is seen between `first_cell` and `first_cell + width`, from left to right."""
        cell, last, drawn = first_cell, first_cell + width, 0
        while cell < last:
            index = max(drawn, bisect_right(self._ends, scale.us(cell)))
            if index >= len(self.clips):
                return
            start = scale.cell(self._starts[index])
            if start >= last:
                return
            begins = start >= cell
            cell = max(cell, start)
            follows = index + 1 < len(self.clips)
            if not begins and follows and scale.cell(self._starts[index + 1]) <= cell:
                # What is left of it shares the cell with the beginning of the next, which was not seen yet.
                drawn = index + 1
                continue
            # Several that begin in one cell still have to be seen.
            beyond = bisect_left(self._starts, scale.us(cell + 1))
            if begins and beyond - index > 1:
                missing = next((i for i in range(index, beyond) if not self.clips[i].media_ok), index)
                yield ClipBlock(cell, 1, missing, beyond - index)
                # The last of them may go on beyond this cell.
                cell, drawn = cell + 1, beyond - 1
                continue
            end_us = self._starts[index] + self.clips[index].duration_us
            end = max(cell + 1, scale.cell(end_us))
            if follows:
                end = max(cell + 1, min(end, scale.cell(self._starts[index + 1])))
            yield ClipBlock(cell, min(end, last) - cell, index, 1, begins, end <= last)
            cell, drawn = end, index + 1


EDGE: Final = "▎"
"""The start of a clip."""
BEFORE: Final = "‹"
BEYOND: Final = "›"
KEYFRAME: Final = "◆"
TRANSITION: Final = "⋈"


def ordered(tracks: Sequence[TrackView]) -> list[TrackView]:
    """Tracks as JianYing shows them: the top one first, sounds below the main video."""
    shown = [track for track in reversed(tracks) if track.kind != "audio"]
    return shown + [track for track in tracks if track.kind == "audio"]


def block_text(block: ClipBlock, clip: ClipView, *, alone: bool = True) -> str:
    """`▎V intro.mp4   ` on exactly the block's cells.

    `!` says that the clip's media is missing, `‹` and `›` that it goes on beyond the edge, `#` that several
    clips begin in this one cell. On a lane of one line (`alone`) it also has the marks of `block_marks`.
    """
    width = block.width
    mark = "" if clip.media_ok else MISSING
    if block.count > 1:
        return mark or "#"
    left = EDGE if block.begins else BEFORE
    if width == 1:
        return mark or left
    right = "" if block.ends else BEYOND
    if alone and not right and clip.transition and width > 3:
        right = TRANSITION
    room = width - cell_len(left + right)
    label = clip_name(clip) or one_line(clip.media)
    sign = f"{mark}{kind_letter(clip.kind)}"
    if alone and clip.keyframes_us:
        sign += KEYFRAME
    if cell_len(sign) > room:
        sign = mark
    inner = truncate(f"{sign} {label}".strip(), room) if room > cell_len(sign) + 1 else sign
    return left + inner + " " * (room - cell_len(inner)) + right


def block_marks(block: ClipBlock, clip: ClipView, scale: Scale, *, last: bool = True) -> str:
    """A lower line of a tall block; the `last` has its keyframes where they are and its transition."""
    if block.count > 1:
        return " "
    cells = [" "] * block.width
    cells[0] = EDGE if block.begins else BEFORE
    for offset_us in clip.keyframes_us if last else ():
        cell = scale.cell(clip.start_us + offset_us) - block.cell
        if 0 <= cell < block.width:
            cells[cell] = KEYFRAME
    if not block.ends:
        cells[-1] = BEYOND
    elif last and clip.transition and block.width > 1:
        cells[-1] = TRANSITION
    return "".join(cells)
