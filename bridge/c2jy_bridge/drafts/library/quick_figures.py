"""Reads of a draft only what a row of the list shows: four times as fast as reading all of its content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from c2jy_bridge.drafts.write.meta import Figures


class _Segment(msgspec.Struct):
    """A clip: it is only counted."""


class _Track(msgspec.Struct):
    segments: list[_Segment] = []


class _Media(msgspec.Struct):
    path: str | None = None


class _Compound(msgspec.Struct):
    draft: _Content | None = None


class _Materials(msgspec.Struct):
    videos: list[_Media] = []
    audios: list[_Media] = []
    drafts: list[_Compound] = []


class _Canvas(msgspec.Struct):
    width: Any = 0
    height: Any = 0


class _Content(msgspec.Struct):
    tracks: list[_Track]
    materials: _Materials | None = None
    canvas_config: _Canvas | None = None
    duration: Any = 0


_CONTENT: Final = msgspec.json.Decoder(_Content)
_LARGEST: Final = 2**53
"""Largest number that is believed; 285 years in microseconds."""


def quick_figures(data: bytes) -> Figures | None:
    """The figures of a content; None for what has another shape than the apps give it.

    Args:
        data: A main file.
    """
    try:
        content = _CONTENT.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    canvas = content.canvas_config or _Canvas()
    return Figures(
        content_sha256="",
        duration_us=number(content.duration),
        tracks=len(content.tracks),
        clips=sum(len(track.segments) for track in content.tracks),
        width=number(canvas.width),
        height=number(canvas.height),
        media=tuple(dict.fromkeys(_paths(content))),
    )


def _paths(content: _Content) -> Iterator[str]:
    materials = content.materials or _Materials()
    for media in (*materials.videos, *materials.audios):
        if media.path:
            yield media.path
    for compound in materials.drafts:
        if compound.draft is not None:
            yield from _paths(compound.draft)


def number(value: object) -> int:
    """A number of a draft that others wrote; 0 for what is none or beyond belief."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= _LARGEST:
        return 0
    return int(value)


def real(value: object, default: float) -> float:
    """A number with a fraction of a draft that others wrote; `default` for what is none or beyond belief."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= _LARGEST:
        return default
    return float(value)
