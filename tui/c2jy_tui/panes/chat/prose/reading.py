"""Markdown's syntax tree as our blocks."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Final

from textual.content import Content, Span

from c2jy_tui.panes.chat.prose import ink
from c2jy_tui.panes.chat.prose.blocks import (
    Align,
    Block,
    Code,
    Heading,
    Item,
    Listing,
    Paragraph,
    Quote,
    Rule,
    Table,
)

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # 12 ms that the first paint does not need

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def top_level(text: str) -> list[SyntaxTreeNode]:
    """The blocks of a text that stand in no other block."""
    from markdown_it.tree import SyntaxTreeNode

    return SyntaxTreeNode(_parser().parse(text)).children


def warm_up() -> None:
    """Import what the first answer needs; takes about 100 ms and may run in a thread."""
    top_level("")
    for module in ("pygments.lexers", "pygments.lexers.python", "pygments.lexers.data"):
        importlib.import_module(module)


def block(node: SyntaxTreeNode) -> Block:
    """The block that a node of the tree stands for."""
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
        Item(f"{first + n}." if ordered else "", tuple(block(child) for child in item.children))
        for n, item in enumerate(node.children)
    )
    # markdown-it hides the paragraphs of tight lists.
    tight = all(c.hidden for item in node.children for c in item.children if c.type == "paragraph")
    return Listing(items, tight)


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


_MARKS: Final = {"em": ink.EMPHASIS, "strong": ink.STRONG, "s": ink.STRUCK}


def _inline(node: SyntaxTreeNode) -> Content:
    """The running text below a block; links show their address and do nothing."""
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
                add(part.content, ink.INLINE_CODE)
            case "image":
                add(part.content or "image", ink.LINK)
                add(f" ({part.attrs.get('src', '')})", ink.ADDRESS)
            case _:
                for child in part.children:
                    walk(child)
                if part.type in _MARKS:
                    spans.append(Span(start, at, _MARKS[part.type]))
                elif part.type == "link":
                    spans.append(Span(start, at, ink.LINK))
                    address = str(part.attrs.get("href", ""))
                    if address != "".join(text)[start:]:
                        add(f" ({address})", ink.ADDRESS)

    for child in node.children:
        walk(child)
    return Content("".join(text), spans)


def last_code(text: str) -> str:
    """The last listing in a Markdown text, at any depth; empty when there is none."""
    from markdown_it.tree import SyntaxTreeNode

    nodes = SyntaxTreeNode(_parser().parse(text)).walk()
    found = [node.content for node in nodes if node.type in ("fence", "code_block")]
    return found[-1] if found else ""
