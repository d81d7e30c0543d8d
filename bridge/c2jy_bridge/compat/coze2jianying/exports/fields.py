"""Fields of one JSON object of an export, taken by name; unknown fields are reported."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports.issues import ImportIssueCollector, issue, shown
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.strict_json import is_strict
from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.spec.input import LIMITS, MOST_DIGITS

_HALF: Final = re.compile("[\ud800-\udfff]")
"""A surrogate without its partner: an emoji cut in two by whoever cut the text. No file can hold it."""


def checked(value: Any, path: str = "") -> Any:
    """A JSON-like value as plain dicts and lists; raises `DraftError` for what JSON cannot be.

    For values that did not come through `read`: tool arguments, objects of Python's. What is plain already is
    returned as it is.
    """
    if is_strict(value, LIMITS):
        return value
    faults: list[Issue] = []
    result = _plain(value, path, 0, faults)
    if faults:
        raise DraftError(faults)
    return result


def _plain(value: Any, path: str, depth: int, faults: list[Issue]) -> Any:
    if depth > LIMITS.max_depth:
        if not any(fault.code == "json_too_deep" for fault in faults):
            faults.append(issue("json_too_deep", path, limit=LIMITS.max_depth))
        return None
    if isinstance(value, Mapping):
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


_TRUE: Final = frozenset({"true", "1", "yes", "on", "是"})
_FALSE: Final = frozenset({"false", "0", "no", "off", "", "否"})


class Fields:
    """Reads one object.

    Every reader takes several names for one thing, the preferred first; dots go into nested objects, so that
    the nested and the flat form of an export are read by one line: `number("transform.scale_x", "scale_x")`.
    Null counts as left out. When two names are there with different values, the second is reported.
    """

    def __init__(self, value: dict[str, Any], path: str, collector: ImportIssueCollector) -> None:
        self.path = path
        self.collector = collector
        self.value = value
        # A segment is asked for eighty names, most of which are not there: every one is looked up once, here.
        self._known: dict[str, Any] = {}
        self._odd: list[tuple[str, Any]] = []
        self._look_up(value, "")
        self._asked: list[tuple[str, ...]] = []
        self._reported: set[str] = set()

    def take(self, *names: str) -> tuple[Any, str]:
        """The first of these fields that is there, as it is, and its path; (None, own path) if none."""
        self._asked.append(names)
        known = self._known
        # Sixty calls for every clip, most of them in vain: no list and no call for those.
        for first in names:
            if first in known:
                break
        else:
            return None, self.path
        value = known[first]
        path = f"{self.path}.{first}" if self.path else first
        for name in names:
            if name in known and known[name] != value and name not in self._reported:
                self._reported.add(name)
                self.collector.add("given_twice", self.at(name), value=shown(known[name]), other=path)
        return value, path

    def peek(self, name: str) -> Any:
        """A field without taking it."""
        return self._known.get(name)

    def at(self, name: str) -> str:
        """The JSON path of a field."""
        return step(self.path, name)

    def __contains__(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return name in self._known

    def text(self, *names: str) -> str | None:
        """A string that is not blank; a number counts as its digits."""
        value, path = self.take(*names)
        if isinstance(value, str):
            return value if value.strip() else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        if value is not None:
            self.collector.add("not_text", path, value=shown(value))
        return None

    def number(self, *names: str) -> float | None:
        """A number; a string of digits counts."""
        value, path = self.take(*names)
        return as_number(value, path, self.collector)

    def bounded(self, default: float, least: float, most: float, *names: str) -> float:
        """A number within limits; one outside is moved to the nearer limit, which is reported."""
        value, path = self.take(*names)
        number = as_number(value, path, self.collector)
        if number is None:
            return default
        if least <= number <= most:
            return number
        moved = min(max(number, least), most)
        self.collector.add(
            "clamped", path, value=f"{number:g}", used=f"{moved:g}", least=f"{least:g}", most=f"{most:g}"
        )
        return moved

    def flag(self, *names: str) -> bool | None:
        """True or false; 1, 0 and the words count."""
        value, path = self.take(*names)
        if isinstance(value, (bool, int, float)):
            return bool(value)
        if isinstance(value, str) and value.strip().lower() in _TRUE | _FALSE:
            return value.strip().lower() in _TRUE
        if value is not None:
            self.collector.add("not_true_false", path, value=shown(value))
        return None

    def inner(self, *names: str) -> Fields | None:
        """A nested object, to be closed by whoever reads it; None when it is not there."""
        value, path = self.take(*names)
        if isinstance(value, dict):
            return Fields(value, path, self.collector)
        if value is not None:
            self.collector.add("not_an_object", path, value=shown(value))
        return None

    def items(self, *names: str) -> list[tuple[Any, str]]:
        """The items of a list with their paths; a lone object counts as a list of one, nulls are skipped."""
        value, path = self.take(*names)
        if value is None:
            return []
        if isinstance(value, dict):
            return [(value, path)]
        if not isinstance(value, list):
            self.collector.add("not_a_list", path, value=shown(value))
            return []
        return [(item, f"{path}[{index}]") for index, item in enumerate(value) if item is not None]

    def close(self) -> None:
        """Report every field that has a value and was not read."""
        for path, value in self._untaken():
            name = path.rpartition(".")[2]
            self.collector.add("unknown_field", self.at(path), name=shown(name), value=shown(value))

    def _look_up(self, value: dict[str, Any], prefix: str) -> None:
        for name, item in value.items():
            if item is None:
                continue
            if "." in name:  # a dot leads into a nested object, so no reader can ask for this one
                self._odd.append((f"{prefix}{name}", item))
                continue
            path = f"{prefix}{name}"
            self._known[path] = item
            if type(item) is dict:
                self._look_up(item, f"{path}.")

    def _untaken(self) -> Iterator[tuple[str, Any]]:
        taken = {name for names in self._asked for name in names}
        for path, value in self._known.items():
            if path not in taken and type(value) is not dict and not _is_inside(path, taken):
                yield from _leaves(value, path)
        for path, value in self._odd:
            yield from _leaves(value, path)


def _is_inside(path: str, taken: set[str]) -> bool:
    above, dot, _ = path.rpartition(".")
    return bool(dot) and (above in taken or _is_inside(above, taken))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, step(path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    elif value is not None:
        yield path, value


def as_number(value: Any, path: str, collector: ImportIssueCollector) -> float | None:
    """A number, or a string of digits; anything else is reported."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if abs(number) < 1e18:  # also false for NaN
            return int(number) if number.is_integer() else number
    if value is not None:
        collector.add("not_a_number", path, value=shown(value))
    return None
