"""Writes a draft as a timeline file for other editing programs, and reads such a file as documents."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.draft_views import ExportedTimeline, TimelineFormat
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.whole_files import read_whole
from c2jy_bridge.drafts.errors import DraftError, disk_issue, issue, say
from c2jy_bridge.drafts.interchange.formats import (
    FORMATS,
    fitting,
    format_of,
    library,
    read_text,
    write_text,
)
from c2jy_bridge.drafts.interchange.losses import Losses
from c2jy_bridge.drafts.library.library import Library
from c2jy_bridge.drafts.library.snapshot import content_file, load, project_timelines
from c2jy_bridge.drafts.materials.material import Refused
from c2jy_bridge.drafts.materials.probe import av_facts
from c2jy_bridge.drafts.write.paths import local_view, numbered, placeholder_parts
from c2jy_bridge.drafts.write.staging import is_there


@dataclass(frozen=True, slots=True)
class ReadTimeline:
    """One timeline of a file as our document."""

    document: Mapping[str, Any]
    folder: Path
    """Of the file; its media may be there."""
    issues: tuple[Issue, ...]
    """What the document cannot say."""


def export_draft(
    drafts: Library, name: str, to: TimelineFormat, out: Path | None, exports_dir: Path
) -> ExportedTimeline:
    """Write a draft as a timeline file. Reads media files: to be called in a thread.

    Args:
        drafts: The library.
        name: The draft; any that can be read.
        to: The format.
        out: The file, which must not be there yet; None: in `exports_dir`, under a free name.
        exports_dir: The folder for exports.

    Raises:
        DraftError: There is no such draft, it cannot be read or written, or the extra is not installed.
    """
    form = FORMATS[to]
    otio = library(form)
    from c2jy_bridge.drafts.interchange.from_draft import timeline_of

    folder = drafts.folder(name)
    file = content_file(folder)
    content, _, fault = load(folder / file) if file else (None, "damaged", issue("not_a_draft", name))
    if content is None:
        raise DraftError([fault or issue("not_a_draft", name)])
    losses = Losses()
    main, timelines = project_timelines(folder)
    for known, title in timelines.items():
        if known not in (main, content.get("id")):
            losses.note("other_timeline", "Timelines", 0, name=title)
    whole = timeline_of(otio, content, folder.name, _finder(folder), losses)
    timeline = fitting(otio, whole, form, losses)
    clips = sum(1 for _ in timeline.find_clips())
    if not clips:
        raise DraftError([*losses.issues(form.title), issue("exchange_empty", name, form=form.title)])
    text = write_text(otio, timeline, form)
    place = _write(text, folder, out, exports_dir, f".{form.name}")
    return ExportedTimeline(str(place), len(timeline.tracks), clips, tuple(losses.issues(form.title)))


def _finder(folder: Path) -> Any:
    """Finds a material's file and whether it sounds; the files of the draft are looked at once each."""
    from c2jy_bridge.drafts.interchange.from_draft import MediaFile

    @cache
    def look(path: str, told: bool | None) -> MediaFile:
        here = local_view(path, folder) if path else None
        # Only we know the apps' word for the draft's own folder; other programs get where that is.
        own = here is not None and placeholder_parts(path) is not None
        address = Path(os.path.abspath(here)).as_uri() if here is not None else path
        if here is None or not is_there(here):
            return MediaFile(address if own else path, False, told is not False)
        if told is None:  # pyJianYingDraft does not write it
            try:
                told = av_facts(here, here.suffix.lstrip(".").lower()).has_audio
            except Refused:
                told = False
        return MediaFile(address, True, told)

    def find(material: Mapping[str, Any]) -> MediaFile:
        told = material.get("has_audio")
        is_video = material.get("type") == "video"
        return look(
            str(material.get("path") or ""), told if isinstance(told, bool) else None if is_video else False
        )

    return find


def _write(text: str, folder: Path, out: Path | None, exports_dir: Path, suffix: str) -> Path:
    place = Path(os.path.abspath(out)) if out else _free(exports_dir, folder.name, suffix)
    if place.suffix.lower() != suffix:
        raise DraftError([issue("preview_suffix", "", file=place, suffix=suffix)])
    if not place.parent.is_dir():
        raise DraftError([issue("preview_no_folder", "", folder=place.parent)])
    try:
        with open(place, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise DraftError([issue("exchange_there", "", file=place)]) from None
    except OSError as error:
        place.unlink(missing_ok=True)
        raise DraftError([disk_issue(error, "", place, what="timeline")]) from error
    return place


def _free(folder: Path, draft: str, suffix: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000):
        path = folder / f"{numbered(draft, number)}{suffix}"
        if not os.path.lexists(path):
            return path
    raise DraftError([issue("name_taken", "name", name=draft)])


def read_timelines(path: Path) -> list[ReadTimeline]:
    """The timelines of a file as documents. To be called in a thread.

    Raises:
        DraftError: It cannot be read, holds no timeline, or the extra is not installed.
    """
    form = format_of(path)
    if form is None:
        known = ", ".join(f".{one}" for one in FORMATS)
        raise DraftError([issue("exchange_suffix", "", file=path, known=known)])
    otio = library(form)
    from c2jy_bridge.drafts.interchange.to_document import document_of, timelines_in

    path = Path(os.path.abspath(path))
    try:
        data = read_whole(path)
    except OSError as error:
        reason = os_reason(error)
        raise DraftError(
            [issue("exchange_unreadable", "", file=path, form=form.title, reason=reason)]
        ) from error
    read, losses = [], Losses()
    for timeline in timelines_in(otio, read_text(otio, data, form, path, losses)):
        document = document_of(otio, timeline, path.parent, losses)
        document["name"] = document["name"] or path.stem
        read.append(ReadTimeline(document, path.parent, tuple(losses.issues(say("exchange.draft")))))
        losses = Losses()
    if not any(one.document["tracks"] for one in read):
        raise DraftError(
            [*(found for one in read for found in one.issues), issue("exchange_nothing", "", file=path)]
        )
    return [one for one in read if one.document["tracks"]]
