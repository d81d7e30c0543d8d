"""What a queue of bridge requests must do; `tests/unit/relay/test_queue.py` is the suite for any engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.request import BridgeRequest, Change, ChatRef, Ending, Intake, Lease, State, Wanted


class KeyReused(ValueError):
    """The idempotency key belongs to another wish; `request_id` is that one's."""

    def __init__(self, request_id: str) -> None:
        super().__init__(request_id)
        self.request_id = request_id


class QueueFull(RuntimeError):
    """As many requests are open as may be; nothing was accepted."""


class LeaseLost(RuntimeError):
    """The request has ended or somebody else works on it: nothing was written, stop."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted wish; `created` is False when its key had brought this request before."""

    request: BridgeRequest
    created: bool


class RequestQueue(Protocol):
    """What an intake sees."""

    async def accept(self, wanted: Wanted) -> Accepted:
        """Take a wish in; request and key are durable, together, when this returns.

        Raises:
            KeyReused: The key was used for another tool or other arguments.
            QueueFull: Too many requests are open.
        """

    async def get(self, request_id: str) -> BridgeRequest | None:
        """One request."""

    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        """Newest first; `before` is the `seq` of the last one seen."""

    async def cancel(self, request_id: str) -> BridgeRequest | None:
        """End a request that nobody works on; of any other, remember the wish. None: there is no such one."""

    async def changes(self, *, after: int = 0, request_id: str = "", limit: int = 100) -> Sequence[Change]:
        """Changes in order, of one request or of all; `after` is the `seq` of the last one seen."""

    async def counts(self) -> Mapping[State, int]:
        """How many requests are in each state."""

    async def undelivered(self, source: Intake) -> Sequence[BridgeRequest]:
        """Ended requests whose answer still has to be sent, oldest first."""

    async def delivered(self, request_id: str) -> None:
        """The answer is sent."""


class WorkQueue(Protocol):
    """What a worker sees. Everything that takes a lease raises LeaseLost when it no longer holds."""

    async def claim(self, worker: str, lease_s: float) -> Lease | None:
        """The oldest request that wants work, for `lease_s` seconds; None when there is none.

        One that was begun and left comes before those not begun, even after its time has run out: somebody
        has to look what came of it.
        """

    async def renew(self, lease: Lease, lease_s: float) -> BridgeRequest:
        """Hold it for `lease_s` seconds from now; returns it as it is, with `cancel_wanted`."""

    async def asking(self, lease: Lease, handle_digest: str) -> BridgeRequest:
        """The Bot is about to be asked with a new handle: relaying, one attempt more."""

    async def in_chat(self, lease: Lease, chat: ChatRef) -> BridgeRequest:
        """The Bot answers in this chat."""

    async def running(self, lease: Lease, call_id: str, used_by: str = "") -> BridgeRequest:
        """The tool begins; `used_by` is the Coze call that used the handle up."""

    async def release(self, lease: Lease, *, not_before: float, problem: Problem | None) -> BridgeRequest:
        """Put it back; nobody gets it before that time."""

    async def park(self, lease: Lease, problem: Problem) -> BridgeRequest:
        """Let it rest until `unpark`: nobody gets it before, and it does not expire."""

    async def unpark(self) -> Sequence[BridgeRequest]:
        """Put everything that rests back into the queue, with the time that it had left; returns those."""

    async def finish(self, lease: Lease, ending: Ending) -> BridgeRequest:
        """Its end, durable when this returns; a second one is refused with LeaseLost."""

    async def chat_ended(self, turn_id: str) -> None:
        """The chat came to an end, whatever became of the request."""

    async def open_chats(self) -> Sequence[tuple[BridgeRequest, ChatRef]]:
        """Chats of ended requests whose own end nobody saw: the Bot may still wait for an answer."""

    async def void_leases(self, worker: str) -> int:
        """Take every lease from all other workers, who are known to be dead; how many there were."""

    async def expire(self, problem: Problem) -> Sequence[BridgeRequest]:
        """Fail what was never begun and whose time has run out; returns those."""

    async def forget(self, before: float) -> int:
        """Drop requests that ended before that time, with their keys; returns how many."""
