"""Fills templates: values in, verified draft folders out."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from c2jy_bridge.core.draft_views import BuiltDraft, OnProgress, TemplateView
from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.errors import DraftError, IssueCollector, disk_issue, issue
from c2jy_bridge.drafts.library.library import Library
from c2jy_bridge.drafts.library.snapshot import figures_from
from c2jy_bridge.drafts.materials import Material, MaterialFailure
from c2jy_bridge.drafts.template.apply import Plan, apply, plan
from c2jy_bridge.drafts.template.content import EditableContent, fresh_id
from c2jy_bridge.drafts.template.folder import Filled, Template, read_template, write_filled
from c2jy_bridge.drafts.template.slots import Slot, slots_of
from c2jy_bridge.drafts.template.values import Fill, addresses, read_fill
from c2jy_bridge.drafts.write.background import Stopped, in_thread
from c2jy_bridge.drafts.write.folder import file_name
from c2jy_bridge.drafts.write.paths import MATERIALS, PLACEHOLDER, checked_name, numbered
from c2jy_bridge.drafts.write.staging import remove_tree, sweep

if TYPE_CHECKING:
    from c2jy_bridge.drafts.build import DraftBuilder
    from c2jy_bridge.drafts.build.pipeline import ClipMedia
    from c2jy_bridge.drafts.spec.document import DraftSpec

MediaMode = Literal["copy", "hardlink"]


@dataclass(frozen=True, slots=True)
class Known:
    """A template and its slots, read once."""

    template: Template
    slots: list[Slot]


@dataclass(frozen=True, slots=True)
class _Own:
    """Tracks of our own spec, read for a template's canvas."""

    spec: DraftSpec
    media: list[ClipMedia]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Values with their slots, before their files are there."""

    known: Known
    fill: Fill
    plan: Plan
    own: _Own | None
    issues: tuple[Issue, ...]

    @property
    def addresses(self) -> list[str]:
        """Files to fetch."""
        own = [item.source.address for item in self.own.media] if self.own else []
        return list(dict.fromkeys([*addresses(self.plan.values()), *own]))


class TemplateFiller:
    """Makes drafts from drafts.

    Args:
        builder: Fetches media; its drafts folder is where new drafts go.
        library: Where templates are found by name.
        clock: Unix seconds.
        new_id: Ids of drafts, clips and materials.
    """

    def __init__(
        self,
        builder: DraftBuilder,
        library: Library,
        clock: Callable[[], float],
        new_id: Callable[[], str] = fresh_id,
    ) -> None:
        self._builder, self._library, self._clock, self._new_id = builder, library, clock, new_id

    async def describe(self, template: str | Path) -> TemplateView:
        """What of a draft can be filled.

        Args:
            template: Its name in the drafts folder, or the path of a draft or preset elsewhere.

        Raises:
            DraftError: There is none, or it cannot be read.
        """
        known = await asyncio.to_thread(self.read, template)
        content = EditableContent(known.template.content)
        width, height = content.canvas
        views = tuple(slot.view for slot in known.slots)
        return TemplateView(known.template.folder.name, width, height, content.duration_us, views)

    def read(self, template: str | Path) -> Known:
        """Read a template; see `describe`."""
        folder = template if isinstance(template, Path) else self._library.folder(template)
        if not folder.is_dir():
            raise DraftError([issue("no_draft", "name", name=str(template)[:200])])
        read = read_template(folder)
        EditableContent(read.content)  # takes it apart once; the copies for the drafts are made of the parts
        return Known(read, slots_of(read.content.value))

    async def fill(
        self,
        template: str | Path,
        values: str | bytes | Mapping[str, Any],
        name: str,
        *,
        request_id: str | None = None,
        dry_run: bool = False,
        media_mode: MediaMode = "copy",
        folder: Path | None = None,
        on_progress: OnProgress | None = None,
    ) -> BuiltDraft:
        """Make a draft from a template, which stays as it is.

        Args:
            template: As for `describe`.
            values: See `read_fill`.
            name: Of the new draft; it gets a number when there is one of that name.
            request_id: What the request is known by: when it comes again, a published draft is found.
            dry_run: Everything but writing; media are fetched and looked at.
            media_mode: Whether media are copied, or shared with template and cache where the system can.
            folder: What relative paths of files are relative to; files below it may be used.
            on_progress: Called on the event loop.

        Raises:
            DraftError: No draft was made; with every reason that was found. When cancelled nothing of it is
                left behind either.
        """
        checked_name(name)
        known = await asyncio.to_thread(self.read, template)
        await asyncio.to_thread(sweep, self._library.root, self._clock())
        prepared = await asyncio.to_thread(self.prepare, known, values, folder)
        folders = [folder] if folder is not None else []
        fetched = await self._builder.fetch(prepared.addresses, on_progress, folders=folders)
        draft_id = self._new_id()
        if request_id is not None:
            draft_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{request_id}/fill")).upper()
        stop = threading.Event()

        def work() -> BuiltDraft:
            record = {"template": known.template.folder.name, "values": _plain(values)}
            return self.write(
                prepared, fetched, name, draft_id, record,
                media_mode=media_mode, dry_run=dry_run, stop=stop, cover=True,
            )  # fmt: skip

        async def forget(done: BuiltDraft) -> None:
            if done.path:
                await asyncio.shield(asyncio.to_thread(remove_tree, Path(done.path)))

        return await in_thread(stop, forget, work)

    def prepare(
        self, known: Known, values: str | bytes | Mapping[str, Any], folder: Path | None = None
    ) -> Prepared:
        """Find the slots of values; raises DraftError with every one that has none.

        Args:
            known: The template.
            values: See `read_fill`.
            folder: What relative paths of files are relative to.
        """
        fill = read_fill(values)
        found = plan(known.slots, fill)
        if folder is not None:
            found.resolve(folder)
        own, collector = None, IssueCollector()
        if fill.tracks:
            from c2jy_bridge.drafts.template.tracks import read_tracks

            own = _Own(*read_tracks(fill.tracks, EditableContent(known.template.content), collector))
            collector.raise_if_failed()
        return Prepared(known, fill, found, own, collector.issues)

    def write(
        self,
        prepared: Prepared,
        fetched: Mapping[str, Material | MaterialFailure],
        name: str,
        draft_id: str,
        record: Mapping[str, Any],
        *,
        media_mode: MediaMode,
        dry_run: bool = False,
        stop: threading.Event | None = None,
        cover: bool = False,
    ) -> BuiltDraft:
        """Fill and write one draft; blocks.

        Args:
            prepared: The values.
            fetched: Their files.
            name: Of the draft, checked already.
            draft_id: One that is there with this id is found and not made again.
            record: What it was filled with.
            media_mode: Whether media are copied or shared.
            dry_run: Write nothing.
            stop: Set when the work is cancelled.
            cover: Draw a new cover when a picture was filled in.

        Raises:
            DraftError: It could not be made.
            Stopped: It was cancelled.
        """
        template, collector = prepared.known.template, IssueCollector()
        collector.extend(*prepared.issues)
        media: dict[str, Path] = {}
        adopted: dict[Path, str] = {}

        def path_of(file: Material) -> str:
            media[file_name(file)] = file.path
            return "/".join((PLACEHOLDER, MATERIALS, file_name(file)))

        def adopt(file: Path) -> str:
            if file not in adopted:
                taken = {*media, *(Path(n).name for n in template.files if Path(n).parent.name == MATERIALS)}
                number = 1
                while (free := f"{numbered(file.stem, number)}{file.suffix}") in taken:
                    number += 1
                media[free] = file
                adopted[file] = "/".join((PLACEHOLDER, MATERIALS, free))
            return adopted[file]

        node = template.content.copy()
        content, used = apply(node, prepared.plan, fetched, path_of, self._new_id, collector)
        if prepared.own is not None:
            from c2jy_bridge.drafts.template.tracks import add_tracks

            add_tracks(content, prepared.own.spec, prepared.own.media, fetched, path_of, collector)
            used += [found for found in fetched.values() if isinstance(found, Material)]
        for number, take in enumerate(prepared.fill.takes):
            from c2jy_bridge.drafts.template.tracks import take_track

            take_track(content, take, self._library.folder(take.draft), adopt, f"take[{number}]")
        if stop is not None and stop.is_set():
            raise Stopped
        path, left = "", tuple[Issue, ...]()
        if not dry_run:
            picture = next((file.path for file in used if file.kind == "image"), None) if cover else None
            filled = Filled(node, media, tuple(used), name, draft_id, self._clock(), record, picture)
            try:
                folder, left = write_filled(
                    template,
                    filled,
                    self._library.root,
                    media_mode=media_mode,
                    new_token=lambda: uuid.uuid4().hex,
                )
            except OSError as error:
                raise DraftError([disk_issue(error, "", self._library.root)]) from error
            path = str(folder)
        figures = figures_from(node.value)
        return BuiltDraft(
            draft_id,
            Path(path).name if path else name,
            path,
            figures.duration_us,
            figures.tracks,
            figures.clips,
            len(media),
            (*collector.issues, *_as_before(left, template.folder.name)),
        )


def _as_before(left: Sequence[Issue], template: str) -> list[Issue]:
    """What is wrong with the template too: it is no reason to refuse the draft."""
    if not left:
        return []
    return [
        issue("as_template", left[0].path, "warning", count=len(left), name=template, first=left[0].message)
    ]


def _plain(values: str | bytes | Mapping[str, Any]) -> Any:
    return values.decode("utf-8", "replace") if isinstance(values, bytes) else values
