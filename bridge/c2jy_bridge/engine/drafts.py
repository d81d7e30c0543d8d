"""The drafts as the engine holds them: a folder to look into, a studio, a courier (ports.DraftsPort)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from c2jy_bridge.drafts import BuildReport, Courier, Library, Packed, RelocateReport, Studio
from c2jy_bridge.events import Issue
from c2jy_bridge.views import DraftDetail, DraftView


class Drafts:
    """What can be done with drafts without a Bot; the disk is never waited for on the event loop."""

    def __init__(self, studio: Studio, library: Library, courier: Courier) -> None:
        self._studio = studio
        self._library = library
        self._courier = courier

    async def list(self) -> Sequence[DraftView]:
        """See `ports.DraftsPort`."""
        return await asyncio.to_thread(self._library.list)

    async def open(self, name: str) -> DraftDetail:
        """See `ports.DraftsPort`."""
        return await asyncio.to_thread(self._library.detail, name)

    async def check(self, name: str) -> Sequence[Issue]:
        """See `ports.DraftsPort`."""
        return await asyncio.to_thread(self._library.check, name)

    async def trash(self, name: str) -> str:
        """See `ports.DraftsPort`."""
        return await asyncio.to_thread(self._library.trash, name)

    async def restore(self, ticket: str) -> str:
        """See `ports.DraftsPort`."""
        return await asyncio.to_thread(self._library.restore, ticket)

    async def build(self, document: str | bytes, **options: Any) -> BuildReport:
        """Build drafts from a document; see `drafts.Studio.build` for the options.

        Raises:
            DraftError: With every issue that kept the draft from being written.
        """
        return await self._studio.build(document, **options)

    async def rebuild(self, name: str, **options: Any) -> BuildReport:
        """Build a draft anew from its own document, beside it; see `drafts.Studio.rebuild`.

        Raises:
            DraftError: There is no such draft, or it cannot be built.
        """
        return await self._studio.rebuild(await asyncio.to_thread(self._library.folder, name), **options)

    async def pack(self, name: str, out: Path | None = None, **options: Any) -> Packed:
        """Pack a draft for another machine; see `drafts.Courier.pack`.

        Raises:
            DraftError: It cannot be packed.
        """
        return await self._courier.pack(name, out, **options)

    async def relocate(self, names: Sequence[str] | None, root: str) -> RelocateReport:
        """Spell drafts for another drafts folder; see `drafts.Courier.relocate`.

        Raises:
            DraftError: Not one could be relocated.
        """
        return await self._courier.relocate(names, root)

    def watch(self) -> AsyncIterator[tuple[str, ...]]:
        """Names of drafts that somebody added, changed or removed, as it happens."""
        return self._library.watch()

    async def aclose(self) -> None:
        """Close what the studio keeps open."""
        await self._studio.aclose()
