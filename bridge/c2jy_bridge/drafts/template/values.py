"""Reads what a template is filled with: values by slot, lists by kind, repeated groups, tracks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.spec.model import parse_time
from c2jy_bridge.drafts.template.media import FRAMINGS, LENGTHS, Framing, Length

LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "images": ("image",),
    "videos": ("video",),
    "pictures": ("image", "video"),
    "sounds": ("audio",),
    "texts": ("text", "text_template"),
}
"""Keys whose value is a list that fills the slots of these kinds in their order."""
OTHERS: Final = ("slots", "repeat", "tracks", "take")
"""Keys that are no slots."""
_OF_MEDIA: Final = frozenset({"media", "length", "framing", "start"})
_OF_TEXT: Final = frozenset({"text", "texts", "spans"})


@dataclass(frozen=True, slots=True)
class MediaValue:
    """A file for a picture or sound."""

    address: str
    length: Length = "cut"
    framing: Framing = "fill"
    begin_us: int = 0


@dataclass(frozen=True, slots=True)
class TextValue:
    """Words for a text: one for all of it, one for each span, or one for each text of a text template."""

    words: tuple[str, ...]


Value = MediaValue | TextValue


@dataclass(frozen=True, slots=True)
class Repeat:
    """A group of slots that is shown once for each item of a list."""

    slots: tuple[str, ...]
    items: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Take:
    """A track out of another draft."""

    draft: str
    track: str | int
    at_us: int = 0
    """Where its beginning comes to be."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Everything that a template is filled with; values are read when the kind of their slot is known."""

    slots: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    repeats: tuple[Repeat, ...] = ()
    tracks: Sequence[Any] = ()
    """Tracks of a `c2jy/1` document, put on top."""
    takes: tuple[Take, ...] = ()


def read_fill(given: str | bytes | Mapping[str, Any]) -> Fill:
    """Read values.

    Args:
        given: An object, or JSON text of one. `slots` holds values by slot; slots may stand at the top, too.

    Raises:
        DraftError: It is no object, or a part of it has another form than it must have.
    """
    if isinstance(given, (str, bytes)):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise DraftError([issue("fill_not_json", "", reason=error)]) from None
    if not isinstance(given, Mapping):
        raise DraftError([issue("fill_not_object", "")])
    slots = {key: value for key, value in given.items() if key not in (*LISTS, *OTHERS)}
    named = given.get("slots") or {}
    if not isinstance(named, Mapping):
        raise DraftError([issue("fill_form", "slots", form='{"image1": …}')])
    lists = {key: _listed(given[key], key) for key in LISTS if given.get(key) is not None}
    repeats = [_repeat(each, f"repeat[{n}]") for n, each in enumerate(_listed(given.get("repeat"), "repeat"))]
    takes = [_take(each, f"take[{n}]") for n, each in enumerate(_listed(given.get("take"), "take"))]
    tracks = _listed(given.get("tracks"), "tracks")
    return Fill({**slots, **named}, lists, tuple(repeats), tracks, tuple(takes))


def read_value(given: Any, kind: str, where: str) -> Value:
    """Read the value of one slot.

    Args:
        given: Text for short; an object with `media`, `length`, `framing` and `start`, or `text`, `spans` or
            `texts`; a list of words.
        kind: Of the slot.
        where: JSON path of the value.

    Raises:
        DraftError: It is none for such a slot.
    """
    if kind in ("text", "text_template"):
        return _text_value(given, where)
    if isinstance(given, str) and given.strip():
        return MediaValue(given)
    if (
        not isinstance(given, Mapping)
        or not isinstance(given.get("media"), str)
        or not given["media"].strip()
    ):
        raise DraftError([issue("fill_media", where)])
    if unknown := sorted(set(given) - _OF_MEDIA):
        raise DraftError([issue("fill_unknown", f"{where}.{unknown[0]}", known=", ".join(sorted(_OF_MEDIA)))])
    for key, known in (("length", LENGTHS), ("framing", FRAMINGS)):
        if given.get(key) is not None and given[key] not in known:
            raise DraftError([issue("fill_choice", f"{where}.{key}", known=", ".join(known))])
    length, framing = given.get("length") or "cut", given.get("framing") or "fill"
    begin = _time(given.get("start") or 0, f"{where}.start")
    return MediaValue(given["media"], cast(Length, length), cast(Framing, framing), begin)


def _text_value(given: Any, where: str) -> TextValue:
    if isinstance(given, Mapping):
        if len(given) != 1 or not set(given) <= _OF_TEXT:
            raise DraftError([issue("fill_text", where)])
        given = next(iter(given.values()))
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        given = str(given)
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, (list, tuple)) or not words or not all(isinstance(word, str) for word in words):
        raise DraftError([issue("fill_text", where)])
    return TextValue(tuple(words))


def _repeat(given: Any, where: str) -> Repeat:
    items = given.get("items") if isinstance(given, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise DraftError([issue("fill_form", where, form='{"slots": ["image1"], "items": [{"image1": …}]}')])
    named = given.get("slots") or list(dict.fromkeys(key for item in items for key in item))
    if not items or not isinstance(named, list) or not named:
        raise DraftError([issue("repeat_empty", where)])
    return Repeat(tuple(map(str, named)), tuple(items))


def _take(given: Any, where: str) -> Take:
    if not isinstance(given, Mapping) or not isinstance(given.get("draft"), str):
        raise DraftError([issue("fill_form", where, form='{"draft": "…", "track": "…"}')])
    track = given.get("track", 0)
    if not isinstance(track, (str, int)) or isinstance(track, bool):
        raise DraftError([issue("fill_form", f"{where}.track", form='"…", 0')])
    return Take(given["draft"], track, _time(given.get("start") or 0, f"{where}.start"))


def _time(given: Any, where: str) -> int:
    try:
        return parse_time(given)
    except ValueError as error:
        raise DraftError([issue("fill_time", where, reason=error)]) from None


def _listed(given: Any, where: str) -> list[Any]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise DraftError([issue("fill_form", where, form="[…]")])
    return given


def addresses(values: Iterator[Value]) -> list[str]:
    """The files that values name, each once."""
    return list(dict.fromkeys(value.address for value in values if isinstance(value, MediaValue)))
