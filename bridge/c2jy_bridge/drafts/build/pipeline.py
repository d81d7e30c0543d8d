"""The part of a build that runs in a thread: from specs and fetched media to draft folders."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

from c2jy_bridge.core.draft_views import BuildReport, BuiltDraft, Packed
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.gc_control import gc_paused
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.core.target_apps import APPS, DraftProfile, MediaPaths
from c2jy_bridge.drafts.captions.tracks import subtitle_tracks
from c2jy_bridge.drafts.compile.draft import compile_draft
from c2jy_bridge.drafts.compile.plan import PlacedFile
from c2jy_bridge.drafts.errors import DraftError, IssueCollector, disk_issue, issue, say
from c2jy_bridge.drafts.materials import Material, MaterialFailure
from c2jy_bridge.drafts.spec.document import AudioClip, DraftSpec, PictureClip, Source
from c2jy_bridge.drafts.spec.input import ReadDraft
from c2jy_bridge.drafts.write.app_rules import NAMED_BY_ID, check_for
from c2jy_bridge.drafts.write.background import Stopped
from c2jy_bridge.drafts.write.folder import DraftToWrite, OnConflict, WriteOptions, file_name, write_draft
from c2jy_bridge.drafts.write.paths import TargetRoot, checked_name, is_bare_uuid, numbered
from c2jy_bridge.drafts.write.registration import Donor, find_donor, register_draft
from c2jy_bridge.drafts.write.staging import remove_tree

_NAME_ONLY: Final = frozenset("/\\.:")


@dataclass(frozen=True, slots=True)
class ClipMedia:
    """A clip's media: its place in the document and what to fetch for it."""

    path: str
    """JSON path of the clip."""
    source: Source
    sound: bool
    """It is the media of an audio clip, so it needs no picture."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft of a document with the media of its clips."""

    read: ReadDraft
    media: Sequence[ClipMedia]
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Options of one build."""

    root: Path
    name: str | None
    target_root: str | None
    """Asks for absolute paths in it, unless the document says otherwise."""
    media_paths: MediaPaths
    """Where neither the document nor a target root nor the profile says."""
    profile: DraftProfile
    on_conflict: OnConflict
    dry_run: bool
    request_id: str | None = None
    """What the request is known by: when it comes again, a published draft is not made twice."""
    never_replace: bool = False
    """Existing drafts stay, whatever the document's `on_conflict` is."""
    archive: Path | None = None
    """One zip for all drafts of the document."""
    register: Literal["no", "existing", "create"] = "no"
    """Enter the drafts into the app's list, and whether to make the list when there is none."""


Pack = Callable[[Sequence[Path], Path | None], Packed]
"""Packs draft folders into a zip; None: into the exports folder under a free name."""


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a build needs from outside."""

    clock: Callable[[], float]
    new_id: Callable[[], str]
    stop: threading.Event
    moved: Callable[[int], None]
    """Called with bytes of media as they are copied into a draft, from several threads."""
    read_file: Callable[[str], bytes]
    """A small file in one of the declared folders; raises the materials' `Refused`."""
    texts: Mapping[str, bytes | MaterialFailure]
    """Subtitles behind links."""
    pack: Pack
    placeholder: Callable[[int, int, str], Material] | None = None
    """Makes a placeholder from the canvas's width, height and an address; None: missing media are errors."""

    def pause(self) -> None:
        """Raise when the build was cancelled."""
        if self.stop.is_set():
            raise Stopped


def build_all(
    drafts: Sequence[Draft],
    fetched: Mapping[str, Material | MaterialFailure],
    options: BuildOptions,
    context: BuildContext,
) -> BuildReport:
    """Build every draft that can be built; why the others could not is in the report's issues.

    Raises:
        DraftError: None could be built; with every reason.
        Stopped: It was cancelled; drafts of it that were published are gone again.
    """
    built: list[BuiltDraft] = []
    issues: list[Issue] = []
    try:
        for number, draft in enumerate(drafts):
            try:
                with gc_paused():
                    draft = replace(draft, read=draft.read.decide_unit(durations(fetched)))
            except DraftError as error:
                issues += error.issues
                continue
            try:
                with gc_paused():
                    made = _build(draft, fetched, options, context, number, len(drafts))
                built.append(replace(made, issues=draft.read.with_original_paths(made.issues)))
            except DraftError as error:
                issues += draft.read.with_original_paths(error.issues)
        if options.archive and (folders := [Path(draft.path) for draft in built if draft.path]):
            archive, found = zip_drafts(folders, options.archive, context.pack, "")
            built = [replace(draft, archive=archive) for draft in built]
            issues += found
        context.pause()
    except BaseException:
        for done in built:
            if done.path:
                remove_tree(Path(done.path))
            if done.archive:
                Path(done.archive).unlink(missing_ok=True)
        raise
    if not built:
        raise DraftError(issues)
    return BuildReport(tuple(built), tuple(issues))


