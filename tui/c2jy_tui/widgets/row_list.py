"""A list of rows in columns that draws only the visible rows, so that 10,000 cost as much as thirty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from typing_extensions import override

from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.wrapping import wrapped

Tone = Literal["plain", "muted", "strong", "good", "bad", "warn", "busy"]
"""Meaning of a cell; the stylesheet gives it a colour, the text carries it without one."""

GAP: Final = 1
"""Terminal cells between two columns."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a row.

    `variants` are equivalent texts, longest first; the first that fits its column is drawn.
    """

    variants: tuple[str, ...]
    tone: Tone = "plain"


_EMPTY: Final = Cell(("",))

Row = Mapping[str, Cell]
"""The cells of one row by column name."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        name: Key of its cells in a `Row`, and of its title.
        width: Cells it needs; the minimum of a growing column.
        grow: Takes the space that the others leave.
        max_width: Cells beyond which it does not grow; 0 for no limit.
        right: Right-aligned.
        priority: Columns with the lowest value are dropped first in a narrow list; the highest never.
    """

    name: str
    width: int
    grow: bool = False
    max_width: int = 0
    right: bool = False
    priority: int = 100


def fit_columns(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """The columns that fit into `width` cells, each with the cells it gets, in their order."""
    shown = list(columns)

    def needed() -> int:
        return sum(c.width for c in shown) + GAP * (len(shown) - 1)

    while len(shown) > 1 and needed() > width:
        shown.remove(min(shown, key=lambda c: c.priority))
    wide = {c.name: min(width, c.width) for c in shown}
    spare = max(0, width - needed())
    # Limited columns first, so that what they do not take goes to the others.
    growing = sorted((c for c in shown if c.grow), key=lambda c: (c.max_width == 0, c.max_width))
    for at, column in enumerate(growing):
        share = -(-spare // (len(growing) - at)) if column.max_width == 0 else spare // (len(growing) - at)
        extra = min(share, column.max_width - column.width) if column.max_width else share
        wide[column.name] += extra
        spare -= extra
    return [(c, wide[c.name]) for c in shown]


def truncate(text: str, width: int) -> str:
    """`text` on at most `width` cells, with an ellipsis where it was cut; wide characters stay whole."""
    if cell_len(text) <= width:
        return text
    if width < 1:
        return ""
    return set_cell_size(text, width - 1).rstrip() + "…"


def truncate_start(text: str, width: int) -> str:
    """`text` on at most `width` cells, its beginning cut: paths differ at their ends."""
    if cell_len(text) <= width:
        return text
    if width < 1:
        return ""
    kept = text[-width:]
    while cell_len(kept) > width - 1:
        kept = kept[1:]
    return f"…{kept}"


def pad_cell(cell: Cell, width: int, *, right: bool = False) -> str:
    """`cell` padded or truncated to exactly `width` cells."""
    text = next((v for v in cell.variants if cell_len(v) <= width), truncate(cell.variants[-1], width))
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding


class RowList(ScrollView, can_focus=True):
    """Rows in columns under a title line; the owner supplies their number and the cells of each."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--title",
        "rows--cursor",
        "rows--muted",
        "rows--strong",
        "rows--good",
        "rows--bad",
        "rows--warn",
        "rows--busy",
    }
    DEFAULT_CSS = """
    RowList {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .rows--title { color: $text-muted; text-style: bold; }
        & > .rows--cursor { background: $block-cursor-blurred-background; color: $foreground; }
        &:focus > .rows--cursor {
            background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
        }
        & > .rows--muted { color: $text-muted; }
        & > .rows--strong { text-style: bold; }
        & > .rows--good { color: $text-success; }
        & > .rows--bad { color: $text-error; text-style: bold; }
        & > .rows--warn { color: $text-warning; text-style: bold; }
        & > .rows--busy { color: $text-accent; }
        &:ansi > .rows--muted { text-style: dim; }
        &:ansi > .rows--cursor { text-style: underline; }
        &:ansi:focus > .rows--cursor { text-style: reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("rows", "rows.up", "up,k", "move(-1)", show=False),
        binding("rows", "rows.down", "down,j", "move(1)", show=False),
        binding("rows", "rows.page_up", "pageup", "page(-1)", show=False),
        binding("rows", "rows.page_down", "pagedown", "page(1)", show=False),
        binding("rows", "rows.first", "home,g", "first", show=False),
        binding("rows", "rows.last", "end,G", "last", show=False),
        binding("rows", "rows.open", "enter", "open"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the row under the cursor."""
    hint: reactive[str] = reactive("")
    """Text of an empty list."""
    loading_hint: reactive[str] = reactive("")
    """Text shown instead while the rows are still being read."""

    @dataclass
    class Moved(Message):
        """The cursor moved to another row, or another row moved under the cursor."""

        by_user: bool
        """True when the user moved it."""
        to_end: bool = False
        """True when the user jumped to the last row."""

    @dataclass
    class Opened(Message):
        """The user opened the row under the cursor."""

        index: int

    def __init__(
        self,
        columns: Sequence[Column],
        row: Callable[[int], Row],
        titles: Callable[[str], str],
        *,
        ruled: Callable[[int], bool] = lambda index: False,
        id: str | None = None,
    ) -> None:
        """`row` gives the cells of a row, `ruled` whether a rule is drawn below it."""
        super().__init__(id=id)
        self._columns = columns
        self._row = row
        self._ruled = ruled
        self._titles = titles
        self.count = 0
        """How many rows there are."""

    def reset(self, count: int, cursor: int | None = None) -> None:
        """Redraw `count` rows; the cursor goes to `cursor` or stays."""
        self.count = count
        self.virtual_size = Size(1, count + 1)
        self._go(self.cursor if cursor is None else cursor, by_user=False)
        self.refresh()

    def redraw(self, index: int) -> None:
        """Redraw one row, if it is visible."""
        line = index + 1 - self.scroll_offset.y
        if 1 <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def visible_rows(self) -> range:
        """Indexes of the visible rows."""
        top = self.scroll_offset.y
        return range(top, min(self.count, top + max(0, self.size.height - 1)))

    @override
    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        if y == 0:
            style = self._tone("title")
            texts = [
                pad_cell(Cell((self._titles(c.name),)), w, right=c.right)
                for c, w in fit_columns(self._columns, width)
            ]
            return _line([(text, style) for text in texts], base, width)
        index = y + self.scroll_offset.y - 1
        if index >= self.count:
            return self._hint_line(y, width)
        row = self._row(index)
        here = index == self.cursor
        if here:
            base = self.get_component_rich_style("rows--cursor")
        rule = Style(underline=True) if self._ruled(index) else Style()
        cells = []
        for column, cells_wide in fit_columns(self._columns, width):
            cell = row.get(column.name, _EMPTY)
            # On the cursor's background only its own colour is sure to be readable.
            style = base if here or cell.tone == "plain" else self._tone(cell.tone)
            cells.append((pad_cell(cell, cells_wide, right=column.right), style + rule))
        return _line(cells, base + rule, width)

    def _hint_line(self, y: int, width: int) -> Strip:
        style = self.rich_style
        hint = self.loading_hint or self.hint
        if self.count or not hint or y < 2 or width < 4:
            return Strip.blank(width, style)
        lines = wrapped(Content(hint), width - 2)
        if y - 2 >= len(lines):
            return Strip.blank(width, style)
        return _line([(f" {lines[y - 2].plain}", self._tone("muted"))], style, width)

    def _tone(self, tone: str) -> Style:
        return self.get_component_rich_style(f"rows--{tone}")

    def _go(self, index: int, *, by_user: bool, to_end: bool = False) -> None:
        before = self.cursor
        self.cursor = max(0, min(index, self.count - 1))
        if before != self.cursor:
            self.redraw(before)
            self.redraw(self.cursor)
        self._reveal()
        if before != self.cursor or to_end:
            self.post_message(self.Moved(by_user, to_end))

    def _reveal(self) -> None:
        room = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True, force=True)
        elif self.cursor >= top + room:
            self.scroll_to(y=self.cursor - room + 1, animate=False, immediate=True, force=True)

    def on_resize(self) -> None:
        self._reveal()

    def action_move(self, by: int) -> None:
        self._go(self.cursor + by, by_user=True)

    def action_page(self, by: int) -> None:
        self._go(self.cursor + by * max(1, self.size.height - 2), by_user=True)

    def action_first(self) -> None:
        self._go(0, by_user=True)

    def action_last(self) -> None:
        self._go(self.count - 1, by_user=True, to_end=True)

    def action_open(self) -> None:
        if self.count:
            self.post_message(self.Opened(self.cursor))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y - 1
        if event.y < 1 or index >= self.count:
            return
        self._go(index, by_user=True)
        if event.chain == 2:
            self.action_open()


def _line(cells: Sequence[tuple[str, Style]], base: Style, width: int) -> Strip:
    """Cells side by side, padded to `width`."""
    segments: list[Segment] = []
    for text, style in cells:
        if segments:
            segments.append(Segment(" " * GAP, base))
        segments.append(Segment(text, style))
    return Strip(segments).adjust_cell_length(width, base)
