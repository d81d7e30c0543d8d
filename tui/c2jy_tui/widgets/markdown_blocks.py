"""Markdown as blocks that can be drawn at any width, parsed incrementally while the text still grows.

Every block but the last of a growing text is final: Markdown's later lines cannot change it. So only the
tail is parsed again when more text comes, and a tail that becomes long is cut where its kind allows.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from textual.content import Content, Span

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

LONGEST_TAIL: Final = 2_000
"""Characters of unfinished text that one flush may parse again (about 3 ms of markdown-it)."""

_LONGEST_MARKER: Final = 100
"""Characters after which a first line determines its block even without a line end."""

# A line that no rule of Markdown applies to, neither by its beginning nor by a character in it.
_PLAIN_LINE: Final = (
    r"(?![-+>#=]|\d{1,9}[.)])[^\s`*_\[\]<>&\\|~](?:[^\n\t`*_\[\]<>&\\|~]*[^\s`*_\[\]<>&\\|~])?"
)
_PLAIN_PARAGRAPH: Final = re.compile(rf"({_PLAIN_LINE}(?:\n{_PLAIN_LINE})*)\n\n+")

Align = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: Content


@dataclass(frozen=True, slots=True)
class Plain:
    """Paragraphs without any markup."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 to 6."""

    level: int
    text: Content


@dataclass(frozen=True, slots=True)
class Code:
    """A fenced or indented code block, verbatim."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """A block quote."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list; `marker` is empty for a bullet, `☐` or `☑` for a task."""

    marker: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A bulleted or numbered list; `tight` ones have no blank lines between items."""

    items: tuple[Item, ...]
    tight: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a header, which a continuing piece does not repeat."""

    header: tuple[Content, ...]
    rows: tuple[tuple[Content, ...], ...]
    align: tuple[Align, ...]
    natural: tuple[int, ...]
    """Cells that each column would like; a continuing piece keeps those of the first."""
    headed: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


Block: TypeAlias = Paragraph | Plain | Heading | Code | Quote | Listing | Table | Rule


@dataclass(frozen=True, slots=True)
class Placed:
    """A top-level block; `continues` when it goes on from the one before without a gap."""

    block: Block
    continues: bool = False


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # 12 ms that the first paint does not need

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def top_level(text: str) -> list[SyntaxTreeNode]:
    """The top-level blocks of a text."""
    from markdown_it.tree import SyntaxTreeNode

    return SyntaxTreeNode(_parser().parse(text)).children


def warm_up() -> None:
    """Import what the first answer needs, about 100 ms; may run in a thread."""
    top_level("")
    for module in ("pygments.lexers", "pygments.lexers.python", "pygments.lexers.data"):
        importlib.import_module(module)


def block(node: SyntaxTreeNode) -> Block:
    """The block for a node of the syntax tree."""
    match node.type:
        case "heading":
            return Heading(int(node.tag[1:]), _inline(node))
        case "fence" | "code_block":
            return Code(node.content.rstrip("\n"), node.info.split()[0] if node.info.split() else "")
        case "blockquote":
            return Quote(tuple(block(child) for child in node.children))
        case "bullet_list" | "ordered_list":
            return _listing(node)
        case "table":
            return _table(node)
        case "hr":
            return Rule()
        case _:
            return Paragraph(_inline(node))


def _listing(node: SyntaxTreeNode) -> Listing:
    ordered = node.type == "ordered_list"
    first = int(node.attrs.get("start", 1)) if ordered else 0
    items = tuple(
        _item(f"{first + n}." if ordered else "", tuple(block(child) for child in item.children))
        for n, item in enumerate(node.children)
    )
    # markdown-it hides the paragraphs of tight lists.
    tight = all(c.hidden for item in node.children for c in item.children if c.type == "paragraph")
    return Listing(items, tight)


_TASK: Final = re.compile(r"\[([ xX])\] ")


