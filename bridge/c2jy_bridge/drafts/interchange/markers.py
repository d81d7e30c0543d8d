"""Markers of a timeline: as the apps save them, and the colours that OpenTimelineIO has names for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.drafts.library.snapshot import number, object_, objects

_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
_DEFAULT: Final = "#00C1CD"
"""What CapCut gives a new marker (read in public drafts)."""
_COLOURS: Final[Mapping[str, str]] = {
    "CYAN": _DEFAULT, "RED": "#FF3B30", "ORANGE": "#FF9500", "YELLOW": "#FFCC00", "GREEN": "#34C759",
    "BLUE": "#007AFF", "PURPLE": "#AF52DE", "MAGENTA": "#FF2D92", "PINK": "#FF9FB8", "BLACK": "#000000",
    "WHITE": "#FFFFFF",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimeMark:
    """A marker on the timeline."""

    start_us: int
    duration_us: int
    name: str
    colour: str
    """`#RRGGBB`."""


def time_marks(content: Mapping[str, Any]) -> Iterator[TimeMark]:
    """The markers of a draft's content."""
    for held in objects(object_(content.get("time_marks")).get("mark_items")):
        when = object_(held.get("time_range"))
        colour = str(held.get("color") or "")
        yield TimeMark(
            max(0, number(when.get("start"))),
            max(0, number(when.get("duration"))),
            str(held.get("title") or ""),
            colour if _HEX.fullmatch(colour) else _DEFAULT,
        )


def colour_name(colour: str) -> str:
    """OpenTimelineIO's name of the colour that is nearest."""
    wanted = _parts(colour)

    def distance(name: str) -> int:
        return sum((one - other) ** 2 for one, other in zip(wanted, _parts(_COLOURS[name]), strict=True))

    return min(_COLOURS, key=distance)


def colour_of(name: str) -> str:
    """The colour of that name; the apps' usual one for another name or none."""
    return _COLOURS.get(name.upper(), _DEFAULT)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
