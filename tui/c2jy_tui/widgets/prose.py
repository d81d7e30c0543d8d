"""Shows a Markdown text, which may still grow, as one widget of drawn lines."""

from __future__ import annotations

import re
from time import perf_counter
from typing import Final

from textual._styles_cache import StylesCache
from textual.content import Content
from textual.geometry import Region, Size
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.visual import Visual
from textual.widget import Widget
from typing_extensions import override

from c2jy_bridge.core.safety import visible
from c2jy_tui.widgets.markdown_blocks import GrowingDocument, Placed, PlainDocument
from c2jy_tui.widgets.markdown_lines import CONTINUES, Line, draw_all

STEP_S: Final = 0.012
"""Seconds after which a step of reading or drawing a long text is interrupted for other work."""
PAUSE_S: Final = 1 / 30
"""Seconds between two such steps."""
_PIECE_CHARS: Final = 4_000
_PIECE_LINES: Final = 200
"""Text that is read without looking at the clock: about 10 ms of short paragraphs with markup in them."""
_FEW_LINES: Final = 4_000
"""Lines up to which a layout costs little: Textual maps every 20 lines of a widget at each of them."""
_BLOCKS: Final = 400
"""Blocks that are drawn without looking at the clock."""
_UNWRAPPED: Final = re.compile(rf" *\n{CONTINUES}| +$", re.MULTILINE)


class TallStylesCache(StylesCache):
    """Drawn lines of a widget that can be 200,000 lines tall.

    Textual marks each of them after it has emptied the cache, 40 ms at every change of the height. A line
    that is not in the cache is drawn anyway.
    """

    @override
    def set_dirty(self, *regions: Region) -> None:
        if self._cache or not regions:
            super().set_dirty(*regions)


class Prose(Widget):
    """Markdown that may still grow.

    Textual's own Markdown is a widget per block, and appending to it costs more the longer it is (52 ms at
    1,000 characters, 815 ms at 100,000). Here finished blocks are lines that are drawn once per width, and
    only the tail is drawn again. A text too long for one step (100,000 paragraphs at once) is read and drawn
    in several, so that keys are drawn in between.
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
        self._styles_cache = TallStylesCache()
        self._markdown = markdown
        self._document = self._blank()
        self._final: list[Placed] = []
        self._lines: list[Line] = []
        self._drawn_width = 0
        self._drawn_final = 0
        """How many of `_lines` belong to final blocks."""
        self._drawn_blocks = 0
        self._held = ""
        self._marked = ""
        self._waiting = text
        self._waits_at = 0
        """How much of `_waiting` has been read."""
        self._timer: Timer | None = None
        self._read_piece()

    @property
    def whole(self) -> bool:
        """Whether everything has been read and, once there is a width, drawn."""
        return self._is_read and (not self._drawn_width or self._drawn_blocks == len(self._final))

    @property
    def _is_read(self) -> bool:
        return self._waits_at >= len(self._waiting)

    def on_mount(self) -> None:
        self._go_on()

    def append(self, text: str) -> None:
        """Append text, at a cost independent of the length so far."""
        self._waiting = self._waiting[self._waits_at :] + text
        self._waits_at = 0
        if self._timer is None:
            self._step()

    def replace(self, text: str) -> None:
        """Replace the text."""
        self._document = self._blank()
        self._final = []
        self._lines = []
        self._drawn_width = 0
        self._held = ""
        self._waiting, self._waits_at = text, 0
        self._read_piece()
        self.refresh(layout=True)
        self._go_on()

    def mark(self, words: str) -> None:
        """Highlight `words` where they are within one drawn line, whatever their case; nothing when empty."""
        if words != self._marked:
            self._marked = words
            self.refresh()

    @property
    def marked_line(self) -> int | None:
        """The first line with a highlight, counted in the screen's lines from this widget's parent."""
        if not self._marked:
            return None
        words = self._marked.lower()
        texts = (line if isinstance(line, str) else line.plain for line in self._lines)
        found = next((n for n, text in enumerate(texts) if words in text.lower()), None)
        return None if found is None else found + self.virtual_region.y

    def _step(self) -> None:
        """Read, and draw, until the time of one step is over."""
        self._timer = None
        until = perf_counter() + STEP_S
        before, live_from = len(self._lines), self._drawn_final
        self._read_piece()
        while not self._is_read and perf_counter() < until:
            self._read_piece()
        if not self._drawn_width:
            self.refresh(layout=True)
        else:
            self._draw_tail(until)
            if len(self._lines) == before:
                self.refresh(Region(0, live_from, self.size.width, before - live_from + 1))
            elif self.whole or len(self._lines) < _FEW_LINES or len(self._lines) > self.size.height * 5 // 4:
                self.refresh(layout=True)
        self._go_on()

    def _go_on(self) -> None:
        if not self.whole and self._timer is None and self.is_running:
            self._timer = self.set_timer(PAUSE_S, self._step)

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
        line = Content(line) if isinstance(line, str) else line
        if self._marked:
            line = _highlighted(line, self._marked.lower())
        if (selection := self.text_selection) is not None and (span := selection.get_span(y)) is not None:
            start, end = span
            style = self.screen.get_visual_style("screen--selection")
            line = line.stylize(style, start, len(line) if end == -1 else end)
        strips = Visual.to_strips(self, line, width, 1, self.visual_style, apply_selection=False, pad=True)
        return strips[0].apply_offsets(0, y) if strips else Strip.blank(width, self.rich_style)

    @override
    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        lines = (line if isinstance(line, str) else line.plain for line in self._lines)
        # A wrapped line of code is one line again; its padding goes as well.
        return _UNWRAPPED.sub("", selection.extract("\n".join(lines))), "\n"

    @override
    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def _blank(self) -> GrowingDocument | PlainDocument:
        return GrowingDocument() if self._markdown else PlainDocument()

    def _read_piece(self) -> None:
        text = self._waiting[self._waits_at : self._waits_at + _PIECE_CHARS]
        if not text:
            return
        if len(lines := text.split("\n", _PIECE_LINES)) > _PIECE_LINES:
            text = text[: len(text) - len(lines[-1])]
        self._waits_at += len(text)
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
        self._draw_tail(perf_counter() + STEP_S)
        self._go_on()

    def _draw_tail(self, until: float) -> None:
        """Draw the final blocks that are new, until a time of `perf_counter`, then the live ones."""
        del self._lines[self._drawn_final :]
        while new := self._final[self._drawn_blocks : self._drawn_blocks + _BLOCKS]:
            self._lines.extend(draw_all(new, self._drawn_width, after=bool(self._lines)))
            self._drawn_blocks += len(new)
            if perf_counter() > until:
                break
        self._drawn_final = len(self._lines)
        if self._drawn_blocks == len(self._final):
            self._lines.extend(draw_all(self._document.live, self._drawn_width, after=bool(self._lines)))


def _highlighted(line: Content, words: str) -> Content:
    plain = line.plain.lower()
    at = plain.find(words)
    while at >= 0:
        line = line.stylize("$text-warning reverse", at, at + len(words))
        at = plain.find(words, at + len(words))
    return line
