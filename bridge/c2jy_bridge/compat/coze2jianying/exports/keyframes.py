"""Converts keyframes of an export: decides the clock and the unit of their times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, get_args

from c2jy_bridge.compat.coze2jianying.exports.fields import Fields, as_number
from c2jy_bridge.compat.coze2jianying.exports.issues import ImportIssueCollector, shown
from c2jy_bridge.compat.coze2jianying.exports.units import US_PER, Unit
from c2jy_bridge.drafts.spec.appearance import PropertyName
from c2jy_bridge.drafts.spec.model import parse_time, us

_NAMES: Final = {name: name for name in ("position", "scale", "rotation")} | {
    "opacity": "alpha",
    "volume": "volume",
}
# The raw tools name pyJianYingDraft's own properties (0.3.1, KeyframeProperty).
_RAW_NAMES: Final[dict[str, str]] = {
    **{name: name for name in get_args(PropertyName)},
    "uniform_scale": "scale",
    "opacity": "alpha",
}
_SLACK: Final = 1.02
"""A last keyframe may be a little after the end of its clip."""
_SHORT_US: Final = 20_000
"""All keyframes of a clip within a frame: the unit is too small."""
# The form of nearly all keyframes, which needs no report.
_PLAIN: Final = frozenset({"time", "value"})
_AXES: Final = frozenset({"x", "y"})
_NUMBERS: Final = (int, float)
PIXELS: Final = 2.0
"""Positions are -1 to 1; a value beyond this means pixels."""


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """What the keyframes of a clip are measured by."""

    start_us: int
    length_us: int | None
    unit: Unit
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Frame:
    name: str
    time: float
    value: Any
    path: str


def keyframes(fields: Fields, clip: ClipFrame) -> list[dict[str, Any]]:
    """The keyframes of a clip, ready for the spec: its own clock, microseconds, half-canvas positions."""
    if isinstance(fields.peek("keyframes"), list):
        return _raw_keyframes(fields, clip)
    inner = fields.inner("keyframes")
    if inner is None:
        return []
    frames = [
        frame
        for name, spec_name in _NAMES.items()
        for item, path in inner.items(name)
        if (frame := _frame(item, path, spec_name, fields.collector))
    ]
    inner.close()
    if not frames:
        return []
    unit, absolute = _clock([frame.time for frame in frames], clip)
    if absolute and clip.start_us:
        fields.collector.add("keyframes_absolute", fields.at("keyframes"), "info")
    shift = clip.start_us if absolute else 0
    result: list[dict[str, Any]] = []
    for frame in frames:
        at_us = max(0, round(frame.time * US_PER[unit]) - shift)
        if clip.length_us is not None and at_us > clip.length_us * _SLACK:
            fields.collector.add("keyframe_outside", frame.path, "warning", seconds=f"{at_us / 1e6:g}")
        result.extend(
            {"property": name, "at": us(at_us), "value": v}
            for name, v in _values(frame, frames, clip, fields)
        )
    return result


def _frame(item: Any, path: str, name: str, collector: ImportIssueCollector) -> _Frame | None:
    if not isinstance(item, dict):
        collector.add("not_an_object", path, value=shown(item))
        return None
    if (
        item.keys() == _PLAIN
        and type(item["time"]) in _NUMBERS
        and item["time"] >= 0
        and item["value"] is not None
    ):
        return _Frame(name, item["time"], item["value"], f"{path}.value")
    fields = Fields(item, path, collector)
    time = fields.number("time")
    value, value_path = fields.take("value")
    for ease in ("ease_in", "ease_out"):
        if fields.flag(ease):
            collector.add("no_easing", fields.at(ease))
    fields.close()
    if time is None or time < 0 or value is None:
        collector.add("keyframe_incomplete", path)
        return None
    return _Frame(name, time, value, value_path)


def _clock(times: list[float], clip: ClipFrame) -> tuple[Unit, bool]:
    """The unit of the times, and whether they are counted from the start of the draft.

    The draft's own unit is preferred; another is taken when only that puts the keyframes into their clip.
    """
    last, first = max(times), min(times)
    candidates = [clip.unit, *(unit for unit in US_PER if unit != clip.unit)]
    for unit in candidates:
        factor = US_PER[unit]
        if last and last * factor < _SHORT_US and unit != candidates[-1]:
            continue
        if clip.start_us and first * factor >= clip.start_us and _within(last * factor - clip.start_us, clip):
            return unit, True
        if _within(last * factor, clip):
            return unit, False
    return clip.unit, first * US_PER[clip.unit] >= clip.start_us > 0


def _within(time_us: float, clip: ClipFrame) -> bool:
    return clip.length_us is None or time_us <= clip.length_us * _SLACK


def _values(
    frame: _Frame, frames: list[_Frame], clip: ClipFrame, fields: Fields
) -> Iterable[tuple[str, float]]:
    """The spec's properties that one keyframe sets: a position or an uneven scale is two."""
    collector = fields.collector
    if frame.name == "position":
        pair = _pair(frame, collector, lone=("x",))
        pixels = any(_is_pixels(other.value) for other in frames if other.name == "position")
        if pixels:
            collector.add("pixel_position", frame.path, "info", width=clip.width, height=clip.height)
        for axis, half in (("x", clip.width / 2), ("y", clip.height / 2)):
            if axis in pair:
                yield f"position_{axis}", pair[axis] / half if pixels else pair[axis]
    elif frame.name == "scale":
        uneven = any(not isinstance(other.value, (int, float)) for other in frames if other.name == "scale")
        pair = _pair(frame, collector, lone=("x", "y"))
        if uneven:
            yield from ((f"scale_{axis}", value) for axis, value in pair.items())
        elif pair:
            yield "scale", pair["x"]
    else:
        number = as_number(frame.value, frame.path, collector)
        if number is not None:
            yield frame.name, number


