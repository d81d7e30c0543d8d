"""The search itself: the names that fit a query, best first, or else the nearest ones."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from c2jy_bridge.drafts.kinds import ResourceKind
from c2jy_bridge.drafts.resources.english import stems
from c2jy_bridge.drafts.resources.entry import Entry, entries, plain

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
