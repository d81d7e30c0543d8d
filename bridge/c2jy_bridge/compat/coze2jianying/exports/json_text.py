"""Reads JSON from text that a user pasted; every fault becomes an Issue with its place and what to do.

As strict as `core.strict_json`, but prose and a Markdown fence around the JSON are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NoReturn

from c2jy_bridge.compat.coze2jianying.exports.fields import step
from c2jy_bridge.compat.coze2jianying.exports.issues import issue, shown
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.strict_json import Fault, Steps, StrictJsonError, loads, position
from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.spec.input import LIMITS, MOST_BYTES, MOST_VALUES, decode_text

_FENCE: Final = re.compile(r"```[ \t]*(?:json|JSON|json5)?[ \t]*\r?\n(.*?)(?:\r?\n[ \t]*```|\Z)", re.S)
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN|-?\d[\d.eE+-]*', re.S)
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)
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
        path: JSON path of the text, when it is inside another document.

    Raises:
        DraftError: It is no JSON, or JSON that is refused; the issue names the line, of a number its path.
    """
    if len(document) > MOST_BYTES:
        _refuse("json_too_long", path, limit=MOST_BYTES // 1024 // 1024)
    text = _payload(document if isinstance(document, str) else decode_text(bytes(document)))
    if not text.strip():
        _refuse("json_empty", path)
    _count(text, path)
    try:
        return loads(text, LIMITS)
    except StrictJsonError as error:
        return _rescued(text, error, path)


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


def _payload(text: str) -> str:
    """The JSON in a text that may have a Markdown fence around it."""
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "[", '"'):
        return text
    for fenced in _FENCE.finditer(text):
        if _START.match(fenced[1].lstrip()):
            return fenced[1]
    return text


def _rescued(text: str, error: StrictJsonError, path: str) -> Any:
    """The value in a text with prose around it; else every fault as an Issue."""
    fault, start = error.fault, _START.search(text)
    if fault.reason in ("syntax", "cut_off"):
        at_start = start and (
            fault.token == "Extra data" or (fault.offset <= start.start() and start[0] != '"')
        )
        if start and at_start:
            try:
                value = loads(text, LIMITS, start=start.start())
            except StrictJsonError as inner:
                error, fault = inner, inner.fault
            else:
                if isinstance(value, (dict, list)):
                    return value
        elif not start:
            _refuse("json_none", path, excerpt=shown(text.strip()))
    if fault.reason in ("syntax", "cut_off"):
        _refuse_syntax(text, fault, path)
    numbers = [found for found in error.faults if found.reason in ("integer", "not_finite")]
    raise DraftError([_issue(text, found, path) for found in numbers[:1] or error.faults])


def _refuse_syntax(text: str, fault: Fault, path: str) -> NoReturn:
    # a refused number before the fault is reported first
    for number in _TOKENS.finditer(text, 0, fault.offset):
        try:
            loads(number[0], LIMITS)
        except StrictJsonError as error:
            if error.fault.reason in ("integer", "not_finite"):
                found = Fault(error.fault.reason, (), number[0], number.start())
                raise DraftError([_issue(text, found, path)]) from None
    cut = fault.offset >= len(text.rstrip()) or fault.token.startswith("Unterminated string")
    line, column = position(text, fault.offset)
    near = shown(text[max(0, fault.offset - 20) : fault.offset + 20])
    _refuse("json_cut" if cut else "json_syntax", path, near=near, line=line, column=column)


def _issue(text: str, fault: Fault, path: str) -> Issue:
    where = _path(fault.steps, path)
    if fault.reason == "duplicate_key":
        return issue("json_twice", where, name=shown(fault.token))
    if fault.reason == "surrogate":
        return issue("json_half_character", where)
    if fault.reason == "depth":
        return issue("json_too_deep", where, limit=LIMITS.max_depth)
    line, column = position(text, fault.offset)
    return issue("json_number", where, value=shown(fault.token), line=line, column=column)


def _path(steps: Steps, path: str) -> str:
    for one in steps:
        path = f"{path}[{one}]" if isinstance(one, int) else step(path, one)
    return path


def _refuse(code: str, path: str, **values: Any) -> NoReturn:
    raise DraftError([issue(code, path, **values)])
