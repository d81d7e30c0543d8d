"""Renames a draft of ours: its folder, its name and paths in its files, its entry in the app's list.

A kill between any two steps leaves the draft whole under one of its names: its media are named by the apps'
placeholder, which is right under any name, while the folder gets its new one. Renaming it again, also to the
name that its folder has by then, finishes it.
"""

from __future__ import annotations

import contextlib
import os
import time
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from c2jy_bridge.core.draft_views import Renamed
from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.errors import DraftError, disk_issue, issue
from c2jy_bridge.drafts.library.relocate import DraftFiles, read_files, replace_files, respelled
from c2jy_bridge.drafts.write.meta import read_marker
from c2jy_bridge.drafts.write.paths import META, TargetRoot, checked_name, former_folder, pure
from c2jy_bridge.drafts.write.registration import LIST, rename_entry
from c2jy_bridge.drafts.write.staging import read_plain, sweep_files, sync_folder

_NewFiles = dict[str, list[bytes]]


def rename(folder: Path, name: str, *, dry_run: bool = False) -> Renamed:
    """Give a draft another name.

    Args:
        folder: The draft.
        name: Its name from now on; its present one finishes a renaming that was killed.
        dry_run: Only say what would change.

    Raises:
        DraftError: The draft is not ours, one of its files is encrypted, damaged or a link, the name is none
            or is taken.
        OSError: The disk refused; the draft is as it was.
    """
    name = checked_name(name)
    if read_marker(folder) is None:
        raise DraftError([issue("not_ours_to_rename", folder.name, name=folder.name)])
    _check_free(folder, name)
    if not dry_run:
        sweep_files(folder, time.time())
    files, final = read_files(folder), folder.with_name(name)
    new, done = respelled(files, _target(files), name)
    if dry_run:
        return Renamed(name, str(final), folder.name, done.changed)
    times = {file: (folder / file).stat().st_mtime_ns for file in new}
    _move(folder, final, new)
    for file, time_ns in times.items():
        # Nothing that the draft shows has changed: it keeps its place in the list, and is not taken for one
        # that the app has saved again.
        with contextlib.suppress(OSError):
            os.utime(final / file, ns=(time_ns, time_ns))
    return Renamed(name, str(final), folder.name, done.changed, _enter(folder, final, files.meta or {}))


def _check_free(folder: Path, name: str) -> None:
    """Also not by a name that differs in case only, which Windows and macOS take for the same."""
    for other in os.listdir(folder.parent):
        if other != folder.name and unicodedata.normalize("NFC", other).casefold() == name.casefold():
            raise DraftError([issue("name_taken", "name", name=name)])


def _target(files: DraftFiles) -> TargetRoot:
    """Where its paths lead now; a draft that names its media both ways names them by the placeholder then."""
    former = former_folder(files.meta or {})
    spelled = files.spelled
    root = pure(spelled) if spelled else former.parent if former else files.folder.parent
    return TargetRoot(root, portable=files.form in ("portable", "mixed"))


def _move(folder: Path, final: Path, new: _NewFiles) -> None:
    portable = _portable(folder) if folder != final else {}
    was = {file: [read_plain(folder / file)] for file in portable}
    try:
        if portable:
            replace_files(folder, portable)
        if folder != final:
            os.rename(folder, final)
            sync_folder(final.parent)
        replace_files(final, new)
    except OSError:
        with contextlib.suppress(OSError):
            if not os.path.lexists(folder):
                os.rename(final, folder)
            replace_files(folder, was)
        raise


def _portable(folder: Path) -> _NewFiles:
    """The main files with their absolute paths into the draft replaced by the placeholder."""
    files = read_files(folder)
    new, _ = respelled(files, TargetRoot(folder.parent, portable=True))
    return {file: pieces for file, pieces in new.items() if file != META}


def _enter(folder: Path, final: Path, meta: Mapping[str, Any]) -> tuple[Issue, ...]:
    """Its entry in the app's list, where it has one."""
    try:
        rename_entry(final.parent, final.name, str(meta.get("draft_id")))
    except DraftError as error:
        return (issue("renamed_unlisted", LIST, "warning", was=folder.name, name=final.name), *error.issues)
    except OSError as error:
        return (disk_issue(error, LIST, final.parent, "warning"),)
    return ()
