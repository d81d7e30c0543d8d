"""Strict JSON: refuses ambiguous input, and reports the path of every fault.

A valid text is decoded once, at the speed of `json`. A refused text is decoded again with markers in place of
the refused values, to find their paths.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

Steps: TypeAlias = tuple[str | int, ...]
Reason: TypeAlias = Literal[
    "size",
    "encoding",
    "syntax",
    "cut_off",
    "depth",
    "not_object",
    "not_finite",
    "integer",
    "duplicate_key",
    "surrogate",
]

_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN|-?\d[\d.eE+-]*', re.S)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader accepts."""

    max_depth: int = 100
    """Nesting of arrays and objects; Python's parser fails near 1000."""
    max_bytes: int | None = None
    """Longest text, in UTF-8 bytes."""
    integers: tuple[int, int] | None = None
    """Smallest and largest integer; None: up to Python's limit of 4300 digits."""
    object_only: bool = False
    """The root must be an object."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason to refuse a text."""

    reason: Reason
    steps: Steps = ()
    """Path of the refused value; for a half surrogate in a name, of its object."""
    token: str = ""
    """The number as written, the duplicate name, the parser's message, or the JSON type at the root."""
    offset: int = 0
    """Index of a number or a syntax error in the text."""


class StrictJsonError(ValueError):
    """The text is refused; `fault` is the first of `faults`, in document order."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(", ".join(fault.reason for fault in faults[:10]))
        self.faults = faults
        self.fault = faults[0]


def loads(text: str | bytes, limits: Limits, *, start: int | None = None) -> Any:
    """Decode one JSON value.

    Args:
        text: The JSON text; bytes are UTF-8.
        limits: What to accept.
        start: Index of the value, when other text may follow it; None: the text is only the value.

    Raises:
        StrictJsonError: Not JSON, or beyond the limits; a duplicate name, NaN, an infinity, or half of a
            surrogate pair.
    """
    if (limit := limits.max_bytes) is not None and (
        len(text) > limit or (isinstance(text, str) and len(text.encode("utf-8", "replace")) > limit)
    ):
        raise StrictJsonError(Fault("size"))
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
    except UnicodeDecodeError:
        raise StrictJsonError(Fault("encoding")) from None
    try:
        value = _decode(_strict_decoder(limits), decoded, start)
        if _ESCAPED_SURROGATE.search(decoded) or (not decoded.isascii() and _has_surrogate(decoded)):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        cut = error.pos >= len(decoded.rstrip()) or error.msg.startswith("Unterminated string")
        raise StrictJsonError(Fault("cut_off" if cut else "syntax", (), error.msg, error.pos)) from None
    except RecursionError:
        raise StrictJsonError(Fault("depth")) from None
    except (_Refused, UnicodeEncodeError):
        pass
    else:
        if not is_deeper(value, limits.max_depth) and (isinstance(value, dict) or not limits.object_only):
            return value
    try:
        value = _decode(_marking_decoder(limits), decoded, start)
    except json.JSONDecodeError as error:  # behind the first refused value
        raise StrictJsonError(Fault("syntax", (), error.msg, error.pos)) from None
    except RecursionError:
        raise StrictJsonError(Fault("depth")) from None
    if limits.object_only and not isinstance(value, dict):
        raise StrictJsonError(Fault("not_object", (), json_type(value)))
    raise StrictJsonError(*_faults(value, decoded, limits.max_depth))


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an index in a text, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def format_path(steps: Steps) -> str:
    """A JSON path in the usual notation: `clips[2].url`."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step.isidentifier():
            path += f".{step}" if path else step
        else:
            path += f"[{json.dumps(step, ensure_ascii=False)}]"
    return path


