"""Arguments of a tool call as text: strict JSON, or a fault that says where and why.

Stricter than `json.loads`: that one takes NaN, lets the last of two equal keys win, and goes as deep as the
stack. What two parsers read differently must not reach an approval that a person gives.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.core.i18n import catalogue

say: Final = catalogue("plugin")

MAX_BYTES: Final = 4 * 1024 * 1024
"""Longest arguments text, in UTF-8 bytes (the body limit of the MCP python-sdk, 4 MiB)."""
MAX_DEPTH: Final = 100
"""Deepest nesting (pydantic_core stops at about 200)."""
_INT64: Final = 2**63


class ArgumentsError(ValueError):
    """The arguments cannot be used; `faults` are sentences, each beginning with its JSON path."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands in the parsed tree for a number that JSON has no place for, until its path is known."""

    fault: str


class _Repeated(dict[str, Any]):
    """An object in which a key came twice."""

    key: str


def read(text: str) -> dict[str, Any]:
    """Parse arguments.

    Args:
        text: What the model wrote. Blank text counts as `{}`: some models send nothing for a tool without
            parameters.

    Raises:
        ArgumentsError: Not JSON, not an object, too long or too deep, a key twice, NaN or an infinity, an
            integer beyond 64 bits, or half of a surrogate pair.
    """
    if not text.strip():
        return {}
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ArgumentsError(say("arguments.too_long", limit=MAX_BYTES))
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=lambda name: _Unreadable(say("arguments.not_finite", value=name)),
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        raise ArgumentsError(_syntax_fault(text, error)) from None
    except RecursionError:
        raise ArgumentsError(say("arguments.too_deep", limit=MAX_DEPTH)) from None
    if not isinstance(value, dict):
        raise ArgumentsError(say("arguments.not_object", got=kind(value)))
    _check(value)
    return value


def kind(value: object) -> str:
    """What a JSON value is, in a word for people."""
    match value:
        case None:
            return say("kind.null")
        case bool():
            return say("kind.boolean")
        case int() | float() | _Unreadable():
            return say("kind.number")
        case str():
            return say("kind.string")
        case list():
            return say("kind.array")
        case _:
            return say("kind.object")


def path_of(steps: tuple[str | int, ...]) -> str:
    """A JSON path as people write it: `clips[2].url`."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step.isidentifier():
            path += f".{step}" if path else step
        else:
            path += f"[{json.dumps(step, ensure_ascii=False)}]"
    return path


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    seen: set[str] = set()
    repeated = _Repeated(value)
    repeated.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add() is None, so falsy
    return repeated


def _float(digits: str) -> float | _Unreadable:
    value = float(digits)
    return value if math.isfinite(value) else _Unreadable(say("arguments.not_finite", value=digits[:40]))


def _int(digits: str) -> int | _Unreadable:
    # 20 characters hold every 64-bit integer with its sign; int() itself refuses thousands of digits.
    value = int(digits) if len(digits) <= 20 else _INT64
    return value if -_INT64 <= value < _INT64 else _Unreadable(say("arguments.too_big", value=digits[:40]))


def _check(root: dict[str, Any]) -> None:
    """Walk the tree without recursion and refuse what the parser let through."""
    for steps, value in _walk(root):
        path = path_of(steps)
        if len(steps) >= MAX_DEPTH and isinstance(value, dict | list):
            raise ArgumentsError(say("arguments.too_deep", limit=MAX_DEPTH))
        if isinstance(value, _Unreadable):
            raise ArgumentsError(f"{path}: {value.fault}")
        if isinstance(value, _Repeated):
            raise ArgumentsError(say("arguments.repeated", path=path_of((*steps, value.key))))
        texts = list(value) if isinstance(value, dict) else [value] if isinstance(value, str) else []
        if any(_has_surrogate(text) for text in texts):
            raise ArgumentsError(say("arguments.surrogate", path=path.encode("utf-8", "replace").decode()))


def _walk(root: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), root)]
    while waiting:
        steps, value = waiting.pop()
        yield steps, value
        if isinstance(value, dict):
            waiting.extend(((*steps, key), item) for key, item in value.items())
        elif isinstance(value, list):
            waiting.extend(((*steps, index), item) for index, item in enumerate(value))


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _syntax_fault(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return say("arguments.cut_off", length=len(text))
    near = text[max(0, error.pos - 15) : error.pos + 15]
    return say(
        "arguments.not_json", line=error.lineno, column=error.colno, reason=error.msg, near=json.dumps(near)
    )
