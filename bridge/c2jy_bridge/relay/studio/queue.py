"""`RequestQueue` on NATS JetStream: records in a bucket, offers in a stream of work.

A request is a record in a bucket, changed only by compare-and-set. A message in the stream of work offers it;
the message is acknowledged only when the record has ended, so that every open request is offered again after
any crash. What else it holds - leases, pauses - only says when. The server's clock decides that a lease has
run out, so that clocks of machines need not agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from typing_extensions import override

from c2jy_bridge.core.bridge_requests import PARKED, BridgeRequest, ChatRef, RequestSource, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.request import Accepted, Change, Ending, Lease, LeaseLost, Submission, bridge_problem
from c2jy_bridge.relay.request_queue import RequestQueue
from c2jy_bridge.relay.studio.connection import Studio, patiently
from c2jy_bridge.relay.studio.index import Follower
from c2jy_bridge.relay.studio.pulls import Pulls, give_back
from c2jy_bridge.relay.studio.record import INLINE_BYTES, Record, decode
from c2jy_bridge.relay.studio.records import Records
from c2jy_bridge.relay.studio.submissions import ANYWHERE, Submissions, key_of, mode_of, token_of

LOOK_S: Final = 10.0
"""Longest time after which a request that may not be claimed yet is looked at again."""
CLAIM_S: Final = 0.2
"""Seconds that a claim waits for an offer; one that comes later wakes the worker."""
PARKED_ELSEWHERE_S: Final = 300.0
"""A request that another machine has parked for longer is tried here: its token may be accepted."""


class StudioQueue(RequestQueue):
    """A queue shared by machines. `start` follows all requests (a gateway) or makes ready to claim."""

    def __init__(
        self,
        studio: Studio,
        *,
        limit: int = 1000,
        machine: str = "",
        labels: Sequence[str] = (),
        lease_s: float = 60.0,
        look_s: float = LOOK_S,
        changed: Callable[[BridgeRequest], Awaitable[None]] | None = None,
        offered: Callable[[], object] = lambda: None,
        stopped: Callable[[str], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        """Nothing is read before `start`.

        Args:
            studio: The connection.
            limit: How many requests may be open.
            machine: Name of this machine; unique in the studio.
            labels: What requests may ask for.
            lease_s: Seconds until the request of a silent worker is offered to others.
            look_s: See `LOOK_S`.
            changed: Awaited for every request that another process changed, while all are followed.
            offered: Called when there may be something to claim.
            stopped: Awaited with the id of a request that is cancelled while it runs.
            clock: As of `EmbeddedQueue`.
            steady: As of `EmbeddedQueue`.
            new_id: Ids of requests.
        """
        self._studio = studio
        self._machine = machine
        self._targets = [ANYWHERE, *(f"label-{label}" for label in labels)]
        if machine:
            self._targets.append(f"machine-{machine}")
        self._lease_s = lease_s
        self._look_s = look_s
        self._clock = clock
        self._steady = steady or clock
        self._records = Records(studio)
        self._index = self._records.index
        self.submissions = Submissions(
            studio, self._records, limit=limit, clock=clock, steady=self._steady, new_id=new_id
        )
        self._pulls = Pulls(studio.stream, studio.work, offered)
        self._follower = Follower(studio, self._index, changed or _nothing)
        self._stopped = stopped
        self._held: dict[str, Msg] = {}
        """Messages of our leases, to be kept alive."""
        self._turns: dict[str, str] = {}

    async def start(self, *, follow: bool, claim: bool) -> None:
        """Follow all requests, make the consumers to claim from, or both."""
        if claim:
            for target in self._targets:
                for mode in ("bot", "direct"):
                    subject = self._studio.subject("work", target, mode)
                    await self._pulls.make(_consumer(target, mode), subject, self._lease_s)
            await self._studio.client.subscribe(self._studio.subject("cancel"), cb=self._hear)
        if follow:
            await self._follower.start()

    async def aclose(self) -> None:
        """Give back what was not claimed. The connection stays open."""
        await self._pulls.aclose()
        await self._follower.aclose()

    @override
    async def accept(self, submission: Submission) -> Accepted:
        return await self.submissions.accept(submission)

    @override
    async def accepted_before(self, submission: Submission) -> Accepted | None:
        return await self.submissions.accepted_before(submission)

    @override
    async def get(self, request_id: str) -> BridgeRequest | None:
        found = await self._records.read(request_id)
        return await self._records.whole(found[0]) if found else None

    @override
    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        fitting = [
            record.request.request_id
            for record in self._index
            if (before is None or record.request.seq < before)
            and (state is None or record.request.state is state)
        ]
        return await self._all(reversed(fitting[-limit:]))

    @override
    async def changes(self, *, after: int = 0, request_id: str = "", limit: int = 100) -> Sequence[Change]:
        changes = await self._records.history(request_id)
        return [change for change in changes if change.seq > after][:limit]

    @override
    async def counts(self) -> Mapping[State, int]:
        return self._index.counts()

    @override
    async def undelivered(self, source: RequestSource) -> Sequence[BridgeRequest]:
        return await self._all(
            record.request.request_id
            for record in self._index
            if record.request.ended and record.request.source == source and not record.delivered
        )

    @override
    async def delivered(self, request_id: str) -> None:
        await self._records.change(request_id, lambda record: replace(record, delivered=True))

    @override
    async def open_chats(self) -> Sequence[tuple[BridgeRequest, ChatRef]]:
        ids = [
            record.request.request_id
            for record in self._index
            if record.request.ended and any(chat.is_open for chat in record.request.chats)
        ]
        requests = await self._all(ids)
        return [(request, chat) for request in requests for chat in request.chats if chat.is_open]

    async def _all(self, ids: Iterable[str]) -> list[BridgeRequest]:
        found = await asyncio.gather(*(self.get(request_id) for request_id in ids))
        return [request for request in found if request is not None]

    # Changes from outside the lease:

    @override
    async def cancel(self, request_id: str) -> BridgeRequest | None:
        def step(record: Record) -> Record:
            if record.request.ended or record.request.cancel_wanted:
                return record
            if record.waits or record.request.state in PARKED:
                ended = record.changed(state=State.CANCELLED, finished_at=self._clock())
                return self._stepped(replace(ended, leased=False))
            return self._stepped(record.changed(cancel_wanted=True))

        request = await self._changed_outside(request_id, step)
        if request is not None and request.cancel_wanted:  # else its worker sees it when it renews the lease
            with contextlib.suppress(NatsError):
                await self._studio.client.publish(self._studio.subject("cancel"), request_id.encode())
        return request

    async def _hear(self, message: Msg) -> None:
        if self._stopped is not None and (request_id := message.data.decode()) in self._held:
            await self._stopped(request_id)

    @override
    async def chat_ended(self, turn_id: str) -> None:
        request_id = self._turns.get(turn_id) or next(
            (
                record.request.request_id
                for record in self._index
                if any(chat.turn_id == turn_id for chat in record.request.chats)
            ),
            "",
        )

        def step(record: Record) -> Record:
            chats = tuple(
                replace(chat, is_open=False) if chat.turn_id == turn_id else chat
                for chat in record.request.chats
            )
            return record if chats == record.request.chats else record.changed(chats=chats)

        if request_id:
            await self._records.change(request_id, step)
            self._turns.pop(turn_id, None)

    @override
    async def void_leases(self, worker: str) -> int:
        return 0  # who is dead is found out by the servers

    @override
    async def unpark(self, state: State, *, limit: int = -1) -> Sequence[BridgeRequest]:
        parked = [record.request.request_id for record in self._index if record.request.state is state]
        freed = []
        for request_id in parked if limit < 0 else parked[:limit]:
            request = await self._changed_outside(request_id, lambda record: self._unparked(record, state))
            if request is not None and request.state is State.QUEUED:
                freed.append(request)
        return freed

    def _unparked(self, record: Record, state: State) -> Record:
        if record.request.state is not state:
            return record
        rested_s = max(0.0, self._steady() - record.request.changed_at)
        expires_at = record.request.expires_at + rested_s
        free = record.changed(state=State.QUEUED, expires_at=expires_at)
        return self._stepped(replace(free, not_before=0.0, leased=False))

    @override
    async def expire(self, problem: Problem) -> Sequence[BridgeRequest]:
        def is_late(record: Record) -> bool:
            left = record.waits or record.request.state is State.RUNNING  # its machine has not come back
            return left and not record.leased and record.request.expires_at <= self._steady()

        def step(record: Record) -> Record:
            if not is_late(record):
                return record
            why = problem if record.waits else bridge_problem("machine_lost", machine=record.machine)
            return self._stepped(record.changed(state=State.FAILED, problem=why, finished_at=self._clock()))

        late = [record.request.request_id for record in self._index if is_late(record)]
        failed = [await self._changed_outside(request_id, step) for request_id in late]
        return [request for request in failed if request is not None and request.state is State.FAILED]

    @override
    async def forget(self, before: float) -> int:
        old = [
            record for record in self._index if record.request.ended and record.request.changed_at < before
        ]
        for record in old:
            request = record.request
            await self._records.forget(record, key_of(request) if request.idempotency_key else "")
        return len(old)

    async def send(self, request_id: str, machine: str) -> bool:
        """Offer a request to that machine alone; False when there is none, or its tool has begun.

        Who has it now loses its lease, and cannot begin the tool any more.
        """

        target = f"machine:{machine}"
        while found := await self._records.read(request_id):
            record, revision = found
            if record.request.ended or record.request.state is State.RUNNING:
                return False
            free = self._stepped(record.changed(state=State.QUEUED))
            free = replace(free, target=target, leased=False, claim=record.claim + 1, not_before=0.0)
            moved = await self._moved(free, f"{request_id}/{revision}", target)
            if await self._records.put(moved, revision):
                with contextlib.suppress(NatsError):  # else whoever is offered it acknowledges it
                    await self._studio.stream.delete_msg(self._studio.work, record.message)
                return True
        return False

    async def _moved(self, record: Record, mark: str, target: str) -> Record:
        """Publish another message for a request; the record that names it, to be written."""
        subject = self._studio.subject("work", token_of(target), mode_of(record.request))

        async def publish() -> int:
            headers = {"Nats-Msg-Id": mark}
            return (await self._studio.stream.publish(subject, record.encode(), headers=headers)).seq

        return replace(record, message=await patiently(publish))

    # The worker's side:

    @override
    async def claim(
        self, worker: str, lease_s: float, at_work: Collection[str] = frozenset(), *, direct: bool = False
    ) -> Lease | None:
        modes = ("direct",) if direct else ("bot", "direct")
        consumers = [_consumer(target, mode) for target in self._targets for mode in modes]
        until = time.monotonic() + CLAIM_S
        while (left_s := until - time.monotonic()) > 0:
            message = await self._pulls.next(consumers, left_s)
            if message is not None and (lease := await self._take(message, worker, at_work)):
                self._pulls.rest()
                return lease
        return None

    async def _take(self, message: Msg, worker: str, at_work: Collection[str]) -> Lease | None:
        """Claim what a message offers; None, with the message answered, when it is not to be had now."""
        sent, seq = decode(message.data), message.metadata.sequence.stream
        request_id = sent.request.request_id
        if await self._records.read(request_id) is None:  # whoever published it has crashed since
            await self._records.create(sent, seq)
        while found := await self._records.read(request_id):
            record, revision = found
            if record.request.ended or record.message > seq:
                break
            if request_id in at_work and request_id in self._held:
                self._held[request_id] = message  # it was offered again while this process was asleep
                await message.in_progress()
                return None
            if record.message < seq:  # a move of this request to its machine was not completed
                await give_back(message, self._look_s)
                return None
            if record.request.state is State.RUNNING and record.machine not in ("", self._machine):
                if await self._send_home(record, revision):
                    break
                continue
            wait_s, changed = self._verdict(record, worker)
            if changed is not record and not await self._records.put(changed, revision):
                continue
            if wait_s is not None:
                await give_back(message, max(0.05, min(wait_s, self._look_s)))
                return None
            whole = await self._records.whole(changed)
            self._held[request_id] = message
            self._turns.update((chat.turn_id, request_id) for chat in whole.chats)
            fence = (changed.claim, changed.takeovers, changed.handle_digest, changed.handle_used_by)
            return Lease(whole, *fence)
        await _acknowledge(message)
        return None

    def _verdict(self, record: Record, worker: str) -> tuple[float | None, Record]:
        """How long an offer has to wait, None when it is claimed; and the record to write for that."""
        now, lapsed = self._steady(), replace(record, leased=False) if record.leased else record
        if record.request.state in PARKED:
            here = record.machine == self._machine
            if here or now - record.request.changed_at < PARKED_ELSEWHERE_S:
                return self._look_s, record
            return 0.0, self._unparked(record, record.request.state)
        if record.waits and record.request.expires_at <= now:
            return self._look_s, lapsed
        if record.waits and record.not_before > now:
            return record.not_before - now, lapsed
        takeovers = record.takeovers + (not record.waits)
        mine = replace(record, claim=record.claim + 1, takeovers=takeovers, leased=True)
        return None, replace(mine, worker=worker, machine=self._machine)

    async def _send_home(self, record: Record, revision: int) -> bool:
        """Offer a request whose tool was begun to its machine alone, which has the receipt.

        Only there is it known what the tool has done: run elsewhere, it could be done twice.
        """
        mark = f"{record.request.request_id}/{record.claim}"
        moved = await self._moved(replace(record, leased=False), mark, f"machine:{record.machine}")
        return bool(await self._records.put(moved, revision))

    @override
    async def renew(self, lease: Lease, lease_s: float) -> BridgeRequest:
        request_id = lease.request.request_id
        found = await self._records.read(request_id)
        if found is None:
            raise LeaseLost(request_id)
        self._fence(found[0], lease)
        if message := self._held.get(request_id):
            await message.in_progress()
        return await self._records.whole(found[0], arguments=lease.request.arguments)

    @override
    async def asking(self, lease: Lease, handle_digest: str) -> BridgeRequest:
        def step(record: Record) -> Record:
            asked = record.changed(state=State.RELAYING, attempts=record.request.attempts + 1)
            return replace(asked, handle_digest=handle_digest, handle_used_by="")

        return await self._write(lease, step)

    @override
    async def in_chat(self, lease: Lease, chat: ChatRef) -> BridgeRequest:
        self._turns[chat.turn_id] = lease.request.request_id

        def step(record: Record) -> Record:
            known = any(one.turn_id == chat.turn_id for one in record.request.chats)
            return record if known else record.changed(chats=(*record.request.chats, chat))

        return await self._write(lease, step)

    @override
    async def running(self, lease: Lease, call_id: str, used_by: str = "") -> BridgeRequest:
        def step(record: Record) -> Record:
            return replace(record.changed(state=State.RUNNING, call_id=call_id), handle_used_by=used_by)

        return await self._write(lease, step)

    @override
    async def release(
        self, lease: Lease, *, not_before: float, problem: Problem | None, asked: bool = True
    ) -> BridgeRequest:
        def step(record: Record) -> Record:
            attempts = record.request.attempts if asked else lease.request.attempts
            back = record.changed(state=State.QUEUED, attempts=attempts, problem=problem)
            return replace(back, not_before=not_before, leased=False)

        request = await self._write(lease, step)
        await self._let_go(request.request_id, max(0.0, not_before - self._steady()))
        return request

    @override
    async def park(self, lease: Lease, state: State, problem: Problem) -> BridgeRequest:
        def step(record: Record) -> Record:
            parked = record.changed(state=state, attempts=lease.request.attempts, problem=problem)
            return replace(parked, leased=False)

        request = await self._write(lease, step)
        await self._let_go(request.request_id, self._look_s)
        return request

    @override
    async def finish(self, lease: Lease, ending: Ending) -> BridgeRequest:
        request_id = lease.request.request_id
        long = len(ending.result.encode("utf-8", "replace")) > INLINE_BYTES
        if long:
            await self._records.store(request_id, "result", ending.result)

        def step(record: Record) -> Record:
            ended = record.changed(
                state=ending.state,
                result="" if long else ending.result,
                problem=ending.problem,
                artifacts=ending.artifacts,
                finished_at=self._clock(),
            )
            return replace(ended, leased=False, stored=(*record.stored, *(["result"] if long else [])))

        request = await self._write(lease, step)
        if message := self._held.pop(request_id, None):
            await _acknowledge(message)
        return request

    async def _let_go(self, request_id: str, pause_s: float) -> None:
        if message := self._held.pop(request_id, None):
            await give_back(message, min(pause_s, self._look_s))

    def _fence(self, record: Record, lease: Lease) -> None:
        if record.claim != lease.claim or not record.leased or record.request.ended:
            raise LeaseLost(lease.request.request_id)

    async def _write(self, lease: Lease, step: Callable[[Record], Record]) -> BridgeRequest:
        def fenced(record: Record) -> Record:
            self._fence(record, lease)
            return self._stepped(step(record))

        request_id = lease.request.request_id
        record = await self._records.change(request_id, fenced)
        if record is None:
            raise LeaseLost(request_id)
        return await self._records.whole(record, arguments=lease.request.arguments)

    async def _changed_outside(
        self, request_id: str, step: Callable[[Record], Record]
    ) -> BridgeRequest | None:
        """Change a request that is not ours; when that ends it, it is offered no more."""
        record = await self._records.change(request_id, step)
        if record is None:
            return None
        if record.request.ended:
            with contextlib.suppress(NatsError):  # else whoever is offered it acknowledges it
                await self._studio.stream.delete_msg(self._studio.work, record.message)
        return await self._records.whole(record)

    def _stepped(self, record: Record) -> Record:
        changed = record.changed(changed_at=self._steady())
        return replace(changed, step=record.step + 1, stepped_at=self._clock())


async def _nothing(request: BridgeRequest) -> None:
    """Nothing follows all requests."""


async def _acknowledge(message: Msg) -> None:
    """Take the message from the stream; if that fails it is offered again, and acknowledged then."""
    with contextlib.suppress(NatsError, TimeoutError):
        await message.ack_sync(timeout=2.0)


def _consumer(target: str, mode: str) -> str:
    return f"{target}-{mode}"