def _pair(frame: _Frame, collector: ImportIssueCollector, lone: tuple[str, ...]) -> dict[str, float]:
    """x and y of `{"x": 1, "y": 2}`, `[1, 2]`, or one number, which is used for the axes in `lone`."""
    value = frame.value
    if isinstance(value, list) and len(value) == 2:
        value = {"x": value[0], "y": value[1]}
    if isinstance(value, dict):
        if value.keys() == _AXES and type(value["x"]) in _NUMBERS and type(value["y"]) in _NUMBERS:
            return value
        fields = Fields(value, frame.path, collector)
        found = {axis: fields.number(axis) for axis in ("x", "y")}
        fields.close()
        return {axis: number for axis, number in found.items() if number is not None}
    number = as_number(value, frame.path, collector)
    if number is not None and lone == ("x",):
        collector.add("lone_position", frame.path, "info", value=f"{number:g}")
    return {} if number is None else dict.fromkeys(lone, number)


def _is_pixels(value: Any) -> bool:
    numbers = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return any(isinstance(number, (int, float)) and abs(number) > PIXELS for number in numbers)


def _raw_keyframes(fields: Fields, clip: ClipFrame) -> list[dict[str, Any]]:
    """The raw tools' list of {property, time_offset, value}: own clock, microseconds or "1s"."""
    result = []
    for item, path in fields.items("keyframes"):
        if not isinstance(item, dict):
            fields.collector.add("not_an_object", path, value=shown(item))
            continue
        one = Fields(item, path, fields.collector)
        given = one.text("property") or ("volume" if "volume" in one else "")
        name = _RAW_NAMES.get(given.lower().rpartition(".")[2])
        at_us = raw_time(one, "time_offset", "time")
        value = one.number("value", "volume")
        one.close()
        if name is None or at_us is None or value is None:
            fields.collector.add("keyframe_incomplete", path)
            continue
        result.append({"property": name, "at": us(at_us), "value": value})
    return result


def raw_time(fields: Fields, *names: str) -> int | None:
    """A time of the raw tools: a number is microseconds, a string has its unit ("1s"); None when left out."""
    value, path = fields.take(*names)
    if value is None:
        return None
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = us(round(value))
        return parse_time(value)
    except ValueError:  # pydantic's errors of a custom type are ValueErrors
        fields.collector.add("not_a_time", path, value=shown(value))
        return None
