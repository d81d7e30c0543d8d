"""All that is known of one bridge request: the engine's picture, and the states it was seen to come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from c2jy_bridge.core.events import BridgeRequestChanged
from c2jy_bridge.core.views import RequestView

ENDED: Final = ("succeeded", "failed", "cancelled")
KEPT_MOMENTS: Final = 60
"""Changes kept of one request; the Bot is asked three times at most, a restart asks again."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The request came to a state; `at` is Unix seconds."""

    at: float
    state: str


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request."""

    view: RequestView
    seen: tuple[Moment, ...] = ()
    """What was seen of it in this run of the app, in order."""

    @property
    def ended(self) -> bool:
        """Whether nothing can change any more."""
        return self.view.state in ENDED

    @property
    def repeatable(self) -> bool:
        """Whether it is a tool call of its own, and not a chat that a workflow had begun."""
        return self.view.relay != "chat"

    def elapsed_s(self, now: float) -> float:
        """Seconds from acceptance to the end, or until `now`."""
        end = self.view.finished_at if self.view.finished_at is not None else now
        return max(0.0, end - self.view.accepted_at)

    def moments(self) -> list[Moment]:
        """Its timeline: accepted, what was seen of it, and how it ended."""
        view = self.view
        seen = self.seen[1:] if self.seen and self.seen[0].state == "queued" else self.seen
        found = [Moment(view.accepted_at, "accepted"), *seen]
        if view.state != "queued" and all(moment.state != view.state for moment in seen):
            found.append(Moment(view.finished_at or view.changed_at, view.state))
        return sorted(found, key=lambda moment: moment.at)


class Seen:
    """The changes of requests in this run of the app, by request."""

    def __init__(self) -> None:
        self._moments: dict[str, tuple[Moment, ...]] = {}

    def take(self, event: BridgeRequestChanged) -> None:
        """Write one down."""
        before = self._moments.get(event.request_id, ())
        self._moments[event.request_id] = (*before, Moment(event.at, event.state))[-KEPT_MOMENTS:]

    def record(self, view: RequestView) -> RequestRecord:
        """A request with what was seen of it."""
        return RequestRecord(view, self._moments.get(view.request_id, ()))

    def keep(self, request_ids: set[str]) -> None:
        """Forget all others."""
        self._moments = {i: moments for i, moments in self._moments.items() if i in request_ids}