def is_deeper(value: Any, limit: int) -> bool:
    """Whether arrays and objects are nested more than `limit` deep."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def is_strict(value: object, limits: Limits) -> bool:
    """Whether `loads` could return this value: plain types, no half surrogates, within the limits."""
    return not is_deeper(value, limits.max_depth) and _is_plain(value, limits)


def _is_plain(value: object, limits: Limits) -> bool:
    kind = type(value)
    if isinstance(value, dict) and kind is dict:
        return all(
            type(name) is str and not _has_surrogate(name) and _is_plain(item, limits)
            for name, item in value.items()
        )
    if isinstance(value, list) and kind is list:
        return all(_is_plain(item, limits) for item in value)
    if isinstance(value, str):
        return not _has_surrogate(value)
    if isinstance(value, int) and kind is int:
        return limits.integers is None or limits.integers[0] <= value <= limits.integers[1]
    return value is None or kind is bool or (isinstance(value, float) and math.isfinite(value))


class _Refused(ValueError):
    """A refused number or name; the marking decoder puts it into the tree instead of raising it."""

    def __init__(self, reason: Reason, token: str = "") -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.token = token


class _Repeated(dict[str, Any]):
    """An object with duplicate names."""

    names: tuple[str, ...] = ()


def _decode(decoder: json.JSONDecoder, text: str, start: int | None) -> Any:
    if start is not None:
        return decoder.raw_decode(text, start)[0]
    if text.startswith("\ufeff"):
        raise json.JSONDecodeError("Unexpected UTF-8 BOM (decode using utf-8-sig)", text, 0)
    return decoder.decode(text)


@lru_cache(maxsize=16)
def _strict_decoder(limits: Limits) -> json.JSONDecoder:
    """Raises at the first refused token. Cached, as `json.loads` with hooks creates one per call."""

    def constant(token: str) -> Any:
        raise _Refused("not_finite", token)

    return json.JSONDecoder(
        parse_int=lambda token: _integer(token, limits.integers),
        parse_float=_float,
        parse_constant=constant,
        object_pairs_hook=_object,
    )


@lru_cache(maxsize=16)
def _marking_decoder(limits: Limits) -> json.JSONDecoder:
    def integer(token: str) -> int | _Refused:
        try:
            return _integer(token, limits.integers)
        except _Refused as refused:
            return refused

    def number(token: str) -> float | _Refused:
        try:
            return _float(token)
        except _Refused as refused:
            return refused

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        repeated = _Repeated(value)
        seen: set[str] = set()
        twice = [name for name, _ in pairs if name in seen or seen.add(name)]  # type: ignore[func-returns-value]  # add() is None, so falsy
        repeated.names = tuple(dict.fromkeys(twice))
        return repeated

    return json.JSONDecoder(
        parse_int=integer,
        parse_float=number,
        parse_constant=lambda token: _Refused("not_finite", token),
        object_pairs_hook=object_of,
    )


def _integer(token: str, allowed: tuple[int, int] | None) -> int:
    # 20 characters hold every 64-bit integer with its sign; int() itself refuses thousands of digits.
    if allowed is not None and len(token) > 20:
        raise _Refused("integer", token)
    try:
        value = int(token)
    except ValueError:
        raise _Refused("integer", token) from None
    if allowed is not None and not allowed[0] <= value <= allowed[1]:
        raise _Refused("integer", token)
    return value


def _float(token: str) -> float:
    value = float(token)
    if not math.isfinite(value):
        raise _Refused("not_finite", token)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Refused("duplicate_key")
    return value


def _faults(root: Any, text: str, max_depth: int) -> Iterator[Fault]:
    """Every fault of a marked tree in document order; excessive depth is reported once and not entered."""
    waiting: list[tuple[Steps, Any]] = [((), root)]
    deep = False
    while waiting:
        steps, value = waiting.pop()
        if isinstance(value, dict | list) and len(steps) >= max_depth:
            if not deep:
                yield Fault("depth", steps)
            deep = True
            continue
        if isinstance(value, _Refused):
            offset = next((found.start() for found in _TOKENS.finditer(text) if found[0] == value.token), 0)
            yield Fault(value.reason, steps, value.token, offset)
        elif isinstance(value, dict):
            if isinstance(value, _Repeated):
                yield from (Fault("duplicate_key", (*steps, name), name) for name in value.names)
            yield from (Fault("surrogate", steps) for name in value if _has_surrogate(name))
            waiting += [((*steps, name), item) for name, item in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*steps, index), value[index]) for index in reversed(range(len(value)))]
        elif isinstance(value, str) and _has_surrogate(value):
            yield Fault("surrogate", steps)


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def json_type(value: object) -> str:
    """The JSON type of a value: null, boolean, number, string, array or object."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
