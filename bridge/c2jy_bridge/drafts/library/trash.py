"""The trash: drafts moved out of their folder, each under a ticket by which it can be restored.

It is never emptied automatically. A draft is deleted for good only on request, and only when our marker in it
proves that we made it: others cannot be built again.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from c2jy_bridge.core.draft_views import TrashedView
from c2jy_bridge.core.views import DraftView
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.snapshot import read_snapshot, view
from c2jy_bridge.drafts.write.meta import read_marker
from c2jy_bridge.drafts.write.paths import numbered
from c2jy_bridge.drafts.write.staging import read_plain, write_file

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
            OSError: It could not be moved; it is where it was.
        """
        ticket = secrets.token_hex(8)
        place = self._folder / ticket
        place.mkdir(parents=True)
        try:
            # Not orjson: a name that is no Unicode has to come back as it was.
            ticket_of = json.dumps({"name": draft.name, "root": str(draft.parent)})
            write_file(place / _TICKET, ticket_of.encode())
            shutil.move(draft, place / _DRAFT)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return ticket

    def restore(self, ticket: str, root: Path) -> Path:
        """Bring a draft back, under a name with a number when its place is taken by now.

        Args:
            ticket: What `put` gave.
            root: The drafts folder; a ticket alone never decides where something is put.

        Raises:
            DraftError: The ticket leads nowhere.
            OSError: It could not be moved.
        """
        entry = self._entry(ticket)
        root.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MOST_OF_A_NAME):
            final = root / numbered(entry.name, number)
            if not os.path.lexists(final):
                shutil.move(entry.draft, final)
                shutil.rmtree(entry.place, ignore_errors=True)
                return final
        raise DraftError([issue("name_taken", "name", name=entry.name)])

    def entries(self) -> list[TrashedView]:
        """What is here, newest first."""
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


def _trashed_view(entry: _Entry) -> DraftView:
    read = read_snapshot(entry.draft)
    if read is None:
        return DraftView(entry.name, str(entry.draft), "damaged")
    return view(entry.draft, read, entry.name)
