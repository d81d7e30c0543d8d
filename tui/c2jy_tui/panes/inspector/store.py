"""Keeps the newest tool calls in a ring, and selects those that match a filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from c2jy_bridge.core.events import Event, ToolCallEvent, ToolOutputsSubmitted
from c2jy_bridge.core.views import CallView
from c2jy_tui.panes.inspector import labels
from c2jy_tui.panes.inspector.record import CallRecord, advanced, completed_from, first_seen

CAPACITY: Final = 1000
"""Calls held at once, the default of hookdeck's listen TUI (maxEvents); the journal has the rest."""

CallFilter = Callable[[CallRecord], bool]


def every_call(_record: CallRecord) -> bool:
    """The filter that matches all calls."""
    return True


class CallStore:
    """Records by call id, in the order in which the calls were requested, oldest first."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._records: dict[str, CallRecord] = {}
        self._filter: CallFilter = every_call
        self.shown: list[str] = []
        """Ids of the calls that pass the filter, oldest first."""
        self.forgotten = 0
        """Number of calls dropped from the ring."""

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[CallRecord]:
        return iter(self._records.values())

    def __getitem__(self, call_id: str) -> CallRecord:
        return self._records[call_id]

    def get(self, call_id: str) -> CallRecord | None:
        """The call, or None when it is not held."""
        return self._records.get(call_id)

    def apply(self, event: Event) -> list[str]:
        """Apply one event; returns the ids of the calls that it changed."""
        if isinstance(event, ToolOutputsSubmitted):
            known = [i for i in event.call_ids if i in self._records]
            for call_id in known:
                submitted = self._records[call_id]
                self._put(replace(submitted, call=replace(submitted.call, submitted_at=event.at)))
            return known
        if not isinstance(event, ToolCallEvent):
            return []
        before = self._records.get(event.call_id)
        record = first_seen(event) if before is None else advanced(before, event)
        if record is None:
            return []
        self._put(record)
        return [event.call_id]

    def fill(self, views: Iterable[CallView]) -> None:
        """Add calls from the journal; calls observed live keep their details."""
        records = dict(self._records)
        for view in views:
            live = records.get(view.call_id)
            records[view.call_id] = completed_from(live, view) if live and live.live else CallRecord(view)
        ordered = sorted(records.values(), key=lambda r: r.call.requested_at)
        self.forgotten += max(0, len(ordered) - self._capacity)
        self._records = {r.call.call_id: r for r in ordered[-self._capacity :]}
        self._refilter()

    def grow(self, views: Sequence[CallView]) -> None:
        """Add older calls, and make room for them."""
        self._capacity += len(views)
        self.forgotten = max(0, self.forgotten - len(views))
        self.fill(views)

    def set_filter(self, wanted: CallFilter) -> None:
        """Show the calls that match `wanted`, now and as they change."""
        self._filter = wanted
        self._refilter()

    def _refilter(self) -> None:
        self.shown = [i for i, record in self._records.items() if self._filter(record)]

    def _put(self, record: CallRecord) -> None:
        call_id = record.call.call_id
        before = self._records.get(call_id)
        self._records[call_id] = record
        if before is None:
            if self._filter(record):
                self.shown.append(call_id)
            if len(self._records) > self._capacity:
                self._forget()
        elif self._filter is not every_call and self._filter(before) != self._filter(record):
            self._refilter()

    def _forget(self) -> None:
        """Drop the oldest ended call; one that still runs or waits is kept."""
        oldest = next((i for i, r in self._records.items() if r.ended), next(iter(self._records)))
        del self._records[oldest]
        self.forgotten += 1
        if oldest in self.shown:
            self.shown.remove(oldest)


_FIELDS = ("tool", "status", "source")


@dataclass(frozen=True, slots=True)
class _Term:
    """One word and the field it must occur in; an empty field is any."""

    field: str
    word: str

    def matches(self, record: CallRecord) -> bool:
        call = record.call
        texts_of = {
            "tool": (call.tool,),
            "status": (record.status, labels.say(f"status.{record.status}")),
            "source": (call.source, labels.say(f"source.{call.source}")),
        }
        named = [text for field in _FIELDS for text in texts_of[field]]
        texts = texts_of[self.field] if self.field else (*named, call.arguments, call.output, call.error)
        return any(self.word in text.casefold() for text in texts)


def parse_filter(text: str) -> CallFilter:
    """The filter for `text`, such as `generate status:error 美食`: all terms must match."""
    terms = []
    for part in text.casefold().split():
        field, colon, word = part.partition(":")
        terms.append(_Term(field, word) if colon and field in _FIELDS else _Term("", part))
    if not terms:
        return every_call
    return lambda record: all(term.matches(record) for term in terms)
