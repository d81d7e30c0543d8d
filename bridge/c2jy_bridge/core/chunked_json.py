"""Serialises a draft's content or a document as JSON in chunks.

orjson holds the GIL for a whole call, which would block the event loop; and chunks save memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

_AT_ONCE: Final = 256
"""Items of a list in one chunk: about 300 KB of segments, under a millisecond."""
_OPENED: Final = frozenset({"materials", "tracks", "document", "legacy"})
"""Mappings with long lists, which are split; everything else is one chunk."""


def content_pieces(content: Mapping[str, Any]) -> Iterator[bytes]:
    """Compact JSON in chunks; joined, the output of `orjson.dumps`. Raises TypeError for other types."""
    separator = b"{"
    for key, value in content.items():
        if not isinstance(key, str):
            raise TypeError("JSON's names are text")
        yield separator + orjson.dumps(key) + b":"
        separator = b","
        if key in _OPENED and isinstance(value, Mapping):
            yield from content_pieces(value)
        elif key == "tracks" and isinstance(value, list) and value:
            for index, track in enumerate(value):
                yield b"," if index else b"["
                if isinstance(track, Mapping):
                    yield from content_pieces(track)
                else:
                    yield orjson.dumps(track)
            yield b"]"
        elif isinstance(value, list) and len(value) > _AT_ONCE:
            for start in range(0, len(value), _AT_ONCE):
                yield (b"," if start else b"[") + orjson.dumps(value[start : start + _AT_ONCE])[1:-1]
            yield b"]"
        else:
            yield orjson.dumps(value)
    yield b"{}" if separator == b"{" else b"}"
