"""Strict JSON objects from outside, and the canonical form in which two of them are compared."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from c2jy_bridge.core.strict_json import Limits, StrictJsonError, loads

MAX_DEPTH: Final = 100
"""Deepest nesting taken. A tool's arguments need about ten."""
_LIMITS: Final = Limits(max_depth=MAX_DEPTH, object_only=True)
_REASONS: Final = {
    "cut_off": "syntax",
    "surrogate": "encoding",
    "not_finite": "number",
    "integer": "number",
}
_EXACT: Final = 2**53
"""Below this a float that is whole has the same value as the integer."""
# Made once: `json.dumps` makes a new one for every call that asks for anything special.
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class NotPlainJson(ValueError):
    """The text is refused; `reason` is a stable word, and nothing of the text is quoted.

    Reasons: `encoding`, `syntax`, `depth`, `duplicate_key`, `number`, `not_object`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_object(data: bytes | str) -> dict[str, Any]:
    """One JSON object, with nothing in it that two readers could understand differently.

    Raises:
        NotPlainJson: Not UTF-8, not an object, or refused by `strict_json`.
    """
    try:
        value: dict[str, Any] = loads(data, _LIMITS)
    except StrictJsonError as error:
        raise NotPlainJson(_REASONS.get(error.fault.reason, error.fault.reason)) from None
    return value


def canonical(value: Any) -> str:
    """The same text for the same value: sorted keys, no white space, 1.0 as 1 (the idea of RFC 8785)."""
    return _ENCODER.encode(_plain(value))


def fingerprint(*values: Any) -> str:
    """SHA-256 of values in canonical form, as hexadecimal digits."""
    return hashlib.sha256(canonical(values).encode("utf-8", "surrogatepass")).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two JSON texts mean the same object; False when either is refused."""
    try:
        return canonical(read_object(one)) == canonical(read_object(other))
    except NotPlainJson:
        return False


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
