"""Cells of a terminal and their looks, and the shortest sequences that change one look into another."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from rich.cells import split_graphemes
from rich.color import ColorSystem
from rich.segment import Segment
from textual.strip import Strip

_OFF: Final = {
    1: 22, 2: 22, 3: 23, 4: 24, 5: 25, 6: 25, 7: 27, 8: 28, 9: 29, 21: 24, 51: 54, 52: 54, 53: 55,
}  # fmt: skip
"""Attributes of ECMA-48's SGR and what switches each off."""
_SEEN_ON_BLANKS: Final = frozenset({4, 5, 6, 7, 9, 21, 51, 52, 53})
"""Attributes that show where no letter is."""


class Rendition(NamedTuple):
    """How a cell is drawn: parameters of SGR, and the parameters of its link (OSC 8)."""

    sgr: str = ""
    link: str = ""


class Cell(NamedTuple):
    """One column: a letter with all that combines with it; empty in the second column of a wide letter."""

    letter: str
    look: Rendition


PLAIN: Final = Rendition()


class _Parts(NamedTuple):
    attributes: frozenset[int]
    foreground: str
    background: str


def cells_of(segment: Segment, colours: ColorSystem) -> tuple[Cell, ...]:
    """The cells of a segment."""
    style = segment.style
    if style is None:
        return _cells(segment.text, "", "")
    sgr = style._ansi
    if sgr is None:
        sgr = Strip.render_ansi(style, colours)
    return _cells(segment.text, sgr, f"id={style._link_id};{style._link}" if style._link else "")


@lru_cache(maxsize=8_192)
def _cells(text: str, sgr: str, link: str) -> tuple[Cell, ...]:
    look = Rendition(sgr, link)
    blank = of_blanks(look)
    if text.isascii():
        return tuple(
            Cell(letter, blank if letter == " " else look) for letter in text if " " <= letter < "\x7f"
        )
    cells: list[Cell] = []
    for start, end, width in split_graphemes(text)[0]:
        letter = text[start:end]
        if width:
            cells.append(Cell(letter, blank if letter == " " else look))
            cells.extend(Cell("", look) for _ in range(width - 1))
    return tuple(cells)


@lru_cache(maxsize=1_024)
def of_blanks(look: Rendition) -> Rendition:
    """What shows of a look on a blank: two that differ in the letters' colour only are the same there."""
    parts = _parts(look.sgr)
    return look if parts.attributes & _SEEN_ON_BLANKS else Rendition(parts.background, look.link)


@lru_cache(maxsize=1_024)
def _parts(sgr: str) -> _Parts:
    """The parts of SGR parameters as Rich writes them: attributes, then the colour, then the background."""
    attributes, foreground, background = set(), "", ""
    numbers = sgr.split(";") if sgr else []
    while numbers:
        first = int(numbers[0])
        taken = 1
        if first in (38, 48):
            taken = 5 if numbers[1] == "2" else 3
        colour = ";".join(numbers[:taken])
        del numbers[:taken]
        if 30 <= first <= 39 or 90 <= first <= 97:
            foreground = "" if first == 39 else colour
        elif 40 <= first <= 49 or 100 <= first <= 107:
            background = "" if first == 49 else colour
        else:
            attributes.add(first)
    return _Parts(frozenset(attributes), foreground, background)


@lru_cache(maxsize=4_096)
def change(before: str, after: str) -> str:
    """The sequence after which letters look like `after`, where they looked like `before`."""
    if before == after:
        return ""
    was, now = _parts(before), _parts(after)
    off = {_OFF[one] for one in was.attributes - now.attributes if one in _OFF}
    kept = {one for one in was.attributes & now.attributes if _OFF.get(one) not in off}
    numbers = [str(one) for one in (*sorted(off), *sorted(now.attributes - kept))]
    if was.foreground != now.foreground:
        numbers.append(now.foreground or "39")
    if was.background != now.background:
        numbers.append(now.background or "49")
    step, anew = ";".join(numbers), f"0;{after}" if after else ""
    known = all(one in _OFF for one in was.attributes - now.attributes)
    return f"\x1b[{step if known and len(step) <= len(anew) else anew}m"


def erasable(cell: Cell) -> bool:
    """Whether erasing draws this cell, with the background that is set."""
    return cell.letter == " " and not cell.look.link and not _parts(cell.look.sgr).attributes


@lru_cache(maxsize=4_096)
def is_certain(letter: str) -> bool:
    """Whether all terminals agree on its width; they do not about emoji, signs and what is combined."""
    if len(letter) != 1:
        return letter == ""
    point = ord(letter)
    return point < 0x2190 or 0x2500 <= point < 0x25A0 or 0x2E80 <= point < 0x1F000
