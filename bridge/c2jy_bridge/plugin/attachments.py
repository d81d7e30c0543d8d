"""Files that a tool hands to the model: uploaded to Coze in a chat, part of the answer for other callers."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a tool's answer."""

    name: str
    """What the tool's output calls it."""
    media_type: str
    data: bytes


_collected: Final[ContextVar[list[Attachment] | None]] = ContextVar("attachments", default=None)


@contextmanager
def collecting() -> Iterator[list[Attachment]]:
    """Keep the files of tools that are called from this block, in their order, instead of uploading them."""
    found: list[Attachment] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def kept_or(upload: Callable[[Path], Awaitable[str]]) -> Callable[[Path], Awaitable[str]]:
    """An upload for tools: keeps the file where the caller takes files, else sends it with `upload`.

    It returns what the model may call the file: its name among the attachments, or `upload`'s file id.
    """

    async def hand_over(path: Path) -> str:
        found = _collected.get()
        if found is None:
            return await upload(path)
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        data = await asyncio.to_thread(path.read_bytes)
        found.append(Attachment(f"attachment-{len(found) + 1}", media_type, data))
        return found[-1].name

    return hand_over
