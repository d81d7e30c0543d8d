"""The JSON beside a draft's content: c2jy.json (our manifest), draft_meta_info.json, root_meta_info.json."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

import orjson

from c2jy_bridge.core.draft_views import Packed
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.settings import DraftProfile
from c2jy_bridge.drafts.errors import DraftError, disk_issue, issue
from c2jy_bridge.drafts.write.paths import DOCUMENT, META, pure
from c2jy_bridge.drafts.write.staging import owned, read_head, read_plain, sync_folder, write_file

CONTENT_FILES: Final[Mapping[DraftProfile, tuple[str, ...]]] = {
    "jianying_win": ("draft_content.json",),
    "jianying_mac": ("draft_info.json",),
    "capcut_win": ("draft_content.json",),
    "capcut_mac": ("draft_info.json",),
    "both": ("draft_content.json", "draft_info.json"),
}
"""The main file by app (facts of 2026-11 on capcut-mate and pyJianYingDraft PR 198)."""
_HEAD_BYTES: Final = 4096
_LONG_HEAD_BYTES: Final = 1024 * 1024
_LARGEST: Final = 2**53
_BEGINS: Final = '{"marker":'
_GOES_ON: Final = ',"figures":'


@dataclass(frozen=True, slots=True)
class Marker:
    """Who made a draft folder."""

    draft_id: str
    spec_id: str | None
    """The document's own id, by which a later one may replace it."""
    schema: str
    created_at: float
    """Unix seconds."""
    version: str
    """Of this program."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A draft's summary, kept in c2jy.json so that a list does not read megabytes of JSON for a row."""

    content_sha256: str
    """Of the main file that they describe; empty when they were read from it just now."""
    duration_us: int
    tracks: int
    clips: int
    width: int
    height: int
    media: tuple[str, ...]
    """Paths as the content has them, each once."""


NO_FIGURES: Final = Figures("", 0, 0, 0, 0, 0, ())


def figures_of(content: Mapping[str, Any], sha256: str) -> Figures:
    """The figures of a content that we wrote."""
    materials, canvas = content["materials"], content["canvas_config"]
    paths = (material["path"] for kind in ("videos", "audios") for material in materials[kind])
    return Figures(
        content_sha256=sha256,
        duration_us=content["duration"],
        tracks=len(content["tracks"]),
        clips=sum(len(track["segments"]) for track in content["tracks"]),
        width=canvas["width"],
        height=canvas["height"],
        media=tuple(dict.fromkeys(paths)),
    )


def manifest_head(marker: Marker, figures: Figures) -> bytes:
    """How c2jy.json begins: the mark and the figures, where they are found without reading the rest."""
    mark = {
        "draft_id": marker.draft_id,
        "id": marker.spec_id,
        "schema": marker.schema,
        "created_at": marker.created_at,
        "version": marker.version,
    }
    return b"".join((_BEGINS.encode(), orjson.dumps(mark), _GOES_ON.encode(), orjson.dumps(figures)))


def read_figures(folder: Path) -> Figures | None:
    """The figures in a draft folder; None when there are none that we wrote."""
    try:
        text = read_head(folder / DOCUMENT, _LONG_HEAD_BYTES).decode("utf-8", "replace")
        if not text.startswith(_BEGINS):
            return None
        decoder = json.JSONDecoder()
        _, end = decoder.raw_decode(text, len(_BEGINS))
        if not text.startswith(_GOES_ON, end):
            return None
        found, _ = decoder.raw_decode(text, end + len(_GOES_ON))
        figures = Figures(**{**found, "media": tuple(found["media"])})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    numbers = (figures.duration_us, figures.tracks, figures.clips, figures.width, figures.height)
    if not all(type(number) is int and 0 <= number < _LARGEST for number in numbers):
        return None
    return figures if all(isinstance(path, str) for path in figures.media) else None


