"""JSON as people read it, and as a shell may have it."""

from __future__ import annotations

import json
import re
from typing import Any, Final

# What a terminal might obey when it is pasted; in JSON each of them can be written as \uXXXX.
_UNSAFE: Final = re.compile("[\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def pretty(text: str) -> tuple[str, bool]:
    """JSON text with indentation, and whether it is JSON at all; other text comes back as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2), True
    except (ValueError, RecursionError):
        return text, False


def pasted(value: Any) -> str:
    """A value as one line of JSON in which no character does anything to a terminal."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def wants_tools(text: str) -> bool:
    """Whether a workflow's message is a question for this program and not for a person.

    Such a one is an object with `c2jy` in it (docs/bridge.md).
    """
    if "c2jy" not in text:
        return False
    try:
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(parsed, dict) and bool(parsed.get("c2jy"))


def message(text: str) -> str:
    """The `message` of JSON text that is an object with one; empty when there is none."""
    try:
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    found = parsed.get("message") if isinstance(parsed, dict) else None
    return found if isinstance(found, str) else ""
