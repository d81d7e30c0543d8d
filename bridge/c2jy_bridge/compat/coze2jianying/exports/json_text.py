"""From text to JSON values, with every fault named by its place and by what to do about it.

Stricter than `json`: it refuses NaN, numbers that do not fit, a name twice in one object, and more nesting
than anybody writes. More lenient in one way: prose and a Markdown fence around the JSON are stepped over.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NoReturn

from c2jy_bridge.compat.coze2jianying.exports.fields import DEEPEST, MOST_DIGITS, Twice, is_deep, named
from c2jy_bridge.compat.coze2jianying.exports.issues import issue, shown
from c2jy_bridge.drafts.errors import DraftError

MOST_BYTES: Final = 64 * 1024 * 1024
"""A draft of 10,000 rich clips is about 10 MB of export."""
MOST_VALUES: Final = 1_500_000
"""The same draft is 600,000 values. A value is two characters at least, and a hundred bytes in memory."""
_FENCE: Final = re.compile(r"```[ \t]*(?:json|JSON|json5)?[ \t]*\r?\n(.*?)(?:\r?\n[ \t]*```|\Z)", re.S)
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN|-?\d[\d.eE+-]*', re.S)
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)
_HALF_WRITTEN: Final = re.compile(r"\\u[dD][89a-fA-F]")
_START: Final = re.compile(r'[\[{"]')


_spent: ContextVar[list[int] | None] = ContextVar("spent", default=None)


@contextmanager
def one_document() -> Iterator[None]:
    """All that is read in this block is one document: `MOST_VALUES` holds for its texts together."""
    token = _spent.set([0])
    try:
        yield
    finally:
        _spent.reset(token)


def read(document: str | bytes | bytearray, path: str = "") -> Any:
    """The JSON value in a text.

    Args:
        document: The text; bytes may be UTF-8, UTF-16 with a byte order mark, or GB 18030.
        path: JSON path of the text, when it stands in another document.

    Raises:
        DraftError: It is no JSON, or JSON that is refused; the issue names the line, of a number its path.
    """
    if len(document) > MOST_BYTES:
        _refuse("json_too_long", path, limit=MOST_BYTES // 1024 // 1024)
    text = _payload(document if isinstance(document, str) else _decoded(bytes(document)))
    if not text.strip():
        _refuse("json_empty", path)
    _count(text, path)
    twice: list[Twice] = []
    decoder = _decoder(twice)
    try:
        value = decoder.decode(text)
    except json.JSONDecodeError as error:
        value = _rescued(decoder, text, error, path)
    except RecursionError:
        _refuse("json_too_deep", path, limit=DEEPEST)
    except _Unreadable as error:
        _refuse_number(text, error.token, path)
    # The decoder lets through nothing else that JSON cannot be.
    if twice or _may_be_cut(text) or is_deep(value):
        return named(value, path)
    return value


def _count(text: str, path: str) -> None:
    """Refuse a text of which the memory would be a hundred times its size, before there are values."""
    values = _most_values(text)
    spent = _spent.get() or [0]
    if spent[0] + values > MOST_VALUES:
        values = _most_values(_STRING.sub("", text))  # commas in sentences are no values
    spent[0] += values
    if spent[0] > MOST_VALUES:
        _refuse("json_too_many", path, limit=f"{MOST_VALUES:,}")


def _most_values(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{") + 1


def _may_be_cut(text: str) -> bool:
    """Whether there may be halves of characters in the strings of a JSON text."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return True
    return _HALF_WRITTEN.search(text) is not None


class _Unreadable(ValueError):
    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.token = token


def _integer(token: str) -> int:
    if len(token.lstrip("-")) > MOST_DIGITS:
        raise _Unreadable(token)
    return int(token)


def _float(token: str) -> float:
    value = float(token)
    if not math.isfinite(value):
        raise _Unreadable(token)
    return value


def _constant(token: str) -> NoReturn:
    raise _Unreadable(token)


def _decoder(twice: list[Twice]) -> json.JSONDecoder:
    """A decoder that tells of objects with a name in them twice."""

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        one = Twice(value)
        one.names = tuple(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        twice.append(one)
        return one

    return json.JSONDecoder(
        parse_int=_integer, parse_float=_float, parse_constant=_constant, object_pairs_hook=object_of
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


def _rescued(decoder: json.JSONDecoder, text: str, error: json.JSONDecodeError, path: str) -> Any:
    """The value in a text with prose around it; else the fault in words."""
    start = _START.search(text)
    if start and (error.msg == "Extra data" or (error.pos <= start.start() and start[0] != '"')):
        try:
            value, _ = decoder.raw_decode(text, start.start())
        except json.JSONDecodeError as inner:
            error = inner
        except RecursionError:
            _refuse("json_too_deep", path, limit=DEEPEST)
        except _Unreadable as unreadable:
            _refuse_number(text, unreadable.token, path)
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


def _refuse_number(text: str, token: str, path: str) -> NoReturn:
    where = _position(text, _offset_of(text, token))
    _refuse("json_number", _path_of_number(text, path), value=shown(token), **where)


def _path_of_number(text: str, path: str) -> str:
    """JSON path of the first number that was refused; that of the text itself when it cannot be had."""
    refused = object()

    def marked(read: Callable[[str], Any]) -> Callable[[str], Any]:
        def number(token: str) -> Any:
            try:
                return read(token)
            except _Unreadable:
                return refused

        return number

    decoder = json.JSONDecoder(
        parse_int=marked(_integer), parse_float=marked(_float), parse_constant=marked(_constant)
    )
    start = _START.search(text)
    try:
        waiting = [(decoder.raw_decode(text, start.start() if start else 0)[0], path)]
    except (ValueError, RecursionError):
        return path
    while waiting:
        value, at = waiting.pop()
        if value is refused:
            return at
        if isinstance(value, dict):
            waiting += [(inner, f"{at}.{key}" if at else key) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(value[index], f"{at}[{index}]") for index in reversed(range(len(value)))]
    return path


def _refuse(code: str, path: str, **values: Any) -> NoReturn:
    raise DraftError([issue(code, path, **values)])
