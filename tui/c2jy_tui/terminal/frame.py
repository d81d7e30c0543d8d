"""Writes only what changed: compares each update of the screen with what the terminal shows already.

Textual 8.2.8 repaints whole lines of a widget when one letter of it changes, and everything below a dialog.
On a slow line that is what a user waits for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip
from typing_extensions import override

from c2jy_tui.terminal.cells import PLAIN, Cell, Rendition, cells_of, change, erasable, is_certain, of_blanks
from c2jy_tui.terminal.scroll import Row, Rows, find_scroll

_NEAR: Final = 4
"""Unchanged columns that are written again rather than skipped: a move takes as many bytes."""
_ERASED: Final = 10
"""Blanks in the middle of a line from which erasing takes fewer bytes than writing them."""
_ANSWERS_S: Final = 0.2
"""Seconds after a key in which each frame is drawn: it may be the answer to it."""
_WORTH_A_SCROLL: Final = 500
"""Characters of an update from which it is worth the time to look for a scroll."""
_EDGE: Final = 3
"""The same at the end of a line."""

Piece = tuple[int, int, int, Strip]
"""A row, a column, the row's width and what to draw from that column on."""


class RenderedUpdate(CompositorUpdate):
    """An update that is rendered already."""

    def __init__(self, text: str) -> None:
        self.text = text

    @override
    def render_segments(self, console: Console) -> str:
        return self.text


class Frame:
    """The cells that a terminal shows."""

    def __init__(self, *, erases_in_colour: bool = False) -> None:
        """Args:
        erases_in_colour: Whether erased cells get the background that is set (terminfo: bce).
        """
        self._erases = erases_in_colour
        self._rows: dict[int, Row] = {}
        """What is on the terminal, by row; None for a cell of which nothing is known."""

    def forget(self) -> None:
        """Know nothing any more: the terminal was resized, cleared or used by another program."""
        self._rows.clear()

    def update(self, update: LayoutUpdate | ChopsUpdate, console: Console) -> RenderedUpdate:
        """What changes the terminal from what it shows to what it is to show; it counts as written."""
        rows = self._changed_rows(update, console._color_system or ColorSystem.TRUECOLOR)
        text = self._written(rows, self._rows)
        if len(text) > _WORTH_A_SCROLL and (scroll := find_scroll(self._rows, rows)):
            below = {y: self._rows[y] for y in range(scroll.top, scroll.bottom + 1)}
            scrolled = scroll.sequence + self._written({**below, **rows}, scroll.moved(self._rows))
            text = min(text, scrolled, key=lambda way: len(way.encode()))
        self._rows.update(rows)
        return RenderedUpdate(text)

    def _written(self, rows: Rows, known: Rows) -> str:
        writer = _Writer(self._erases)
        for y in sorted(rows):
            for start, end in _runs(known[y], rows[y]):
                writer.write(y, start, rows[y], end)
        return writer.finish()

    def _changed_rows(self, update: LayoutUpdate | ChopsUpdate, colours: ColorSystem) -> dict[int, Row]:
        """The rows that are to look otherwise than they do, whole."""
        rows: dict[int, Row] = {}
        pieces = _pieces_of_layout(update) if isinstance(update, LayoutUpdate) else _pieces_of_chops(update)
        for y, x, width, strip in pieces:
            row = rows.get(y)
            if row is None:
                if len(known := self._rows.get(y, ())) != width:
                    known = self._rows[y] = [None] * width
                row = rows[y] = list(known)
            _overlay(row, x, [cell for segment in strip for cell in cells_of(segment, colours)])
        return {y: row for y, row in rows.items() if row != self._rows[y]}


def _pieces_of_layout(update: LayoutUpdate) -> Iterator[Piece]:
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield y, x, update.region.right, strip
            x += strip.cell_length


def _pieces_of_chops(update: ChopsUpdate) -> Iterator[Piece]:
    """The same choice as in ChopsUpdate.render_segments, as cells instead of bytes."""
    for y, x1, x2 in update.spans:
        ends = update.chop_ends[y]
        for end, (x, strip) in zip(ends, update.chops[y].items(), strict=False):
            if strip is None or x > x2 or end <= x1:
                continue
            whole = x2 > x >= x1 and end <= x2
            yield y, x, ends[-1], strip if whole else strip.crop(0, min(end, x2) - x)


def _overlay(row: Row, x: int, cells: list[Cell]) -> None:
    """Draw cells over a row. A wide letter that loses one of its columns is gone, as on a terminal."""
    del cells[len(row) - x :]
    if not cells:
        return
    row[x : x + len(cells)] = cells
    end = x + len(cells)
    if x and (before := row[x - 1]) is not None and cells[0].letter and _is_wide(before):
        row[x - 1] = Cell(" ", before.look)
    if end < len(row) and (after := row[end]) is not None and not after.letter:
        row[end] = Cell(" ", after.look)
    if _is_wide(cells[-1]):
        row[end - 1] = Cell(" ", cells[-1].look)


