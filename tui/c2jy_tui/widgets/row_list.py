"""The list widget: a header, rows drawn on demand, a cursor, the keys of vi and of everybody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

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
from c2jy_tui.widgets.columns import GAP, Cell, Column, Row, fit, laid
from c2jy_tui.widgets.wrapping import wrapped

_NOTHING = Cell(("",))


class RowList(ScrollView, can_focus=True):
    """Rows in columns under a title line; the owner says how many there are and what is in one."""

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
    """What stands here while there are no rows."""
    waiting: reactive[str] = reactive("")
    """What stands here instead while it is not known yet whether there are any."""

    @dataclass
    class Moved(Message):
        """The cursor came to another row, or another row came under the cursor."""

        by_hand: bool
        """True when the maker moved it."""
        to_end: bool = False
        """True when it was sent to the last row on purpose."""

    @dataclass
    class Opened(Message):
        """The maker opened the row under the cursor."""

        index: int

    def __init__(
        self,
        columns: Sequence[Column],
        row: Callable[[int], Row],
        titles: Callable[[str], str],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._columns = columns
        self._row = row
        self._titles = titles
        self._count = 0

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._count

    def reset(self, count: int, cursor: int | None = None) -> None:
        """Draw anew: there are `count` rows, and the cursor goes to `cursor` or stays."""
        self._count = count
        self.virtual_size = Size(1, count + 1)
        self._go(self.cursor if cursor is None else cursor, by_hand=False)
        self.refresh()

    def redraw(self, index: int) -> None:
        """Draw one row anew, if it is seen."""
        line = index + 1 - self.scroll_offset.y
        if 1 <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def seen(self) -> range:
        """Indexes of the rows on the screen."""
        top = self.scroll_offset.y
        return range(top, min(self._count, top + max(0, self.size.height - 1)))

    @override
    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        if y == 0:
            style = self._tone("title")
            texts = [laid(Cell((self._titles(c.name),)), w, right=c.right) for c, w in self._fitted(width)]
            return _line([(text, style) for text in texts], base, width)
        index = y + self.scroll_offset.y - 1
        if index >= self._count:
            return self._hint_line(y, width)
        row = self._row(index)
        here = index == self.cursor
        if here:
            base = self.get_component_rich_style("rows--cursor")
        cells = []
        for column, cells_wide in self._fitted(width):
            cell = row.get(column.name, _NOTHING)
            # On the cursor's background only its own colour is sure to be readable.
            style = base if here or cell.tone == "plain" else self._tone(cell.tone)
            cells.append((laid(cell, cells_wide, right=column.right), style))
        return _line(cells, base, width)

    def _hint_line(self, y: int, width: int) -> Strip:
        style = self.rich_style
        hint = self.waiting or self.hint
        if self._count or not hint or y < 2 or width < 4:
            return Strip.blank(width, style)
        lines = wrapped(Content(hint), width - 2)
        if y - 2 >= len(lines):
            return Strip.blank(width, style)
        return _line([(f" {lines[y - 2].plain}", self._tone("muted"))], style, width)

    def _fitted(self, width: int) -> list[tuple[Column, int]]:
        return fit(self._columns, width)

    def _tone(self, tone: str) -> Style:
        return self.get_component_rich_style(f"rows--{tone}")

    def _go(self, index: int, *, by_hand: bool, to_end: bool = False) -> None:
        before = self.cursor
        self.cursor = max(0, min(index, self._count - 1))
        if before != self.cursor:
            self.redraw(before)
            self.redraw(self.cursor)
        self._reveal()
        if before != self.cursor or to_end:
            self.post_message(self.Moved(by_hand, to_end))

    def _reveal(self) -> None:
        room = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True, force=True)
        elif self.cursor >= top + room:
            self.scroll_to(y=self.cursor - room + 1, animate=False, immediate=True, force=True)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._reveal()

    def action_move(self, by: int) -> None:
        """Up or down by rows."""
        self._go(self.cursor + by, by_hand=True)

    def action_page(self, by: int) -> None:
        """Up or down by what is seen at once."""
        self._go(self.cursor + by * max(1, self.size.height - 2), by_hand=True)

    def action_first(self) -> None:
        """To the first row."""
        self._go(0, by_hand=True)

    def action_last(self) -> None:
        """To the last row."""
        self._go(self._count - 1, by_hand=True, to_end=True)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self._count:
            self.post_message(self.Opened(self.cursor))

    def on_click(self, event: events.Click) -> None:
        """One click moves the cursor, two open the row."""
        index = event.y + self.scroll_offset.y - 1
        if event.y < 1 or index >= self._count:
            return
        self._go(index, by_hand=True)
        if event.chain == 2:
            self.action_open()


def _line(cells: Sequence[tuple[str, Style]], base: Style, width: int) -> Strip:
    """Cells side by side, filled up to `width`."""
    segments: list[Segment] = []
    for text, style in cells:
        if segments:
            segments.append(Segment(" " * GAP, base))
        segments.append(Segment(text, style))
    return Strip(segments).adjust_cell_length(width, base)
