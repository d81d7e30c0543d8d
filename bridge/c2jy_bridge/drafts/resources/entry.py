"""One name of JianYing's with everything it can be found by, and the list of all of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.drafts.compile.names import CATALOGUES, find, is_vip, title
from c2jy_bridge.drafts.kinds import GROUPS, NameKind, ResourceKind

READINGS: Final = Path(__file__).with_name("readings.tsv")
"""How the Chinese names are read; written by `make_readings`."""

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
    """How long it lasts when nothing is said, microseconds; None where there is no such thing."""
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

    Two titles that stand twice in a catalogue are listed once: a document can only mean the first.
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
