"""Reads draft folders without trusting them: without pyJianYingDraft, without following links."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import DraftState, DraftView
from c2jy_bridge.drafts.errors import issue
from c2jy_bridge.drafts.library.quick_figures import number as number
from c2jy_bridge.drafts.library.quick_figures import quick_figures
from c2jy_bridge.drafts.library.quick_figures import real as real
from c2jy_bridge.drafts.library.tags import read_tags
from c2jy_bridge.drafts.write.meta import NO_FIGURES, Figures, read_figures, read_marker
from c2jy_bridge.drafts.write.paths import (
    CONTENTS,
    DOCUMENT,
    MATERIALS,
    META,
    TAGS,
    local_view,
    media_form,
)
from c2jy_bridge.drafts.write.staging import is_there, read_plain
from c2jy_bridge.drafts.write.verify import media_of

TIMELINES: Final = "Timelines"
PROJECT: Final = f"{TIMELINES}/project.json"
"""The list of a draft's timelines: JianYing 10 and CapCut 7.7 on (measured in CapCut 7.7 to 8.1)."""
_MOST_TIMELINES: Final = 50
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_STAMPED: Final = ("", MATERIALS, *CONTENTS, META, DOCUMENT, PROJECT, TAGS)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was read of a draft folder; small, so that thousands can be kept."""

    state: DraftState
    size_bytes: int
    modified_at: float
    ours: bool
    content_file: str = ""
    trouble: Issue | None = None
    figures: Figures = NO_FIGURES
    tags: tuple[str, ...] = ()


def stamp(folder: Path) -> tuple[int, ...]:
    """Changes when a file of the draft is added, removed or written."""
    found = []
    at = f"{folder}{os.sep}"
    for name in _STAMPED:
        try:
            status = os.lstat(at + name)
            found += [status.st_mtime_ns, status.st_size, status.st_ino]
        except OSError:
            found.append(0)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a folder holds."""

    files: dict[str, os.stat_result]
    """The regular files directly in it."""
    size: int
    """Bytes of everything below it; links are not followed."""


def read_snapshot(folder: Path, seen: Looked | None = None) -> Snapshot | None:
    """Look at a folder; None when it holds no draft at all.

    Args:
        folder: The folder.
        seen: What it holds, when that was looked at just now.
    """
    seen = seen or look(folder)
    read = _read(folder, seen)
    return replace(read, tags=read_tags(folder)) if read is not None and TAGS in seen.files else read


def _read(folder: Path, seen: Looked) -> Snapshot | None:
    files, size = seen.files, seen.size
    there = [name for name in CONTENTS if name in files]
    file = max(there, key=lambda name: files[name].st_mtime) if there else content_file(folder)
    if file is None and META not in files:
        return None
    ours = DOCUMENT in files and read_marker(folder) is not None
    if file is None:
        trouble = issue("no_content", CONTENTS[0], "error")
        return Snapshot("damaged", size, _mtime(folder), ours, trouble=trouble)
    meta = files[META].st_mtime if META in files else 0.0
    modified = max(files[file].st_mtime if file in files else _mtime(folder / file), meta)
    if ours and (found := read_figures(folder)) and _is_about(found, folder / file):
        return Snapshot("ok", size, modified, ours, file, figures=found)
    try:
        figures = quick_figures(read_plain(f"{folder}{os.sep}{file}"))
    except OSError:
        figures = None  # `load` says why
    if figures is None:
        content, state, fault = load(folder / file)
        if content is None:
            return Snapshot(state, size, modified, ours, file, fault)
        figures = figures_from(content)
    return Snapshot("ok" if ours else "foreign", size, modified, ours, file, figures=figures)


def look(folder: Path) -> Looked:
    """What a folder holds."""
    files: dict[str, os.stat_result] = {}
    size, top = 0, str(folder)
    pending = [top]
    while pending:
        at = pending.pop()
        try:
            with os.scandir(at) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                        continue
                    status = entry.stat(follow_symlinks=False)
                    size += status.st_size
                    if at is top and stat.S_ISREG(status.st_mode):
                        files[entry.name] = status
        except OSError:
            continue
    return Looked(files, size)


