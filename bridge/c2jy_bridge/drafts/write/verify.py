"""Whether a draft is whole: every reference leads somewhere, every file is there, nothing overlaps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.drafts.errors import issue
from c2jy_bridge.drafts.spec import clock
from c2jy_bridge.drafts.write.plain import is_there
from c2jy_bridge.drafts.write.target import local_view
from c2jy_bridge.events import Issue

_ROUNDING_US: Final = 1_000


def media_of(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path in the content, file path) of every video, image and sound of a draft."""
    materials = _mapping(content.get("materials"))
    for kind in ("videos", "audios"):
        for index, material in enumerate(_list(materials.get(kind))):
            if isinstance(material, Mapping) and material.get("path"):
                yield f"materials.{kind}[{index}].path", str(material["path"])


def missing_media(content: Mapping[str, Any], folder: Path, name: str | None = None) -> Iterator[Issue]:
    """An issue for every media file that is not on this machine."""
    for where, path in media_of(content):
        here = local_view(path, folder, name)
        if here is None or not is_there(here):
            yield issue("media_missing", where, file=path)


def faults(content: Mapping[str, Any], folder: Path, name: str | None = None) -> Iterator[Issue]:
    """Everything that is wrong with a draft's content, as errors.

    Args:
        content: The object in draft_content.json.
        folder: The draft's folder on this machine.
        name: Its name, when the folder does not have it yet.
    """
    tracks = content.get("tracks")
    if not isinstance(tracks, list) or not isinstance(content.get("materials"), Mapping):
        yield issue("not_a_draft", "")
        return
    lengths: dict[str, int] = {}
    for kind, group in content["materials"].items():
        for material in _list(group):
            if isinstance(material, Mapping):
                known = str(material.get("id", ""))
                lengths[known] = _number(material.get("duration")) if kind in ("videos", "audios") else 0
    last = 0
    for number, track in enumerate(tracks):
        before_end = 0
        for index, segment in enumerate(map(_mapping, _list(_mapping(track).get("segments")))):
            where = f"tracks[{number}].segments[{index}]"
            begin, length = _times(segment.get("target_timerange"))
            if length <= 0 or begin < 0:
                yield issue("bad_duration", f"{where}.target_timerange", duration=length)
            if begin < before_end:
                yield issue("segments_overlap", where, start=clock(max(begin, 0)), until=clock(before_end))
            before_end = max(before_end, begin + length)
            yield from _dangling(segment, where, lengths)
            yield from _beyond(segment, where, lengths)
        last = max(last, before_end)
    length = _number(content.get("duration"))
    if length < last:
        yield issue("draft_too_short", "duration", duration=clock(max(length, 0)))
    yield from missing_media(content, folder, name)


def _dangling(segment: Mapping[str, Any], where: str, known: Mapping[str, int]) -> Iterator[Issue]:
    if str(segment.get("material_id")) not in known:
        yield issue("dangling", f"{where}.material_id", id=segment.get("material_id"))
    for index, reference in enumerate(_list(segment.get("extra_material_refs"))):
        if str(reference) not in known:
            yield issue("dangling", f"{where}.extra_material_refs[{index}]", id=reference)


def _beyond(segment: Mapping[str, Any], where: str, lengths: Mapping[str, int]) -> Iterator[Issue]:
    begin, length = _times(segment.get("source_timerange"))
    whole = lengths.get(str(segment.get("material_id")), 0)
    if whole and begin + length > whole + _ROUNDING_US:
        yield issue(
            "source_beyond", f"{where}.source_timerange", end=clock(begin + length), length=clock(whole)
        )


def _times(timerange: object) -> tuple[int, int]:
    if not isinstance(timerange, Mapping):
        return 0, 0
    return _number(timerange.get("start")), _number(timerange.get("duration"))


def _number(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
