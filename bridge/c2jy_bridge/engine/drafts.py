"""Lists, checks, builds, packs and trashes drafts, with the disk work in threads."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.core.draft_views import (
    BatchPlan,
    BatchRow,
    BuildReport,
    BuiltDraft,
    ExportedTimeline,
    OnProgress,
    OriginView,
    Packed,
    PackingView,
    PlaceView,
    Preview,
    PreviewKind,
    Relinked,
    Renamed,
    TemplateView,
    TimelineFormat,
    TimeUnitName,
    TrashedView,
)
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.places import expanded
from c2jy_bridge.core.target_apps import DraftProfile
from c2jy_bridge.core.views import DraftDetail, DraftView
from c2jy_bridge.drafts import (
    Batches,
    DraftBuilder,
    DraftError,
    DraftPacker,
    DraftsRoot,
    Library,
    RelocateReport,
    TemplateFiller,
)
from c2jy_bridge.drafts.errors import disk_issue, issue
from c2jy_bridge.drafts.interchange.exchange import export_draft, read_timelines
from c2jy_bridge.drafts.library.draft_roots import USUAL
from c2jy_bridge.drafts.library.relink import relink
from c2jy_bridge.drafts.preview.previewer import Previewer
from c2jy_bridge.drafts.template.batch_plan import plan_batch
from c2jy_bridge.drafts.template.table import read_table, tables_like
from c2jy_bridge.drafts.write.paths import numbered
from c2jy_bridge.engine.doctor import found_roots
from c2jy_bridge.relay.artifacts import NotDelivered

if TYPE_CHECKING:
    from c2jy_bridge.drafts.captions.writing import CaptionFormat

say: Final = catalogue("engine")


class Drafts:
    """Work on drafts without a Bot; may raise DraftError where it fails. Disk access runs in threads."""

    def __init__(
        self,
        builder: DraftBuilder,
        library: Library,
        packer: DraftPacker,
        filler: TemplateFiller,
        previewer: Previewer,
    ) -> None:
        self._builder = builder
        self._library = library
        self._packer = packer
        self._filler = filler
        self._batches = Batches(filler, builder, library)
        self._previewer = previewer

    async def list(self) -> Sequence[DraftView]:
        """The drafts folder, newest first."""
        return await asyncio.to_thread(self._library.list)

    async def open(self, name: str) -> DraftDetail:
        """A draft with its tracks."""
        return await asyncio.to_thread(self._library.detail, name)

    async def check(self, name: str, target_app: DraftProfile | None = None) -> Sequence[Issue]:
        """Check a draft, with `target_app` also for that app; empty when it is intact."""
        return await asyncio.to_thread(self._library.check, name, target_app)

    async def captions(self, name: str, form: CaptionFormat, track: str | None = None) -> tuple[str, int]:
        """A draft's captions as a caption file's text, and their number; see `drafts.Library.captions`."""
        return await asyncio.to_thread(self._library.captions, name, form, track)

    async def trash(self, name: str) -> str:
        """Move a draft to the trash; returns a ticket for `restore`."""
        return await asyncio.to_thread(self._library.trash, name)

    async def rename(self, name: str, new_name: str, *, dry_run: bool = False) -> Renamed:
        """Give a draft of ours another name; see `drafts.library.rename.rename`."""

        def work() -> Renamed:
            try:
                return self._library.rename(name, new_name, dry_run=dry_run)
            except OSError as error:
                raise DraftError([disk_issue(error, name, self._library.root / name)]) from error

        return await asyncio.to_thread(work)

    async def tag(self, name: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> tuple[str, ...]:
        """Change the tags of a draft; returns those that it has then."""

        def work() -> tuple[str, ...]:
            try:
                return self._library.tag(name, add, remove)
            except OSError as error:
                raise DraftError([disk_issue(error, name, self._library.root / name)]) from error

        return await asyncio.to_thread(work)

    async def restore(self, ticket: str) -> str:
        """Undo `trash`, also of an earlier process; returns the draft's name."""
        return await asyncio.to_thread(self._library.restore, ticket)

    async def trashed(self) -> Sequence[TrashedView]:
        """The trash, newest first; it is never emptied automatically."""
        return await asyncio.to_thread(self._library.trashed)

    async def delete(self, ticket: str) -> str:
        """Delete a draft in the trash and return its name; raises DraftError unless it is proven ours."""
        return await asyncio.to_thread(self._library.delete, ticket)

    async def build(self, document: str | bytes, **options: Any) -> BuildReport:
        """Build drafts from a document; see `drafts.DraftBuilder.build` for the options."""
        return await self._builder.build(document, **options)

    async def build_timeline(
        self, path: Path, *, name: str | None = None, archive: Path | None = None, **options: Any
    ) -> BuildReport:
        """Build drafts from a timeline file of another editing program: .otio, .fcpxml or .edl.

        Media are looked for in the folder of the file, the drafts folder and the declared folders.

        Args:
            path: The file.
            name: Instead of the timeline's own name; the later ones of several get a number.
            archive: One zip for all drafts of the file, or a folder for it; replaced when it is there.
            options: As for `build`.
        """
        drafts: list[BuiltDraft] = []
        issues: list[Issue] = []
        read = await asyncio.to_thread(read_timelines, path)
        for number, one in enumerate(read, 1):
            named = numbered(name, number) if name else None
            try:
                folders = [one.folder, self._library.root]
                report = await self._builder.build(one.document, name=named, folders=folders, **options)
            except DraftError as error:
                if len(read) == 1:
                    raise DraftError([*one.issues, *error.issues]) from None
                issues += [*one.issues, *error.issues]
                continue
            drafts += report.drafts
            issues += [*one.issues, *report.issues]
        if not drafts:
            raise DraftError(issues)
        if archive and (paths := [Path(draft.path) for draft in drafts if draft.path]):
            try:
                packed = await self._packer.pack_folders(
                    paths, archive, on_progress=options.get("on_progress")
                )
            except DraftError as error:
                issues += [issue("not_packed", "", name=drafts[0].name), *error.issues]
            else:
                drafts = [replace(draft, archive=packed.path) for draft in drafts]
                issues += packed.issues
        return BuildReport(tuple(drafts), tuple(issues))

    async def export(self, name: str, to: TimelineFormat, out: str | Path | None = None) -> ExportedTimeline:
        """Write a draft as a timeline file; see `drafts.interchange.exchange.export_draft`."""
        place = expanded(Path(out)) if out else None
        return await asyncio.to_thread(export_draft, self._library, name, to, place, self._packer.exports_dir)

    async def origin(self, name: str) -> OriginView:
        """What a draft can be rebuilt from; DraftError when it is not ours or its document is missing."""
        return await self._builder.origin(await asyncio.to_thread(self._library.folder, name))

    async def rebuild(
        self, name: str, *, time_unit: TimeUnitName | None = None, on_progress: OnProgress | None = None
    ) -> BuildReport:
        """Build a new draft from a draft's own document; leaves nothing behind when cancelled.

        Args:
            name: The draft, which remains unchanged.
            time_unit: Another unit for the numbers of its export; None: the same as before.
            on_progress: Called on the event loop.
        """
        folder = await asyncio.to_thread(self._library.folder, name)
        return await self._builder.rebuild(folder, on_progress, time_unit=time_unit or "auto")

    async def packing(self, name: str) -> PackingView:
        """The choices before a draft is packed."""

        def view() -> PackingView:
            spelled_for, form = self._packer.spelled_for(name)
            return PackingView(spelled_for, places(found_roots()), str(self._packer.exports_dir), form)

        return await asyncio.to_thread(view)

    async def pack(
        self,
        name: str,
        out: str | Path = "",
        *,
        target_root: str | None = None,
        replace_zip: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Packed:
        """Pack a draft for another machine; leaves nothing behind when cancelled.

        Args:
            name: The draft.
            out: The zip, or a folder for it; empty: the folder for zips.
            target_root: Absolute paths for this drafts folder in the zip; empty leaves them unchanged.
            replace_zip: Whether a zip at `out` may be replaced.
            on_progress: Called on the event loop.

        Raises:
            DraftError: It cannot be packed; `pack_there` when the zip exists.
        """
        return await self._packer.pack(
            name,
            zip_path(out),
            target_root=target_root or None,
            replace_zip=replace_zip,
            on_progress=on_progress,
        )

    async def relocate(
        self,
        names: Sequence[str] | None,
        root: str | None = None,
        *,
        portable: bool = False,
        dry_run: bool = False,
    ) -> RelocateReport:
        """Rewrite the media paths of drafts; see `drafts.DraftPacker.relocate`."""
        return await self._packer.relocate(names, root, portable=portable, dry_run=dry_run)

    async def relink(self, name: str, sources: Sequence[Path], *, dry_run: bool = False) -> Relinked:
        """Find a draft's missing media in folders by name or checksum; see `library.relink.relink`."""

        def work() -> Relinked:
            try:
                return relink(self._library.folder(name), sources, dry_run=dry_run)
            except OSError as error:
                raise DraftError([disk_issue(error, name, self._library.root / name)]) from error

        return await asyncio.to_thread(work)

    async def template(self, name: str | Path) -> TemplateView:
        """A draft's slots; a path names a draft or preset outside the drafts folder."""
        return await self._filler.describe(name)

    async def fill(self, template: str | Path, values: str | bytes, name: str, **options: Any) -> BuiltDraft:
        """Make a draft from a template; see `drafts.TemplateFiller.fill` for the options."""
        return await self._filler.fill(template, values, name, **options)

    async def batch(self, template: str | Path, table: Path, name: str) -> AsyncGenerator[BatchRow, None]:
        """Make one draft per row of a table; yields the rows in their order, each when it is done.

        Args:
            template: A draft, or the path of a `c2jy/1` document with `{column}` in its texts.
            table: A CSV, Excel or JSON lines file; files below its folder may be used by relative paths.
            name: Of the drafts: `{title}` is the column `title`.

        Raises:
            DraftError: Nothing can be made of it at all.
        """
        table = expanded(table)
        rows, folder = await asyncio.to_thread(lambda: (read_table(table), table.absolute().parent))
        async with aclosing(self._batches.run(template, rows, name, folder=folder)) as done:
            async for row in done:
                yield row

    async def plan_batch(self, template: str, table: Path, name: str = "") -> BatchPlan:
        """What a table makes of a draft; an empty `name` gets a suggestion.

        Raises:
            DraftError: The template or the table cannot be read.
        """

        def work() -> BatchPlan:
            rows, slots = read_table(expanded(table)), self._filler.read(template).slots
            return plan_batch(template, slots, rows, name)

        return await asyncio.to_thread(work)

    async def tables_like(self, typed: str) -> Sequence[str]:
        """Folders and tables whose path begins with what was typed, spelled as it was typed."""
        return await asyncio.to_thread(tables_like, typed)

    async def rows(self, table: Path) -> int:
        """How many rows a table has; DraftError when it cannot be read."""
        return len(await asyncio.to_thread(read_table, table))

    async def preview(
        self,
        name: str,
        kind: PreviewKind = "sheet",
        out: Path | None = None,
        *,
        at_us: int = 0,
        font: Path | None = None,
        on_progress: OnProgress | None = None,
    ) -> Preview:
        """Draw a draft in another process; see `drafts.preview.Previewer.make`."""
        return await self._previewer.make(name, kind, out, at_us=at_us, font=font, on_progress=on_progress)

    async def frame(self, name: str, at_us: int) -> bytes:
        """One frame of a draft as PNG, drawn in another process; see `preview`."""
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="c2jy-frame-")
        try:
            made = await self.preview(name, "frame", Path(folder, "frame.png"), at_us=at_us)
            return await asyncio.to_thread(Path(made.path).read_bytes)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def watch(self) -> AsyncIterator[tuple[str, ...]]:
        """Names of drafts that are added, changed or removed."""
        return self._library.watch()

    async def aclose(self) -> None:
        """Close the builder."""
        await self._builder.aclose()


