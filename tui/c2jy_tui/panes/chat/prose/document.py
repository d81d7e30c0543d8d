"""Markdown as blocks that can be drawn at any width, read once while the text still grows.

Every block but the last of a growing text is final: Markdown's later lines cannot change it. So only the
tail is read again when more comes, and a tail that becomes long is cut where its kind allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from textual.content import Content

from c2jy_tui.panes.chat.prose.blocks import Paragraph, Placed, Table
from c2jy_tui.panes.chat.prose.reading import block, top_level

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

LONGEST_TAIL: Final = 2_000
"""Characters of unfinished text that one flush may read again (about 3 ms of markdown-it)."""

_LONGEST_MARKER: Final = 100
"""Characters after which a first line is taken for what it looks like, even if it has no end yet."""


@dataclass(slots=True)
class GrowingDocument:
    """Reads a text piece by piece.

    Each `append` hands back the blocks that became final and the live ones, which the next call replaces.
    """

    _tail: str = ""
    _continues: bool = False
    _natural: tuple[int, ...] = ()
    _headed: bool = True
    live: tuple[Placed, ...] = field(default=())

    def append(self, text: str) -> tuple[Placed, ...]:
        """Read more text; returns what became final. `live` is the rest."""
        self._tail += text
        final: list[Placed] = []
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
