"""Rewrites a draft's paths in place, for another drafts folder or by the apps' placeholder; and back."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from c2jy_bridge.core.chunked_json import content_pieces
from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import MediaForm
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.snapshot import TIMELINES, load, project_timelines
from c2jy_bridge.drafts.write.meta import read_marker
from c2jy_bridge.drafts.write.paths import (
    CONTENTS,
    META,
    Respelled,
    TargetRoot,
    files_of,
    former_folder,
    media_form,
    respell,
    respell_meta,
    spelled_folder,
)
from c2jy_bridge.drafts.write.staging import owned, read_plain, sweep_files, sync_folder, write_file
from c2jy_bridge.drafts.write.verify import media_of


@dataclass(frozen=True, slots=True)
class DraftFiles:
    """The main files of a draft and of its timelines and its meta file, as objects."""

    folder: Path
    contents: dict[str, dict[str, Any]]
    """By path relative to the folder, the draft's own first."""
    meta: dict[str, Any] | None

    @property
    def form(self) -> MediaForm:
        """How its media are named."""
        return media_form(path for content in self.contents.values() for _, path in media_of(content))

    @property
    def spelled(self) -> str | None:
        """The drafts folder that its media are spelled for; without media, the one in its meta file.

        A portable draft is spelled for none.
        """
        if self.form == "portable":
            return None
        for content in self.contents.values():
            if found := spelled_folder(content, files_of(self.folder)):
                return str(found[1].parent)
        former = former_folder(self.meta or {})
        return str(former.parent) if former else None


def read_files(folder: Path) -> DraftFiles:
    """Read them.

    Raises:
        DraftError: One of them is encrypted, damaged or a link; it cannot be respelled then.
    """
    contents = {}
    for name in CONTENTS:
        path = folder / name
        if not path.exists():
            continue
        if path.is_symlink():
            raise DraftError([issue("file_is_link", name)])
        content, _, trouble = load(path)
        if content is None:
            raise DraftError([trouble or issue("not_a_draft", name)])
        contents[name] = content
    if not contents:
        raise DraftError([issue("no_content", CONTENTS[0])])
    _, timelines = project_timelines(folder)
    for inner in (f"{TIMELINES}/{known}/{name}" for known in timelines for name in CONTENTS):
        # One that is encrypted is a copy that only the app reads.
        if files_of(folder)(tuple(inner.split("/"))) and (content := load(folder / inner)[0]) is not None:
            contents[inner] = content
    return DraftFiles(folder, contents, _meta(folder / META))


def _meta(path: Path) -> dict[str, Any] | None:
    if path.is_symlink():
        raise DraftError([issue("file_is_link", path.name)])
    try:
        meta = orjson.loads(read_plain(path).removeprefix(b"\xef\xbb\xbf"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DraftError([issue("unreadable", path.name, reason=os_reason(error))]) from None
    except orjson.JSONDecodeError:
        raise DraftError([issue("not_json_file", path.name)]) from None
    if not isinstance(meta, dict):
        raise DraftError([issue("not_json_file", path.name)])
    return meta


def respelled(
    files: DraftFiles, target: TargetRoot, new_name: str = ""
) -> tuple[dict[str, list[bytes]], Respelled]:
    """New bytes, in pieces, of every file that changes for `target`; the objects change as well.

    Args:
        files: The draft.
        target: Its drafts folder.
        new_name: Its name from now on; empty: the one that its folder has.
    """
    former, name, inside = (
        former_folder(files.meta or {}),
        new_name or files.folder.name,
        files_of(files.folder),
    )
    new: dict[str, list[bytes]] = {}
    changed = 0
    elsewhere: dict[str, str] = {}
    for file, content in files.contents.items():
        done = respell(content, former, name, target, inside)
        changed = max(changed, done.changed)  # two main files say the same twice
        elsewhere.update(done.elsewhere)
        named = bool(new_name and file in CONTENTS and content.get("name") not in (None, "", new_name))
        if named:
            content["name"] = new_name
        if done.changed or named:
            new[file] = list(content_pieces(content))
    if files.meta is not None and respell_meta(files.meta, former, name, target, inside):
        new[META] = [orjson.dumps(files.meta)]
    return new, Respelled(changed, tuple(elsewhere.items()))


_NEW: Final = ".c2jy-new"
_OLD: Final = ".c2jy-was"


@dataclass(frozen=True, slots=True)
class Relocated:
    """A draft whose media are named another way now; in a dry run, would be."""

    name: str
    path: str
    """Its folder here."""
    root: str
    """The drafts folder of its absolute paths; empty when it is portable."""
    was: str
    """The drafts folder before; relocating there undoes it. Empty when it named none or was portable."""
    media_paths: MediaForm
    media_paths_were: MediaForm
    changed: int
    """Paths of media that are other than before."""
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class RelocateReport:
    """All drafts that were relocated, and why others were not."""

    drafts: tuple[Relocated, ...]
    issues: tuple[Issue, ...] = ()


def relocate(folder: Path, target: TargetRoot, *, dry_run: bool = False) -> Relocated:
    """Rewrite every path of a draft for another drafts folder, or by the apps' placeholder.

    All new files are whole on the disk before the first takes its place. A crash between two of those renames
    leaves each file whole; relocating again finishes it.

    Raises:
        DraftError: The draft is not ours, or one of its files is encrypted, damaged or a link.
        OSError: The disk refused; the draft is as it was.
    """
    if read_marker(folder) is None:
        raise DraftError([issue("not_ours", folder.name)])
    sweep_files(folder, time.time())
    files = read_files(folder)
    was, form = files.spelled or "", files.form
    new, done = respelled(files, target)
    if not dry_run:
        replace_files(folder, new)
    issues = tuple(issue("media_elsewhere", where, "warning", file=path) for where, path in done.elsewhere)
    root = "" if target.portable else str(target.root)
    return Relocated(folder.name, str(folder), root, was, files.form, form, done.changed, issues)


def replace_files(folder: Path, new: dict[str, list[bytes]]) -> None:
    """Put several files in place; when one cannot be, those before it get their old content back.

    Args:
        folder: The draft.
        new: By name relative to it, the pieces of each file.
    """
    token = owned(uuid.uuid4().hex)
    fresh = [folder / f"{name}.{token}{_NEW}" for name in new]
    kept = [folder / f"{name}.{token}{_OLD}" for name in new]
    try:
        for (name, pieces), path, old in zip(new.items(), fresh, kept, strict=True):
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
        for path in (*fresh, *kept):
            path.unlink(missing_ok=True)
