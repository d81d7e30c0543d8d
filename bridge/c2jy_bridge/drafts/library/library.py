"""Lists, checks and trashes the drafts of one folder. Needs no pyJianYingDraft."""

from __future__ import annotations

import asyncio
import os
import time
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.core.draft_views import Renamed, TrashedView
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.gc_control import gc_paused
from c2jy_bridge.core.target_apps import DraftProfile
from c2jy_bridge.core.views import DraftDetail, DraftView
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.snapshot import Snapshot, load, look, read_snapshot, stamp, view
from c2jy_bridge.drafts.library.timeline import detail
from c2jy_bridge.drafts.library.trash import Trash
from c2jy_bridge.drafts.write.paths import LONGEST, files_of, same_folder, spelled_folder
from c2jy_bridge.drafts.write.staging import PREFIX, sweep, sweep_files
from c2jy_bridge.drafts.write.verify import faults

if TYPE_CHECKING:
    from c2jy_bridge.drafts.captions.writing import CaptionFormat

_DEBOUNCE_MS: Final = 400
_STEP_MS: Final = 100
_POLL_S: Final = 2.0
_BATCH: Final = 32
"""Drafts that a thread reads before it takes others."""
_READERS: Final = 3


Issues = list[Issue]  # inside the class `list` is the method
Folders = list[Path]
Views = list[DraftView]
Trashed = list[TrashedView]
Tags = tuple[str, ...]


