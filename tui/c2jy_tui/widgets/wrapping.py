"""Wraps lines of Chinese, English and mixed text.

Rich breaks at spaces only, so a Chinese sentence with one English word in it leaves half a line empty.
Here a line may break between any two wide characters, except where Chinese punctuation forbids it
(GB/T 15834: no closing mark begins a line, no opening mark ends one).
"""

from __future__ import annotations

import re
from typing import Final

from rich.cells import cell_len, get_character_cell_size
from textual.content import Content

_NOT_FIRST: Final = frozenset("、。，．！？：；）］｝】》〉」』〕〗”’…—～·%％℃,.!?:;)]}")
_NOT_LAST: Final = frozenset("（［｛【《〈「『〔〖“‘([{")


def breaks(text: str, width: int) -> list[int]:
    """Offsets into one line of text at which a new line begins.

    Args:
        text: Text without line ends.
        width: Cells per line; less than 2 counts as 2, the width of a Chinese character.
    """
    if cell_len(text) <= width:
        return []
    width = max(width, 2)
    size = get_character_cell_size
    offsets: list[int] = []
    start = 0  # of the line
    used = 0  # cells since `start`
    chance = 0  # the last offset at which this line may end
    used_at_chance = 0
    previous = ""
    for at, character in enumerate(text):
        cells = size(character)
        if at > start and _may_break(previous, character):
            chance, used_at_chance = at, used
        # A space may hang over the edge: the drawing cuts it off.
        if used + cells > width and not character.isspace():
            if chance > start:
                offsets.append(chance)
                start, used = chance, used - used_at_chance
            if used + cells > width:
                offsets.append(at)
                start, used = at, 0
        used += cells
        previous = character
    return offsets


_TOKENS: Final = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")
"""A word or sign with the space before it: at a line's end it could not be told from what fills the line."""


def code_breaks(text: str, width: int) -> list[int]:
    """Offsets at which a line of code is wrapped: between words and signs, where that is possible."""
    if cell_len(text) <= width:
        return []
    width = max(width, 2)
    offsets: list[int] = []
    start = used = 0
    for token in _TOKENS.finditer(text):
        cells = cell_len(token[0])
        if used + cells > width and token.start() > start:
            offsets.append(start := token.start())
            used = 0
        if cells <= width:
            used += cells
            continue
        for at in range(token.start(), token.end()):  # longer than a line, or 汉字, which are one word
            cells = get_character_cell_size(text[at])
            if used + cells > width:
                offsets.append(start := at)
                used = 0
            used += cells
    return offsets


def wrapped(content: Content, width: int) -> list[Content]:
    """`content` as lines of at most `width` cells; its own line ends stay line ends."""
    lines: list[Content] = []
    for line in content.split(allow_blank=True):
        cuts = breaks(line.plain, width)
        lines.extend(piece.rstrip() for piece in line.divide(cuts)) if cuts else lines.append(line)
    return lines


def _may_break(before: str, after: str) -> bool:
    if before.isspace():
        return not after.isspace()
    if after in _NOT_FIRST or before in _NOT_LAST or after.isspace():
        return False
    wide = get_character_cell_size(before) == 2 or get_character_cell_size(after) == 2
    return wide or before in "-/"
