"""Whose turn it is on the line, and whose at the disk."""

from __future__ import annotations

import asyncio
from typing import Self


class Turns:
    """As many downloads at once as the settings say, and beside them as many files that are being taken in.

    Apart, because a line must not stand still while a disk syncs; both counted, because each has up to a
    megabyte of its file in memory.
    """

    def __init__(self, count: int) -> None:
        self.line = asyncio.Semaphore(count)
        self.disk = asyncio.Semaphore(count)


class DownloadSlot:
    """One file's turn: begins on the line, may go on at the disk."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._held = turns.line

    async def __aenter__(self) -> Self:
        await self._held.acquire()
        return self

    async def to_disk(self) -> None:
        """Give the line to somebody else, as soon as there is room at the disk."""
        await self._turns.disk.acquire()
        self._held.release()
        self._held = self._turns.disk

    async def __aexit__(self, *_: object) -> None:
        self._held.release()
