"""The app's list of drafts, root_meta_info.json: a draft is entered there on request, as the app's own are.

`platform` in a draft's content names the machine it is from. It is taken from a draft beside it that this
machine's app made (the donor), or it stays empty: an identity is never invented.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

import orjson

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.target_apps import APPS, DraftProfile
from c2jy_bridge.drafts.errors import DraftError, disk_issue, issue
from c2jy_bridge.drafts.write.meta import read_marker
from c2jy_bridge.drafts.write.paths import CONTENTS, META, pure
from c2jy_bridge.drafts.write.staging import owned, read_plain, sync_folder, write_file

LIST: Final = "root_meta_info.json"
BACKUP: Final = "root_meta_info.c2jy-backup.json"
"""The list as it was before our last entry."""
_PATHS: Final = ("draft_fold_path", "draft_json_file", "draft_cover")
"""Fields of an entry that lead into the draft's folder."""
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
    before = _read_list(path)
    if before is None and not create:
        raise DraftError([issue("list_missing", LIST, folder=root)])
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
    _replace_list(root, before, listed)


def rename_entry(root: Path, name: str, draft_id: str) -> None:
    """Write a draft's new name and paths into its entry in the list, if it has one; the rest stays.

    Args:
        root: The folder of the list, on this machine.
        name: The name of its folder now.
        draft_id: As its meta file has it; its entry leads to a folder that is no longer there.

    Raises:
        DraftError: The list cannot be understood, or the app has just written it; it was left as it is.
        OSError: The disk refused; the list is as it was.
    """
    if (before := _read_list(root / LIST)) is None:
        return
    listed, there = _parsed(before, root / LIST), set(os.listdir(root))
    found = False
    for entry in listed["all_draft_store"]:
        if not isinstance(entry, dict) or entry.get("draft_id") != draft_id:
            continue
        folder = pure(str(entry.get("draft_fold_path") or "-"))
        if folder.name in there:
            continue  # it has its name, or is the entry of a copy
        for key, value in entry.items():
            if isinstance(value, str) and value and key in _PATHS and pure(value).is_relative_to(folder):
                below = folder.with_name(name) / pure(value).relative_to(folder)
                entry[key] = _spelled(below, "\\" in value)
        entry["draft_name"], found = name, True
    if found:
        _replace_list(root, before, listed)


def _read_list(path: Path) -> bytes | None:
    """Its bytes; None when there is none."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise DraftError([issue("list_unreadable", LIST, file=path)])
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _replace_list(root: Path, before: bytes | None, listed: Mapping[str, Any]) -> None:
    """Write the list unless the app has written it meanwhile; a copy is kept of what was there."""
    path = root / LIST
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


@dataclass(frozen=True, slots=True)
class Donor:
    """A draft that the app of this machine made, and the `platform` that it names."""

    name: str
    platform: Mapping[str, Any]


_MOST_ASKED: Final = 50
"""Drafts that are looked at for a donor; each may be tens of megabytes."""
IDENTITY: Final = ("device_id", "hard_disk_id", "mac_address")
"""Fields of `platform` that name a machine."""


def find_donor(root: Path, profile: DraftProfile) -> Donor | None:
    """The newest readable draft in a drafts folder that an app of the profile's kind made and signed.

    Args:
        root: The drafts folder, on this machine.
        profile: A draft of JianYing is no donor for CapCut, nor one of Windows for macOS; `both` takes any.
    """
    wanted = APPS[profile].platform
    for folder in _newest(root)[:_MOST_ASKED]:
        for name in CONTENTS:
            try:
                platform = orjson.loads(read_plain(folder / name))["last_modified_platform"]
                signed = any(platform.get(field) for field in IDENTITY)
                same = profile == "both" or all(platform.get(key) == wanted[key] for key in ("app_id", "os"))
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue  # encrypted, damaged or of another shape
            if signed and same:
                return Donor(folder.name, platform)
    return None


def _newest(root: Path) -> list[Path]:
    """The drafts in a folder that are not ours, the one that was written last first."""
    try:
        with os.scandir(root) as found:
            folders = [Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False)]
        changed = {
            folder: max(path.stat().st_mtime for path in paths)
            for folder in folders
            if not folder.name.startswith(".")
            and (paths := [folder / name for name in CONTENTS if (folder / name).is_file()])
            and read_marker(folder) is None
        }
    except OSError:
        return []
    return sorted(changed, key=lambda folder: -changed[folder])


def register_draft(
    folder: Path, profile: DraftProfile, where: str, *, create: bool, donor: Donor | None
) -> tuple[Issue, ...]:
    """Enter a draft into root_meta_info.json; returns what there is to say.

    Args:
        folder: The draft, written with the donor's platform.
        profile: Its main file is what the list names.
        where: JSON path of the option.
        create: Make the list when there is none.
        donor: Where its platform is from.
    """
    try:
        meta = orjson.loads((folder / META).read_bytes())
        register(folder.parent, folder, meta, APPS[profile].files[0], create=create)
    except DraftError as error:
        return (issue("not_registered", where, "warning", name=folder.name), *error.issues)
    except OSError as error:
        return (disk_issue(error, where, folder.parent, "warning"),)
    from_whom = issue("donor", where, "info", name=donor.name) if donor else issue("no_donor", where, "info")
    return (issue("registered", where, "info", name=folder.name), from_whom)