def figures_from(content: Mapping[str, Any], sha256: str = "") -> Figures:
    """The figures of any app's content.

    Args:
        content: The object in a main file.
        sha256: Of that file, when they are to be kept with it.
    """
    tracks = objects(content.get("tracks"))
    canvas = object_(content.get("canvas_config"))
    return Figures(
        content_sha256=sha256,
        duration_us=number(content.get("duration")),
        tracks=len(tracks),
        clips=sum(len(objects(track.get("segments"))) for track in tracks),
        width=number(canvas.get("width")),
        height=number(canvas.get("height")),
        media=tuple(dict.fromkeys(path for _, path in media_of(content))),
    )


def _is_about(figures: Figures, path: Path) -> bool:
    """Whether the main file is still the one that the figures were taken of."""
    try:
        return hashlib.sha256(read_plain(path)).hexdigest() == figures.content_sha256
    except OSError:
        return False


def content_file(folder: Path) -> str | None:
    """The main file of a draft: of two, the one that was written last; else that of its main timeline."""
    there = [name for name in CONTENTS if _is_plain(folder / name)]
    if not there:
        main, _ = project_timelines(folder)
        inner = (f"{TIMELINES}/{main}/{name}" for name in CONTENTS) if main else ()
        there = [name for name in inner if _is_plain(folder / name)]
    return max(there, key=lambda name: _mtime(folder / name), default=None)


def project_timelines(folder: Path) -> tuple[str, dict[str, str]]:
    """The id of a draft's main timeline, and the names of all by id; empty for drafts of earlier apps."""
    try:
        listed = object_(orjson.loads(read_plain(folder / PROJECT)))
    except (OSError, orjson.JSONDecodeError):
        return "", {}
    named = {
        str(timeline.get("id")): str(timeline.get("name") or "")
        for timeline in objects(listed.get("timelines"))[:_MOST_TIMELINES]
        if not timeline.get("is_marked_delete")
    }
    named = {known: name for known, name in named.items() if _ID.fullmatch(known)}
    main = str(listed.get("main_timeline_id") or "")
    return (main if _ID.fullmatch(main) else ""), named


def load(path: Path) -> tuple[dict[str, Any] | None, DraftState, Issue | None]:
    """The object in a main file, or what is the matter with it."""
    try:
        data = read_plain(path)
    except OSError as error:
        return None, "damaged", issue("unreadable", path.name, reason=os_reason(error))
    try:
        content = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        # JianYing 6 and later re-save drafts encrypted: base64 or binary, never an opening brace.
        if data.strip() and not data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{", b"[")):
            return None, "encrypted", issue("encrypted", path.name)
        return None, "damaged", issue("not_json_file", path.name)
    if not isinstance(content, dict) or not isinstance(content.get("tracks"), list):
        return None, "damaged", issue("not_a_draft", path.name)
    return content, "ok", None


def view(folder: Path, snapshot: Snapshot, name: str | None = None) -> DraftView:
    """The row of the drafts list; media are looked for now, they may go at any time.

    Args:
        folder: The draft.
        snapshot: What was read of it.
        name: What its folder was called before it went to the trash, which is how its paths are spelled.
    """
    figures = snapshot.figures
    missing = sum(not exists(path, folder, name) for path in figures.media)
    return DraftView(
        name=name or folder.name,
        path=str(folder),
        state="media_missing" if missing and snapshot.state in ("ok", "foreign") else snapshot.state,
        duration_us=figures.duration_us,
        size_bytes=snapshot.size_bytes,
        tracks=figures.tracks,
        clips=figures.clips,
        media=len(figures.media),
        media_missing=missing,
        width=figures.width,
        height=figures.height,
        modified_at=snapshot.modified_at,
        ours=snapshot.ours,
        media_paths=media_form(figures.media),
        tags=snapshot.tags,
    )


def exists(path: str, folder: Path, name: str | None = None) -> bool:
    """Whether a media file of a draft is on this machine."""
    here = local_view(path, folder, name)
    return here is not None and is_there(here)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _mtime(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def object_(value: object) -> Mapping[str, Any]:
    """A JSON object, an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects in a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
