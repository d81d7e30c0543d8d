"""Reads captions in any format: SRT, WebVTT, ASS, LRC, and the JSON of Whisper and of JianYing.

SRT and WebVTT have a reader of their own (`cues`), ASS is read by pysubs2; LRC and JSON, which it does not
know, are read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import orjson

from c2jy_bridge.drafts.captions.cues import Cue, ReadCues, read_cues
from c2jy_bridge.drafts.captions.from_draft import captions_of
from c2jy_bridge.drafts.spec.model import LONGEST_US

_SCRIPT: Final = re.compile(r"^\s*\[Script Info\]|^Dialogue:\s*(?:Marked=)?\d", re.MULTILINE | re.IGNORECASE)
_STAMP: Final = re.compile(r"\[(\d{1,3})[:：](\d{1,2})(?:[.:：,，](\d{1,3}))?\]")
_WORD_STAMP: Final = re.compile(r"<\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?>")
_OFFSET: Final = re.compile(r"^\[offset:\s*([+-]?\d{1,9})\s*\]", re.MULTILINE | re.IGNORECASE)
_LAST_LYRIC_US: Final = 5_000_000
"""A lyric lasts until the next; nothing says how long the last one does."""


def read_captions(text: str) -> ReadCues:
    """Read captions, whatever their format. Nothing is raised: what cannot be read has no cues."""
    text = text.removeprefix("\ufeff")
    begin = text.lstrip()[:1]
    if begin in ("{", "[") and (held := _json(text)) is not None:
        return ReadCues(tuple(_from_json(held)))
    if _SCRIPT.search(text):
        from c2jy_bridge.drafts.captions.ass import read_ass

        return read_ass(text)
    found = read_cues(text)
    return found if found.cues or found.bad_lines else ReadCues(tuple(_lyrics(text)))


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:  # one object a line, as some recognisers stream them
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


_LISTS: Final = ("segments", "utterances", "chunks", "transcription", "sentences", "sentence_list")
"""Where the captions are: Whisper; Volcengine and JianYing; transformers; whisper.cpp; others."""


def _from_json(held: Any) -> Iterator[Cue]:
    """The captions in a recogniser's output, or in a draft of JianYing or CapCut."""
    if isinstance(held, dict) and isinstance(held.get("tracks"), list):
        yield from captions_of(held)
        return
    for number, entry in enumerate(_entries(held), 1):
        if (times := _times_us(entry)) and isinstance(words := entry.get("text"), str) and words.strip():
            start, end = times
            if 0 <= start < end <= LONGEST_US:
                yield Cue(number, start, end, words.strip())


def _entries(held: Any) -> list[Mapping[str, Any]]:
    if isinstance(held, list):
        return [entry for entry in held if isinstance(entry, dict)]
    if not isinstance(held, dict):
        return []
    for name in _LISTS:
        if isinstance(held.get(name), list):
            return _entries(held[name])
    for inner in held.values():  # {"result": {"utterances": [...]}}
        if isinstance(inner, dict) and (found := _entries(inner)):
            return found
    return []


def _times_us(entry: Mapping[str, Any]) -> tuple[int, int] | None:
    """Start and end, microseconds: Whisper's are seconds, whisper.cpp's and JianYing's milliseconds."""
    timestamp, offsets = entry.get("timestamp"), entry.get("offsets")
    if isinstance(timestamp, list) and len(timestamp) == 2:
        start, end, scale = *timestamp, 1e6
    elif isinstance(offsets, dict):
        start, end, scale = offsets.get("from"), offsets.get("to"), 1e3
    elif "start_time" in entry:
        start, end, scale = entry["start_time"], entry.get("end_time"), 1e3
    else:
        start, end, scale = entry.get("start"), entry.get("end"), 1e6
    numbers = [value for value in (start, end) if isinstance(value, (int, float)) and abs(value) < 1e12]
    return (round(numbers[0] * scale), round(numbers[1] * scale)) if len(numbers) == 2 else None


def _lyrics(text: str) -> Iterator[Cue]:
    """The lines of an LRC file; each lasts until the next one begins, an empty one ends the one before."""
    found = _OFFSET.search(text)
    earlier_us = int(found[1]) * 1000 if found else 0  # a positive offset shows lyrics sooner
    lines: list[tuple[int, int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        stamps = list(_STAMP.finditer(line))
        words = _WORD_STAMP.sub("", line[stamps[-1].end() :]).strip() if stamps else ""
        for stamp in stamps:
            minutes, seconds, fraction = stamp.groups()
            start = (int(minutes) * 60 + int(seconds)) * 1_000_000 + int(
                (fraction or "0").ljust(3, "0")
            ) * 1_000
            lines.append((max(0, start - earlier_us), number, words))
    lines.sort()
    ends = [(line, after[0]) for line, after in pairwise(lines)]
    for (start, number, words), end in [*ends, *((line, line[0] + _LAST_LYRIC_US) for line in lines[-1:])]:
        if words and end > start:
            yield Cue(number, start, end, words)
