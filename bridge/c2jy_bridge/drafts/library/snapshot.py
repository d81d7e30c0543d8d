"""Reads draft folders without trusting them: without pyJianYingDraft, without following links."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import ClipView, DraftDetail, DraftState, DraftView, TrackView
from c2jy_bridge.drafts.errors import issue
from c2jy_bridge.drafts.write.folder import media_of
from c2jy_bridge.drafts.write.meta import NO_FIGURES, Figures, read_figures, read_marker
from c2jy_bridge.drafts.write.paths import CONTENTS, DOCUMENT, MATERIALS, META, local_view, media_form
from c2jy_bridge.drafts.write.staging import is_there, read_plain

_LABEL: Final = 120
_LARGEST: Final = 2**53
"""Largest number that is believed; 285 years in microseconds."""
_TAGS: Final = re.compile(r"<[^<>]{0,500}>")


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


def stamp(folder: Path) -> tuple[int, ...]:
    """Changes when a file of the draft is added, removed or written."""
    found = []
    for name in ("", MATERIALS, *CONTENTS, META, DOCUMENT):
        try:
            status = os.lstat(folder / name)
            found += [status.st_mtime_ns, status.st_size, status.st_ino]
        except OSError:
            found.append(0)
    return tuple(found)


def read_snapshot(folder: Path) -> Snapshot | None:
    """Look at a folder; None when it holds no draft at all."""
    file = content_file(folder)
    if file is None and not _is_plain(folder / META):
        return None
    ours = read_marker(folder) is not None
    size = sum(_sizes(folder))
    if file is None:
        trouble = issue("no_content", CONTENTS[0], "error")
        return Snapshot("damaged", size, _mtime(folder), ours, trouble=trouble)
    modified = max(_mtime(folder / name) for name in (file, META))
    if ours and (found := read_figures(folder)) and _is_about(found, folder / file):
        return Snapshot("ok", size, modified, ours, file, figures=found)
    content, state, fault = load(folder / file)
    if content is None:
        return Snapshot(state, size, modified, ours, file, fault)
    tracks = _objects(content.get("tracks"))
    canvas = _object(content.get("canvas_config"))
    figures = Figures(
        content_sha256="",
        duration_us=_number(content.get("duration")),
        tracks=len(tracks),
        clips=sum(len(_objects(track.get("segments"))) for track in tracks),
        width=_number(canvas.get("width")),
        height=_number(canvas.get("height")),
        media=tuple(dict.fromkeys(path for _, path in media_of(content))),
    )
    return Snapshot("ok" if ours else "foreign", size, modified, ours, file, figures=figures)


def _is_about(figures: Figures, path: Path) -> bool:
    """Whether the main file is still the one that the figures were taken of."""
    try:
        return hashlib.sha256(read_plain(path)).hexdigest() == figures.content_sha256
    except OSError:
        return False


def content_file(folder: Path) -> str | None:
    """The main file of a draft: of two, the one that was written last."""
    there = [name for name in CONTENTS if _is_plain(folder / name)]
    return max(there, key=lambda name: _mtime(folder / name), default=None)


def load(path: Path) -> tuple[dict[str, Any] | None, DraftState, Issue | None]:
    """The object in a main file, or what is the matter with it."""
    try:
        data = read_plain(path)
    except OSError as error:
        return None, "damaged", issue("unreadable", path.name, reason=error.strerror or str(error))
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
    missing = sum(not _exists(path, folder, name) for path in figures.media)
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
    )


def detail(
    folder: Path, snapshot: Snapshot, content: Mapping[str, Any] | None, issues: tuple[Issue, ...]
) -> DraftDetail:
    """A draft with its tracks, bottom first."""
    seen = view(folder, snapshot)
    if content is None:
        return DraftDetail(seen, issues=issues)
    materials = {
        str(material.get("id")): (kind, material)
        for kind, group in _object(content.get("materials")).items()
        for material in _objects(group)
    }
    tracks = tuple(
        TrackView(
            str(track.get("type", "")),
            str(track.get("name", "")),
            tuple(
                _clip(segment, str(track.get("type", "")), materials, folder)
                for segment in _objects(track.get("segments"))
            ),
        )
        for track in _objects(content.get("tracks"))
    )
    fps = content.get("fps")
    return DraftDetail(seen, float(fps) if isinstance(fps, (int, float)) else 0.0, tracks, issues)


def _clip(
    segment: Mapping[str, Any],
    track: str,
    materials: Mapping[str, tuple[str, Mapping[str, Any]]],
    folder: Path,
) -> ClipView:
    kind, material = materials.get(str(segment.get("material_id")), ("", {}))
    when = _object(segment.get("target_timerange"))
    path = str(material.get("path") or "") if kind in ("videos", "audios") else ""
    if kind == "texts":
        label = _words(str(material.get("content") or ""))
    else:
        label = str(
            material.get("material_name") or material.get("name") or material.get("resource_id") or ""
        )
    return ClipView(
        kind="image" if material.get("type") == "photo" else track,
        start_us=_number(when.get("start")),
        duration_us=_number(when.get("duration")),
        label=label[:_LABEL],
        media=path,
        media_ok=not path or _exists(path, folder),
    )


def _words(content: str) -> str:
    """The words of a text material: new drafts hold JSON, old ones marked-up text."""
    try:
        held = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _TAGS.sub("", content).strip("[]")
    return str(held.get("text", "")) if isinstance(held, dict) else content


def _exists(path: str, folder: Path, name: str | None = None) -> bool:
    here = local_view(path, folder, name)
    return here is not None and is_there(here)


def _sizes(folder: Path) -> Iterator[int]:
    pending = [str(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        yield entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _mtime(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _number(value: object) -> int:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= _LARGEST:
        return 0
    return int(value)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