def _build(
    draft: Draft,
    fetched: Mapping[str, Material | MaterialFailure],
    options: BuildOptions,
    context: BuildContext,
    number: int,
    count: int,
) -> BuiltDraft:
    spec, path = draft.read.spec, draft.read.path
    collector = IssueCollector()
    collector.extend(*draft.read.issues, *draft.issues)
    name = _name(draft, options, number, count, collector)
    placed: dict[str, PlacedFile] = {}
    files: dict[str, Material] = {}
    placeholder = context.placeholder and partial(context.placeholder, spec.width, spec.height)
    for item, material in usable_media(draft.media, fetched, collector, placeholder):
        shown = item.source.name or material.name
        missing = isinstance(fetched[item.source.address], MaterialFailure)
        placed[item.path] = PlacedFile(material, file_name(material), shown, missing)
        files[item.source.address] = material
    profile = (spec.target and spec.target.profile) or options.profile
    target, mode = _target(draft, options, profile, collector)
    prefix = f"{path}." if path else ""
    subtitles = list(subtitle_tracks(spec, prefix, context.read_file, context.texts, collector))
    now = context.clock()
    compiled = compile_draft(spec, placed, collector, more=subtitles, path=path, at=now, pause=context.pause)
    versioned = "-" in profile  # what is known of such an app is said once the draft is there
    if not APPS[profile].tried and not versioned:
        collector.add("profile_untried", f"{prefix}target.profile", "info", profile=profile)
    by_id = any(compiled.content["materials"][kind] for kind in NAMED_BY_ID)
    if APPS[profile].app == "capcut" and by_id and not versioned:
        collector.add("names_of_jianying", f"{prefix}target.profile", "warning")
    collector.raise_if_failed()
    if options.request_id is None:
        draft_id = context.new_id()
    else:  # the same when the request comes again
        draft_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{options.request_id}/{number}")).upper()
    folder = archive = ""
    if not options.dry_run:
        on_conflict = (spec.target and spec.target.on_conflict) or options.on_conflict
        donor = find_donor(options.root, profile) if _registers(spec, options) else None
        write_options = WriteOptions(
            root=options.root,
            target=target,
            profile=profile,
            on_conflict="suffix" if options.never_replace else on_conflict,
            media_mode=mode,
            new_token=context.new_id,
            moved=context.moved,
            donor=donor.platform if donor else None,
        )
        to_write = DraftToWrite(spec, draft.read.document, compiled.content, files, name, draft_id, now)
        try:
            folder = str(write_draft(to_write, write_options))
        except OSError as error:
            raise DraftError([*collector.issues, disk_issue(error, "", options.root)]) from error
        except DraftError as error:
            raise DraftError([*collector.issues, *error.issues]) from None
        archive = _deliver(Path(folder), spec, profile, donor, options, context, collector, prefix)
        if versioned:
            collector.extend(*check_for(Path(folder), compiled.content, profile, most="warning"))
    compiled.release_in_steps()
    return BuiltDraft(
        draft_id=draft_id,
        name=Path(folder).name if folder else name,
        path=folder,
        duration_us=compiled.duration_us,
        tracks=compiled.tracks,
        clips=compiled.clips,
        media=len({file.sha256 for file in files.values()}),
        issues=collector.issues,
        archive=archive,
    )


def _registers(spec: DraftSpec, options: BuildOptions) -> bool:
    return bool(spec.target and spec.target.register_) or options.register != "no"


def _deliver(
    folder: Path,
    spec: DraftSpec,
    profile: DraftProfile,
    donor: Donor | None,
    options: BuildOptions,
    context: BuildContext,
    collector: IssueCollector,
    prefix: str,
) -> str:
    """What the document's target or the options ask for after publishing; returns the zip, if any."""
    requested, archive = spec.target, ""
    if _registers(spec, options):
        where = f"{prefix}target.register" if requested and requested.register_ else ""
        create = options.register == "create"
        collector.extend(*register_draft(folder, profile, where, create=create, donor=donor))
    if requested and requested.zip and options.archive is None:
        try:
            archive, found = zip_drafts([folder], None, context.pack, f"{prefix}target.zip")
        except BaseException:
            remove_tree(folder)  # cancelled; the draft is not in the report yet
            raise
        collector.extend(*found)
    return archive


def zip_drafts(
    folders: Sequence[Path], out: Path | None, pack: Pack, where: str
) -> tuple[str, tuple[Issue, ...]]:
    """Pack; returns the zip, empty when it was not written, and what there is to say.

    Args:
        where: JSON path of the option; empty when it came from outside the document.
    """
    try:
        made = pack(folders, out)
    except DraftError as error:
        return "", (issue("not_packed", where, "error", name=folders[0].name), *error.issues)
    return made.path, made.issues


