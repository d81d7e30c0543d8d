"""Packs and relocates the drafts of one folder, off the event loop."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from c2jy_bridge.core.draft_views import Packed
from c2jy_bridge.core.events import Issue, Severity
from c2jy_bridge.core.views import MediaForm
from c2jy_bridge.drafts.errors import DraftError, disk_issue, issue, say
from c2jy_bridge.drafts.library.archive import pack
from c2jy_bridge.drafts.library.library import Library
from c2jy_bridge.drafts.library.relocate import Relocated, RelocateReport, read_files, relocate
from c2jy_bridge.drafts.materials import OnProgress
from c2jy_bridge.drafts.write.background import ByteMeter, in_thread
from c2jy_bridge.drafts.write.paths import TargetRoot, numbered


class DraftPacker:
    """Takes drafts to other machines.

    Args:
        library: The drafts.
        exports_dir: Where zips go when no place is named.
        clock: Unix seconds.
        new_token: For names of unfinished files.
    """

    def __init__(
        self,
        library: Library,
        exports_dir: Path,
        clock: Callable[[], float] = time.time,
        new_token: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._library, self._exports, self._clock, self._new_token = library, exports_dir, clock, new_token

    @property
    def root(self) -> Path:
        """The drafts folder."""
        return self._library.root

    @property
    def exports_dir(self) -> Path:
        """Where zips go when no place is named."""
        return self._exports

    def folder(self, name: str) -> Path:
        """A draft's folder; raises DraftError when there is none."""
        return self._library.folder(name)

    def spelled_for(self, name: str) -> tuple[str, MediaForm]:
        """The drafts folder that a draft's absolute paths are spelled for, and how its media are named.

        Raises:
            DraftError: There is no such draft.
        """
        folder = self._library.folder(name)
        try:
            files = read_files(folder)
        except DraftError:
            return "", "none"
        return files.spelled or "", files.form

    async def pack(
        self,
        name: str,
        out: Path | None = None,
        *,
        target_root: str | None = None,
        replace_zip: bool = True,
        on_progress: OnProgress | None = None,
    ) -> Packed:
        """Pack one draft; cancelled, nothing is left behind.

        Args:
            name: The draft.
            out: The zip, or a folder for it; None: the exports folder, under a name that is free.
            target_root: Absolute paths for this drafts folder in the zip; the draft here stays as it is. A
                portable one opens wherever it is unpacked and needs none.
            replace_zip: Whether a zip that is at `out` may go when the new one is whole.
            on_progress: Called on the event loop.

        Raises:
            DraftError: It cannot be packed.
        """
        target = TargetRoot.of(target_root, self._library.root) if target_root else None
        stop = threading.Event()
        meter = ByteMeter(on_progress, say("progress.packing"), None, stop)

        def work() -> Packed:
            folder = self._library.folder(name)
            if not replace_zip and out is not None and out.is_file():
                raise DraftError([issue("pack_there", "", file=out)])
            return pack_to(
                [folder],
                out or free_name(self._exports, folder.name),
                target=target,
                token=self._new_token(),
                meter=meter,
                at=self._clock(),
            )

        return await in_thread(stop, _remove_zip, work)

    async def pack_folders(
        self, folders: Sequence[Path], out: Path, *, on_progress: OnProgress | None = None
    ) -> Packed:
        """Pack several drafts into one zip, their paths as they are; see `pack`."""
        stop = threading.Event()
        meter = ByteMeter(on_progress, say("progress.packing"), None, stop)

        def work() -> Packed:
            return pack_to(folders, out, target=None, token=self._new_token(), meter=meter, at=self._clock())

        return await in_thread(stop, _remove_zip, work)

    async def relocate(
        self,
        names: Sequence[str] | None,
        root: str | None = None,
        *,
        portable: bool = False,
        dry_run: bool = False,
    ) -> RelocateReport:
        """Name the media of drafts another way.

        Args:
            names: None: all that are ours; the others are left alone and named in the report.
            root: Absolute paths for this drafts folder, a Windows or POSIX path; None: for the one here.
            portable: The apps' placeholder instead, which is right in any folder.
            dry_run: Only say what would change.

        Raises:
            DraftError: The root is no path, or not one draft could be relocated.
        """
        target = TargetRoot.of(root, self._library.root)
        if root is not None and not root.strip():
            raise DraftError([issue("target_root", "to", root=root)])
        target = replace(target, portable=portable)
        return await asyncio.to_thread(self._relocate, names, target, dry_run)

    def _relocate(self, names: Sequence[str] | None, target: TargetRoot, dry_run: bool) -> RelocateReport:
        done: list[Relocated] = []
        issues: list[Issue] = []
        for name in [view.name for view in self._library.list()] if names is None else names:
            try:
                done.append(relocate(self._library.folder(name), target, dry_run=dry_run))
            except DraftError as error:
                severity: Severity = "warning" if names is None else "error"
                for found in error.issues:
                    path = name if found.path in ("", name) else f"{name}/{found.path}"
                    issues.append(replace(found, path=path, severity=severity))
            except OSError as error:
                issues.append(disk_issue(error, name, self._library.root / name))
        if not done and issues:
            raise DraftError(issues)
        return RelocateReport(tuple(done), tuple(issues))


async def _remove_zip(packed: Packed) -> None:
    """The cancel came after the last rename."""
    await asyncio.to_thread(Path(packed.path).unlink, missing_ok=True)


def pack_to(
    folders: Sequence[Path], out: Path, *, target: TargetRoot | None, token: str, meter: ByteMeter, at: float
) -> Packed:
    """`archive.pack`, into a folder as well, and with the disk's refusals as a DraftError."""
    out = Path(os.path.abspath(out))
    if out.is_dir():
        out = free_name(out, folders[0].name)
    try:
        return pack(folders, out, target=target, token=token, expect=meter.expect, moved=meter.moved, at=at)
    except OSError as error:
        raise DraftError([disk_issue(error, "", out, what="zip")]) from error


def free_name(folder: Path, draft: str) -> Path:
    """`<draft>.zip` in a folder, with a number when that is taken; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000):
        path = folder / f"{numbered(draft, number)}.zip"
        if not os.path.lexists(path):
            return path
    raise DraftError([issue("name_taken", "name", name=draft)])