async def pack_made(packer: DraftPacker, trash: Path, result: str, folder: Path) -> list[Path]:
    """Pack the drafts that a tool says it has made, each into a zip in `folder`.

    Args:
        packer: Packs those of the drafts folder.
        trash: Of that folder.
        result: The tool's output. Only what is in the drafts folder, or below it, is packed.
        folder: Where the zips go.

    Raises:
        NotDelivered: It names none, or one cannot be packed.
    """
    root = await asyncio.to_thread(packer.root.resolve)
    zips = []
    for path in _made(json.loads(result)):
        draft = await asyncio.to_thread(path.resolve)
        if draft == root or not draft.is_relative_to(root):
            raise NotDelivered(say("deliver.elsewhere", path=path))
        of = packer if draft.parent == root else DraftPacker(Library(draft.parent, trash), folder)
        try:
            zips.append(Path((await of.pack(draft.name, folder)).path))
        except DraftError as error:
            raise NotDelivered(str(error)) from error
    if not zips:
        raise NotDelivered(say("deliver.none"))
    return zips


def _made(result: Any) -> Iterator[Path]:
    """Folders of the drafts that an output says were written; listed ones have no `draft_id`."""
    found = result.get("drafts") if isinstance(result, dict) else None
    for one in [result, *(found if isinstance(found, list) else [])]:
        if isinstance(one, dict) and one.get("draft_id") and isinstance(one.get("path"), str) and one["path"]:
            yield Path(one["path"])


def zip_path(out: str | Path) -> Path | None:
    """The path of a zip from the user's input: `~` is home, `.zip` is added; None for the default folder."""
    text = str(out).strip()
    if not text:
        return None
    place = expanded(Path(text))
    if place.is_dir() or place.suffix.lower() == ".zip":
        return place
    # A path in a missing folder, so that the error names the folder.
    return place / "draft.zip" if text.endswith(("/", os.sep)) else place.with_name(f"{place.name}.zip")


def places(found: Sequence[DraftsRoot]) -> tuple[PlaceView, ...]:
    """Drafts folders to choose from: those on this machine, then the apps' defaults on others."""
    here = [PlaceView(root.app, "here", root.app_path) for root in found]
    return (*here, *(PlaceView(usual.app, usual.system, usual.path) for usual in USUAL))