def durations(fetched: Mapping[str, Material | MaterialFailure]) -> dict[str, int]:
    """How long sounds and videos are by address, microseconds."""
    return {
        address: got.duration_us
        for address, got in fetched.items()
        if isinstance(got, Material) and got.kind != "image"
    }


def _name(draft: Draft, options: BuildOptions, number: int, count: int, collector: IssueCollector) -> str:
    prefix = f"{draft.read.path}." if draft.read.path else ""
    requested = (options.name if options.name is not None else draft.read.spec.name).strip()
    if not requested:
        requested = say("draft.untitled")
        collector.add("untitled", f"{prefix}name", "info", name=requested)
    if options.name is not None and count > 1:
        requested = numbered(requested, number + 1)
    try:
        name = checked_name(requested, "name" if options.name is not None else f"{prefix}name")
    except DraftError as error:
        collector.extend(*error.issues)
        return requested
    if is_bare_uuid(name):
        name = say("draft.named_by_id", id=name)
        collector.add("name_uuid", f"{prefix}name", "info", name=name)
    return name


def _target(
    draft: Draft, options: BuildOptions, profile: DraftProfile, collector: IssueCollector
) -> tuple[TargetRoot, Literal["copy", "hardlink", "reference"]]:
    """Where the draft will be opened, how its media are named there, and how they get into it."""
    requested = draft.read.spec.target
    given = options.target_root or (requested.root if requested else None)
    mode = requested.media_mode if requested else "copy"
    prefix = f"{draft.read.path}." if draft.read.path else ""
    if mode == "reference" and given:
        collector.add("reference_elsewhere", f"{prefix}target.media_mode", "error")
    form: MediaPaths = (
        (requested and requested.media_paths)
        or ("absolute" if given else None)
        or APPS[profile].media_paths
        or options.media_paths
    )
    try:
        target = TargetRoot.of(given, options.root)
    except DraftError as error:
        collector.extend(*error.issues)
        target = TargetRoot(options.root)
    return replace(target, portable=form == "portable" and mode != "reference"), mode


def clip_media(spec: DraftSpec, path: str, collector: IssueCollector) -> list[ClipMedia]:
    """Every clip's media, with names from the document's `media` looked up; a name not there is an error."""
    prefix = f"{path}." if path else ""
    found = []
    for track_number, track in enumerate(spec.tracks):
        for number, clip in enumerate(track.clips):
            if not isinstance(clip, (PictureClip, AudioClip)):
                continue
            where = f"{prefix}tracks[{track_number}].clips[{number}]"
            source = spec.media.get(clip.media.address, clip.media)
            if not source.address:
                collector.add("no_address", f"{where}.media", "error")
            elif source is clip.media and spec.media and not _NAME_ONLY & set(source.address):
                near = nearest(source.address, spec.media) or next(iter(spec.media))
                collector.add("unknown_media", f"{where}.media", "error", name=source.address, near=near)
            else:
                found.append(ClipMedia(where, source, isinstance(clip, AudioClip)))
    used = {item.source.address for item in found}
    for name, source in spec.media.items():
        if source.address not in used and not collector.failed:
            collector.add("unused_media", f"{prefix}media.{name}", "info", name=name)
    return found


def usable_media(
    media: Sequence[ClipMedia],
    fetched: Mapping[str, Material | MaterialFailure],
    collector: IssueCollector,
    placeholder: Callable[[str], Material] | None = None,
) -> Iterator[tuple[ClipMedia, Material]]:
    """The media that came and fit their clips; everything else is an error.

    Args:
        placeholder: Makes a placeholder for a picture that could not be had. A sound is then left out.
    """
    reported: set[str] = set()
    for item in media:
        got = fetched[item.source.address]
        where = f"{item.path}.media"
        if isinstance(got, MaterialFailure) and placeholder:
            code = "sound_left_out" if item.sound else "placeholder"
            collector.add(code, where, "warning", reason=got.message, todo=got.fix)
            if not item.sound:
                yield item, placeholder(item.source.address)
            continue
        if isinstance(got, MaterialFailure):
            collector.extend(Issue(got.code, where, "error", got.message, got.fix))
            continue
        if got.source not in reported:
            reported.add(got.source)
            collector.extend(*got.issues)
        expected = item.source.sha256
        if expected and expected.lower() != got.sha256:
            collector.add("other_checksum", where, "error", expected=expected[:16], got=got.sha256[:16])
        elif item.source.kind and item.source.kind != got.kind and not (item.sound and got.has_audio):
            collector.add("other_kind", where, "error", expected=item.source.kind, got=got.kind)
        elif item.sound and got.kind == "video" and got.has_audio:
            collector.add("sound_of_video", where, "info")
            yield item, got
        elif item.sound != (got.kind == "audio"):
            collector.add("no_sound" if item.sound else "no_picture", where, "error", kind=got.kind)
        else:
            yield item, got
