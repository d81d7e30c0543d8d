"""A model of the request queue in dicts, which passes the same tests as the one in SQLite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from c2jy_bridge.core.bridge_requests import PARKED, BridgeRequest, ChatRef, RequestSource, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.request import (
    Accepted,
    Change,
    Ending,
    KeyReused,
    Lease,
    LeaseLost,
    QueueFull,
    Submission,
)


@dataclass
class _Kept:
    request: BridgeRequest
    fingerprint: str
    worker: str = ""
    claim: int = 0
    lease_until: float | None = None
    not_before: float = 0.0
    takeovers: int = 0
    handle_digest: str = ""
    handle_used_by: str = ""
    delivered: bool = False


class MemoryQueue:
    def __init__(self, *, limit: int, clock: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._limit, self._clock, self._new_id = limit, clock, new_id
        self._kept: dict[str, _Kept] = {}
        self._changes: list[Change] = []
        self._seq = 0

    async def accept(self, wanted: Submission) -> Accepted:
        key = wanted.source, wanted.requester, wanted.idempotency_key
        for kept in self._kept.values():
            one = kept.request
            if wanted.idempotency_key and key == (one.source, one.requester, one.idempotency_key):
                if kept.fingerprint != wanted.fingerprint:
                    raise KeyReused(one.request_id)
                return Accepted(one, created=False)
        if sum(not kept.request.ended for kept in self._kept.values()) >= self._limit:
            raise QueueFull(self._limit)
        now, self._seq = self._clock(), self._seq + 1
        begins = now if wanted.submitted_at is None else wanted.submitted_at
        request = BridgeRequest(
            seq=self._seq,
            request_id=self._new_id(),
            tool=wanted.tool,
            arguments=wanted.arguments_json,
            source=wanted.source,
            requester=wanted.requester,
            idempotency_key=wanted.idempotency_key,
            relay=wanted.relay,
            state=State.QUEUED,
            accepted_at=now,
            expires_at=begins + wanted.timeout_s,
            changed_at=now,
            reply_to=wanted.reply_to,
            deliver=wanted.deliver,
        )
        kept = self._kept[request.request_id] = _Kept(request, wanted.fingerprint)
        return Accepted(self._change(kept), created=True)

    async def get(self, request_id: str) -> BridgeRequest | None:
        kept = self._kept.get(request_id)
        return kept.request if kept else None

    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        newest = sorted((kept.request for kept in self._kept.values()), key=lambda r: -r.seq)
        found = [r for r in newest if (before is None or r.seq < before) and state in (None, r.state)]
        return found[:limit]

    async def cancel(self, request_id: str) -> BridgeRequest | None:
        kept = self._kept.get(request_id)
        if kept is None or kept.request.ended:
            return kept.request if kept else None
        if kept.request.state in (State.QUEUED, *PARKED):
            kept.lease_until = None
            return self._change(kept, state=State.CANCELLED, finished_at=self._clock())
        if kept.request.cancel_wanted:
            return kept.request
        return self._change(kept, cancel_wanted=True)

    async def changes(self, *, after: int = 0, request_id: str = "", limit: int = 100) -> Sequence[Change]:
        found = [c for c in self._changes if c.seq > after and request_id in ("", c.request_id)]
        return found[:limit]

    async def counts(self) -> Mapping[State, int]:
        states = [kept.request.state for kept in self._kept.values()]
        return {state: states.count(state) for state in State}

    async def undelivered(self, source: RequestSource) -> Sequence[BridgeRequest]:
        owed = (kept.request for kept in self._kept.values() if not kept.delivered)
        return [request for request in owed if request.ended and request.source == source]

    async def delivered(self, request_id: str) -> None:
        self._kept[request_id].delivered = True

    async def claim(
        self, worker: str, lease_s: float, at_work: Collection[str] = frozenset(), *, direct: bool = False
    ) -> Lease | None:
        now = self._clock()
        free = [
            kept
            for kept in self._kept.values()
            if not kept.request.ended
            and kept.request.state not in PARKED
            and kept.request.request_id not in at_work
            and (kept.request.relay == "direct" or not direct)
            and (kept.lease_until is None or kept.lease_until <= now)
            and (
                kept.request.state is not State.QUEUED
                or (kept.not_before <= now and kept.request.expires_at > now)
            )
        ]
        if not free:
            return None
        kept = min(free, key=lambda k: (k.request.state is State.QUEUED, k.request.seq))
        kept.claim += 1
        kept.worker, kept.lease_until = worker, now + lease_s
        kept.takeovers += kept.request.state is not State.QUEUED
        return Lease(kept.request, kept.claim, kept.takeovers, kept.handle_digest, kept.handle_used_by)

    async def renew(self, lease: Lease, lease_s: float) -> BridgeRequest:
        kept = self._held(lease)
        kept.lease_until = self._clock() + lease_s
        return kept.request

    async def asking(self, lease: Lease, handle_digest: str) -> BridgeRequest:
        kept = self._held(lease)
        kept.handle_digest, kept.handle_used_by = handle_digest, ""
        return self._change(kept, state=State.RELAYING, attempts=kept.request.attempts + 1)

    async def in_chat(self, lease: Lease, chat: ChatRef) -> BridgeRequest:
        kept = self._held(lease)
        known = any(one.turn_id == chat.turn_id for one in kept.request.chats)
        return self._change(kept, chats=kept.request.chats if known else (*kept.request.chats, chat))

    async def running(self, lease: Lease, call_id: str, used_by: str = "") -> BridgeRequest:
        kept = self._held(lease)
        kept.handle_used_by = used_by
        return self._change(kept, state=State.RUNNING, call_id=call_id)

    async def release(
        self, lease: Lease, *, not_before: float, problem: Problem | None, asked: bool = True
    ) -> BridgeRequest:
        kept = self._held(lease)
        kept.lease_until, kept.not_before = None, not_before
        attempts = kept.request.attempts if asked else lease.request.attempts
        return self._change(kept, state=State.QUEUED, attempts=attempts, problem=problem)

    async def park(self, lease: Lease, state: State, problem: Problem) -> BridgeRequest:
        kept = self._held(lease)
        kept.lease_until = None
        return self._change(kept, state=state, attempts=lease.request.attempts, problem=problem)

    async def unpark(self, state: State, *, limit: int = -1) -> Sequence[BridgeRequest]:
        now = self._clock()
        resting = [kept for kept in self._kept.values() if kept.request.state is state]
        resting = resting[: None if limit < 0 else limit]
        for kept in resting:
            kept.not_before = 0.0
            late = kept.request.expires_at + max(0.0, now - kept.request.changed_at)
            kept.request = replace(kept.request, expires_at=late)
        return [self._change(kept, state=State.QUEUED) for kept in resting]

    async def finish(self, lease: Lease, ending: Ending) -> BridgeRequest:
        kept = self._held(lease)
        kept.lease_until = None
        return self._change(
            kept,
            state=ending.state,
            result=ending.result,
            problem=ending.problem,
            finished_at=self._clock(),
        )

    async def chat_ended(self, turn_id: str) -> None:
        for kept in self._kept.values():
            chats = (replace(c, is_open=c.is_open and c.turn_id != turn_id) for c in kept.request.chats)
            kept.request = replace(kept.request, chats=tuple(chats))

    async def open_chats(self) -> Sequence[tuple[BridgeRequest, ChatRef]]:
        ended = [kept.request for kept in self._kept.values() if kept.request.ended]
        return [(request, chat) for request in ended for chat in request.chats if chat.is_open]

    async def void_leases(self, worker: str) -> int:
        for kept in self._kept.values():
            kept.not_before = 0.0
        others = [k for k in self._kept.values() if k.lease_until is not None and k.worker != worker]
        for kept in others:
            kept.lease_until = None
        return len(others)

    async def expire(self, problem: Problem) -> Sequence[BridgeRequest]:
        now = self._clock()
        late = [
            kept
            for kept in self._kept.values()
            if kept.request.state is State.QUEUED
            and kept.request.expires_at <= now
            and (kept.lease_until is None or kept.lease_until <= now)
        ]
        for kept in late:
            kept.lease_until = None
        return [self._change(k, state=State.FAILED, problem=problem, finished_at=now) for k in late]

    async def forget(self, before: float) -> int:
        old = [k for k, kept in self._kept.items() if (kept.request.finished_at or before) < before]
        for request_id in old:
            del self._kept[request_id]
        self._changes = [change for change in self._changes if change.request_id not in old]
        return len(old)

    def _held(self, lease: Lease) -> _Kept:
        kept = self._kept.get(lease.request.request_id)
        if kept is None or kept.request.ended or kept.claim != lease.claim or kept.lease_until is None:
            raise LeaseLost(lease.request.request_id)
        return kept

    def _change(self, kept: _Kept, **fields: object) -> BridgeRequest:
        now = self._clock()
        kept.request = replace(kept.request, changed_at=now, **fields)  # type: ignore[arg-type]  # a dict of fields
        one = kept.request
        self._changes.append(Change(len(self._changes) + 1, one.request_id, one.state, one.attempts, now))
        return one
