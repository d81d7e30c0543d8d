"""Frames of a timeline and microseconds of a draft, so that what goes out and comes back is the same."""

from __future__ import annotations

from typing import Any, Final

KEY: Final = "c2jy"
"""Our part of an object's metadata; other programs keep it as it is or drop it."""
_NTSC: Final = (24000 / 1001, 30000 / 1001, 60000 / 1001, 48000 / 1001, 120000 / 1001)


def exact_rate(fps: float) -> float:
    """The frame rate that an app means by 23.976, 29.97 or 59.94; 30 for nonsense."""
    if not 1 <= fps <= 240:
        return 30.0
    return next((rate for rate in _NTSC if abs(rate - fps) < 0.005), float(fps))


def frames_of(us: int, rate: float) -> int:
    """The frame boundary next to a time. Rounding is of endpoints, so neighbours remain neighbours."""
    return round(us * rate / 1_000_000)


def us_of(time: Any) -> int:
    """Microseconds of a RationalTime."""
    return round(time.value * 1_000_000 / time.rate) if time.rate > 0 else 0


def kept(item: Any) -> dict[str, Any]:
    """Our part of an item's metadata, as plain objects; empty when there is none."""
    held = item.metadata.get(KEY)
    plain = _plain(held)
    return plain if isinstance(plain, dict) else {}


def _plain(value: Any) -> Any:
    """AnyDictionary and AnyVector of OpenTimelineIO as dict and list."""
    if hasattr(value, "items"):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return [_plain(item) for item in value] if hasattr(value, "__iter__") else None


def kept_us(held: dict[str, Any], key: str, seen_us: int, rate: float) -> int:
    """The exact time that an item was written with, if it is still in that frame; else what is seen now."""
    was = held.get(key)
    if isinstance(was, int) and frames_of(was, rate) == frames_of(seen_us, rate):
        return was
    return seen_us