def _is_wide(cell: Cell) -> bool:
    return len(cell.letter) > 0 and not cell.letter.isascii() and cell_len(cell.letter) > 1


def _runs(known: Sequence[Cell | None], row: Sequence[Cell | None]) -> Iterator[tuple[int, int]]:
    """The columns to write, from and to; a wide letter is written whole."""
    width = len(row)
    start = end = -1
    for x in range(width):
        if row[x] == known[x]:
            continue
        first = x
        while first and (cell := row[first]) is not None and not cell.letter:
            first -= 1
        if end >= 0 and not _cheaper_to_write(row, end, first):
            yield start, end
            start = first
        elif end < 0:
            start = first
        end = x + 1
        while end < width and (cell := row[end]) is not None and not cell.letter:
            end += 1
    if end >= 0:
        yield start, end


def _cheaper_to_write(row: Sequence[Cell | None], start: int, end: int) -> bool:
    """Whether writing the unchanged cells between two runs takes fewer bytes than skipping them."""
    if end - start > _NEAR:
        return False
    last = row[start - 1]
    if last is None:
        return False
    blank = of_blanks(last.look)
    return all(
        cell is not None
        and cell.letter.isascii()
        and cell.look == (blank if cell.letter == " " else last.look)
        for cell in row[start:end]
    )


class FrameRate:
    """Draws what changes by itself so often and no oftener; what the user does is drawn at once."""

    def __init__(self, most: int) -> None:
        """`most` is in frames a second."""
        self._period_s = 1 / most
        self._drawn_at = self._used_at = -math.inf

    def used(self, at: float) -> None:
        """A key or the mouse was used; seconds of any clock, the same in all calls."""
        self._used_at = at

    def drawn(self, at: float) -> None:
        """A frame was drawn."""
        self._drawn_at = at

    def allows(self, at: float) -> bool:
        """Whether a frame may be drawn now."""
        return at - self._drawn_at >= self._period_s or at - self._used_at < _ANSWERS_S


class _Writer:
    """Sequences for a terminal of whose cursor and look only what it was told here is known."""

    def __init__(self, erases: bool) -> None:
        self._erases = erases
        self._out: list[str] = []
        self._x = self._y = -2
        """Where the cursor is; below 0 where that is not certain."""
        self._look = PLAIN

    def write(self, y: int, start: int, row: Sequence[Cell | None], end: int) -> None:
        """Write the cells from column `start` to before `end` of a row."""
        x = start
        while x < end:
            cell = row[x]
            if cell is None:
                x += 1
                continue
            blanks = _blanks(row, x, end) if self._erases and cell.letter == " " else 0
            if blanks > _ERASED or (blanks > _EDGE and x + blanks == len(row)):
                self._move(x, y)
                self._set_look(cell.look, blank=True)
                self._out.append("\x1b[K" if x + blanks == len(row) else f"\x1b[{blanks}X")
                x += blanks
                continue
            if cell.letter:
                self._move(x, y)
                self._set_look(cell.look, blank=cell.letter == " ")
                self._out.append(cell.letter)
                # The cursor waits in the last column, as lines do not wrap.
                certain = is_certain(cell.letter) and x + 1 < len(row)
                self._x = x + 1 if certain else -2
            elif self._x == x:
                self._x = x + 1 if x + 1 < len(row) else -2
            x += 1

    def _move(self, x: int, y: int) -> None:
        if (x, y) == (self._x, self._y):
            return
        ways = [f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"]
        if self._x >= 0:
            if y == self._y and x > self._x:
                ways.append(f"\x1b[{x - self._x}C" if x - self._x > 1 else "\x1b[C")
            elif y == self._y + 1 and x == self._x - 1:
                ways.append("\x1b[B\b")
        if y == self._y + 1 and not x:
            ways.append("\r\n")
        self._out.append(min(ways, key=len))
        self._x, self._y = x, y

    def _set_look(self, look: Rendition, *, blank: bool = False) -> None:
        if look == self._look or (blank and of_blanks(self._look) == look):
            return
        if look.link != self._look.link:
            self._out.append(f"\x1b]8;{look.link or ';'}\x1b\\")
        self._out.append(change(self._look.sgr, look.sgr))
        self._look = look

    def finish(self) -> str:
        """All sequences; after them letters are plain."""
        self._set_look(PLAIN)
        return "".join(self._out)


def _blanks(row: Sequence[Cell | None], start: int, end: int) -> int:
    """How many cells from `start` on are one that can be erased."""
    first = row[start]
    if first is None or not erasable(first):
        return 0
    x = start + 1
    while x < end and row[x] == first:
        x += 1
    return x - start


def erases_in_colour() -> bool:
    """Whether the terminal's description says that erased cells get the background that is set."""
    try:
        import curses

        curses.setupterm(fd=1)
        return bool(curses.tigetflag("bce") == 1)
    except Exception:  # no module on Windows, no description, no TERM
        return False
