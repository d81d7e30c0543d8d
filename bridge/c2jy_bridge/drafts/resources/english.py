"""Translates English queries to the Chinese words in JianYing's names."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).with_name("english.tsv")
"""English phrases and the Chinese words for them."""
_WORDS: Final = re.compile(r"[a-z0-9]+")
_LONGEST: Final = 3
"""Words in the longest phrase."""


@cache
def terms() -> dict[str, str]:
    """Phrase -> Chinese words in names, the usual one first."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))


@cache
def stems(query: str) -> tuple[str, ...]:
    """The Chinese words for an English query; empty when it is not English, or not all of it is known."""
    words = tuple(_WORDS.findall(query.lower()))
    if not words or len(words) > _LONGEST:
        return ()
    for form in _forms(words):
        if found := terms().get(form):
            return tuple(found.split())
    return ()


def _forms(words: tuple[str, ...]) -> list[str]:
    """The phrase as it is, then with its last word in its plainer forms: blurry, shaking, glitches."""
    *before, last = words
    bare = [last]
    for ending in ("s", "es", "y", "ing", "ed", "ly"):
        if last.endswith(ending) and len(last) - len(ending) > 2:
            bare += [last[: -len(ending)], f"{last[: -len(ending)]}e"]
    doubled = [form[:-1] for form in bare if len(form) > 3 and form[-1] == form[-2]]
    return [" ".join((*before, form)) for form in (*bare, *doubled)]
