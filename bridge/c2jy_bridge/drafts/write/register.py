"""root_meta_info.json: the app's list of drafts, entered into on request only.

The app keeps the list in memory while it runs and writes it when it likes, so it must be closed. Some
versions encrypt the file: then it is not JSON and is left alone (Coze2JianYing issue 79).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Final

import orjson

from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.write.path_rewrite import pure
from c2jy_bridge.drafts.write.staging import sync_folder, write_file

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
    entry = _entry([e for e in earlier if isinstance(e, dict)], meta, main_file)
    kept = [e for e in earlier if not _is_same(e, entry)]
    count = listed.get("draft_ids")
    listed["all_draft_store"] = [entry, *kept]
    if isinstance(count, int) and not isinstance(count, bool):
        # A count in some versions, the highest number ever given in others: it grows with the list in both.
        listed["draft_ids"] = count + (len(kept) + 1 - len(earlier))
    fresh = root / f".{LIST}.c2jy-new"
    try:
        _write(fresh, orjson.dumps(listed))
        if before is not None:
            backup = root / f".{BACKUP}.c2jy-new"
            _write(backup, before)
            os.replace(backup, root / BACKUP)
            if path.read_bytes() != before:
                raise DraftError([issue("list_changed", LIST, file=path)])
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(root)


def _write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    write_file(path, data)


def _parsed(data: bytes, path: Path) -> dict[str, Any]:
    try:
        listed = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        listed = None
    if not isinstance(listed, dict) or not isinstance(listed.get("all_draft_store"), list):
        raise DraftError([issue("list_unreadable", LIST, file=path)])
    return listed


def _entry(others: Sequence[Mapping[str, Any]], meta: Mapping[str, Any], main_file: str) -> dict[str, Any]:
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
    """What a draft of nobody has there: text empty, a switch as in most drafts, a cloud number as in none."""
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
