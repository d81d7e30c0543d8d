"""The JSON beside a draft's content: c2jy.json (our manifest) and draft_meta_info.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from c2jy_bridge.core.target_apps import APPS, DraftProfile
from c2jy_bridge.drafts.write.paths import DOCUMENT, TargetRoot, placeholder_parts
from c2jy_bridge.drafts.write.staging import read_head, read_plain

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


def set_platform(
    content: dict[str, Any], profile: DraftProfile, donor: Mapping[str, Any] | None = None
) -> None:
    """Write which app and system a draft is of into its content.

    Args:
        donor: `platform` of a draft that the app of this machine made; taken as it is.
    """
    for field in ("platform", "last_modified_platform"):
        content[field] = dict(donor) if donor else {**content.get(field, {}), **APPS[profile].platform}


COVER: Final = "draft_cover.jpg"
_PHOTO_SHOWN_US: Final = 5_000_000
"""The length that JianYing registers a photo with."""


def meta_info(
    content: Mapping[str, Any],
    *,
    draft_id: str,
    name: str,
    target: TargetRoot,
    at: float,
    size_bytes: int,
    cover: bool,
) -> dict[str, Any]:
    """The meta file's object.

    Args:
        content: The draft's content; its videos and sounds are registered.
        name: The draft's.
        target: The drafts folder as the machine that opens the draft spells it.
        at: Unix seconds, for all times in it.
        size_bytes: Of all media together.
        cover: Whether there is a cover image.
    """
    from pyJianYingDraft.assets import get_asset_path  # only now: listing drafts needs no library

    meta: dict[str, Any] = orjson.loads(get_asset_path("DRAFT_META_TEMPLATE").read_bytes())
    micros, folder = round(at * 1_000_000), target.draft(name)
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
        media_entry(material, at, name, target)
        for kind in ("videos", "audios")
        for material in content["materials"][kind]
    ]
    for group in meta["draft_materials"]:
        if group["type"] == 0:
            # A file that is cropped twice is two materials but one file.
            group["value"] = list({entry["file_Path"]: entry for entry in reversed(entries)}.values())[::-1]
    return meta


def media_entry(material: Mapping[str, Any], at: float, name: str, target: TargetRoot) -> dict[str, Any]:
    """An entry of `draft_materials` for a material of a content."""
    kind = {"video": "video", "photo": "photo"}.get(material["type"], "music")
    length = _PHOTO_SHOWN_US if kind == "photo" else material["duration"]
    below = placeholder_parts(material["path"])
    path = target.registered(name, *below) if below else material["path"].replace("\\", "/")
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
