"""Builds drafts: a document in, verified draft folders out."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from c2jy_bridge.core.draft_views import BuildReport
from c2jy_bridge.core.gc_control import gc_frozen, gc_paused, release_in_steps
from c2jy_bridge.core.settings import DraftSettings, MaterialSettings, TimeUnit
from c2jy_bridge.core.target_apps import DraftProfile
from c2jy_bridge.drafts.errors import DraftError, say
from c2jy_bridge.drafts.materials import Material, MaterialFailure, MaterialStore, OnProgress
from c2jy_bridge.drafts.write.background import ByteMeter, in_thread

if TYPE_CHECKING:
    from c2jy_bridge.core.draft_views import OriginView, Packed
    from c2jy_bridge.core.events import Issue
    from c2jy_bridge.drafts.build.pipeline import BuildContext, BuildOptions, Draft
    from c2jy_bridge.drafts.library.rebuild import KeptDocument
    from c2jy_bridge.drafts.spec.input import DocumentReader

Register = Literal["no", "existing", "create"]


def _uuid() -> str:
    return str(uuid.uuid4()).upper()


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one source is; exactly one of `material` and `error` is set."""

    source: str
    material: Material | None = None
    error: str = ""


class DraftBuilder:
    """Builds drafts.

    Args:
        root: The drafts folder.
        cache_dir: Where fetched media are kept for all drafts.
        settings: Profile, what to do on a conflict, the folder on another machine.
        materials: Limits of downloads.
        reader: Reads what is not our schema: exports of other systems, JSON in prose.
        folders: Folders whose files a document may use by path, and that drafts may be put into.
        exports_dir: Where the zip goes that a document asks for; None: `exports` beside the cache.
        clock: Unix seconds.
        new_id: Ids of drafts, upper-case UUIDs as JianYing makes them.
    """

    def __init__(
        self,
        *,
        root: Path,
        cache_dir: Path,
        settings: DraftSettings,
        materials: MaterialSettings,
        reader: DocumentReader,
        folders: Sequence[Path] = (),
        exports_dir: Path | None = None,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = _uuid,
    ) -> None:
        self._root = Path(os.path.abspath(root))
        self._settings = settings
        self._cache_dir = Path(os.path.abspath(cache_dir))
        self._materials = materials
        self._exports_dir = exports_dir or self._cache_dir.parent / "exports"
        self._folders = tuple(dict.fromkeys((*folders, *materials.folders)))
        self._reader = reader
        self._clock = clock
        self._new_id = new_id
        self._store = MaterialStore(self._cache_dir, materials, self._folders)

    async def build(
        self,
        document: str | bytes | Mapping[str, Any] | Sequence[Any],
        *,
        name: str | None = None,
        output_folder: str | None = None,
        time_unit: TimeUnit = "auto",
        target_root: str | None = None,
        dry_run: bool = False,
        request_id: str | None = None,
        archive: Path | None = None,
        register: Register = "no",
        profile: DraftProfile | None = None,
        folders: Sequence[Path] = (),
        on_progress: OnProgress | None = None,
    ) -> BuildReport:
        """Build the drafts of a document.

        Args:
            document: Our `c2jy/1` schema or any export of Coze2JianYing, as text or as an object.
            name: Instead of the document's own; of several drafts the later ones get a number.
            output_folder: A plain folder name in the drafts folder, or one of the declared folders.
            time_unit: Unit of bare numbers where the document does not say; `auto` is what the settings say.
            target_root: The drafts folder on the machine that opens the draft, for absolute paths in it.
            dry_run: Everything but writing; media are fetched and looked at.
            request_id: What the request is known by. Built again under the same id, as after a crash, a draft
                that was published already is found and not made twice.
            archive: One zip for all drafts of the document, or a folder for it; replaced when it is there.
            register: Enter the drafts into root_meta_info.json, the app's list beside them: `existing` only
                when there is one, `create` also makes it.
            profile: The app to write for, where the document does not say; None: as the settings say.
            folders: Further folders whose files the document may use by path.
            on_progress: Called on the event loop, at most about ten times a second.

        Raises:
            DraftError: No draft was made; with every reason that was found. When the task is cancelled
                nothing of the build is left behind either.
        """
        with gc_frozen():
            await asyncio.to_thread(_import_build)
            from c2jy_bridge.drafts.build.pipeline import BuildOptions

            options = BuildOptions(
                root=self._output(output_folder),
                name=name,
                target_root=target_root or self._settings.target_root,
                media_paths=self._settings.media_paths,
                profile=profile or self._settings.profile,
                on_conflict=self._settings.on_conflict,
                dry_run=dry_run,
                request_id=request_id,
                archive=archive,
                register=register,
            )
            unit = self._settings.time_unit if time_unit == "auto" else time_unit
            return await self._build_from(document, unit, options, on_progress, folders=folders)

    async def rebuild(
        self, folder: Path, on_progress: OnProgress | None = None, *, time_unit: TimeUnit = "auto"
    ) -> BuildReport:
        """Build a draft anew from the document in its folder, beside it, under a name with a number.

        What is there is not touched: JianYing may have encrypted it with the user's changes in it.

        Args:
            folder: A draft folder of ours. Media that are still inside it are used again, so a link that has
                expired does no harm.
            on_progress: Called on the event loop.
            time_unit: Read the numbers of the export that the draft came from in this unit; `auto` leaves
                them as they were read.

        Raises:
            DraftError: The folder has no document, it cannot be built, or its numbers have no other unit.
        """
        with gc_frozen():
            await asyncio.to_thread(_import_build)
            from c2jy_bridge.drafts.build.pipeline import BuildOptions
            from c2jy_bridge.drafts.library.rebuild import export_of, kept_document

            kept = await asyncio.to_thread(kept_document, folder)
            document = kept.manifest if time_unit == "auto" else export_of(kept)
            options = BuildOptions(
                root=folder.parent,
                name=kept.name,
                target_root=kept.target_root or (None if kept.is_portable else self._settings.target_root),
                media_paths="portable" if kept.is_portable else self._settings.media_paths,
                profile=self._settings.profile,
                on_conflict="suffix",
                dry_run=False,
                never_replace=True,
            )
            found = await self._still_there(kept)
            return await self._build_from(document, time_unit, options, on_progress, found)

    async def origin(self, folder: Path) -> OriginView:
        """What a draft was made from, to be known before it is built again.

        Raises:
            DraftError: The folder has no document, or it cannot be read any more.
        """
        with gc_frozen():
            await asyncio.to_thread(_import_build)
            from c2jy_bridge.drafts.build.pipeline import durations
            from c2jy_bridge.drafts.library.rebuild import kept_document, origin

            kept = await asyncio.to_thread(kept_document, folder)
            # Only an export's unit is judged by the lengths of its media.
            found = await self._still_there(kept) if kept.unit else {}
            return await asyncio.to_thread(origin, kept, durations(found), self._reader)

    async def probe(self, sources: Sequence[str], on_progress: OnProgress | None = None) -> list[ProbeResult]:
        """Fetch sources and say what they are: one result for each input, in order."""
        fetched = await self._store.fetch(list(dict.fromkeys(sources)), on_progress)
        results = []
        for source in sources:
            got = fetched[source]
            if isinstance(got, Material):
                results.append(ProbeResult(source, got))
            else:
                results.append(ProbeResult(source, None, " ".join(filter(None, (got.message, got.fix)))))
        return results

    async def fetch(
        self,
        sources: Sequence[str],
        on_progress: OnProgress | None = None,
        *,
        folders: Sequence[Path] = (),
    ) -> Mapping[str, Material | MaterialFailure]:
        """Fetch sources into the cache: each one's file, or why it could not be had.

        Args:
            sources: Links and paths.
            on_progress: Called on the event loop.
            folders: Further folders whose files may be used.
        """
        if not sources:
            return {}
        if not folders:
            return await self._store.fetch(sources, on_progress)
        store = MaterialStore(self._cache_dir, self._materials, (*self._folders, *folders))
        try:
            return await store.fetch(sources, on_progress)
        finally:
            await store.aclose()

    async def aclose(self) -> None:
        """Close connections and threads."""
        await self._store.aclose()

    async def _still_there(self, kept: KeptDocument) -> dict[str, Material]:
        store = MaterialStore(self._cache_dir, self._materials, [kept.folder])
        try:
            return await kept.still_there(store)
        finally:
            await store.aclose()

    async def _build_from(
        self,
        document: object,
        unit: TimeUnit,
        options: BuildOptions,
        on_progress: OnProgress | None,
        found: Mapping[str, Material] = MappingProxyType({}),
        folders: Sequence[Path] = (),
    ) -> BuildReport:
        drafts, faults = await asyncio.to_thread(_read_drafts, self._reader, document, unit)
        try:
            report = await self._fetch_and_build(drafts, options, on_progress, found, folders)
            return replace(report, issues=(*faults, *report.issues))
        except DraftError as error:
            raise DraftError((*faults, *error.issues)) from None
        finally:
            await asyncio.shield(asyncio.to_thread(_release, drafts))

    async def _fetch_and_build(
        self,
        drafts: list[Draft],
        options: BuildOptions,
        on_progress: OnProgress | None,
        found: Mapping[str, Material],
        folders: Sequence[Path],
    ) -> BuildReport:
        from c2jy_bridge.drafts.build.pipeline import BuildContext
        from c2jy_bridge.drafts.captions.tracks import LARGEST, subtitle_links

        addresses = dict.fromkeys(item.source.address for draft in drafts for item in draft.media)
        missing = [address for address in addresses if address not in found]
        fetched = {**found, **await self.fetch(missing, on_progress, folders=folders)}
        links = subtitle_links(draft.read.spec for draft in drafts)
        texts = await self._store.fetch_texts(links, LARGEST) if links else {}
        stop = threading.Event()
        total = sum(got.size_bytes for got in fetched.values() if isinstance(got, Material))
        meter = ByteMeter(on_progress, say("progress.media_into_draft"), total, stop)
        placeholder = self._placeholder if self._settings.on_missing == "placeholder" else None
        packing = ByteMeter(on_progress, say("progress.packing"), None, stop)
        context = BuildContext(
            self._clock,
            self._new_id,
            stop,
            meter.moved,
            partial(_read_file, folders=(*self._folders, *folders)),
            texts,
            partial(self._pack, packing),
            placeholder,
        )
        return await in_thread(stop, _forget, self._build, drafts, fetched, options, context)

    def _build(
        self, drafts: list[Draft], fetched: Any, options: BuildOptions, context: BuildContext
    ) -> BuildReport:
        from c2jy_bridge.drafts.build.pipeline import build_all
        from c2jy_bridge.drafts.write.staging import sweep

        if not options.dry_run:
            sweep(options.root, self._clock())
        return build_all(drafts, fetched, options, context)

    def _pack(self, meter: ByteMeter, folders: Sequence[Path], out: Path | None) -> Packed:
        from c2jy_bridge.drafts.library.packer import free_name, pack_to

        place = out or free_name(self._exports_dir, folders[0].name)
        return pack_to(folders, place, target=None, token=uuid.uuid4().hex, meter=meter, at=self._clock())

    def _placeholder(self, width: int, height: int, address: str) -> Material:
        from c2jy_bridge.drafts.materials.material import placeholder

        return placeholder(self._cache_dir / "placeholders", address, width, height)

    def _output(self, folder: str | None) -> Path:
        from c2jy_bridge.drafts.write.paths import output_folder

        return output_folder(folder, self._root, self._folders)


