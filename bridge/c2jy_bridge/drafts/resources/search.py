"""Searches the 4,541 resource names of JianYing: the names that fit a query, best first, or the nearest."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.drafts.compile.names import CATALOGUES, find, is_vip, title
from c2jy_bridge.drafts.kinds import GROUPS, NameKind, ResourceKind
from c2jy_bridge.drafts.resources.english import stems

READINGS: Final = Path(__file__).with_name("readings.tsv")
"""Pinyin of the Chinese names; written by scripts/make_readings.py."""

_SIGNS: Final = re.compile(r"[\s_\-·•'’.,!！?？()（）]+")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Slider:
    """A parameter of an effect; its default of 100."""

    name: str
    default: float


@dataclass(frozen=True, slots=True)
class Entry:
    """A name that a document may use."""

    kind: NameKind
    name: str
    vip: bool
    """JianYing asks for membership."""
    duration_us: int | None
    """Its default length, microseconds; None where there is no such thing."""
    sliders: tuple[Slider, ...]
    plain: str
    """The name without case and signs."""
    reading: str
    """Its pinyin in one word, without tones; empty when there is nothing Chinese in it."""
    syllables: frozenset[int]
    """Where in `reading` a syllable begins."""
    initials: str
    """The first letter of every syllable."""


def plain(text: str) -> str:
    """Text as it is compared: full-width forms made narrow, without case, spaces and signs."""
    return _SIGNS.sub("", unicodedata.normalize("NFKC", text).lower())


@cache
def entries(kind: ResourceKind = "any") -> tuple[Entry, ...]:
    """All names of a kind, in JianYing's order.

    A title that a catalogue has twice is listed once: a document can only mean the first.
    """
    return tuple(entry for one in GROUPS[kind] for entry in _catalogue(one))


@cache
def _catalogue(kind: NameKind) -> tuple[Entry, ...]:
    return tuple(_entries(kind))


def _entries(kind: NameKind) -> Iterator[Entry]:
    readings = _readings()
    for member in CATALOGUES[kind]:
        name = title(member)
        if find(kind, name) is not member:
            continue
        parts = readings.get(name, ())
        starts, at = [], 0
        for part in parts:
            starts.append(at)
            at += len(part)
        yield Entry(
            kind=kind,
            name=name,
            vip=is_vip(member),
            duration_us=_duration_us(member),
            sliders=tuple(_sliders(member)),
            plain=plain(name),
            reading="".join(parts),
            syllables=frozenset(starts),
            initials="".join(part[:1] for part in parts),
        )


def has_chinese(text: str) -> bool:
    """Whether there is a Chinese character in it."""
    return _HAN.search(text) is not None


@cache
def _readings() -> dict[str, tuple[str, ...]]:
    lines = READINGS.read_text(encoding="utf-8").splitlines()
    return {name: tuple(reading.split(" ")) for name, reading in (line.split("\t") for line in lines)}


def _duration_us(member: Enum) -> int | None:
    meta: Any = member.value
    found = getattr(meta, "default_duration", None) or getattr(meta, "duration", None)
    return int(found) if found else None


def _sliders(member: Enum) -> Iterator[Slider]:
    meta: Any = member.value
    for param in getattr(meta, "params", None) or ():
        span = param.max_value - param.min_value
        default = (param.default_value - param.min_value) / span * 100 if span else 0.0
        # All of JianYing's begin with effects_adjust_; the spec takes them without. 银杏飘落 has
        # a default below what can be set.
        yield Slider(param.name.removeprefix("effects_adjust_"), round(min(100.0, max(0.0, default)), 1))


_SHORTEST_READING: Final = 2
"""One letter of pinyin fits everything."""
_LIKENESS: Final = 0.5
"""difflib's ratio from which a name counts as near; 0.6 misses one wrong character of two."""


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found."""

    fits: bool
    """False: nothing has the words of the query, these are the nearest names."""
    total: int
    """How many there are; `entries` may be fewer."""
    entries: tuple[Entry, ...]


def search(kind: ResourceKind, query: str, *, vip: bool | None = None, limit: int = 20) -> Hits:
    """Look for names.

    Args:
        kind: What to look among.
        query: Chinese, pinyin (whole or first letters), English, or several of them with spaces; empty lists
            all.
        vip: True: only those for members; False: only those for everybody; None: both.
        limit: Most names to return.

    Returns:
        Those that fit, best first and free ones before those for members; when none fits, the nearest.
    """
    known = [entry for entry in entries(kind) if vip is None or entry.vip is vip]
    if not plain(query):
        return Hits(True, len(known), tuple(known[:limit]))
    found = _fitting(known, query)
    if found:
        return Hits(True, len(found), tuple(found[:limit]))
    near = _nearest(known, query, limit)
    return Hits(False, len(near), tuple(near))


def _fitting(known: Iterable[Entry], query: str) -> list[Entry]:
    """By the query as one word; if nothing fits, by each of its words, and those with most words first."""
    scored = [(score, entry) for entry in known if (score := _score(entry, query))]
    words = query.split()
    if not scored and len(words) > 1:
        for entry in known:
            scores = [score for word in words if (score := _score(entry, word))]
            if scores:
                scored.append((len(scores) * 1000 + min(scores), entry))
        most = max((score // 1000 for score, _ in scored), default=0)
        scored = [(score, entry) for score, entry in scored if score // 1000 == most]
    scored.sort(key=lambda pair: (-pair[0], pair[1].vip, len(pair[1].plain)))
    return [entry for _, entry in scored]


def _score(entry: Entry, query: str) -> int:
    """How well a name fits, 0 not at all."""
    wanted = plain(query)
    best = _by_text(entry.plain, wanted)
    if (typed := _typed(query)).isascii():
        best = max(best, _by_reading(entry, typed))
    for rank, stem in enumerate(stems(query)):
        if score := _by_text(entry.plain, plain(stem)):
            # The first of the words for it is the usual one.
            best = max(best, score - 4 - min(rank, 5))
    return best


def _by_text(name: str, wanted: str) -> int:
    if not wanted or wanted not in name:
        return 0
    if name == wanted:
        return 100
    # A name that goes on with a number (叠化 II) is the same thing once more.
    return 90 if name.startswith(wanted) else 80


def _by_reading(entry: Entry, wanted: str) -> int:
    if len(wanted) < _SHORTEST_READING or not entry.reading:
        return 0
    if entry.reading == wanted:
        return 98
    if entry.initials == wanted:
        return 78
    at = entry.reading.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if at in entry.syllables and (end in entry.syllables or end == len(entry.reading)):
            return 88 if at == 0 else 76
        at = entry.reading.find(wanted, at + 1)
    if entry.reading.startswith(wanted):
        return 70  # the last syllable is only begun
    return 60 if len(wanted) > _SHORTEST_READING and entry.initials.startswith(wanted) else 0


def _typed(query: str) -> str:
    """Pinyin as the table has it: no tones, `v` for `ü`."""
    bare = query.lower().replace("ü", "v")
    return plain("".join(c for c in unicodedata.normalize("NFD", bare) if not unicodedata.combining(c)))


def _nearest(known: list[Entry], query: str, limit: int) -> list[Entry]:
    wanted, typed = plain(query), _typed(query)
    matcher, spoken = difflib.SequenceMatcher(autojunk=False), difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    spoken.set_seq2(typed)
    rated: list[tuple[float, Entry]] = []
    for entry in known:
        matcher.set_seq1(entry.plain)
        likeness = matcher.ratio() if matcher.real_quick_ratio() > 0 and matcher.quick_ratio() > 0 else 0.0
        if typed.isascii() and entry.reading:
            spoken.set_seq1(entry.reading)
            if spoken.quick_ratio() >= _LIKENESS:
                likeness = max(likeness, spoken.ratio())
        if likeness > 0:
            rated.append((likeness, entry))
    rated.sort(key=lambda pair: (-pair[0], pair[1].vip, len(pair[1].plain)))
    close = [entry for likeness, entry in rated if likeness >= _LIKENESS]
    return (close or [entry for _, entry in rated[:5]])[:limit]
