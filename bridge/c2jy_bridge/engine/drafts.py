"""Lists, checks, builds, packs and trashes drafts, with the disk work in threads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from c2jy_bridge.core.draft_views import (
    BuildReport,
    OnProgress,
    OriginView,
    Packed,
    PackingView,
    PlaceView,
    TimeUnitName,
    TrashedView,
)
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import DraftDetail, DraftView
from c2jy_bridge.drafts import DraftBuilder, DraftPacker, DraftsRoot, Library, RelocateReport
from c2jy_bridge.drafts.library.draft_roots import USUAL
from c2jy_bridge.engine.doctor import found_roots


class Drafts:
    """What can be done with drafts without a Bot; the disk is never waited for on the event loop."""

    def __init__(self, builder: DraftBuilder, library: Library, packer: DraftPacker) -> None:
        self._builder = builder
        self._library = library
        self._packer = packer

    async def list(self) -> Sequence[DraftView]:
        """The drafts folder, newest first."""
        return await asyncio.to_thread(self._library.list)

    async def open(self, name: str) -> DraftDetail:
        """One draft opened, with its tracks."""
        return await asyncio.to_thread(self._library.detail, name)

    async def check(self, name: str) -> Sequence[Issue]:
        """Verify one draft now; empty when whole."""
        return await asyncio.to_thread(self._library.check, name)

    async def trash(self, name: str) -> str:
        """Move a draft into the trash folder beside the data; returns a ticket for `restore`."""
        return await asyncio.to_thread(self._library.trash, name)

    async def restore(self, ticket: str) -> str:
        """Undo `trash`, also of an earlier run of the app; returns the draft's name."""
        return await asyncio.to_thread(self._library.restore, ticket)

    async def trashed(self) -> Sequence[TrashedView]:
        """What is in the trash, newest first. It never empties by itself."""
        return await asyncio.to_thread(self._library.trashed)

    async def delete(self, ticket: str) -> str:
        """Delete a draft in the trash for good; returns its name.

        Raises:
            DraftError: It is not proven to be ours.
        """
        return await asyncio.to_thread(self._library.delete, ticket)

    async def build(self, document: str | bytes, **options: Any) -> BuildReport:
        """Build drafts from a document; see `drafts.DraftBuilder.build` for the options.

        Raises:
            DraftError: With every issue that kept the draft from being written.
        """
        return await self._builder.build(document, **options)

    async def origin(self, name: str) -> OriginView:
        """What a draft can be built from again.

        Raises:
            DraftError: From nothing: it is not ours, or its document is gone.
        """
        return await self._builder.origin(await asyncio.to_thread(self._library.folder, name))

    async def rebuild(
        self, name: str, *, time_unit: TimeUnitName | None = None, on_progress: OnProgress | None = None
    ) -> BuildReport:
        """Build a draft anew from its own document, beside it; cancelled, it leaves nothing behind.

        Args:
            name: The draft; it stays as it is.
            time_unit: Another unit for the numbers of the export that it came from; None: as they were read.
            on_progress: Called on the event loop.

        Raises:
            DraftError: It cannot be built.
        """
        folder = await asyncio.to_thread(self._library.folder, name)
        return await self._builder.rebuild(folder, on_progress, time_unit=time_unit or "auto")

    async def packing(self, name: str) -> PackingView:
        """What there is to choose before a draft is packed.

        Raises:
            DraftError: There is no such draft.
        """
        return await asyncio.to_thread(self._packing, name)

    async def pack(
        self,
        name: str,
        out: str | Path = "",
        *,
        target_root: str | None = None,
        replace_zip: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Packed:
        """Pack a draft for another machine; cancelled, it leaves nothing behind.

        Args:
            name: The draft.
            out: The zip, or a folder for it; empty: the folder for zips.
            target_root: The drafts folder that the paths in the zip are spelled for; empty leaves them.
            replace_zip: Whether a zip that is at `out` may go.
            on_progress: Called on the event loop.

        Raises:
            DraftError: It cannot be packed; `pack_there` when there is a zip already.
        """
        return await self._packer.pack(
            name,
            zip_path(out),
            target_root=target_root or None,
            replace_zip=replace_zip,
            on_progress=on_progress,
        )

    async def relocate(self, names: Sequence[str] | None, root: str) -> RelocateReport:
        """Rewrite the media paths of drafts for another drafts folder; see `drafts.DraftPacker.relocate`.

        Raises:
            DraftError: Not one could be relocated.
        """
        return await self._packer.relocate(names, root)

    def _packing(self, name: str) -> PackingView:
        spelled_for = self._packer.spelled_for(name)
        return PackingView(spelled_for, places(found_roots()), str(self._packer.exports_dir))

    def watch(self) -> AsyncIterator[tuple[str, ...]]:
        """Names of drafts that somebody added, changed or removed, as it happens."""
        return self._library.watch()

    async def aclose(self) -> None:
        """Close the builder."""
        await self._builder.aclose()


def zip_path(out: str | Path) -> Path | None:
    """Where a zip goes, from what a person typed: `~` is home, and what is no folder is called `.zip`.

    Returns:
        None when nothing was typed: the folder for zips.
    """
    text = str(out).strip()
    if not text:
        return None
    place = Path(text).expanduser()
    if place.is_dir() or place.suffix.lower() == ".zip":
        return place
    # A folder that is not there is said to be missing, and no file takes its name.
    return place / "draft.zip" if text.endswith(("/", os.sep)) else place.with_name(f"{place.name}.zip")


def places(found: Sequence[DraftsRoot]) -> tuple[PlaceView, ...]:
    """Drafts folders to choose from: those on this machine, then where the apps keep theirs on others."""
    here = [PlaceView(root.app, "here", root.app_path) for root in found]
    return (*here, *(PlaceView(usual.app, usual.system, usual.path) for usual in USUAL))
