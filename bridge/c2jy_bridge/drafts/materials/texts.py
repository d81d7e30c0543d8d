"""Small files of text behind links: subtitles. The same guard as for media, nothing kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from c2jy_bridge.drafts.materials.failure import Refused
from c2jy_bridge.drafts.materials.inline import decode
from c2jy_bridge.drafts.materials.material import MaterialFailure
from c2jy_bridge.drafts.materials.meter import shown_bytes
from c2jy_bridge.drafts.materials.signature import HEAD_BYTES, Foreign, identify

if TYPE_CHECKING:
    from c2jy_bridge.drafts.materials.download import Downloader

_AT_ONCE: Final = 8
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_TEXT: Final = frozenset({"plain_text", "xml_text", "unknown"})
"""GBK is no printable ASCII, so it is `unknown`."""


async def fetch_texts(
    sources: Sequence[str], limit: int, longest_s: float, connected: Callable[[], Awaitable[Downloader]]
) -> dict[str, bytes | MaterialFailure]:
    """The bytes behind every distinct source, or why they cannot be had.

    Args:
        sources: http(s) or data: URLs.
        limit: Most bytes of one.
        longest_s: Seconds for all of them together.
        connected: Gives the downloader.
    """
    distinct = list(dict.fromkeys(sources))
    deadline = asyncio.get_running_loop().time() + longest_s
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(source: str) -> bytes | MaterialFailure:
        try:
            async with asyncio.timeout_at(deadline), places:
                return _checked(await _bytes(source, limit, deadline, connected), limit)
        except Refused as refused:
            return refused.failure(source)
        except TimeoutError:
            return Refused("deadline", limit=f"{longest_s:g}").failure(source)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(source)) for source in distinct]
    return dict(zip(distinct, (task.result() for task in tasks), strict=True))


async def _bytes(
    source: str, limit: int, deadline: float, connected: Callable[[], Awaitable[Downloader]]
) -> bytes:
    if source[:5].lower() == "data:":
        return decode(source)
    if not source[:8].lower().startswith(("http://", "https://")):
        raise Refused("bad_link")
    return await (await connected()).fetch_small(source, limit, deadline)


def _checked(body: bytes, limit: int) -> bytes:
    if not body.strip():
        raise Refused("empty")
    if len(body) > limit:
        raise Refused("text_too_large", limit=shown_bytes(limit))
    if body[:2] in _UTF16:
        return body  # before the magic bytes: the mark looks like the sync of an MP3
    found = identify(body[:HEAD_BYTES])
    # A list in brackets may be lyrics or a note above the first caption; an object is a service's answer.
    a_list = isinstance(found, Foreign) and found.what == "json_text" and body.lstrip()[:1] == b"["
    if not isinstance(found, Foreign) or not (a_list or found.what in _TEXT):
        raise Refused("not_text")
    return body
