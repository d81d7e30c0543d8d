"""A draft's content, or a whole document, as JSON in pieces.

orjson holds the interpreter for the whole of a call, and the event loop shall get its turn; and the text of a
large draft need not stand in memory twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

_AT_ONCE: Final = 256
"""Items of a list that become one piece: about 300 KB of segments, under a millisecond."""
_OPENED: Final = frozenset({"materials", "tracks", "document", "legacy"})
"""Where the long lists are: they are gone into, everything else is written in one go."""


def content_pieces(content: Mapping[str, Any]) -> Iterator[bytes]:
    """Compact JSON of a draft's content or document; joined, the same as `orjson.dumps` writes.

    Raises:
        TypeError: There is something in it that JSON does not have.
    """
    separator = b"{"
    for key, value in content.items():
        if not isinstance(key, str):
            raise TypeError("JSON's names are text")
        yield separator + orjson.dumps(key) + b":"
        separator = b","
        if key in _OPENED and isinstance(value, Mapping):
            yield from content_pieces(value)
        elif key == "tracks" and isinstance(value, list):
            yield from _list(value)
        elif isinstance(value, list) and len(value) > _AT_ONCE:
            yield from _items(value)
        else:
            yield orjson.dumps(value)
    yield b"{}" if separator == b"{" else b"}"


def _list(tracks: list[Any]) -> Iterator[bytes]:
    separator = b"["
    for track in tracks:
        yield separator
        separator = b","
        if isinstance(track, Mapping):
            yield from content_pieces(track)
        else:
            yield orjson.dumps(track)
    yield b"[]" if separator == b"[" else b"]"


def _items(values: list[Any]) -> Iterator[bytes]:
    for start in range(0, len(values), _AT_ONCE):
        yield (b"," if start else b"[") + orjson.dumps(values[start : start + _AT_ONCE])[1:-1]
    yield b"]"
