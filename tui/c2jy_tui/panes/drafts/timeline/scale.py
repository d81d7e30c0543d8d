"""Time to cells and back, and the marks of the ruler; pure arithmetic in microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from c2jy_tui import formatting

FINEST_US: Final = 10_000
"""Microseconds a cell at the closest zoom: a third of a frame at 30 fps."""

ZOOM: Final = 1.5
"""How much closer one step of zoom comes."""

_SECOND: Final = 1_000_000
_STEPS: Final = tuple(
    int(seconds * _SECOND)
    for seconds in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000)
)
"""Distances between marks that people count in."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How many microseconds one cell stands for."""

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
        """One step in."""
        return Scale(max(FINEST_US, int(self.us_per_cell / ZOOM)))

    def farther(self, duration_us: int, width: int) -> Scale:
        """One step out, not beyond the whole."""
        return Scale(min(whole(duration_us, width).us_per_cell, int(self.us_per_cell * ZOOM) + 1))

    def step_us(self) -> int:
        """Distance of the ruler's marks: the least that leaves room for their words."""
        for step in _STEPS:
            if self.cell(step) >= len(formatting.length(step)) + 4:
                return step
        hour = _STEPS[-1]
        return hour * max(1, -(-12 * self.us_per_cell // hour))


def whole(duration_us: int, width: int) -> Scale:
    """The scale at which all of a draft is seen on `width` cells."""
    return Scale(max(FINEST_US, -(-duration_us // max(1, width))))


def ruler(scale: Scale, first_cell: int, width: int) -> str:
    """The ruler over `width` cells from `first_cell` on: `|0:00.0     |0:05.0`."""
    step = scale.step_us()
    line = [" "] * width
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
