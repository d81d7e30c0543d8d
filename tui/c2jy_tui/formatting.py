"""Formats times, errors and JSON as short text that reads the same in both languages."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from c2jy_bridge.core.disk_space import is_full, os_reason
from c2jy_bridge.core.safety import visible
from c2jy_tui.labels import say

Clock: TypeAlias = Callable[[], float]
"""Gives Unix seconds; the app and the engine share one."""


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


def error_reason(error: Exception) -> str:
    """What an exception says, without the number of an OSError; of a full disk also what to do."""
    if is_full(error):
        return say("reason.disk_full")
    return visible(os_reason(error))


# C1 and bidi controls, line separators, halves of characters: legal inside JSON, but not for a terminal.
_UNSAFE: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escape_unsafe(json_text: str) -> str:
    """JSON with characters that a terminal would interpret written as \\uXXXX."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text)


def pastable_json(value: Any) -> str:
    """A value as one line of JSON without characters that a terminal would interpret."""
    return escape_unsafe(json.dumps(value, ensure_ascii=False))


def parse_json(text: str, default: Any = None) -> Any:
    """The value of JSON text; `default` for any other text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return default


def is_json(text: str) -> bool:
    """Whether a text is a JSON object or array, and no prose."""
    found = parse_json(text) if text.strip()[:1] in ("{", "[") else None
    return isinstance(found, dict | list) and bool(found)


def pretty_json(text: str) -> tuple[str, bool]:
    """JSON text with indentation, and whether it is JSON at all; other text is returned unchanged."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2), True
    except (ValueError, RecursionError):
        return text, False


def is_tool_request(text: str) -> bool:
    """Whether a workflow's message is an object with `c2jy`: a request to this program (docs/bridge.md)."""
    parsed = parse_json(text) if "c2jy" in text else None
    return isinstance(parsed, dict) and bool(parsed.get("c2jy"))


def json_message(text: str) -> str:
    """The `message` of JSON text that is an object with one; empty when there is none."""
    parsed = parse_json(text)
    found = parsed.get("message") if isinstance(parsed, dict) else None
    return found if isinstance(found, str) else ""
