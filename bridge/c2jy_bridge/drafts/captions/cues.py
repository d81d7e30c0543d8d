"""Captions with their times, and the reader of SRT and WebVTT: it takes them however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from c2jy_bridge.drafts.spec.appearance import TextStyle, Transform

_TIME: Final = r"(?:(\d{1,3})[:：])?(\d{1,2})[:：](\d{1,2})(?:[.,:，：](\d{1,3}))?"
_ARROW: Final = re.compile(rf"\s*{_TIME}\s*-{{1,3}}>\s*{_TIME}(.*)")
# <i>, </font>, {\an8}, {\pos(…)}, WebVTT's <c.yellow> and <00:00:01.000>
_MARKUP: Final = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>|<\d[\d:.]{0,12}>|\{\\[^{}\n]{0,200}\}")
_ENTITIES: Final = {"&lt;": "<", "&gt;": ">", "&nbsp;": "\u00a0", "&lrm;": "", "&rlm;": "", "&amp;": "&"}


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption; microseconds."""

    line: int
    """The line of its times in the text, from 1; in formats without lines, its number."""
    start_us: int
    end_us: int
    text: str
    style: TextStyle | None = None
    """Its own look, where the format has one."""
    transform: Transform | None = None
    """Its own place, where the format has one."""


@dataclass(frozen=True, slots=True)
class ReadCues:
    """What a text of subtitles holds."""

    cues: tuple[Cue, ...]
    bad_lines: tuple[int, ...] = ()
    """Lines with an arrow that are no times, or whose end is not after the start; from 1."""
    marked_up: int = 0
    """Captions whose markup was taken away: a caption has one style from end to end."""
    dropped: tuple[str, ...] = ()
    """What else of the file a draft cannot show, in the format's own words."""


def read_cues(text: str) -> ReadCues:
    """Read captions in SRT or WebVTT. Nothing is raised: what cannot be read is counted in `bad_lines`."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    vtt = lines[0].startswith("WEBVTT")
    cues: list[Cue] = []
    bad: list[int] = []
    marked = 0
    for number, start, end, body in _blocks(lines, bad):
        plain = _MARKUP.sub("", body)
        marked += plain != body
        if vtt:
            for entity, character in _ENTITIES.items():
                plain = plain.replace(entity, character)
        if plain := plain.strip():
            if end > start:
                cues.append(Cue(number, start, end, plain))
            else:
                bad.append(number)
    return ReadCues(tuple(cues), tuple(sorted(bad)), marked)


def _blocks(lines: list[str], bad: list[int]) -> Iterator[tuple[int, int, int, str]]:
    """(line, start, end, text) of each caption: from an arrow to the line before the next one."""
    arrows = []
    for index, line in enumerate(lines):
        if "->" not in line:
            continue
        if match := _ARROW.fullmatch(line):
            arrows.append((index, _micros(*match.group(1, 2, 3, 4)), _micros(*match.group(5, 6, 7, 8))))
        elif re.match(r"\s*\d+[:：]\d", line):
            bad.append(index + 1)
    for position, (index, start, end) in enumerate(arrows):
        last = position + 1 == len(arrows)
        body = lines[index + 1 : len(lines) if last else arrows[position + 1][0]]
        if not last:
            body = _without_number(body)
        yield index + 1, start, end, "\n".join(_until_gap(body))


def _without_number(body: list[str]) -> list[str]:
    """Without the next caption's number, or WebVTT's name for it, which follows a blank line."""
    while body and not body[-1].strip():
        body = body[:-1]
    if len(body) >= 2 and not body[-2].strip():
        return body[:-1]
    return body[:-1] if len(body) >= 2 and body[-1].strip().isdigit() else body


def _until_gap(body: list[str]) -> list[str]:
    """The text's lines. One blank line inside a caption is a slip, kept as a line end."""
    kept: list[str] = []
    for line in body:
        if line.startswith(("NOTE", "STYLE", "REGION")) and (not kept or not kept[-1].strip()):
            break
        kept.append(line.strip())
    return [line for line in kept if line]


def _micros(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int:
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1_000_000 + int((fraction or "0").ljust(3, "0")) * 1_000
