"""data: URLs (RFC 2397): the bytes stand in the link itself."""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import unquote_to_bytes

from c2jy_bridge.drafts.materials.failure import Refused

_MOST_CHARACTERS: Final = 96 * 1024 * 1024
"""A longer one is a file in disguise: it was held in memory several times over by then."""


def decode(source: str) -> bytes:
    """The bytes of a data: URL.

    Raises:
        Refused: It is malformed or far too long.
    """
    if len(source) > _MOST_CHARACTERS:
        raise Refused("too_large", limit=f"{_MOST_CHARACTERS * 3 // 4 // 1024 // 1024} MB")
    head, comma, body = source.partition(",")
    if not comma:
        raise Refused("bad_data_url")
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(body)
    compact = unquote_to_bytes(body).translate(None, b" \t\r\n").replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except binascii.Error as error:
        raise Refused("bad_data_url") from error