def _item(marker: str, blocks: tuple[Block, ...]) -> Item:
    """An item; that of a task list has its box as marker."""
    if blocks and isinstance(first := blocks[0], Paragraph) and (task := _TASK.match(first.text.plain)):
        box = "☐" if task[1] == " " else "☑"
        return Item(f"{marker} {box}".lstrip(), (Paragraph(first.text[task.end() :]), *blocks[1:]))
    return Item(marker, blocks)


def _table(node: SyntaxTreeNode) -> Table:
    rows = [row for part in node.children for row in part.children]
    cells = [tuple(_inline(cell) for cell in row.children) for row in rows]
    header = cells[0]
    align = tuple(_alignment(str(cell.attrs.get("style", ""))) for cell in rows[0].children)
    natural = tuple(
        max(row[n].cell_length if n < len(row) else 0 for row in cells) for n in range(len(header))
    )
    return Table(header, tuple(cells[1:]), align, natural)


def _alignment(style: str) -> Align:
    return "right" if "right" in style else "center" if "center" in style else "left"


# Styles of inline text, which Textual resolves against the theme when a line is drawn.
_MARKS: Final = {"em": "italic", "strong": "bold", "s": "strike"}
_INLINE_CODE: Final = "$text-accent"
_LINK: Final = "underline"
_ADDRESS: Final = "dim"


def _inline(node: SyntaxTreeNode) -> Content:
    """The inline text of a block; links show their address and are not active."""
    text: list[str] = []
    spans: list[Span] = []
    at = 0

    def add(piece: str, style: str = "") -> None:
        nonlocal at
        if style:
            spans.append(Span(at, at + len(piece), style))
        text.append(piece)
        at += len(piece)

    def walk(part: SyntaxTreeNode) -> None:
        start = at
        match part.type:
            case "text" | "html_inline":
                add(part.content)
            case "softbreak" | "hardbreak":
                # People and models end lines on purpose; a space would also look wrong between 汉字.
                add("\n")
            case "code_inline":
                add(part.content, _INLINE_CODE)
            case "image":
                add(part.content or "image", _LINK)
                add(f" ({part.attrs.get('src', '')})", _ADDRESS)
            case _:
                for child in part.children:
                    walk(child)
                if part.type in _MARKS:
                    spans.append(Span(start, at, _MARKS[part.type]))
                elif part.type == "link":
                    spans.append(Span(start, at, _LINK))
                    address = str(part.attrs.get("href", ""))
                    if address != "".join(text)[start:]:
                        add(f" ({address})", _ADDRESS)

    for child in node.children:
        walk(child)
    return Content("".join(text), spans)


_MAY_BE_CODE: Final = re.compile(r"```|~~~|^[ ]{4}|\t", re.MULTILINE)


def last_code(text: str) -> str:
    """The last code block in a Markdown text, at any depth; empty when there is none."""
    if not _MAY_BE_CODE.search(text):
        return ""
    from markdown_it.tree import SyntaxTreeNode

    nodes = SyntaxTreeNode(_parser().parse(text)).walk()
    found = [node.content for node in nodes if node.type in ("fence", "code_block")]
    return found[-1] if found else ""


