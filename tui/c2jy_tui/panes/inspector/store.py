"""The calls the inspector holds: a ring of the newest, and the part of them that a filter lets through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from c2jy_bridge.core.events import Event, ToolCallEvent, ToolOutputsSubmitted
from c2jy_bridge.core.views import CallView
from c2jy_tui.panes.inspector.record import (
    CallRecord,
    advanced,
    completed_from,
    first_seen,
    recorded,
    submitted,
)

CAPACITY: Final = 1000
"""Calls held at once, as hookdeck's listen TUI does (maxEvents); the journal has the rest."""

Wanted = Callable[[CallRecord], bool]


def everything(_record: CallRecord) -> bool:
    """The filter that lets all calls through."""
    return True


class CallStore:
    """Records by call id in the order in which they were asked for, oldest first."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._records: dict[str, CallRecord] = {}
        self._wanted: Wanted = everything
        self._shown: list[str] = []
        self.forgotten = 0
        """Calls that fell out of the ring."""

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[CallRecord]:
        return iter(self._records.values())

    def __getitem__(self, call_id: str) -> CallRecord:
        return self._records[call_id]

    def get(self, call_id: str) -> CallRecord | None:
        """The call, or None when it is not held."""
        return self._records.get(call_id)

    @property
    def shown(self) -> list[str]:
        """Ids of the calls that pass the filter, oldest first."""
        return self._shown

    def take(self, event: Event) -> list[str]:
        """Take in one event; returns the ids of the calls that it changed."""
        if isinstance(event, ToolOutputsSubmitted):
            known = [i for i in event.call_ids if i in self._records]
            for call_id in known:
                self._put(submitted(self._records[call_id], event.at))
            return known
        if not isinstance(event, ToolCallEvent):
            return []
        known_record = self._records.get(event.call_id)
        record = first_seen(event) if known_record is None else advanced(known_record, event)
        if record is None:
            return []
        self._put(record)
        return [event.call_id]

    def fill(self, views: Iterable[CallView]) -> None:
        """Take in what the journal has; calls that are watched live keep what was seen of them."""
        records = dict(self._records)
        for view in views:
            live = records.get(view.call_id)
            records[view.call_id] = completed_from(live, view) if live and live.live else recorded(view)
        ordered = sorted(records.values(), key=lambda r: r.call.requested_at)
        self.forgotten += max(0, len(ordered) - self._capacity)
        self._records = {r.call.call_id: r for r in ordered[-self._capacity :]}
        self._sift()

    def only(self, wanted: Wanted) -> None:
        """Show the calls that `wanted` lets through, now and as they change."""
        self._wanted = wanted
        self._sift()

    def _sift(self) -> None:
        self._shown = [i for i, record in self._records.items() if self._wanted(record)]

    def _put(self, record: CallRecord) -> None:
        call_id = record.call.call_id
        before = self._records.get(call_id)
        self._records[call_id] = record
        if before is None:
            if self._wanted(record):
                self._shown.append(call_id)
            if len(self._records) > self._capacity:
                self._forget()
        elif self._wanted is not everything and self._wanted(before) != self._wanted(record):
            self._sift()

    def _forget(self) -> None:
        """Let the oldest ended call go; one that still runs or waits stays in sight."""
        oldest = next((i for i, r in self._records.items() if r.ended), next(iter(self._records)))
        del self._records[oldest]
        self.forgotten += 1
        if oldest in self._shown:
            self._shown.remove(oldest)
