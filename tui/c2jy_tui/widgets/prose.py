"""Shows a Markdown text, which may still grow, as one widget of drawn lines."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Region, Size
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget
from typing_extensions import override

from c2jy_bridge.core.safety import visible
from c2jy_tui.widgets.markdown_blocks import GrowingDocument, Placed, PlainDocument
from c2jy_tui.widgets.markdown_lines import draw_all


class Prose(Widget):
    """Markdown that may still grow.

    Textual's own Markdown is a widget per block, and appending to it costs more the longer it is (52 ms at
    1,000 characters, 815 ms at 100,000). Here finished blocks are lines that are drawn once per width, and
    only the tail is drawn again.
    """

    DEFAULT_CSS = """
    Prose {
        width: 1fr;
        height: auto;
        text-wrap: nowrap;
        text-overflow: clip;
    }
    """

    def __init__(self, text: str = "", *, markdown: bool = True, classes: str | None = None) -> None:
        """`text` is untrusted and filtered here; `markdown=False` shows it verbatim."""
        super().__init__(classes=classes)
        self._markdown = markdown
        self._document = self._blank()
        self._final: list[Placed] = []
        self._lines: list[Content] = []
        self._drawn_width = 0
        self._drawn_final = 0
        """How many of `_lines` belong to final blocks."""
        self._drawn_blocks = 0
        self._held = ""
        if text:
            self._read(text)

    def append(self, text: str) -> None:
        """Append text, at a cost independent of the length so far."""
        before = len(self._lines)
        self._read(text)
        if not self._drawn_width:
            self.refresh(layout=True)
            return
        live_from = self._drawn_final
        self._draw_tail()
        if len(self._lines) == before:
            self.refresh(Region(0, live_from, self.size.width, before - live_from + 1))
        else:
            self.refresh(layout=True)

    def replace(self, text: str) -> None:
        """Replace the text."""
        self._document = self._blank()
        self._final = []
        self._lines = []
        self._drawn_width = 0
        self._held = ""
        self._read(text)
        self.refresh(layout=True)

    @override
    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    @override
    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        self._draw(width)
        return len(self._lines)

    @override
    def render_line(self, y: int) -> Strip:
        width = self.size.width
        self._draw(width)
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[y]
        if (selection := self.text_selection) is not None and (span := selection.get_span(y)) is not None:
            start, end = span
            style = self.screen.get_visual_style("screen--selection")
            line = line.stylize(style, start, len(line) if end == -1 else end)
        strips = Visual.to_strips(self, line, width, 1, self.visual_style, apply_selection=False, pad=True)
        return strips[0].apply_offsets(0, y) if strips else Strip.blank(width, self.rich_style)

    @override
    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(line.plain for line in self._lines)), "\n"

    @override
    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def _blank(self) -> GrowingDocument | PlainDocument:
        return GrowingDocument() if self._markdown else PlainDocument()

    def _read(self, text: str) -> None:
        text = self._held + text
        # CR LF may arrive in two pieces.
        self._held = "\r" if text.endswith("\r") else ""
        self._final.extend(self._document.append(visible(text.removesuffix("\r") if self._held else text)))

    def _draw(self, width: int) -> None:
        """Draw everything when the width has changed."""
        if width == self._drawn_width or width <= 0:
            return
        self._drawn_width = width
        self._lines = []
        self._drawn_final = 0
        self._drawn_blocks = 0
        self._draw_tail()

    def _draw_tail(self) -> None:
        del self._lines[self._drawn_final :]
        new = self._final[self._drawn_blocks :]
        self._lines.extend(draw_all(new, self._drawn_width, after=bool(self._lines)))
        self._drawn_blocks, self._drawn_final = len(self._final), len(self._lines)
        self._lines.extend(draw_all(self._document.live, self._drawn_width, after=bool(self._lines)))
