"""Renders Markdown blocks as lines of a given width, in styles that a theme resolves later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from rich.cells import cell_len
from textual.content import Content, Span

from c2jy_tui.widgets.markdown_blocks import (
    Align,
    Block,
    Code,
    Heading,
    Listing,
    Paragraph,
    Placed,
    Plain,
    Quote,
    Rule,
    Table,
)
from c2jy_tui.widgets.wrapping import code_breaks, wrapped

# Textual resolves these styles against the theme whenever a line is drawn. Not component classes: a widget
# recomputes each of those whenever any of its styles might have changed, and a conversation has hundreds of
# widgets.
_BAR: Final = "$primary"
_CODE: Final = "on $surface"
_HEADING: Final = "$text-primary bold"
_MARKER: Final = "$text-primary"
_QUOTE: Final = "dim"
_STRONG: Final = "bold"

# By prefix of pygments' token names, the most specific first.
_TOKENS: Final = (
    ("Token.Comment", "dim italic"),
    ("Token.Keyword", "$text-accent"),
    ("Token.Operator.Word", "$text-accent"),
    ("Token.Literal.String", "$text-success"),
    ("Token.Literal.Number", "$text-warning"),
    ("Token.Name.Tag", "$text-primary"),
    ("Token.Name.Function", "$text-primary"),
    ("Token.Name.Class", "$text-primary"),
    ("Token.Name.Attribute", "$text-primary"),
)

Line: TypeAlias = Content | str
"""A drawn line; one of 100,000 plain ones is a string, which the garbage collector need not look at."""

CONTINUES: Final = "↳"
"""In the first cell of a line that goes on with a wrapped line of code; code itself begins in the second."""
_BULLETS: Final = ("•", "◦", "▪")
_NARROWEST_COLUMN: Final = 6
_EMPTY: Final = Content("")


def draw_all(placed: Iterable[Placed], width: int, *, after: bool = False) -> list[Line]:
    """Top-level blocks as lines, one blank line between them.

    Args:
        placed: The blocks, in order.
        width: Cells per line.
        after: True when other blocks precede, so that the first one needs a gap too.
    """
    lines: list[Line] = []
    for one in placed:
        if (lines or after) and not one.continues:
            lines.append("")
        if isinstance(one.block, Plain):
            lines.extend(_plain(one.block.texts, max(width, 4)))
        else:
            lines.extend(draw(one.block, width))
    return lines


def _plain(texts: Iterable[str], width: int) -> list[str]:
    lines: list[str] = []
    for text in texts:
        if lines:
            lines.append("")
        for line in text.split("\n"):
            if cell_len(line) <= width:
                lines.append(line)
            else:
                lines.extend(piece.plain for piece in wrapped(Content(line), width))
    return lines


def draw(block: Block, width: int, depth: int = 0) -> list[Content]:
    """One block as lines of at most `width` cells; `depth` counts the lists around it."""
    width = max(width, 4)
    match block:
        case Paragraph(text):
            return wrapped(text, width)
        case Plain(texts):
            return [Content(line) for line in _plain(texts, width)]
        case Heading(level, text):
            return _heading(level, text, width)
        case Code(text, language):
            return _code(text, language, width)
        case Quote(blocks):
            inner = _stack(blocks, width - 2, depth, gap=True)
            return [_styled("▎ ", _BAR) + line.stylize_before(_QUOTE) for line in inner]
        case Listing():
            return _listing(block, width, depth)
        case Table():
            return _table(block, width)
        case Rule():
            return [_styled("─" * width, _BAR)]


def _styled(text: str, style: str) -> Content:
    return Content(text, [Span(0, len(text), style)])


def _stack(blocks: Sequence[Block], width: int, depth: int, *, gap: bool) -> list[Content]:
    lines: list[Content] = []
    for block in blocks:
        if lines and gap:
            lines.append(_EMPTY)
        lines.extend(draw(block, width, depth))
    return lines


def _heading(level: int, text: Content, width: int) -> list[Content]:
    lines = [line.stylize_before(_HEADING) for line in wrapped(text, width)]
    if level == 1:
        lines.append(_styled("━" * min(width, max(line.cell_length for line in lines)), _BAR))
    return lines


def _listing(block: Listing, width: int, depth: int) -> list[Content]:
    lines: list[Content] = []
    bullet = _BULLETS[min(depth, len(_BULLETS) - 1)]
    indent = max(len(item.marker or bullet) for item in block.items) + 1
    for item in block.items:
        if lines and not block.tight:
            lines.append(_EMPTY)
        inner = _stack(item.blocks, width - indent, depth + 1, gap=not block.tight) or [_EMPTY]
        marker = _styled((item.marker or bullet).rjust(indent - 1) + " ", _MARKER)
        lines.append(marker + inner[0])
        lines.extend(line.pad_left(indent) if line else line for line in inner[1:])
    return lines


def _code(text: str, language: str, width: int) -> list[Content]:
    lines: list[Content] = []
    for line in _highlighted(text, language).split(allow_blank=True):
        whole = line.expand_tabs(4)
        for n, piece in enumerate(whole.divide(code_breaks(whole.plain, width - 2)) or [_EMPTY]):
            begun = _styled(CONTINUES, "dim") + piece if n else piece.pad_left(1)
            lines.append(begun.pad_right(max(0, width - begun.cell_length)).stylize_before(_CODE))
    return lines


@lru_cache(maxsize=256)
def _highlighted(text: str, language: str) -> Content:
    if not language or not text:
        return Content(text)
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return Content(text)
    spans: list[Span] = []
    pieces: list[str] = []
    at = 0
    for token, piece in lexer.get_tokens(text):
        name = str(token)
        style = next((style for prefix, style in _TOKENS if name.startswith(prefix)), "")
        if style:
            spans.append(Span(at, at + len(piece), style))
        pieces.append(piece)
        at += len(piece)
    return Content("".join(pieces), spans)


def _table(block: Table, width: int) -> list[Content]:
    columns = len(block.header)
    widths = _column_widths(block.natural, width - 3 * (columns - 1))
    if min(widths, default=0) < 1:
        return _records(block, width)
    lines: list[Content] = []
    if block.headed:
        lines.extend(_row(block.header, widths, block.align, style=_STRONG))
        lines.append(_styled("─┼─".join("─" * w for w in widths), _BAR))
    for row in block.rows:
        lines.extend(_row(row, widths, block.align))
    return lines


def _column_widths(natural: Sequence[int], room: int) -> list[int]:
    """Widths that fit into `room`: narrow columns keep theirs, the wide ones share the rest."""
    widths = [max(n, 1) for n in natural]
    if sum(widths) <= room:
        return widths
    if room < _NARROWEST_COLUMN * len(widths):
        return [0]
    left, waiting = room, sorted(range(len(widths)), key=lambda n: widths[n])
    for done, n in enumerate(waiting):
        widths[n] = min(widths[n], left // (len(waiting) - done))
        left -= widths[n]
    return widths


def _row(
    cells: Sequence[Content], widths: Sequence[int], align: Sequence[Align], style: str = ""
) -> list[Content]:
    drawn = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=False)]
    drawn += [[_EMPTY]] * (len(widths) - len(drawn))
    lines = []
    for y in range(max(len(cell) for cell in drawn)):
        parts = [
            _aligned(cell[y] if y < len(cell) else _EMPTY, width, how)
            for cell, width, how in zip(drawn, widths, align, strict=True)
        ]
        if style:
            parts = [part.stylize_before(style) for part in parts]
        lines.append(_styled(" │ ", _BAR).join(parts))
    return lines


def _aligned(line: Content, width: int, how: Align) -> Content:
    gap = max(0, width - line.cell_length)
    left = gap if how == "right" else gap // 2 if how == "center" else 0
    return line.pad_left(left).pad_right(gap - left)


def _records(block: Table, width: int) -> list[Content]:
    """A table too wide for the screen: each row as `header: cell` lines."""
    lines: list[Content] = []
    for row in block.rows:
        if lines:
            lines.append(_EMPTY)
        for title, cell in zip(block.header, row, strict=False):
            lines.extend(wrapped(title.stylize_before(_STRONG) + ": " + cell, width))
    return lines
