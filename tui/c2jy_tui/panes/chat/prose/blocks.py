"""What a Markdown text is made of; each block can be drawn at any width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from textual.content import Content

Align = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: Content


@dataclass(frozen=True, slots=True)
class Heading:
    """A title of level 1 to 6."""

    level: int
    text: Content


@dataclass(frozen=True, slots=True)
class Code:
    """A fenced or indented listing, exactly as written."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody else's words."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One point of a list; `marker` is empty for a bullet."""

    marker: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Bullets or numbers; `tight` ones have no blank lines between them."""

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


Block: TypeAlias = Paragraph | Heading | Code | Quote | Listing | Table | Rule


@dataclass(frozen=True, slots=True)
class Placed:
    """A top-level block; `continues` when it goes on from the one before without a gap."""

    block: Block
    continues: bool = False