def _read_file(path: str, folders: Sequence[Path]) -> bytes:
    """A file of captions in one of the folders."""
    from c2jy_bridge.drafts.captions.tracks import LARGEST
    from c2jy_bridge.drafts.materials.local import open_inside
    from c2jy_bridge.drafts.materials.material import Refused

    file, status = open_inside(path, folders)
    with file:
        if status.st_size > LARGEST:
            raise Refused("too_large", limit=f"{LARGEST // 1024 // 1024} MB")
        return file.read(LARGEST)


async def _forget(report: BuildReport) -> None:
    """The cancel came after the last rename: take the drafts away again."""
    from c2jy_bridge.drafts.write.staging import remove_tree

    for draft in report.drafts:
        if draft.path:
            await asyncio.shield(asyncio.to_thread(remove_tree, Path(draft.path)))
        if draft.archive:
            await asyncio.shield(asyncio.to_thread(Path(draft.archive).unlink, missing_ok=True))


def _import_build() -> None:
    """Import what a build needs, in a thread: pyJianYingDraft and the models take a fifth of a second."""
    with gc_paused():
        import c2jy_bridge.drafts.build.pipeline
        import c2jy_bridge.drafts.library.rebuild  # noqa: F401  # imported for its own sake


def _read_drafts(
    reader: DocumentReader, document: object, unit: TimeUnit
) -> tuple[list[Draft], tuple[Issue, ...]]:
    """The drafts of a document with the media they need, and why others of it could not be read."""
    from c2jy_bridge.drafts.build.pipeline import Draft, clip_media
    from c2jy_bridge.drafts.errors import IssueCollector
    from c2jy_bridge.drafts.spec.input import read_document

    drafts = []
    with gc_paused():
        found = read_document(document, unit, reader)
        for read in found.drafts:
            collector = IssueCollector()
            media = clip_media(read.spec, read.path, collector)
            drafts.append(Draft(read, media, collector.issues))
    return drafts, found.faults


def _release(drafts: list[Draft]) -> None:
    """Release what was read, clip by clip."""
    parts = [part for draft in drafts for part in _parts(draft)]
    drafts.clear()
    release_in_steps(parts)


def _parts(draft: Draft) -> Iterator[object]:
    """What there is one of for each clip."""
    for track in draft.read.spec.tracks:
        yield from track.clips
    yield from draft.media
    if draft.read.imported is not None:
        yield from draft.read.imported.parts()
