"""Whether a draft is whole: every reference leads somewhere, every file is there, nothing overlaps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.errors import issue
from c2jy_bridge.drafts.spec import clock
from c2jy_bridge.drafts.write.paths import local_view
from c2jy_bridge.drafts.write.safe_read import is_there

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
        plays = kind in ("videos", "audios")
        for material in map(_mapping, _list(group)):
            known = str(material.get("id", ""))
            lengths[known] = _number(material.get("duration")) if plays else 0
    last = 0
    for number, track in enumerate(tracks):
        before_end = 0
        for index, segment in enumerate(map(_mapping, _list(_mapping(track).get("segments")))):
            begin, length = _times(segment.get("target_timerange"))
            if length <= 0 or begin < max(before_end, 0) or not _is_sound(segment, lengths):
                where = f"tracks[{number}].segments[{index}]"
                yield from _segment_faults(segment, where, begin, length, before_end, lengths)
            before_end = max(before_end, begin + length)
        last = max(last, before_end)
    length = _number(content.get("duration"))
    if length < last:
        yield issue("draft_too_short", "duration", duration=clock(max(length, 0)))
    yield from missing_media(content, folder, name)


def _is_sound(segment: Mapping[str, Any], known: Mapping[str, int]) -> bool:
    """The quick look at what it refers to, which nearly every segment passes."""
    begin, length = _times(segment.get("source_timerange"))
    whole = known.get(str(segment.get("material_id")), -1)
    if whole < 0 or (whole and begin + length > whole + _ROUNDING_US):
        return False
    return all(str(reference) in known for reference in _list(segment.get("extra_material_refs")))


def _segment_faults(
    segment: Mapping[str, Any], where: str, begin: int, length: int, before_end: int, known: Mapping[str, int]
) -> Iterator[Issue]:
    if length <= 0 or begin < 0:
        yield issue("bad_duration", f"{where}.target_timerange", duration=length)
    if begin < before_end:
        yield issue("segments_overlap", where, start=clock(max(begin, 0)), until=clock(before_end))
    yield from _dangling(segment, where, known)
    yield from _beyond(segment, where, known)


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
    timerange = _mapping(timerange)
    return _number(timerange.get("start")), _number(timerange.get("duration"))


def _number(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0


def _mapping(value: object) -> Mapping[str, Any]:
    # dict first: the question of any Mapping takes ten times as long.
    return value if isinstance(value, (dict, Mapping)) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
