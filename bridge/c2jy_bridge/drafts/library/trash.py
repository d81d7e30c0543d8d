"""The trash: drafts moved out of their folder, each under a ticket by which it can be restored.

It is never emptied automatically. A draft is deleted for good only on request, and only when our marker in it
proves that we made it: others cannot be built again.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.core.disk_space import is_full, os_reason
from c2jy_bridge.core.draft_views import TrashedView
from c2jy_bridge.core.views import DraftView
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.snapshot import read_snapshot, view
from c2jy_bridge.drafts.write.meta import read_marker
from c2jy_bridge.drafts.write.paths import numbered
from c2jy_bridge.drafts.write.staging import (
    PREFIX,
    Staging,
    copy_tree,
    is_dead,
    owned,
    read_plain,
    remove_tree,
    sweep,
    sweep_files,
    sync_folder,
    write_file,
)

_TICKET: Final = "c2jy-trashed.json"
_DRAFT: Final = "draft"
_LARGEST_TICKET: Final = 64 * 1024
_MOST_OF_A_NAME: Final = 1000


@dataclass(frozen=True, slots=True)
class _Entry:
    place: Path
    name: str
    root: str

    @property
    def draft(self) -> Path:
        return self.place / _DRAFT


class Trash:
    """Drafts on their way out.

    Args:
        folder: Made when first needed; on the disk of the drafts, moving there is one rename.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(os.path.abspath(folder))

    def put(self, draft: Path) -> str:
        """Move a draft folder here; returns its ticket.

        Raises:
            DraftError: There is no room for it; it is where it was.
            OSError: It could not be moved; it is where it was.
        """
        with _told_when_full(draft.name, self._folder):
            return self._put(draft)

    def _put(self, draft: Path) -> str:
        ticket = secrets.token_hex(8)
        place = self._folder / ticket
        held = {"name": draft.name, "root": str(draft.parent), "by": owned(ticket)}
        with Staging(self._folder, ticket) as staging:
            _write_ticket(staging.folder, held)
            staging.publish(ticket)
        try:
            if not _renamed(draft, place / _DRAFT):
                self._copy_in(draft, place, held)
        except BaseException:
            if os.path.lexists(draft):
                _discard(place)
            raise
        return ticket

    def _copy_in(self, draft: Path, place: Path, held: dict[str, Any]) -> None:
        """`put` from another disk. Killed before the last rename, it is where it was; after it, here."""
        with Staging(self._folder, secrets.token_hex(8)) as staging:
            copy_tree(draft, staging.folder / _DRAFT)
            _write_ticket(place, {**held, "copy_of": str(draft)})
            os.rename(staging.folder / _DRAFT, place / _DRAFT)
            sync_folder(place)
        _discard(draft)
        with contextlib.suppress(OSError):
            _write_ticket(place, held)

    def restore(self, ticket: str, root: Path) -> Path:
        """Bring a draft back, under a name with a number when its place is taken by now.

        Args:
            ticket: What `put` gave.
            root: The drafts folder; a ticket alone never decides where something is put.

        Raises:
            DraftError: The ticket leads nowhere, or there is no room for the draft.
            OSError: It could not be moved.
        """
        entry = self._entry(ticket)
        with _told_when_full(entry.name, root):
            return self._restore(entry, root)

    def _restore(self, entry: _Entry, root: Path) -> Path:
        root.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MOST_OF_A_NAME):
            final = root / numbered(entry.name, number)
            if not os.path.lexists(final):
                try:
                    if not _renamed(entry.draft, final):
                        _copy_out(entry, final)
                except FileExistsError:  # taken meanwhile
                    continue
                with contextlib.suppress(OSError):
                    _discard(entry.place)
                return final
        raise DraftError([issue("name_taken", "name", name=entry.name)])

    def sweep(self, now: float) -> None:
        """Clear away what killed moves left: tickets without a draft, copies of a draft that is in place."""
        sweep(self._folder, now)
        for ticket in self._tickets():
            place = self._folder / ticket
            try:
                held = json.loads(read_plain(place / _TICKET, _LARGEST_TICKET))
                if not is_dead(str(held["by"])):
                    continue
                sweep_files(place, now)
                original = held.get("copy_of")
                if os.listdir(place) == [_TICKET] or (original and _are_same(place / _DRAFT, Path(original))):
                    _discard(place)
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue  # not as we left it: not removed

    def entries(self, now: float) -> list[TrashedView]:
        """What is here, newest first."""
        self.sweep(now)
        found = []
        for ticket in self._tickets():
            try:
                entry = self._entry(ticket)
                at = (entry.place / _TICKET).lstat().st_mtime
            except (DraftError, OSError):
                continue  # half moved by a process that died, restored meanwhile, or nothing of ours
            found.append(TrashedView(ticket, _trashed_view(entry), entry.root, at))
        return sorted(found, key=lambda trashed: (-trashed.trashed_at, trashed.ticket))

    def delete(self, ticket: str) -> str:
        """Delete a draft for good; returns its name.

        Raises:
            DraftError: The ticket leads nowhere, or the draft is not proven to be ours.
            OSError: Something of it could not be deleted; what is left is still in the trash.
        """
        entry = self._entry(ticket)
        if read_marker(entry.draft) is None:
            raise DraftError([issue("not_ours_in_trash", "", name=entry.name, folder=entry.draft)])
        shutil.rmtree(entry.draft)
        shutil.rmtree(entry.place)
        return entry.name

    def _tickets(self) -> list[str]:
        try:
            return os.listdir(self._folder)
        except OSError:
            return []

    def _entry(self, ticket: str) -> _Entry:
        place = self._folder / ticket
        try:
            if not ticket.isalnum():
                raise ValueError(ticket)
            held = json.loads(read_plain(place / _TICKET, _LARGEST_TICKET))
            name, root = str(held["name"]), held.get("root")
            if name in ("", ".", "..") or any(sign in name for sign in "/\\\x00") or name.startswith("."):
                raise ValueError(name)
            os.lstat(place / _DRAFT)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise DraftError([issue("no_ticket", "", ticket=ticket[:40])]) from None
        return _Entry(place, name, root if isinstance(root, str) else "")


