"""The folder of unfinished drafts: one JSON file each, shared by all processes of a data folder."""

from __future__ import annotations

import difflib
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import orjson
from filelock import FileLock

from c2jy_bridge.compat.coze2jianying.unfinished.draft import Saved, Step, Unfinished
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts.write.staging import sync_folder, write_file

FORMAT: Final = "c2jy-unfinished/1"
_KEPT_S: Final = 7 * 24 * 3600.0
"""How long a saved one is remembered: a call that comes again after a crash must find it."""
_NAMESPACE: Final = uuid.UUID("6f1c9f0e-4d0b-5a54-9c5b-5b8a7c1f2e90")
"""Random; makes draft ids from call ids."""


class UnknownDraft(LookupError):
    """There is no unfinished draft of this id; `open` are those there are, the nearest first."""

    def __init__(self, wanted: str, known: list[Unfinished], saved: Saved | None = None) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.open = known
        self.saved = saved
        """It was saved already."""


class UnfinishedDrafts:
    """Keeps unfinished drafts; every change is on the disk before it returns.

    Args:
        folder: Made with the first draft.
        clock: Unix seconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock

    def create(
        self, call_id: str, *, name: str, width: int, height: int, fps: float, time_unit: TimeUnit
    ) -> Unfinished:
        """Begin a draft; the same call again gets the same draft.

        Raises:
            OSError: It cannot be written.
        """
        draft_id = str(uuid.uuid5(_NAMESPACE, call_id))
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            self._forget()
            there = self._read(draft_id)
            if there is not None:
                return there
            made = Unfinished(draft_id, name, width, height, fps, self._clock(), time_unit)
            self._write(made)
        return made

    def get(self, draft_id: str, *, call_id: str = "") -> Unfinished:
        """A draft by its id, or by its name when only one has it.

        Args:
            draft_id: What create_draft returned.
            call_id: A saved draft is found too by the call that saved it.

        Raises:
            UnknownDraft: There is none that is open.
            OSError: It cannot be read.
        """
        wanted = draft_id.strip()
        known = list(self._all())
        found = [draft for draft in known if draft.draft_id == wanted.lower()]
        still_open = [draft for draft in known if draft.saved is None]
        found = found or [draft for draft in still_open if draft.name == wanted]
        if len(found) == 1:
            saved = found[0].saved
            if saved is None or saved.call_id == call_id:
                return found[0]
            raise UnknownDraft(wanted, _nearest_first(wanted, still_open), saved)
        raise UnknownDraft(wanted, _nearest_first(wanted, still_open))

    def add(self, draft_id: str, call_id: str, make: Callable[[Unfinished], Step]) -> Unfinished:
        """Add a step; when this call was here before nothing changes.

        Args:
            draft_id: As `get` takes it.
            call_id: The call that adds it.
            make: The step, from the draft as it is at that moment.

        Raises:
            UnknownDraft: There is none that is open.
            OSError: It cannot be written; nothing was added.
        """
        with self._lock():
            draft = self.get(draft_id)
            if draft.step(call_id) is None:
                draft = draft.with_step(make(draft))
                self._write(draft)
        return draft

    def mark_saved(self, draft_id: str, call_id: str, *, name: str, path: str) -> None:
        """Remember that a draft was saved; from now on it takes no more steps.

        Raises:
            OSError: It cannot be written.
        """
        with self._lock():
            draft = self._read(draft_id)
            if draft is not None:
                self._write(replace(draft, saved=Saved(call_id, self._clock(), name, path)))

    def _all(self) -> Iterator[Unfinished]:
        for path in sorted(self._folder.glob("*.json")):
            draft = self._read(path.stem)
            if draft is not None:
                yield draft

    def _read(self, draft_id: str) -> Unfinished | None:
        """A draft; None when there is none or its file is not ours."""
        try:
            value: Any = orjson.loads(self._path(draft_id).read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
        if not isinstance(value, dict) or value.pop("format", None) != FORMAT:
            return None
        return Unfinished.from_json(value)

    def _write(self, draft: Unfinished) -> None:
        path = self._path(draft.draft_id)
        fresh = path.with_suffix(".new")
        write_file(fresh, orjson.dumps({"format": FORMAT, **asdict(draft)}))
        os.replace(fresh, path)
        sync_folder(self._folder)

    def _forget(self) -> None:
        """Remove those that were saved long ago."""
        for draft in list(self._all()):
            if draft.saved and draft.saved.at < self._clock() - _KEPT_S:
                self._path(draft.draft_id).unlink(missing_ok=True)

    def _path(self, draft_id: str) -> Path:
        return self._folder / f"{draft_id}.json"

    def _lock(self) -> FileLock:
        return FileLock(self._folder / ".lock")


def _nearest_first(wanted: str, drafts: list[Unfinished]) -> list[Unfinished]:
    def likeness(draft: Unfinished) -> float:
        return max(
            difflib.SequenceMatcher(None, wanted, known).ratio() for known in (draft.draft_id, draft.name)
        )

    newest = sorted(drafts, key=lambda draft: -draft.created_at)
    return sorted(newest, key=lambda draft: -likeness(draft))
