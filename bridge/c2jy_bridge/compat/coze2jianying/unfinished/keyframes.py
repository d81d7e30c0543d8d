"""Reads keyframes that are added to existing clips."""

from __future__ import annotations

import difflib
from typing import Any, Final, get_args

from c2jy_bridge.compat.coze2jianying.exports.fields import checked
from c2jy_bridge.compat.coze2jianying.exports.wrappers import decoded
from c2jy_bridge.compat.coze2jianying.unfinished.draft import Unfinished, issue
from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.spec.appearance import PropertyName
from c2jy_bridge.drafts.spec.model import US_PER, Unit, parse_time, us

_ARGUMENT: Final = "keyframe_infos"
_OTHER_NAMES: Final = {"opacity": "alpha", "uniform_scale": "scale"}
_STILL: Final = ("effect", "filter")
"""Clips that have no properties."""
_PIXELS: Final = 2.0
"""Positions are -1 to 1; beyond this they are pixels, as for the importer."""
_SLACK: Final = 1.02


def read_keyframes(
    infos: Any, draft: Unfinished, unit: Unit | None
) -> tuple[dict[str, list[dict[str, Any]]], tuple[Issue, ...]]:
    """Read keyframes: {segment_id, property, time, value}, the time from the start of the clip.

    Args:
        infos: As `read_infos` takes them.
        draft: Whose clips they are for.
        unit: Of bare numbers; None: `time_offset` is microseconds, as in the raw tools of Coze2JianYing,
            `time` is the draft's unit, or else the one that puts the keyframes into their clip.

    Returns:
        By clip id, ready for the spec; and what was changed.

    Raises:
        DraftError: With an issue for every fault.
    """
    value = decoded(checked(infos, _ARGUMENT), _ARGUMENT)
    items = [item for item in (value if isinstance(value, list) else [value]) if item is not None]
    if not items:
        raise DraftError([issue("no_infos", _ARGUMENT)])
    faults: list[Issue] = []
    notes: list[Issue] = []
    read: list[tuple[str, str, Any, float]] = []
    for index, item in enumerate(items):
        path = f"{_ARGUMENT}[{index}]"
        entry = decoded(item, path)
        fault, found = _one(entry, path, draft, notes)
        faults += fault
        if found:
            read.append(found)
    if faults:
        raise DraftError(faults)
    result: dict[str, list[dict[str, Any]]] = {}
    for clip_id in dict.fromkeys(clip_id for clip_id, *_ in read):
        mine = [entry for entry in read if entry[0] == clip_id]
        length_us = _length_us(draft.clips[clip_id])
        factor = US_PER[unit or draft.unit or _fitting([time for _, _, time, _ in mine], length_us)]
        for _, name, time, number in mine:
            at_us = round(time * factor) if isinstance(time, float) else int(time)
            result.setdefault(clip_id, []).append({"property": name, "at": at_us, "value": number})
    return result, tuple(notes)


def _one(
    entry: Any, path: str, draft: Unfinished, notes: list[Issue]
) -> tuple[list[Issue], tuple[str, str, Any, float] | None]:
    """One keyframe: clip id, property, time (a float is in a unit not known yet, an int is microseconds)."""
    if not isinstance(entry, dict):
        return [issue("not_an_object", path, value=str(entry)[:60])], None
    clips = draft.clips
    clip_id = str(entry.get("segment_id", ""))
    clip = clips.get(clip_id)
    if clip is None:
        near = difflib.get_close_matches(clip_id, clips, 1, 0.3) or list(clips)[-1:] or ["-"]
        return [issue("unknown_segment", f"{path}.segment_id", id=clip_id, near=near[0])], None
    if clip["type"] in _STILL:
        return [issue("segment_is_still", f"{path}.segment_id", id=clip_id, kind=clip["type"])], None
    faults = []
    given = str(entry.get("property") or ("volume" if clip["type"] == "audio" else ""))
    name = given.lower().rpartition(".")[2]
    name = _OTHER_NAMES.get(name, name)
    if name not in get_args(PropertyName):
        near = difflib.get_close_matches(name, get_args(PropertyName), 1, 0.3) or ["position_x"]
        known = ", ".join(get_args(PropertyName))
        faults.append(issue("unknown_property", f"{path}.property", value=given, known=known, near=near[0]))
    number = entry.get("value", entry.get("volume"))
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        faults.append(issue("keyframe_value", f"{path}.value", value=str(number)))
        number = 0.0
    time = _time(entry)
    if time is None:
        shown = str(entry.get("time", entry.get("time_offset")))
        faults.append(issue("keyframe_time", f"{path}.time", value=shown))
    if faults:
        return faults, None
    half = {"position_x": draft.width / 2, "position_y": draft.height / 2}.get(name)
    if half and abs(number) > _PIXELS:
        notes.append(issue("keyframe_pixels", f"{path}.value", "info", value=f"{number:g}"))
        number /= half
    return [], (clip_id, name, time, float(number))


def _time(entry: dict[str, Any]) -> float | int | None:
    raw = "time" not in entry and "at" not in entry
    value = entry.get("time", entry.get("at", entry.get("time_offset")))
    try:
        if isinstance(value, str):
            return parse_time(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            return parse_time(us(round(value))) if raw else float(value)
    except ValueError:  # pydantic's errors of a custom type are ValueErrors
        return None
    return None


def _fitting(times: list[Any], length_us: int | None) -> Unit:
    """The largest unit in which the last keyframe is still within its clip."""
    last = max((time for time in times if isinstance(time, float)), default=0.0)
    order: tuple[Unit, ...] = ("s", "ms", "us")
    if length_us is None:
        return "s"
    return next((u for u in order if last * US_PER[u] <= length_us * _SLACK), "us")


def _length_us(clip: dict[str, Any]) -> int | None:
    at = clip.get("at") or {}
    return at.get("duration")