@dataclass(slots=True)
class GrowingDocument:
    """Parses a text piece by piece.

    Each `append` returns the blocks that became final; `live` holds the others, which the next call replaces.
    """

    _tail: str = ""
    _continues: bool = False
    _natural: tuple[int, ...] = ()
    _headed: bool = True
    live: tuple[Placed, ...] = field(default=())

    def append(self, text: str) -> tuple[Placed, ...]:
        """Parse more text; returns the blocks that became final."""
        self._tail += text
        final = self._plain_paragraphs()
        while True:
            nodes = top_level(self._tail)
            if (last := _last_block(nodes, self._tail)) is not None:
                final.extend(self._place(nodes[:-1]))
                self._tail = last
                self._continues, self._natural, self._headed = False, (), True
                nodes = top_level(last)
            piece = _cut(nodes[0], self._tail) if len(nodes) == 1 and len(self._tail) > LONGEST_TAIL else None
            if piece is None:
                self.live = tuple(self._place(nodes))
                return tuple(final)
            done, self._tail = piece
            placed = list(self._place(top_level(done)))
            final.extend(placed)
            self._continues = True
            if placed and isinstance(table := placed[-1].block, Table):
                self._natural, self._headed = table.natural, False

    def _plain_paragraphs(self) -> list[Placed]:
        """Take finished paragraphs without any markup off the tail: the parser would need 150 µs for each."""
        texts: list[str] = []
        at = 0
        while (paragraph := _PLAIN_PARAGRAPH.match(self._tail, at)) is not None:
            texts.append(paragraph[1])
            at = paragraph.end()
        if not texts:
            return []
        self._tail = self._tail[at:]
        placed = Placed(Plain(tuple(texts)), continues=self._continues)
        self._continues, self._natural, self._headed = False, (), True
        return [placed]

    def _place(self, nodes: list[SyntaxTreeNode]) -> Iterator[Placed]:
        for index, node in enumerate(nodes):
            one = block(node)
            first = index == 0
            if first and self._natural and isinstance(one, Table):
                one = replace(one, natural=self._natural, headed=self._headed)
            yield Placed(one, continues=first and self._continues)


@dataclass(slots=True)
class PlainDocument:
    """The same for text without Markdown: every line is a block that follows without a gap."""

    _tail: str = ""
    live: tuple[Placed, ...] = field(default=())

    def append(self, text: str) -> tuple[Placed, ...]:
        """Read more text; returns the lines that are complete."""
        *done, self._tail = (self._tail + text).split("\n")
        self.live = (Placed(Paragraph(Content(self._tail)), continues=True),)
        return tuple(Placed(Paragraph(Content(line)), continues=True) for line in done)


def read(text: str) -> tuple[Placed, ...]:
    """All blocks of a finished text."""
    return tuple(Placed(block(node)) for node in top_level(text))


def _last_block(nodes: list[SyntaxTreeNode], tail: str) -> str | None:
    """The source of the last block, once it is certain that it does not belong to the one before.

    What kind of block begins is decided by its first line: a lone `1` may still become `1.`, one more point
    of the list above.
    """
    if len(nodes) < 2 or nodes[-1].map is None:
        return None
    last = "".join(tail.splitlines(keepends=True)[nodes[-1].map[0] :])
    return last if "\n" in last or len(last) > _LONGEST_MARKER else None


def _cut(node: SyntaxTreeNode, tail: str) -> tuple[str, str] | None:
    """Split an overlong tail of one block into a final source and the source that goes on."""
    lines = tail.splitlines(keepends=True)
    match node.type:
        case "fence" if len(lines) > 3:
            return "".join(lines[:-2]), lines[0] + "".join(lines[-2:])
        case "fence" if len(lines) > 1 and len(lines[1]) > LONGEST_TAIL:
            return lines[0] + lines[1][:LONGEST_TAIL], "".join(
                [lines[0], lines[1][LONGEST_TAIL:], *lines[2:]]
            )
        case "table" if len(lines) > 3:
            return "".join(lines[:-1]), "".join(lines[:2]) + lines[-1]
        case "bullet_list" | "ordered_list" if len(node.children) > 1 and node.children[-1].map:
            at = node.children[-1].map[0]
            return "".join(lines[:at]), "".join(lines[at:])
        case "blockquote" if len(lines) > 1:
            last = lines[-1] if lines[-1].lstrip().startswith(">") else "> " + lines[-1]
            return "".join(lines[:-1]), last
        case "paragraph":
            at = max((tail.rfind(mark) + 1 for mark in ("\n", "。", "！", "？", ". ")), default=0)
            at = at if at > LONGEST_TAIL // 2 else LONGEST_TAIL
            # At the very end there is nothing to go on with yet; the next piece of text brings it.
            return (tail[:at], tail[at:].lstrip(" ")) if at < len(tail) else None
        case _ if len(tail) > 4 * LONGEST_TAIL and len(lines) > 1:
            # One list item as long as a chapter: its layout gives way before the keyboard does.
            return "".join(lines[:-1]), lines[-1].lstrip()
        case _:
            return None