@contextlib.contextmanager
def _told_when_full(name: str, place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise DraftError([issue("move_full", "", name=name, place=place, reason=os_reason(error))]) from error


def _renamed(source: Path, target: Path) -> bool:
    """Move in one step; False when the two are on different disks."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        raise
    return True


def _copy_out(entry: _Entry, final: Path) -> None:
    """`restore` to another disk: whole before it has its name; the ticket says what may be a copy then."""
    with Staging(final.parent, secrets.token_hex(8)) as staging:
        copy_tree(entry.draft, staging.folder)
        held = {"name": entry.name, "root": entry.root, "by": owned(entry.place.name)}
        _write_ticket(entry.place, {**held, "copy_of": str(final)})
        staging.publish(final.name)


def _discard(folder: Path) -> None:
    """Remove a folder in a way that shows it whole or not at all: the name goes first."""
    aside = folder.with_name(f"{PREFIX}{owned(secrets.token_hex(8))}")
    os.rename(folder, aside)
    sync_folder(folder.parent)
    remove_tree(aside)


def _write_ticket(place: Path, held: dict[str, Any]) -> None:
    fresh = place / f"{_TICKET}.{owned(secrets.token_hex(8))}.c2jy-new"
    # Not orjson: a name that is no Unicode has to come back as it was.
    write_file(fresh, json.dumps(held).encode())
    os.replace(fresh, place / _TICKET)


def _are_same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files with the same bytes."""
    if other.is_symlink() or not other.is_dir():
        return False
    inside = [sorted(str(path.relative_to(top)) for path in top.rglob("*")) for top in (one, other)]
    if inside[0] != inside[1]:
        return False
    files = [name for name in inside[0] if not (one / name).is_dir()]
    return all(filecmp.cmp(one / name, other / name, shallow=False) for name in files)


def _trashed_view(entry: _Entry) -> DraftView:
    read = read_snapshot(entry.draft)
    if read is None:
        return DraftView(entry.name, str(entry.draft), "damaged")
    return view(entry.draft, read, entry.name)
