"""What is wrong with a draft's content: missing media, overlaps, dangling references, impossible lengths."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.errors import clock, issue
from c2jy_bridge.drafts.write.paths import compounds, is_of_another_machine, local_view, media_paths
from c2jy_bridge.drafts.write.staging import is_there

_ROUNDING_US: Final = 40_000
"""A clip may end a frame behind its file: CapCut 6.7 saves such (16,666 us, measured)."""
_MEDIA: Final = re.compile(r"(?:^|\.)materials\.(?:videos|audios)\[\d+\]\.path$")


def media_materials(content: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path in the content, material) of every video, image and sound of a draft and its compound clips."""
    for where, material in media_paths(content):
        if _MEDIA.search(where):
            yield where, material


def media_of(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path in the content, file path) of the same."""
    for where, material in media_materials(content):
        yield where, material["path"]


def missing_media(content: Mapping[str, Any], folder: Path, name: str | None = None) -> Iterator[Issue]:
    """An issue for every media file that is not on this machine, with the number of clips that show it."""
    missing: dict[str, tuple[str, set[str]]] = {}
    there: dict[str, bool] = {}
    mine: set[str] = set()
    for where, material in media_materials(content):
        path = material["path"]
        if path not in there:
            here = local_view(path, folder, name)
            there[path] = here is not None and is_there(here)
            if here is not None and here.is_relative_to(folder):
                mine.add(path)
        if not there[path]:
            missing.setdefault(path, (where, set()))[1].add(str(material.get("id")))
    if not missing:
        return
    used = Counter(_shown(content))
    made_on = _made_on(content)
    for path, (where, ids) in missing.items():
        clips = sum(used[known] for known in ids)
        elsewhere = path not in mine and is_of_another_machine(path)
        code = "media_elsewhere_made" if elsewhere else "media_missing"
        draft = name or folder.name
        yield issue(code, where, "error", file=path, clips=clips, made_on=made_on, name=draft)


def _shown(content: Mapping[str, Any]) -> Iterator[str]:
    """The material of every segment, compound clips' inside included."""
    for track in map(_mapping, _list(content.get("tracks"))):
        for segment in map(_mapping, _list(track.get("segments"))):
            yield str(segment.get("material_id"))
    for inner in compounds(content):
        yield from _shown(inner)


def _made_on(content: Mapping[str, Any]) -> str:
    """The app and system that a draft's content names: `CapCut 8.9.1, windows`; `-` when it names none."""
    platform = _mapping(content.get("platform"))
    source, version = platform.get("app_source"), str(platform.get("app_version") or "")
    app = {"cc": "CapCut", "lv": "JianYing"}.get(str(source), "JianYing" if version else "")
    return ", ".join(filter(None, (f"{app} {version}".strip(), str(platform.get("os") or "")))) or "-"


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
    overlaps = _overlaps(content["materials"])
    for number, track in enumerate(tracks):
        before_end = 0
        for index, segment in enumerate(map(_mapping, _list(_mapping(track).get("segments")))):
            begin, length = _times(segment.get("target_timerange"))
            if length <= 0 or begin < max(before_end, 0) or not _is_sound(segment, lengths):
                where = f"tracks[{number}].segments[{index}]"
                yield from _segment_faults(segment, where, begin, length, before_end, lengths)
            before_end = max(before_end, begin + length)
            last = max(last, before_end)
            if overlaps:
                before_end -= max(
                    (overlaps.get(str(known), 0) for known in _list(segment.get("extra_material_refs"))),
                    default=0,
                )
    length = _number(content.get("duration"))
    if length < last:
        yield issue("draft_too_short", "duration", duration=clock(max(length, 0)))
    yield from missing_media(content, folder, name)


def _overlaps(materials: Mapping[str, Any]) -> dict[str, int]:
    """By how much a clip with such a transition may reach into the next one, as CapCut 1.5 saves it."""
    transitions = map(_mapping, _list(materials.get("transitions")))
    overlapping = (transition for transition in transitions if transition.get("is_overlap") is True)
    # One more: the app rounds begin and length apart.
    return {str(transition.get("id")): _number(transition.get("duration")) + 1 for transition in overlapping}


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
    if str(segment.get("material_id")) not in known:
        yield issue("dangling", f"{where}.material_id", id=segment.get("material_id"))
    for index, reference in enumerate(_list(segment.get("extra_material_refs"))):
        if str(reference) not in known:
            yield issue("dangling", f"{where}.extra_material_refs[{index}]", id=reference)
    begin, length = _times(segment.get("source_timerange"))
    whole = known.get(str(segment.get("material_id")), 0)
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