def read_marker(folder: Path) -> Marker | None:
    """The mark in a draft folder; None when it is not ours."""
    try:
        marker = _head(folder / DOCUMENT) or orjson.loads(read_plain(folder / DOCUMENT))["marker"]
        return Marker(
            str(marker["draft_id"]),
            marker.get("id"),
            str(marker["schema"]),
            float(marker["created_at"]),
            str(marker["version"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _head(path: Path) -> Any:
    """The mark where we write it, at the beginning; the document behind it may be tens of megabytes."""
    text = read_head(path, _HEAD_BYTES).decode("utf-8", "replace")
    if not text.startswith(_BEGINS):
        return None
    try:
        return json.JSONDecoder().raw_decode(text, len(_BEGINS))[0]
    except (ValueError, RecursionError):
        return None


_JIANYING: Final = {"app_id": 3704, "app_source": "lv"}
_CAPCUT: Final = {"app_id": 359289, "app_source": "cc"}
_PLATFORM: Final[Mapping[DraftProfile, Mapping[str, Any]]] = {
    "jianying_win": {**_JIANYING, "os": "windows"},
    "jianying_mac": {**_JIANYING, "os": "mac"},
    "capcut_win": {**_CAPCUT, "os": "windows"},
    "capcut_mac": {**_CAPCUT, "os": "mac"},
    "both": {**_JIANYING, "os": "windows"},
}
TRIED: Final[frozenset[DraftProfile]] = frozenset({"jianying_win", "both"})
"""Profiles whose drafts pyJianYingDraft's users open: JianYing 5.9 and 10.8 for Windows (its README)."""


def set_platform(content: dict[str, Any], profile: DraftProfile) -> None:
    """Write the profile's app and system into a draft's content."""
    for field in ("platform", "last_modified_platform"):
        content[field] = {**content.get(field, {}), **_PLATFORM[profile]}


COVER: Final = "draft_cover.jpg"
_PHOTO_SHOWN_US: Final = 5_000_000
"""The length that JianYing registers a photo with."""


def meta_info(
    content: Mapping[str, Any], *, draft_id: str, folder: PurePath, at: float, size_bytes: int, cover: bool
) -> dict[str, Any]:
    """The meta file's object.

    Args:
        content: The draft's content; its videos and sounds are registered.
        folder: The draft's folder as the machine that opens it spells it.
        at: Unix seconds, for all times in it.
        size_bytes: Of all media together.
        cover: Whether there is a cover image.
    """
    from pyJianYingDraft.assets import get_asset_path  # only now: listing drafts needs no library

    meta: dict[str, Any] = orjson.loads(get_asset_path("DRAFT_META_TEMPLATE").read_bytes())
    micros = round(at * 1_000_000)
    meta.update(
        {
            "draft_id": draft_id,
            "draft_name": folder.name,
            "draft_fold_path": folder.as_posix(),
            "draft_root_path": folder.parent.as_posix(),
            "draft_cover": COVER if cover else "",
            "draft_removable_storage_device": folder.drive,
            "draft_timeline_materials_size_": size_bytes,
            "tm_draft_create": micros,
            "tm_draft_modified": micros,
            "tm_duration": content["duration"],
        }
    )
    entries = [
        _entry(material, at) for kind in ("videos", "audios") for material in content["materials"][kind]
    ]
    for group in meta["draft_materials"]:
        if group["type"] == 0:
            # A file that is cropped twice is two materials but one file.
            group["value"] = list({entry["file_Path"]: entry for entry in reversed(entries)}.values())[::-1]
    return meta


def _entry(material: Mapping[str, Any], at: float) -> dict[str, Any]:
    kind = {"video": "video", "photo": "photo"}.get(material["type"], "music")
    length = _PHOTO_SHOWN_US if kind == "photo" else material["duration"]
    path = str(material["path"]).replace("\\", "/")
    return {
        "create_time": int(at),
        "duration": length,
        "extra_info": material.get("material_name") or material.get("name") or "",
        "file_Path": path,
        "height": material.get("height", 0),
        "id": material["local_material_id"],
        "import_time": int(at),
        "import_time_ms": round(at * 1_000_000),
        "item_source": 1,
        "md5": "",
        "metetype": kind,
        "roughcut_time_range": {"duration": -1, "start": -1}
        if kind == "photo"
        else {"duration": length, "start": 0},
        "sub_time_range": {"duration": -1, "start": -1},
        "type": 0,
        "width": material.get("width", 0),
    }


LIST: Final = "root_meta_info.json"
BACKUP: Final = "root_meta_info.c2jy-backup.json"
"""The list as it was before our last entry."""
_PLAIN: Final[Mapping[str, Any]] = {
    "draft_cover": "",
    "draft_fold_path": "",
    "draft_id": "",
    "draft_is_invisible": False,
    "draft_json_file": "",
    "draft_name": "",
    "draft_new_version": "",
    "draft_root_path": "",
    "draft_timeline_materials_size": 0,
    "draft_type": "",
    "streaming_edit_draft_ready": True,
    "tm_draft_create": 0,
    "tm_draft_modified": 0,
    "tm_draft_removed": 0,
    "tm_duration": 0,
}
"""The shape of an entry when the list has none to take after: what every version known writes."""


def register(root: Path, folder: Path, meta: Mapping[str, Any], main_file: str, *, create: bool) -> None:
    """Enter a draft into the list, in place of an earlier entry for the same folder or id.

    Args:
        root: The folder of the list, on this machine.
        folder: The draft's folder on this machine.
        meta: Its draft_meta_info.json; paths and times are taken from there.
        main_file: draft_content.json or draft_info.json.
        create: Make the list when there is none.

    Raises:
        DraftError: There is no list, or it cannot be understood; it was left as it is.
        OSError: The disk refused; the list is as it was.
    """
    path = root / LIST
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise DraftError([issue("list_unreadable", LIST, file=path)])
    try:
        before: bytes | None = path.read_bytes()
    except FileNotFoundError:
        if not create:
            raise DraftError([issue("list_missing", LIST, folder=root)]) from None
        before = None
    if before is not None:
        listed = _parsed(before, path)
    else:
        listed = {"all_draft_store": [], "draft_ids": 0}
        listed["root_path"] = meta.get("draft_root_path", "")
    earlier: list[Any] = listed["all_draft_store"]
    entry = _list_entry([e for e in earlier if isinstance(e, dict)], meta, main_file)
    kept = [e for e in earlier if not _is_same(e, entry)]
    count = listed.get("draft_ids")
    listed["all_draft_store"] = [entry, *kept]
    if isinstance(count, int) and not isinstance(count, bool):
        # A count in some versions, the highest number ever given in others: it grows with the list in both.
        listed["draft_ids"] = count + (len(kept) + 1 - len(earlier))
    token = owned(uuid.uuid4().hex)
    fresh, backup = (root / f".{name}.{token}.c2jy-new" for name in (LIST, BACKUP))
    try:
        write_file(fresh, orjson.dumps(listed))
        if before is not None:
            write_file(backup, before)
            os.replace(backup, root / BACKUP)
            if path.read_bytes() != before:
                raise DraftError([issue("list_changed", LIST, file=path)])
        os.replace(fresh, path)
    finally:
        for path in (fresh, backup):
            path.unlink(missing_ok=True)
    sync_folder(root)


def _parsed(data: bytes, path: Path) -> dict[str, Any]:
    try:
        listed = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        listed = None
    if not isinstance(listed, dict) or not isinstance(listed.get("all_draft_store"), list):
        raise DraftError([issue("list_unreadable", LIST, file=path)])
    return listed


def _list_entry(
    others: Sequence[Mapping[str, Any]], meta: Mapping[str, Any], main_file: str
) -> dict[str, Any]:
    """An entry in the shape of those that are there, with nothing of another draft in it."""
    shape: Mapping[str, Any] = others[0] if others else _PLAIN
    entry = {key: _blank(key, value, others) for key, value in shape.items()}
    folder = pure(str(meta["draft_fold_path"]))
    backslashes = any("\\" in str(other.get("draft_fold_path", "")) for other in others)
    cover = str(meta.get("draft_cover") or "")
    size = meta.get("draft_timeline_materials_size_", 0)
    known = {
        "draft_id": meta["draft_id"],
        "draft_name": meta["draft_name"],
        "draft_fold_path": _spelled(folder, backslashes),
        "draft_root_path": _spelled(folder.parent, backslashes),
        "draft_json_file": _spelled(folder / main_file, backslashes),
        "draft_cover": _spelled(folder / cover, backslashes) if cover else "",
        "draft_timeline_materials_size": size,
        "tm_draft_create": meta["tm_draft_create"],
        "tm_draft_modified": meta["tm_draft_modified"],
        "tm_duration": meta["tm_duration"],
    }
    if "draft_timeline_materials_size_" in shape:
        known["draft_timeline_materials_size_"] = size
    return {**entry, **known}


def _blank(key: str, value: Any, others: Sequence[Mapping[str, Any]]) -> Any:
    """The neutral value of a field: empty text, a switch as in most drafts, the smallest number."""
    if isinstance(value, bool):
        if "cloud" in key:
            return False
        return Counter(bool(other.get(key)) for other in others).most_common(1)[0][0] if others else value
    if isinstance(value, (int, float)):
        numbers = [n for other in others if isinstance(n := other.get(key), (int, float))]
        return min([0, *numbers])
    if isinstance(value, str):
        return ""
    return type(value)() if isinstance(value, (list, dict)) else None


def _spelled(path: PurePath, backslashes: bool) -> str:
    return str(path) if backslashes else path.as_posix()


def _is_same(entry: Any, ours: Mapping[str, Any]) -> bool:
    if not isinstance(entry, dict):
        return False
    same_id = entry.get("draft_id") == ours["draft_id"]
    return same_id or pure(str(entry.get("draft_fold_path") or "-")) == pure(ours["draft_fold_path"])


Pack = Callable[[Sequence[Path], Path | None], Packed]
"""Packs draft folders into a zip; None: into the exports folder under a free name."""


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


def register_draft(folder: Path, profile: DraftProfile, where: str, *, create: bool) -> tuple[Issue, ...]:
    """Enter a draft into root_meta_info.json; returns what there is to say."""
    try:
        meta = orjson.loads((folder / META).read_bytes())
        register(folder.parent, folder, meta, CONTENT_FILES[profile][0], create=create)
    except DraftError as error:
        return (issue("not_registered", where, "warning", name=folder.name), *error.issues)
    except OSError as error:
        return (disk_issue(error, where, folder.parent, "warning"),)
    return (issue("registered", where, "info", name=folder.name),)
