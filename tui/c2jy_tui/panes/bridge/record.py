"""One bridge request: the engine's view of it, and the state changes seen in this run of the app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.core.events import BridgeRequestChanged

KEPT_CHANGES: Final = 60
"""Changes kept of one request; the Bot is asked at most three times, and again after a restart."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """The request reached a state; `at` is Unix seconds."""

    at: float
    state: str


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request."""

    view: BridgeRequest
    seen: tuple[StateChange, ...] = ()
    """Its state changes in this run of the app, in order."""

    @property
    def ended(self) -> bool:
        """Whether it can change no more."""
        return self.view.ended

    @property
    def repeatable(self) -> bool:
        """Whether it is a tool call of its own and not a chat that a workflow had begun."""
        return self.view.relay != "chat"

    def elapsed_s(self, now: float) -> float:
        """Seconds from acceptance to the end, or until `now`."""
        end = self.view.finished_at if self.view.finished_at is not None else now
        return max(0.0, end - self.view.accepted_at)

    def timeline(self) -> list[StateChange]:
        """Accepted, the state changes seen, and how it ended."""
        view = self.view
        seen = self.seen[1:] if self.seen and self.seen[0].state == "queued" else self.seen
        found = [StateChange(view.accepted_at, "accepted"), *seen]
        if view.state != "queued" and all(change.state != view.state for change in seen):
            found.append(StateChange(view.finished_at or view.changed_at, view.state))
        return sorted(found, key=lambda change: change.at)


class StateHistory:
    """The state changes of each request in this run of the app."""

    def __init__(self) -> None:
        self._changes: dict[str, tuple[StateChange, ...]] = {}

    def add(self, event: BridgeRequestChanged) -> None:
        """Remember one change."""
        before = self._changes.get(event.request_id, ())
        self._changes[event.request_id] = (*before, StateChange(event.at, event.state))[-KEPT_CHANGES:]

    def record(self, view: BridgeRequest) -> RequestRecord:
        """A request with its state changes."""
        return RequestRecord(view, self._changes.get(view.request_id, ()))

    def retain(self, request_ids: set[str]) -> None:
        """Forget all others."""
        self._changes = {i: changes for i, changes in self._changes.items() if i in request_ids}
