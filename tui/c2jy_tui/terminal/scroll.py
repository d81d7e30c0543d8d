"""Finds the scroll that saves most of an update: one line more of an answer moves all lines above it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from c2jy_tui.terminal.cells import Cell

Row = list[Cell | None]
Rows = Mapping[int, Row]

_FEWEST: Final = 3
"""Rows that must be found moved; for fewer a scroll saves nothing."""


@dataclass(frozen=True, slots=True)
class Scroll:
    """Rows `top` to `bottom`, over the whole width, go up by `lines`, or down where that is negative."""

    top: int
    bottom: int
    lines: int

    @property
    def sequence(self) -> str:
        """Margins (DECSTBM), line feeds at the lower one or reverse ones at the upper, no margins."""
        margins = f"\x1b[{self.top + 1};{self.bottom + 1}r"
        if self.lines > 0:
            return f"{margins}\x1b[{self.bottom + 1}H" + "\n" * self.lines + "\x1b[r"
        return f"{margins}\x1b[{self.top + 1}H" + "\x1bM" * -self.lines + "\x1b[r"

    def moved(self, rows: Rows) -> dict[int, Row]:
        """All rows as the terminal shows them after it; what comes in at the margin is unknown."""
        after = dict(rows)
        for y in range(self.top, self.bottom + 1):
            origin = y + self.lines
            inside = self.top <= origin <= self.bottom
            after[y] = rows[origin] if inside else [None] * len(rows[y])
        return after


def find_scroll(known: Rows, wanted: Rows) -> Scroll | None:
    """The scroll after which most of the `wanted` rows are there already; None if there is none."""
    ranges = {y: found for y in wanted if (found := _changed_range(known[y], wanted[y]))}
    if len(ranges) < _FEWEST:
        return None
    # What scrolls is as wide as the widest change; rows that change elsewhere have no part in it.
    left, right = max(ranges.values(), key=lambda found: found[1] - found[0])
    changed = [y for y, (begin, end) in ranges.items() if begin < right and end > left]
    top, bottom = min(changed), max(changed)
    if any(y not in known or len(known[y]) != len(known[top]) for y in range(top, bottom + 1)):
        return None
    origins: dict[str, list[int]] = {}
    for y in range(top, bottom + 1):
        if (letters := _letters(known[y][left:right])).strip():
            origins.setdefault(letters, []).append(y)
    votes = Counter(
        origin - y
        for y in changed
        for origin in origins.get(_letters(wanted[y][left:right]), ())
        if origin != y
    )
    if not votes:
        return None
    lines, count = votes.most_common(1)[0]
    return Scroll(top, bottom, lines) if count >= _FEWEST else None


def _changed_range(known: Sequence[Cell | None], wanted: Sequence[Cell | None]) -> tuple[int, int] | None:
    """The first column that differs and the one after the last."""
    differing = [x for x, (a, b) in enumerate(zip(known, wanted, strict=True)) if a != b]
    return (differing[0], differing[-1] + 1) if differing else None


def _letters(cells: Sequence[Cell | None]) -> str:
    return "".join(cell.letter for cell in cells if cell is not None)
