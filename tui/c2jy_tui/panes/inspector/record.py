"""One tool call as events and the journal describe it: its state, its times, its timeline."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final, Literal

from c2jy_bridge.core.events import (
    Event,
    Outcome,
    ToolCallAwaitingApproval,
    ToolCallFinished,
    ToolCallProgress,
    ToolCallRequested,
    ToolCallStarted,
)
from c2jy_bridge.core.views import CallView

Status = Literal[
    "requested", "waiting", "running", "unfinished", "ok", "error", "denied", "cancelled", "timed_out"
]

MomentKind = Literal["requested", "asked", "started", "progress", "finished", "submitted"]

KEPT_PROGRESS: Final = 40
"""Progress reports kept for the timeline of one call; older ones are only counted."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a call's timeline; `at` is Unix seconds."""

    at: float
    kind: MomentKind
    progress: ToolCallProgress | None = None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One tool call: its row in the journal, and what only its live events contain."""

    call: CallView
    live: bool = False
    """Its events were seen in this run of the app; otherwise it comes from the journal."""
    asked: ToolCallAwaitingApproval | None = None
    progress: tuple[ToolCallProgress, ...] = ()
    progress_forgotten: int = 0
    ran_s: float | None = None
    replayed: bool = False

    @property
    def status(self) -> Status:
        """The state of the call."""
        if self.call.outcome is not None:
            return self.call.outcome.value
        if self.call.started_at is not None:
            return "running" if self.live else "unfinished"
        if self.asked is not None:
            return "waiting"
        return "requested" if self.live else "unfinished"

    @property
    def ended(self) -> bool:
        """Whether it can change no more, as far as this run of the app knows."""
        return self.status not in ("requested", "waiting", "running")

    def elapsed_s(self, now: float) -> float | None:
        """Seconds it ran, or has run until `now`, or waits for approval; None when unknown."""
        if self.ran_s is not None:
            return self.ran_s
        call = self.call
        since = call.started_at if call.started_at is not None else call.requested_at
        if call.finished_at is not None:  # never started: it was denied
            return max(0.0, call.finished_at - since) if call.started_at is not None else 0.0
        return None if self.ended else max(0.0, now - since)

    def moments(self) -> list[Moment]:
        """Its timeline, in order."""
        call = self.call
        marks: list[tuple[float | None, MomentKind]] = [
            (call.requested_at, "requested"),
            (self.asked.at if self.asked else None, "asked"),
            (call.started_at, "started"),
            (call.finished_at, "finished"),
            (call.submitted_at, "submitted"),
        ]
        known = [Moment(at, kind) for at, kind in marks if at is not None]
        steps = [Moment(step.at, "progress", step) for step in self.progress]
        order = ("requested", "asked", "started", "progress", "finished", "submitted")
        return sorted(known + steps, key=lambda m: (m.at, order.index(m.kind)))


def first_seen(event: Event) -> CallRecord | None:
    """The record that begins with `event`; None when the event carries too little for one."""
    match event:
        case ToolCallRequested(call=call):
            view = CallView(
                call_id=event.call_id,
                tool=call.tool,
                arguments=call.arguments,
                source=call.source,
                requested_at=event.at,
                turn_id=call.turn_id,
                conversation_id=call.conversation_id,
                chat_id=call.chat_id,
                tool_call_id=call.tool_call_id,
            )
        case ToolCallAwaitingApproval(tool=tool, source=source):
            arguments = json.dumps(event.arguments, ensure_ascii=False)
            view = CallView(event.call_id, tool, arguments, source, event.at)
        case ToolCallFinished(tool=tool):
            view = CallView(event.call_id, tool, "", "chat", event.at - event.elapsed_s)
        case _:
            return None
    return advanced(CallRecord(view, live=True), event)


def advanced(record: CallRecord, event: Event) -> CallRecord:
    """`record` after `event`, which must be about it."""
    match event:
        case ToolCallAwaitingApproval():
            return replace(record, asked=event, live=True)
        case ToolCallStarted(at=at):
            return replace(record, call=replace(record.call, started_at=at), live=True)
        case ToolCallProgress():
            kept = (*record.progress, event)
            forgotten = record.progress_forgotten + max(0, len(kept) - KEPT_PROGRESS)
            return replace(record, progress=kept[-KEPT_PROGRESS:], progress_forgotten=forgotten, live=True)
        case ToolCallFinished(at=at, outcome=outcome, output=output, error=error):
            call = replace(record.call, finished_at=at, outcome=Outcome(outcome), output=output, error=error)
            return replace(record, call=call, ran_s=event.elapsed_s, replayed=event.replayed, live=True)
        case _:
            return record


def completed_from(record: CallRecord, view: CallView) -> CallRecord:
    """A live record completed from the journal; the live values win."""
    call = record.call
    return replace(
        record,
        call=replace(
            call,
            arguments=call.arguments or view.arguments,
            source=view.source,
            requested_at=min(call.requested_at, view.requested_at),
            turn_id=call.turn_id or view.turn_id,
            conversation_id=call.conversation_id or view.conversation_id,
            chat_id=call.chat_id or view.chat_id,
            tool_call_id=call.tool_call_id or view.tool_call_id,
            started_at=call.started_at if call.started_at is not None else view.started_at,
            finished_at=call.finished_at if call.finished_at is not None else view.finished_at,
            submitted_at=call.submitted_at if call.submitted_at is not None else view.submitted_at,
            outcome=call.outcome or view.outcome,
            output=call.output or view.output,
            error=call.error or view.error,
        ),
    )
