"""draft_meta_info.json: the draft's name, place, length and its register of media.

JianYing 5.9 and later look media up in `draft_materials` by `local_material_id`; where that is empty they say
that media are missing (pyCapCut issue 13, jianying-editor-skill issue 22).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

import orjson

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
