"""What JSON values may be, and the path of each that is something else."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports.issues import issue, shown
from c2jy_bridge.drafts.errors import DraftError

DEEPEST: Final = 64
MOST_DIGITS: Final = 18
"""More do not fit 64 bits; 18 digits of microseconds are 31,000 years."""
_HALF: Final = re.compile("[\ud800-\udfff]")
"""A surrogate without its partner: an emoji cut in two by whoever cut the text. No file can hold it."""
_CONTAINERS: Final = (dict, list)


class Twice(dict[str, Any]):
    """An object in which names stood twice; `names` are those."""

    names: tuple[str, ...] = ()


def checked(value: Any, path: str = "") -> Any:
    """A JSON-like value as plain dicts and lists; raises `DraftError` for what JSON cannot be.

    For values that did not come through `read`: tool arguments, objects of Python's. What is plain already is
    returned as it is.
    """
    return value if not is_deep(value) and _is_plain(value) else named(value, path)


def named(value: Any, path: str) -> Any:
    """The long way: a copy of the value, or all its faults with their paths."""
    faults: list[Any] = []
    result = _plain(value, path, 0, faults)
    if faults:
        raise DraftError(faults)
    return result


def is_deep(value: Any) -> bool:
    """Whether containers in containers go down as far as is allowed."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if type(outer) in _CONTAINERS
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
        if not level:
            return False
    return True


def _is_plain(value: object) -> bool:
    """Whether a value is as `read` would have made it."""
    kind = type(value)
    if isinstance(value, dict) and kind is dict:
        return all(type(name) is str and _HALF.search(name) is None for name in value) and all(
            map(_is_plain, value.values())
        )
    if isinstance(value, list) and kind is list:
        return all(map(_is_plain, value))
    if isinstance(value, str):
        return value.isascii() or _HALF.search(value) is None
    if isinstance(value, int) and kind is int:
        return -(10**MOST_DIGITS) < value < 10**MOST_DIGITS
    return value is None or kind is bool or (isinstance(value, float) and math.isfinite(value))


def _plain(value: Any, path: str, depth: int, faults: list[Any]) -> Any:
    if depth > DEEPEST:
        if not any(fault.code == "json_too_deep" for fault in faults):
            faults.append(issue("json_too_deep", path, limit=DEEPEST))
        return None
    if isinstance(value, Mapping):
        if isinstance(value, Twice):
            faults.extend(issue("json_twice", step(path, name), name=shown(name)) for name in value.names)
        faults.extend(issue("json_half_character", path) for name in value if _HALF.search(str(name)))
        return {
            str(name): _plain(item, step(path, str(name)), depth + 1, faults) for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{index}]", depth + 1, faults) for index, item in enumerate(value)]
    if isinstance(value, str):
        if _HALF.search(value):
            faults.append(issue("json_half_character", path))
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 10**MOST_DIGITS:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, (int, float)):
        faults.append(issue("json_number", path, value=_shown_number(value), line="-", column="-"))
    else:
        faults.append(issue("json_type", path, value=type(value).__name__))
    return None


def _shown_number(value: float) -> str:
    # str() of an integer of thousands of digits raises (CPython 3.11, sys.set_int_max_str_digits).
    return f"2^{value.bit_length()}" if isinstance(value, int) and value.bit_length() > 256 else str(value)


def step(path: str, name: str) -> str:
    """The JSON path of a field of the object at `path`."""
    return f"{path}.{name}" if path else name
