"""From text to JSON values, with every fault named by its place and by what to do about it.

Stricter than `json`: it refuses NaN, numbers that do not fit, a name twice in one object, and more nesting
than anybody writes. More lenient in one way: prose and a Markdown fence around the JSON are stepped over.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.importers.words import issue, shown

MOST_BYTES: Final = 64 * 1024 * 1024
"""A draft of 10,000 rich clips is about 15 MB of export."""
DEEPEST: Final = 64
_MOST_DIGITS: Final = 18
"""More do not fit 64 bits; 18 digits of microseconds are 31,000 years."""
_FENCE: Final = re.compile(r"```[ \t]*(?:json|JSON|json5)?[ \t]*\r?\n(.*?)(?:\r?\n[ \t]*```|\Z)", re.S)
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN|-?\d[\d.eE+-]*', re.S)
_HALF: Final = re.compile("[\ud800-\udfff]")
"""A surrogate without its partner: an emoji cut in two by whoever cut the text. No file can hold it."""
_START: Final = re.compile(r'[\[{"]')


class _Twice(dict[str, Any]):
    """An object in which names stood twice; `names` are those."""

    names: tuple[str, ...] = ()


def read(document: str | bytes | bytearray, path: str = "") -> Any:
    """The JSON value in a text.

    Args:
        document: The text; bytes may be UTF-8, UTF-16 with a byte order mark, or GB 18030.
        path: JSON path of the text, when it stands in another document.

    Raises:
        DraftError: It is no JSON, or JSON that is refused; the issue names line and column.
    """
    if len(document) > MOST_BYTES:
        _refuse("json_too_long", path, limit=MOST_BYTES // 1024 // 1024)
    text = _payload(document if isinstance(document, str) else _decoded(bytes(document)))
    if not text.strip():
        _refuse("json_empty", path)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        value = _rescued(text, error, path)
    except RecursionError:
        _refuse("json_too_deep", path, limit=DEEPEST)
    except _Unreadable as error:
        _refuse(
            "json_number", path, value=shown(error.token), **_position(text, _offset_of(text, error.token))
        )
    return checked(value, path)


def checked(value: Any, path: str = "") -> Any:
    """A JSON-like value as plain dicts and lists; raises `DraftError` for what JSON cannot be.

    For values that did not come through `read`: tool arguments, objects of Python's.
    """
    faults: list[Any] = []
    result = _plain(value, path, 0, faults)
    if faults:
        raise DraftError(faults)
    return result


class _Unreadable(ValueError):
    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.token = token


def _integer(token: str) -> int:
    if len(token.lstrip("-")) > _MOST_DIGITS:
        raise _Unreadable(token)
    return int(token)


def _float(token: str) -> float:
    value = float(token)
    if not math.isfinite(value):
        raise _Unreadable(token)
    return value


def _constant(token: str) -> NoReturn:
    raise _Unreadable(token)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    twice = _Twice(value)
    twice.names = tuple(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    return twice


_DECODER: Final = json.JSONDecoder(
    parse_int=_integer, parse_float=_float, parse_constant=_constant, object_pairs_hook=_object
)


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")  # what Chinese editors save by default


def _payload(text: str) -> str:
    """The JSON in a text that may stand in a Markdown fence."""
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "[", '"'):
        return text
    for fenced in _FENCE.finditer(text):
        if _START.match(fenced[1].lstrip()):
            return fenced[1]
    return text


def _rescued(text: str, error: json.JSONDecodeError, path: str) -> Any:
    """The value in a text with prose around it; else the fault in words."""
    start = _START.search(text)
    if start and (error.msg == "Extra data" or (error.pos <= start.start() and start[0] != '"')):
        try:
            value, _ = _DECODER.raw_decode(text, start.start())
        except json.JSONDecodeError as inner:
            error = inner
        except RecursionError:
            _refuse("json_too_deep", path, limit=DEEPEST)
        except _Unreadable as unreadable:
            where = _position(text, _offset_of(text, unreadable.token))
            _refuse("json_number", path, value=shown(unreadable.token), **where)
        else:
            if isinstance(value, (dict, list)):
                return value
    elif not start:
        _refuse("json_none", path, excerpt=shown(text.strip()))
    cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    near = shown(text[max(0, error.pos - 20) : error.pos + 20])
    _refuse("json_cut" if cut else "json_syntax", path, near=near, **_position(text, error.pos))


def _position(text: str, offset: int) -> dict[str, Any]:
    return {"line": text.count("\n", 0, offset) + 1, "column": offset - (text.rfind("\n", 0, offset) + 1) + 1}


def _offset_of(text: str, token: str) -> int:
    """Where a number stands that the decoder refused: it does not tell."""
    return next((found.start() for found in _TOKENS.finditer(text) if found[0] == token), 0)


def _plain(value: Any, path: str, depth: int, faults: list[Any]) -> Any:
    if depth > DEEPEST:
        if not any(fault.code == "json_too_deep" for fault in faults):
            faults.append(issue("json_too_deep", path, limit=DEEPEST))
        return None
    if isinstance(value, Mapping):
        if isinstance(value, _Twice):
            faults.extend(issue("json_twice", step(path, name), name=shown(name)) for name in value.names)
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
    if isinstance(value, int) and abs(value) < 10**_MOST_DIGITS:
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


def _refuse(code: str, path: str, **values: Any) -> NoReturn:
    raise DraftError([issue(code, path, **values)])
