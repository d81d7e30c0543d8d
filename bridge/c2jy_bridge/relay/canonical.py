"""Parses JSON from outside strictly, and compares two documents in a canonical form."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 100
"""Deepest nesting accepted. A tool's arguments need about ten; Python's own parser gives up near 1000."""
_EXACT: Final = 2**53  # below this a whole float has the same value as the integer


class NotPlainJson(ValueError):
    """The text is refused; `reason` is a stable word, and nothing of the text is quoted.

    Reasons: `encoding`, `syntax`, `depth`, `duplicate_key`, `number`, `not_object`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_object(data: bytes | str) -> dict[str, Any]:
    """Parse one JSON object in which nothing is ambiguous.

    Raises:
        NotPlainJson: Not UTF-8, not JSON, not an object, nested deeper than `MAX_DEPTH`, a key twice in one
            object, NaN, Infinity, or a number that no float or integer here can hold.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        value = _DECODER.decode(text)
        # Half of a surrogate pair passes the parser and no wire; in UTF-8 only an escape can make one.
        if "\\u" in text or isinstance(data, str):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except NotPlainJson:
        raise
    except UnicodeError:
        raise NotPlainJson("encoding") from None
    except RecursionError:
        raise NotPlainJson("depth") from None
    except ValueError:
        raise NotPlainJson("syntax") from None
    if not isinstance(value, dict):
        raise NotPlainJson("not_object")
    if _deeper_than(value, MAX_DEPTH):
        raise NotPlainJson("depth")
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


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise NotPlainJson("duplicate_key")
    return result


def _no_constant(_: str) -> NoReturn:
    raise NotPlainJson("number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotPlainJson("number")
    return value


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # more digits than Python converts (4300)
        raise NotPlainJson("number") from None


# Made once: `json.loads` and `json.dumps` make a new one for every call that asks for anything special.
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer
)
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _deeper_than(value: Any, limit: int) -> bool:
    level: list[Any] = [value]
    for _ in range(limit):
        nodes = (node.values() if isinstance(node, dict) else node for node in level)
        level = [item for items in nodes for item in items if isinstance(item, dict | list)]
        if not level:
            return False
    return True
