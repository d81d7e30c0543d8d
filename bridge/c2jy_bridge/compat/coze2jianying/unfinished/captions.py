"""A narration's text as captions that can be read: short lines, each on while its words are spoken."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SENTENCE: Final = re.compile(r"(?<=[。！？!?；;…\n])|(?<=[.])(?=\s)")
_CLAUSE: Final = re.compile(r"(?<=[，、：,:）)》」』—])")
_WORD: Final = re.compile(r"(?<=\s)")
_LANDSCAPE_COLUMNS: Final = 36
_PORTRAIT_COLUMNS: Final = 24
"""18 and 12 Chinese characters: one line at JianYing's size 8 within its 82 % of the width."""


def columns_of(width: int, height: int) -> int:
    """How long a line may be on this canvas, in columns: a Chinese character takes two, a letter one."""
    return _LANDSCAPE_COLUMNS if width >= height else _PORTRAIT_COLUMNS


def columns(text: str) -> int:
    """How wide a text is."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def caption_lines(text: str, start_us: int, length_us: int, most: int) -> list[tuple[int, int, str]]:
    """Split a text and give each line its share of the time, by its width.

    Args:
        text: What is said.
        start_us: When the narration begins.
        length_us: How long it lasts.
        most: Widest line, in columns.

    Returns:
        (start, length, line) each, microseconds; together they fill the time without gaps.
    """
    lines = split(text, most)
    total = sum(map(columns, lines))
    result, done = [], 0
    for line in lines:
        begin = start_us + round(length_us * done / total)
        done += columns(line)
        end = start_us + round(length_us * done / total)
        if end > begin:
            result.append((begin, end - begin, line))
    return result


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
