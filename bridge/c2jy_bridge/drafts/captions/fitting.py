"""Fits captions to what is spoken: lines cut at punctuation, each as long as its share of the time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from c2jy_bridge.drafts.captions.cues import Cue

_SENTENCE: Final = re.compile(r"(?<=[。！？!?；;…\n])|(?<=[.])(?=\s)")
_CLAUSE: Final = re.compile(r"(?<=[，、：,:）)》」』—])")
_WORD: Final = re.compile(r"(?<=\s)")
_LANDSCAPE_COLUMNS: Final = 36
_PORTRAIT_COLUMNS: Final = 24
"""18 and 12 Chinese characters: one line within JianYing's 82 % of the width at size 8, and at size 12."""


def columns_of(width: int, height: int) -> int:
    """How long a line may be on this canvas, in columns: a Chinese character takes two, a letter one."""
    return _LANDSCAPE_COLUMNS if width >= height else _PORTRAIT_COLUMNS


def columns(text: str) -> int:
    """How wide a text is."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


SHORTEST_US: Final = 800_000
"""No caption is shown for less: a glance and a few words take that long."""


def caption_lines(text: str, start_us: int, length_us: int, most: int) -> list[tuple[int, int, str]]:
    """Split a text and give each line its share of the time, by its width, but at least `SHORTEST_US`.

    Args:
        text: The spoken text.
        start_us: When the narration begins.
        length_us: How long it lasts. Where it is too short for all lines, several are shown at once.
        most: Widest line, in columns.

    Returns:
        (start, length, line) each, microseconds; together they fill the time without gaps.
    """
    lines = _at_most(split(text, most), max(1, length_us // SHORTEST_US), most)
    if not lines or length_us < len(lines):
        return []
    result, at = [], start_us
    for line, share in zip(lines, _shares(list(map(columns, lines)), length_us), strict=True):
        result.append((at, share, line))
        at += share
    return result


def _shares(widths: list[int], length_us: int) -> list[int]:
    """The time by width; what would be too short gets the least there is, at the cost of the others."""
    if length_us < SHORTEST_US * len(widths):
        return [length_us]  # one line, `_at_most` says so
    short: set[int] = set()
    while True:
        rest_us = length_us - SHORTEST_US * len(short)
        width = sum(w for index, w in enumerate(widths) if index not in short)
        shares = [SHORTEST_US if i in short else rest_us * w // width for i, w in enumerate(widths)]
        if not (found := {index for index, share in enumerate(shares) if share < SHORTEST_US}):
            break
        short |= found
    shares[widths.index(max(widths))] += length_us - sum(shares)
    return shares


def _at_most(lines: list[str], count: int, most: int) -> list[str]:
    """Lines put together, those beside each other that are shortest first, until there are `count`."""
    lines = list(lines)
    while len(lines) > count:
        index = min(range(len(lines) - 1), key=lambda i: columns(lines[i]) + columns(lines[i + 1]))
        lines[index : index + 2] = [joined(lines[index], lines[index + 1], most)]
    return lines


def joined(one: str, other: str, most: int) -> str:
    """Two texts shown at once: on one line where they fit, else one below the other."""
    space = " " if one[-1:].isascii() and other[:1].isascii() else ""
    line = f"{one}{space}{other}"
    return line if "\n" not in line and columns(line) <= most else f"{one}\n{other}"


def fitted(cues: Sequence[Cue], most: int) -> list[Cue]:
    """Captions that fit on a line and can be read: long ones cut at punctuation, none under `SHORTEST_US`.

    A caption that is too short stays until the next one, or is shown together with it. One whose lines all
    fit is kept as it is, and so is one in two languages.

    Args:
        cues: In any order.
        most: Widest line, in columns.
    """
    pieces = [piece for cue in cues for piece in _cut_cue(cue, most)]
    done: list[Cue] = []
    for piece in sorted(pieces, key=lambda piece: piece.start_us):
        if done and _is_short(done[-1]):
            last = done[-1]
            free_us = piece.start_us if piece.start_us >= last.end_us else last.start_us + SHORTEST_US
            end_us = min(last.start_us + SHORTEST_US, free_us)
            if end_us - last.start_us >= SHORTEST_US:
                done[-1] = replace(last, end_us=end_us)
            else:
                text = joined(last.text, piece.text, most)
                done[-1] = replace(last, end_us=max(end_us, piece.end_us), text=text)
                continue
        done.append(piece)
    if done and _is_short(done[-1]):
        done[-1] = replace(done[-1], end_us=done[-1].start_us + SHORTEST_US)
    return done


def _is_short(cue: Cue) -> bool:
    return cue.end_us - cue.start_us < SHORTEST_US


def _cut_cue(cue: Cue, most: int) -> list[Cue]:
    lines = cue.text.split("\n")
    if all(columns(line) <= most for line in lines) or _in_two_languages(lines):
        return [cue]
    text = lines[0]
    for line in lines[1:]:
        text += (" " if text[-1:].isascii() and line[:1].isascii() else "") + line
    return [
        replace(cue, start_us=start, end_us=start + length, text=line)
        for start, length, line in caption_lines(text, cue.start_us, cue.end_us - cue.start_us, most)
    ] or [cue]


def _in_two_languages(lines: Sequence[str]) -> bool:
    """One line in wide characters and one without any."""
    wide = {columns(line) > len(line) for line in lines if line.strip()}
    return len(lines) == 2 and len(wide) == 2


def split(text: str, most: int) -> list[str]:
    """Lines of at most `most` columns, cut at the ends of sentences, else of clauses, else of words."""
    lines: list[str] = []
    for sentence in _pieces(_SENTENCE, text):
        parts = [sentence] if columns(sentence) <= most else _filled(_cut(sentence, most), most)
        lines += parts
    return lines


def _cut(sentence: str, most: int) -> list[str]:
    cut: list[str] = []
    for clause in _pieces(_CLAUSE, sentence, strip=False):
        if columns(clause) <= most:
            cut.append(clause)
            continue
        for word in _pieces(_WORD, clause, strip=False):
            cut += [word] if columns(word) <= most else _evenly(word, most)
    return cut


def _evenly(word: str, most: int) -> list[str]:
    """Chinese has no spaces: as few pieces as possible, all about as wide, so that none is a remnant."""
    count = -(-columns(word) // (most - 1))
    share = columns(word) / count
    pieces, current = [], ""
    for character in word:
        if current and columns(current) + columns(character) > max(2.0, share):
            pieces.append(current)
            current = ""
        current += character
    return [*pieces, current]


def _filled(pieces: list[str], most: int) -> list[str]:
    """Pieces put together again as far as they fit on a line."""
    lines: list[str] = []
    for piece in pieces:
        if lines and columns((lines[-1] + piece).strip()) <= most:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.strip() for line in lines if line.strip()]


def _pieces(where: re.Pattern[str], text: str, *, strip: bool = True) -> list[str]:
    found = where.split(text)
    return [piece.strip() if strip else piece for piece in found if piece.strip()]
