"""A draft of ours spelled for another drafts folder, where it stands; relocating back undoes it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.contents import read_files, respelled
from c2jy_bridge.drafts.write.manifest import read_marker
from c2jy_bridge.drafts.write.staging import sync_folder, write_file
from c2jy_bridge.drafts.write.target import TargetRoot

_NEW: Final = ".c2jy-new"
_OLD: Final = ".c2jy-was"


@dataclass(frozen=True, slots=True)
class Relocated:
    """A draft whose paths are spelled for `root` now."""

    name: str
    path: str
    """Its folder here."""
    root: str
    was: str
    """The drafts folder before; relocating there undoes it. Empty when it named none."""
    changed: int
    """Paths of media that are other than before."""
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class RelocateReport:
    """All drafts that were relocated, and why others were not."""

    drafts: tuple[Relocated, ...]
    issues: tuple[Issue, ...] = ()


def relocate(folder: Path, target: TargetRoot) -> Relocated:
    """Rewrite every path of a draft for another drafts folder.

    All new files are whole on the disk before the first takes its place. A crash between two of those renames
    leaves each file whole; relocating again finishes it.

    Raises:
        DraftError: The draft is not ours, or one of its files is encrypted, damaged or a link.
        OSError: The disk refused; the draft is as it was.
    """
    if read_marker(folder) is None:
        raise DraftError([issue("not_ours", folder.name)])
    files = read_files(folder)
    was = files.spelled or ""
    new, done = respelled(files, target)
    _replace(folder, new)
    issues = tuple(issue("media_elsewhere", where, "warning", file=path) for where, path in done.elsewhere)
    return Relocated(folder.name, str(folder), str(target.root), was, done.changed, issues)


def _replace(folder: Path, new: dict[str, list[bytes]]) -> None:
    """Put several files in place; when one cannot be, those before it get their old content back."""
    fresh = [folder / f"{name}{_NEW}" for name in new]
    kept = [folder / f"{name}{_OLD}" for name in new]
    try:
        for (name, pieces), path, old in zip(new.items(), fresh, kept, strict=True):
            _drop([path, old])
            write_file(path, *pieces)
            write_file(old, (folder / name).read_bytes())
        done: list[tuple[Path, Path]] = []
        try:
            for name, path, old in zip(new, fresh, kept, strict=True):
                os.replace(path, folder / name)
                done.append((old, folder / name))
        except OSError:
            for old, place in done:
                os.replace(old, place)
            raise
        sync_folder(folder)
    finally:
        _drop([*fresh, *kept])


def _drop(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)  # also a link that somebody left in its place, not what it leads to