class Library:
    """The drafts directly in one folder.

    Args:
        root: The drafts folder; it may not exist yet.
        trash_dir: Where `trash` moves drafts; on the same disk that is one rename.
        clock: Unix seconds.
    """

    def __init__(self, root: Path, trash_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self._root, self._trash = Path(os.path.abspath(root)), Trash(trash_dir)
        self._clock = clock
        self._swept = False
        self._known: dict[str, tuple[tuple[int, ...], Snapshot]] = {}

    @property
    def root(self) -> Path:
        """The drafts folder."""
        return self._root

    def folder(self, name: str) -> Path:
        """A draft's folder.

        Raises:
            DraftError: There is no such draft.
        """
        return self._open(name)[0]

    def list(self) -> list[DraftView]:
        """Every folder that holds a draft, newest first. One whose files did not change is not read again."""
        if not self._swept:
            self._swept = True
            sweep(self._root, self._clock())
        folders = self._folders()
        batches = [folders[first : first + _BATCH] for first in range(0, len(folders), _BATCH)]
        # While one waits for the disk the others go on.
        with ThreadPoolExecutor(min(_READERS, len(batches)) or 1, "drafts") as pool:
            views = [view for batch in pool.map(self._views, batches) for view in batch]
        return sorted(views, key=lambda view: (-view.modified_at, view.name))

    def _views(self, folders: Folders) -> Views:
        views = []
        for folder in folders:
            with gc_paused():
                read = self._read(folder)
            if read is not None:
                views.append(view(folder, read))
        return views

    def detail(self, name: str) -> DraftDetail:
        """One draft with its tracks.

        Raises:
            DraftError: There is no such draft.
        """
        with gc_paused():
            folder, read = self._open(name)
            content = self._content(folder, read)
            found = detail(folder, read, content, tuple(_findings(folder, read, content)))
            del content
            return found

    def check(self, name: str, target_app: DraftProfile | None = None) -> Issues:
        """Everything that is wrong with a draft, as errors, and what is worth knowing.

        Media are looked for here: inside the draft's folder, whichever machine its paths are spelled for.
        When that is another one, a warning says so.

        Args:
            name: The draft.
            target_app: Also what this app is known to refuse.

        Raises:
            DraftError: There is no such draft.
        """
        with gc_paused():
            folder, read = self._open(name)
            content = self._content(folder, read)
            found = _findings(folder, read, content)
            if target_app and content is not None:
                from c2jy_bridge.drafts.write.app_rules import check_for

                found += check_for(folder, content, target_app)
            return found

    def captions(self, name: str, form: CaptionFormat, track: str | None = None) -> tuple[str, int]:
        """The captions of a draft as the text of a caption file, and how many they are.

        Args:
            name: The draft; any that can be read.
            form: The format of the file.
            track: Only this text track, by name or by its number from 1.

        Raises:
            DraftError: There is no such draft or track, it cannot be read, or it has no texts.
        """
        from c2jy_bridge.drafts.captions.from_draft import captions_of, text_tracks
        from c2jy_bridge.drafts.captions.writing import write_captions

        with gc_paused():
            folder, read = self._open(name)
            content = self._content(folder, read)
            if content is None:
                raise DraftError([read.trouble or issue("not_a_draft", name)])
            known = text_tracks(content)
            numbers = [str(number) for number in range(1, len(known) + 1)]
            if track is not None and track not in (*known, *numbers):
                shown = (
                    ", ".join(f"{n} {title}".strip() for n, title in zip(numbers, known, strict=True)) or "-"
                )
                raise DraftError([issue("no_caption_track", "track", track=track[:100], known=shown)])
            if not (found := captions_of(content, track)):
                raise DraftError([issue("no_captions_in_draft", name)])
            canvas = read.figures
            text = write_captions(found, form, canvas.width or 1920, canvas.height or 1080)
            return text, len(found)

    def trash(self, name: str) -> str:
        """Move a draft to the trash; returns a ticket for `restore`.

        Raises:
            DraftError: There is no such draft, or no room for it in the trash.
            OSError: It could not be moved.
        """
        folder, _ = self._open(name)
        ticket = self._trash.put(folder)
        self._known.pop(folder.name, None)
        return ticket

    def rename(self, name: str, new_name: str, *, dry_run: bool = False) -> Renamed:
        """Give a draft of ours another name; see `library.rename.rename`.

        Raises:
            DraftError: There is no such draft, it is not ours or cannot be read, or the new name cannot be
                given.
            OSError: The disk refused; the draft is as it was.
        """
        from c2jy_bridge.drafts.library.rename import rename

        folder, _ = self._open(name)
        with gc_paused():
            made = rename(folder, new_name, dry_run=dry_run)
        if not dry_run:
            self._known.pop(folder.name, None)
        return made

    def tag(self, name: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Tags:
        """Change a draft's tags; returns those that it has then. See `library.tags.change_tags`.

        Raises:
            DraftError: There is no such draft, or a tag cannot be added.
            OSError: The disk refused; the tags are as they were.
        """
        from c2jy_bridge.drafts.library.tags import change_tags

        return change_tags(self._open(name)[0], add, remove)

    def restore(self, ticket: str) -> str:
        """Undo `trash`, at any time; returns the draft's name, with a number when its place is taken.

        Raises:
            DraftError: The ticket leads nowhere.
            OSError: It could not be moved.
        """
        return self._trash.restore(ticket, self._root).name

    def trashed(self) -> Trashed:
        """What is in the trash, newest first."""
        return self._trash.entries(self._clock())

    def delete(self, ticket: str) -> str:
        """Delete a draft in the trash for good, if our mark proves it ours; returns its name.

        Raises:
            DraftError: The ticket leads nowhere, or the draft is not proven to be ours.
            OSError: Something of it could not be deleted.
        """
        return self._trash.delete(ticket)

    async def watch(self) -> AsyncGenerator[tuple[str, ...], None]:
        """Names of drafts that were added, changed or removed, as it happens, in batches."""
        await asyncio.to_thread(self._root.mkdir, parents=True, exist_ok=True)
        stop = asyncio.Event()
        try:
            async for names in self._notified(stop):
                yield names
        except (OSError, RuntimeError, ExceptionGroup):
            # No more inotify watches, a file system without notices, a file name that is no Unicode.
            async for names in self._polled():
                yield names
        finally:
            stop.set()

    async def _notified(self, stop: asyncio.Event) -> AsyncIterator[tuple[str, ...]]:
        import watchfiles

        async for changes in watchfiles.awatch(
            self._root, debounce=_DEBOUNCE_MS, step=_STEP_MS, stop_event=stop, recursive=True
        ):
            parts = {Path(path).relative_to(self._root).parts[:1] for _, path in changes}
            if names := tuple(sorted(part[0] for part in parts if part and not part[0].startswith("."))):
                yield names

    async def _polled(self) -> AsyncIterator[tuple[str, ...]]:
        before = await asyncio.to_thread(self._stamps)
        while True:
            await asyncio.sleep(_POLL_S)
            now = await asyncio.to_thread(self._stamps)
            names = tuple(sorted(n for n in before.keys() | now.keys() if before.get(n) != now.get(n)))
            before = now
            if names:
                yield names

    def _stamps(self) -> dict[str, tuple[int, ...]]:
        return {folder.name: stamp(folder) for folder in self._folders()}

    def _folders(self) -> Folders:
        try:
            with os.scandir(self._root) as entries:
                return [
                    Path(entry.path)
                    for entry in entries
                    if not entry.name.startswith((PREFIX, ".")) and entry.is_dir(follow_symlinks=False)
                ]
        except OSError:
            return []

    def _checked(self, name: str) -> str:
        plain = unicodedata.normalize("NFC", name)
        if (
            plain in ("", ".", "..")
            or "/" in plain
            or "\\" in plain
            or "\x00" in plain
            or plain.startswith(".")
        ):
            raise DraftError([issue("name_character", "name", name=name[:100], better="", most=LONGEST)])
        return plain

    def _open(self, name: str) -> tuple[Path, Snapshot]:
        self._checked(name)
        # As the disk spells it: macOS and other programs may have written the decomposed form.
        for spelled in dict.fromkeys(
            (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
        ):
            folder = self._root / spelled
            if not _is_folder(folder):
                continue
            if (read := self._read(folder)) is not None:
                return folder, read
        raise DraftError([issue("no_draft", "name", name=name[:100])])

    def _read(self, folder: Path) -> Snapshot | None:
        """A draft's content, from memory when none of its files changed."""
        now = stamp(folder)
        known = self._known.get(folder.name)
        if known is None or known[0] != now:
            seen = look(folder)
            if any(".c2jy-" in name for name in seen.files) and sweep_files(folder, self._clock()):
                now, seen = stamp(folder), look(folder)
            read = read_snapshot(folder, seen)
            if read is None:
                self._known.pop(folder.name, None)
                return None
            self._known[folder.name] = known = (now, read)
        return known[1]

    def _content(self, folder: Path, read: Snapshot) -> dict[str, Any] | None:
        return load(folder / read.content_file)[0] if read.content_file else None


def _findings(folder: Path, read: Snapshot, content: dict[str, Any] | None) -> list[Issue]:
    if content is None:
        return [read.trouble] if read.trouble else []
    return [*faults(content, folder), *_spelled_for(folder, content)]


def _spelled_for(folder: Path, content: dict[str, Any]) -> Iterator[Issue]:
    """A warning when a draft's media paths are spelled for another drafts folder."""
    found = spelled_folder(content, files_of(folder))
    if found is None:
        return
    where, spelled = found
    real = Path(os.path.realpath(folder))
    if not any(same_folder(spelled, here) for here in (folder, real)):
        yield issue("other_root", where, "warning", spelled=spelled, name=folder.name, here=folder.parent)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir() and not path.is_symlink()
    except OSError:  # a name longer than any that the system has
        return False
