"""When a segment is on and which part of its file it uses, in whichever of the two forms it says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports.fields import Fields
from c2jy_bridge.compat.coze2jianying.exports.keyframes import raw_time
from c2jy_bridge.compat.coze2jianying.exports.units import US_PER, Unit
from c2jy_bridge.drafts.spec import us

_RAW: Final = ("target_timerange", "timerange", "time_range")
_TOLERANCE_US: Final = 1_000
"""Containers give their length in milliseconds, so a range may be off by one."""


@dataclass(slots=True)
class Timing:
    """When a clip is on. `start` and `end` are in the draft's unit until `settle` makes them microseconds.

    Not frozen: `fitted` shortens a clip whose file part is shorter than its place.
    """

    path: str
    start: float = 0.0
    end: float | None = None
    raw: bool = False
    """The {start, duration} form: microseconds already."""
    start_us: int = 0
    length_us: int | None = None

    def settle(self, unit: Unit) -> None:
        """Make microseconds: absolute ends are rounded, then subtracted, so that neighbours never overlap."""
        factor = 1 if self.raw else US_PER[unit]
        self.start_us = round(self.start * factor)
        self.length_us = None if self.end is None else round(self.end * factor) - self.start_us

    def at(self) -> dict[str, Any]:
        """The range for the spec."""
        if self.length_us is None:
            return {"start": us(self.start_us)}
        return {"start": us(self.start_us), "duration": us(self.length_us)}


def timing(fields: Fields) -> Timing | None:
    """The time of a segment; None when it has none that can be used, which is reported as an error."""
    for name in _RAW:
        if f"{name}.duration" in fields or (name != "time_range" and name in fields):
            return _raw_timing(fields, name)
    path = fields.take("time_range.start", "start")[1]
    start = fields.number("time_range.start", "start")
    end = fields.number("time_range.end", "end")
    if start is None and end is None:
        fields.report.add("no_time", fields.path, "error")
        return None
    return _checked(fields, Timing(path, start or 0.0, end))


def _raw_timing(fields: Fields, name: str) -> Timing | None:
    inner = fields.inner(name)
    if inner is None:
        return None
    start, duration = raw_time(inner, "start"), raw_time(inner, "duration")
    inner.close()
    if duration is None:
        fields.report.add("no_time", fields.path, "error")
        return None
    return _checked(fields, Timing(inner.path, start or 0, (start or 0) + duration, raw=True))


def _checked(fields: Fields, found: Timing) -> Timing | None:
    if found.start < 0 or (found.end is not None and found.end <= found.start):
        end = "-" if found.end is None else f"{found.end:.15g}"
        fields.report.add("backwards", found.path, "error", start=f"{found.start:.15g}", end=end)
        return None
    return found


def material_range(fields: Fields, unit: Unit) -> tuple[int, int | None, str] | None:
    """The used part of the file: start, length (None to its end) in microseconds, and where it says so."""
    if "source_timerange" in fields or "material_range.duration" in fields:
        inner = fields.inner("source_timerange", "material_range")
        if inner is None:
            return None
        begin, length = raw_time(inner, "start"), raw_time(inner, "duration")
        inner.close()
        return None if not length else (begin or 0, length, inner.path)
    names = (("material_range.start", "material_start"), ("material_range.end", "material_end"))
    path = fields.take(*names[1])[1]
    start, end = (fields.number(*pair) for pair in names)
    if start is None and end is None:
        return None
    begin = round((start or 0) * US_PER[unit])
    if begin < 0 or (end is not None and end <= (start or 0)):
        fields.report.add("trim_backwards", path, "warning")
        return None
    return begin, None if end is None else round(end * US_PER[unit]) - begin, path


def fitted(
    found: tuple[int, int | None, str] | None, when: Timing, speed: float, fields: Fields
) -> dict[str, Any] | None:
    """The trim for the spec, made to agree with the place on the timeline and the speed.

    The export says three things of which two are free. The timeline and the speed win: a longer part of the
    file is cut, a shorter one ends the clip earlier.
    """
    if found is None:
        return None
    begin, length, path = found
    if length is None:
        return {"start": us(begin)}
    if when.length_us is not None:
        wanted = round(when.length_us * speed)
        if length > wanted + _TOLERANCE_US:
            fields.report.add("trim_too_long", path, "info", seconds=f"{wanted / 1e6:g}")
        elif length < wanted:
            when.length_us = max(1, round(length / speed))
            if length < wanted - _TOLERANCE_US:
                fields.report.add("trim_too_short", path, "warning", seconds=f"{when.length_us / 1e6:g}")
        length = max(1, min(length, wanted))
    return {"start": us(begin), "duration": us(length)}
