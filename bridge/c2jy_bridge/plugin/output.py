"""Output of a call for Coze: one complete JSON object as text within the size limit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic_core import to_jsonable_python

SUCCESS: Final = "success"
ERROR: Final = "error"
_SHORT_TEXT: Final = 200
"""Strings are truncated to this many characters before list items are omitted."""
_WHOLE: Final = 2**60


def success(value: object) -> dict[str, Any]:
    """A tool's return value as the output object, with `status` first.

    A dict (or model, or dataclass) gives its fields, text becomes `message`, anything else `result`. A dict
    with `status: error` remains an error.

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
    """The output object of a failed call.

    Args:
        message: A sentence for the Bot and the user.
        code: A stable name: unknown_tool, bad_arguments, denied, timed_out, cancelled, failed ...
        fields: Further fields for the Bot; a `code` among them replaces ours.
    """
    plain = to_jsonable_python(dict(fields or {}), bytes_mode="base64", inf_nan_mode="null", fallback=str)
    return {"status": ERROR, "message": message, "code": code, **plain} | {"status": ERROR}


def capped(output: dict[str, Any], max_bytes: int) -> str:
    """The output as JSON text of at most `max_bytes` UTF-8 bytes.

    Long texts are truncated first, then lists; each place is marked, and `truncated` is set at the root.
    """
    text = _dumps(output)
    if _size(text) <= max_bytes:
        return text
    # What fits has no text of more characters and no list of more items than bytes.
    texts, items = range(_SHORT_TEXT, max(max_bytes, _SHORT_TEXT) + 1), range(max_bytes // 2)
    shorter = _largest(texts, lambda n: _pruned(output, n, _WHOLE), max_bytes)
    shorter = shorter or _largest(items, lambda n: _pruned(output, _SHORT_TEXT, n), max_bytes)
    if shorter is not None:
        return shorter
    bare = {"status": output["status"], "truncated": True, "total_bytes": _size(text)}
    # JSON needs at most 6 bytes for a character.
    room = (max_bytes - _size(_dumps(bare)) - 100) // 6
    return _dumps({**bare, "message": _cut(str(output.get("message", "")), room)})


def _largest(limits: range, prune: Callable[[int], dict[str, Any]], max_bytes: int) -> str | None:
    """The pruned output at the largest limit that fits; None when not even the smallest does."""

    def fitting(limit: int) -> str | None:
        text = _dumps({**prune(limit), "truncated": True})
        return text if _size(text) <= max_bytes else None

    # The smallest first: usually it shows that the others, each of megabytes, need not be tried.
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
    # A file name may have half of a surrogate pair, which UTF-8 cannot encode.
    return text.encode("utf-8", "replace").decode()


def _size(text: str) -> int:
    return len(text.encode())
