"""A body as it was before its server compressed it, never more of it in memory than a piece.

httpx unpacks a whole chunk at once and one coding inside another: 8 KB of `gzip, gzip` became 5 GB (measured,
httpx 0.28). Nothing here asks for compression, so what is more than one layer of it is left as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Final

import httpx

from c2jy_bridge.drafts.materials.failure import Passing

_PIECE: Final = 1 << 20
# zlib's window bits, with 16 more for a gzip header (zlib manual, inflateInit2).
_CODINGS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def is_packed(response: httpx.Response) -> bool:
    """Whether the server compressed the body on the way, so that its lengths are not the file's."""
    return bool(_codings(response))


async def unpacked(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in pieces.

    Raises:
        Passing: It is damaged, or ends too early.
    """
    codings = _codings(response)
    if len(codings) != 1 or codings[0] not in _CODINGS:
        async for chunk in response.aiter_raw():
            yield chunk
        return
    host = response.request.url.host
    unpack = zlib.decompressobj(_CODINGS[codings[0]])
    begun = False
    async for chunk in response.aiter_raw():
        if not begun and codings[0] == "deflate" and not _has_zlib_header(chunk):
            unpack = zlib.decompressobj(-15)  # some servers leave the header out (RFC 9110, 8.4.1.2)
        begun = True
        while True:
            try:
                piece = unpack.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise Passing("incomplete", host=host) from error
            if piece:
                yield piece
            if len(piece) < _PIECE:
                break
            chunk = unpack.unconsumed_tail
    if not unpack.eof:
        raise Passing("incomplete", host=host)


def _codings(response: httpx.Response) -> list[str]:
    names = response.headers.get("content-encoding", "").lower().split(",")
    return [name.strip() for name in names if name.strip() not in ("", "identity")]


def _has_zlib_header(chunk: bytes) -> bool:
    return len(chunk) > 1 and chunk[0] & 15 == 8 and (chunk[0] << 8 | chunk[1]) % 31 == 0
