"""Columns that share a width given in terminal cells; pure arithmetic, no widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.cells import cell_len, set_cell_size

Tone = Literal["plain", "muted", "strong", "good", "bad", "warn", "busy"]
"""What a cell means; the stylesheet gives it a colour, and its words say it without one."""

GAP: Final = 1
"""Cells between two columns."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a row.

    `variants` are ways to say the same, longest first; the first that fits its column is drawn.
    """

    variants: tuple[str, ...]
    tone: Tone = "plain"


Row = Mapping[str, Cell]
"""The cells of one row by column name."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        name: Key of its cells in a `Row`, and of its title.
        width: Cells it needs; the least a growing column accepts.
        grow: Takes what the others leave.
        most: Cells beyond which it grows no more; 0 knows no end.
        right: Aligned to the right.
        keep: Columns with less of it go first when the list gets narrow; the highest never goes.
    """

    name: str
    width: int
    grow: bool = False
    most: int = 0
    right: bool = False
    keep: int = 100


def fit(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """The columns that fit into `width` cells, each with the cells it gets, in their order."""
    shown = list(columns)

    def needed() -> int:
        return sum(c.width for c in shown) + GAP * (len(shown) - 1)

    while len(shown) > 1 and needed() > width:
        shown.remove(min(shown, key=lambda c: c.keep))
    wide = {c.name: min(width, c.width) for c in shown}
    spare = max(0, width - needed())
    # Those with an end first, so that what they do not take goes to the others.
    growing = sorted((c for c in shown if c.grow), key=lambda c: (c.most == 0, c.most))
    for at, column in enumerate(growing):
        share = -(-spare // (len(growing) - at)) if column.most == 0 else spare // (len(growing) - at)
        extra = min(share, column.most - column.width) if column.most else share
        wide[column.name] += extra
        spare -= extra
    return [(c, wide[c.name]) for c in shown]


def clip(text: str, width: int) -> str:
    """`text` on at most `width` cells, with an ellipsis where it was cut; wide characters stay whole."""
    if cell_len(text) <= width:
        return text
    if width < 1:
        return ""
    return set_cell_size(text, width - 1).rstrip() + "…"


def clip_start(text: str, width: int) -> str:
    """`text` on at most `width` cells, its beginning cut: the end is what tells paths apart."""
    if cell_len(text) <= width:
        return text
    if width < 1:
        return ""
    kept = text[-width:]
    while cell_len(kept) > width - 1:
        kept = kept[1:]
    return f"…{kept}"


def laid(cell: Cell, width: int, *, right: bool = False) -> str:
    """`cell` on exactly `width` cells."""
    text = next((v for v in cell.variants if cell_len(v) <= width), clip(cell.variants[-1], width))
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding
