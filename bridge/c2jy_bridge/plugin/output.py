"""What Coze is told of a call: one JSON object as text, never longer than the limit and never half of one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic_core import to_jsonable_python

SUCCESS: Final = "success"
ERROR: Final = "error"
_SHORT_TEXT: Final = 200
"""Strings are cut down to this many characters before whole list items are left out."""
_WHOLE: Final = 2**60


def success(value: object) -> dict[str, Any]:
    """A tool's return value as the output object, its `status` first.

    A dict (or model, or dataclass) gives its fields, text becomes `message`, anything else `result`. A dict
    that says `status: error` itself stays an error.

    Raises:
        ValueError: The value has no JSON form (it contains itself, for one).
    """
    plain = to_jsonable_python(value, bytes_mode="base64", inf_nan_mode="null", fallback=str)
    if plain is None:
        return {"status": SUCCESS}
    if isinstance(plain, str):
        return {"status": SUCCESS, "message": plain}
    if not isinstance(plain, dict) or plain.get("status", SUCCESS) not in (SUCCESS, ERROR):
        return {"status": SUCCESS, "result": plain}
    return {"status": SUCCESS, **plain}


def failure(message: str, code: str, fields: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The output object of a call that did not do what it was asked for.

    Args:
        message: A sentence for the Bot and the person.
        code: A stable word: unknown_tool, bad_arguments, denied, timed_out, cancelled, failed ...
        fields: More for the Bot to read; a `code` of the tool's own replaces ours.
    """
    plain = to_jsonable_python(dict(fields or {}), bytes_mode="base64", inf_nan_mode="null", fallback=str)
    return {"status": ERROR, "message": message, "code": code, **plain} | {"status": ERROR}


def capped(output: dict[str, Any], max_bytes: int) -> str:
    """The output as JSON text of at most `max_bytes` UTF-8 bytes.

    When it is longer, long texts are cut first, then lists; each cut is marked where it is, and
    `truncated` says it at the top.
    """
    text = _dumps(output)
    if _size(text) <= max_bytes:
        return text
    # No text of more characters and no list of more items than bytes can be in what is left.
    texts, items = range(_SHORT_TEXT, max(max_bytes, _SHORT_TEXT) + 1), range(max_bytes // 2)
    shorter = _largest(texts, lambda n: _pruned(output, n, _WHOLE), max_bytes)
    shorter = shorter or _largest(items, lambda n: _pruned(output, _SHORT_TEXT, n), max_bytes)
    if shorter is not None:
        return shorter
    bare = {"status": output["status"], "truncated": True, "total_bytes": _size(text)}
    # JSON writes a character in at most 6 bytes, so this fits whatever the message is made of.
    room = (max_bytes - _size(_dumps(bare)) - 100) // 6
    return _dumps({**bare, "message": _cut(str(output.get("message", "")), room)})


def _largest(limits: range, prune: Callable[[int], dict[str, Any]], max_bytes: int) -> str | None:
    """What `prune` leaves at the largest limit that fits; None when not even the smallest does."""

    def fitting(limit: int) -> str | None:
        text = _dumps({**prune(limit), "truncated": True})
        return text if _size(text) <= max_bytes else None

    # The smallest first: most of the time it says that the others, each of megabytes, need not be tried.
    best = fitting(limits[0])
    low, high = 1, len(limits) - 1 if best is not None else 0
    while low <= high:
        middle = (low + high) // 2
        if (text := fitting(limits[middle])) is not None:
            best, low = text, middle + 1
        else:
            high = middle - 1
    return best


def _pruned(value: Any, length: int, items: int) -> Any:
    if isinstance(value, str):
        return _cut(value, length)
    if isinstance(value, list):
        kept = [_pruned(item, length, items) for item in value[:items]]
        return kept if len(value) <= items else [*kept, f"…[cut: {items} of {len(value)} items]"]
    if isinstance(value, dict):
        return {key: _pruned(item, length, items) for key, item in value.items()}
    return value


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…[cut: {length} of {len(text)} characters]"


def _dumps(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # A file name may hold half of a surrogate pair, which no wire can carry.
    return text.encode("utf-8", "replace").decode()


def _size(text: str) -> int:
    return len(text.encode())
