"""Formats times and JSON as short text that reads the same in both languages."""

from __future__ import annotations

import json
import math
import re
import time
from typing import Any, Final


def elapsed(seconds: float) -> str:
    """How long something took: `340 ms`, `1.2 s`, `12 s`, `1:05`, `1:02:03`."""
    if seconds < 0.9995:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def countable(seconds: float) -> str:
    """A time that is counted up or down in whole seconds: `4 s`, `1:05`, `1:02:03`."""
    whole = max(0, math.floor(seconds))
    return elapsed(whole) if whole >= 10 else f"{whole} s"


def length(microseconds: int) -> str:
    """A place or length on a timeline: `0:04.5`, `12:00.0`, `1:02:03.5`."""
    tenths = (max(0, microseconds) + 50_000) // 100_000
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{tail}" if hours else f"{minutes}:{tail}"


def clock_time(at: float, now: float) -> tuple[str, ...]:
    """The local time of day, or for another day its date; longest first, as a column's cell wants it."""
    then, today = time.localtime(at), time.localtime(now)
    if then[:3] == today[:3]:
        return (time.strftime("%H:%M:%S", then),)
    if then[0] == today[0]:
        return (time.strftime("%m-%d %H:%M:%S", then), time.strftime("%m-%d", then))
    return (time.strftime("%Y-%m-%d %H:%M:%S", then), time.strftime("%Y-%m", then))


# Characters a terminal might interpret when they are pasted; JSON can write each as \uXXXX.
_UNSAFE: Final = re.compile("[\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def pretty_json(text: str) -> tuple[str, bool]:
    """JSON text with indentation, and whether it is JSON at all; other text is returned unchanged."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2), True
    except (ValueError, RecursionError):
        return text, False


def pastable_json(value: Any) -> str:
    """A value as one line of JSON without characters that a terminal would interpret."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def is_tool_request(text: str) -> bool:
    """Whether a workflow's message is a question for this program and not for the user.

    Such a message is an object with `c2jy` in it (docs/bridge.md).
    """
    if "c2jy" not in text:
        return False
    try:
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(parsed, dict) and bool(parsed.get("c2jy"))


def json_message(text: str) -> str:
    """The `message` of JSON text that is an object with one; empty when there is none."""
    try:
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    found = parsed.get("message") if isinstance(parsed, dict) else None
    return found if isinstance(found, str) else ""
