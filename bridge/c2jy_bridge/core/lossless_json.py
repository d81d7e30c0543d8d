"""JSON that keeps the text of all that is not changed: spelling of numbers, escapes, order, white space.

One level is read at a time, when it is asked for, so a value that is only passed through costs one scan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_DECODER: Final = json.JSONDecoder(strict=False)
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_UNREAD: Final = object()


class Lossless:
    """A JSON value together with the text that it was read from.

    Args:
        text: JSON without white space around it.

    Raises:
        ValueError: The text is no JSON; raised where a part of it is first looked at.
    """

    __slots__ = ("_before", "_changed", "_items", "_keys", "_text", "_value")

    def __init__(self, text: str, value: object = _UNREAD) -> None:
        self._text = text
        self._value = value
        self._changed = False
        self._items: list[Lossless] | None = None
        self._keys: dict[str, int] | None = None
        self._before: list[str] | None = None
        """The text before each item, a key included, and behind the last; None when items came or went."""

    @classmethod
    def read(cls, data: bytes) -> Lossless:
        """Read a file's bytes, UTF-8 with or without its mark; `ValueError` for what is no JSON."""
        text = data.decode("utf-8-sig").strip()
        value, end = _DECODER.raw_decode(text)
        if end != len(text):
            raise ValueError(f"JSON ends at character {end} of {len(text)}")
        return cls(text, value)

    @classmethod
    def of(cls, value: object) -> Lossless:
        """A new value, written compactly."""
        if isinstance(value, Lossless):
            return value
        return cls(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    @property
    def value(self) -> Any:
        """The value as plain objects, to be read only."""
        if self._is_changed():
            items = [item.value for item in self._read()]
            return items if self._keys is None else dict(zip(self._keys, items, strict=True))
        if self._value is _UNREAD:
            self._value = json.loads(self._text, strict=False)
        return self._value

    @property
    def text(self) -> str:
        """The JSON: as it was read wherever nothing changed."""
        if not self._is_changed():
            return self._text
        items = [item.text for item in self._read()]
        if self._before is not None:
            between = zip(self._before, items, strict=False)
            return "".join([piece for pair in between for piece in pair] + self._before[-1:])
        if self._keys is None:
            return f"[{','.join(items)}]"
        keys = (json.dumps(key, ensure_ascii=False) for key in self._keys)
        return "{" + ",".join(f"{key}:{item}" for key, item in zip(keys, items, strict=True)) + "}"

    @property
    def is_object(self) -> bool:
        """Whether it is a JSON object."""
        return self._text[:1] == "{"

    @property
    def is_array(self) -> bool:
        """Whether it is a JSON array."""
        return self._text[:1] == "["

    def copy(self) -> Lossless:
        """A copy whose changes do not reach this one."""
        made = Lossless(self._text, self._value)
        made._changed = self._changed
        made._items = None if self._items is None else [item.copy() for item in self._items]
        made._keys = None if self._keys is None else dict(self._keys)
        made._before = self._before
        return made

    def __contains__(self, key: str) -> bool:
        # A value that was read with what is around it need not be taken apart for this.
        if self._items is None and isinstance(self._value, dict):
            return key in self._value
        self._read()
        return self._keys is not None and key in self._keys

    def get(self, key: str, default: object = None) -> Any:
        """The plain value of a key of an object, to be read only."""
        if self._items is None and isinstance(self._value, dict):
            return self._value.get(key, default)
        return self[key].value if key in self else default

    def __iter__(self) -> Iterator[Lossless]:
        """The items of an array, the values of an object."""
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __getitem__(self, key: str | int) -> Lossless:
        """The value of a key or at an index; `KeyError` or `IndexError` when there is none."""
        items = self._read()
        return items[key] if isinstance(key, int) else items[(self._keys or {})[key]]

    def __setitem__(self, key: str | int, value: object) -> None:
        items = self._read()
        self._changed = True
        if isinstance(key, int):
            items[key] = Lossless.of(value)
        elif self._keys is None:
            raise TypeError("an array has no keys")
        elif key in self._keys:
            items[self._keys[key]] = Lossless.of(value)
        else:
            self._keys[key] = len(items)
            items.append(Lossless.of(value))
            self._before = None

    def update(self, **values: object) -> None:
        """Set several keys; those that have the value already keep their text."""
        for key, value in values.items():
            if key not in self or self[key].value != value:
                self[key] = value

    def items(self) -> list[tuple[str, Lossless]]:
        """The keys and values of an object, in order."""
        items = self._read()
        return [(key, items[index]) for key, index in (self._keys or {}).items()]

    def at(self, *path: str | int) -> Lossless:
        """The value at a path of keys and indices."""
        found = self
        for step in path:
            found = found[step]
        return found

    def append(self, value: object) -> Lossless:
        """Add an item to an array; returns it."""
        return self.insert(len(self._read()), value)

    def insert(self, index: int, value: object) -> Lossless:
        """Put an item into an array before the one at `index`; returns it."""
        items = self._read()
        if self._keys is not None:
            raise TypeError("an object has no order to insert into")
        items.insert(index, Lossless.of(value))
        self._changed, self._before = True, None
        return items[index]

    def remove(self, index: int) -> None:
        """Take an item out of an array."""
        del self._read()[index]
        self._changed, self._before = True, None

    def _is_changed(self) -> bool:
        return self._changed or (self._items is not None and any(item._is_changed() for item in self._items))

    def _read(self) -> list[Lossless]:
        if self._items is None:
            self._items = []
            if self.is_object:
                self._keys = {}
                self._read_object(self._items, self._keys)
            elif self.is_array:
                self._read_array(self._items)
            else:
                raise TypeError(f"not an object or array: {self._text[:40]}")
        return self._items

    def _read_object(self, items: list[Lossless], keys: dict[str, int]) -> None:
        text, at, before = self._text, _after_space(self._text, 1), list[str]()
        end = 0
        while text[at] != "}":
            key, at = _DECODER.raw_decode(text, at)
            begin = _after_space(text, _after_space(text, at) + 1)
            value, at = _DECODER.raw_decode(text, begin)
            before.append(text[end:begin])
            end = at
            if key in keys:  # the last one counts, as for every reader
                items[keys[key]] = Lossless(text[begin:end], value)
                self._changed = True
            else:
                keys[key] = len(items)
                items.append(Lossless(text[begin:end], value))
            at = _after_comma(text, at)
        self._before = None if self._changed else [*before, text[end:]]

    def _read_array(self, items: list[Lossless]) -> None:
        text, at, before = self._text, _after_space(self._text, 1), list[str]()
        end = 0
        while text[at] != "]":
            before.append(text[end:at])
            value, end = _DECODER.raw_decode(text, at)
            items.append(Lossless(text[at:end], value))
            at = _after_comma(text, end)
        self._before = [*before, text[end:]]


def _after_comma(text: str, at: int) -> int:
    at = _after_space(text, at)
    return _after_space(text, at + 1) if text[at] == "," else at


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
