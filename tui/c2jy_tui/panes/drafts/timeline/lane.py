"""One track as blocks on cells, found by bisection: ten thousand clips cost what the screen is wide."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from c2jy_bridge.core.views import ClipView, TrackView
from c2jy_tui.panes.drafts.timeline.scale import Scale


@dataclass(frozen=True, slots=True)
class Block:
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


class Lane:
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

    def blocks(self, scale: Scale, first_cell: int, width: int) -> Iterator[Block]:
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
                yield Block(cell, 1, missing, beyond - index)
                # The last of them may go on beyond this cell.
                cell, drawn = cell + 1, beyond - 1
                continue
            end_us = self._starts[index] + self.clips[index].duration_us
            end = max(cell + 1, scale.cell(end_us))
            if follows:
                end = max(cell + 1, min(end, scale.cell(self._starts[index + 1])))
            yield Block(cell, min(end, last) - cell, index, 1, begins, end <= last)
            cell, drawn = end, index + 1
