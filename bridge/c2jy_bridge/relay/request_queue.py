"""Durable queue of bridge requests in SQLite, and the service through which intakes use it."""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from c2jy_bridge.core.bridge_requests import PARKED, BridgeRequest, ChatRef, RelayMode, RequestSource, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.settings import BridgeSettings
from c2jy_bridge.relay.request import (
    Accepted,
    Change,
    ChangeNotifier,
    Ending,
    Lease,
    LeaseLost,
    RequestRefused,
    Submission,
)
from c2jy_bridge.relay.storage import (
    IS_PARKED,
    OPEN,
    REQUESTS,
    BatchedInsert,
    Storage,
    problem_json,
    request_of,
)

_BIG_ARGUMENTS = 50_000
"""Characters from which arguments are checked in a thread."""


class RequestQueue:
    """Every change is one transaction, durable when it returns. What takes a lease may raise LeaseLost."""

    def __init__(
        self,
        storage: Storage,
        *,
        limit: int = 1000,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        """Nothing is read here.

        Args:
            storage: Where the tables are.
            limit: How many requests may be open.
            clock: Unix seconds, for `accepted_at`, `finished_at` and the times of changes.
            steady: Unix seconds for leases, pauses, `expires_at` and `changed_at`, from which retention and
                the time in a park are counted; by default `clock`.
            new_id: Ids of requests.
        """
        self._storage = storage
        self._database = storage.database
        self._clock = clock
        self._steady = steady or clock
        self._inserts = BatchedInsert(storage, limit=limit, clock=clock, steady=self._steady, new_id=new_id)

    async def accept(self, submission: Submission) -> Accepted:
        """Accept a submission, durably; raises KeyReused (the key is another request's) or QueueFull."""
        return await self._inserts.accept(submission)

    async def accepted_before(self, submission: Submission) -> Accepted | None:
        """What was accepted under the submission's key; raises KeyReused when that is another request."""
        return await self._inserts.accepted_before(submission)

    async def get(self, request_id: str) -> BridgeRequest | None:
        """The request of that id; None when there is none."""
        row = await self._one(f"{REQUESTS} WHERE r.request_id = ?", request_id)
        return request_of(row) if row else None

    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        """Requests, newest first; `before` is the `seq` of the last one seen."""
        found = await self._all(
            f"{REQUESTS} WHERE (?1 IS NULL OR r.seq < ?1) AND (?2 IS NULL OR r.state = ?2)"
            " ORDER BY r.seq DESC LIMIT ?3",
            *(before, state, limit),
        )
        return [request_of(row) for row in found]

    async def cancel(self, request_id: str) -> BridgeRequest | None:
        """Cancel if idle; if running, set `cancel_wanted`. None if unknown."""
        return await self._storage.run(lambda: self._cancel(request_id))

    async def changes(self, *, after: int = 0, request_id: str = "", limit: int = 100) -> Sequence[Change]:
        """Changes in order, of one request or of all; `after` is the `seq` of the last one seen."""
        of_one = "request_id = ? AND " if request_id else ""
        found = await self._all(
            f"SELECT * FROM bridge_changes WHERE {of_one}seq > ? ORDER BY seq LIMIT ?",
            *([request_id] if request_id else []),
            *(after, limit),
        )
        return [Change(r["seq"], r["request_id"], State(r["state"]), r["attempts"], r["at"]) for r in found]

    async def counts(self) -> Mapping[State, int]:
        """How many requests are in each state."""
        found = await self._all("SELECT state, count(*) AS n FROM bridge_requests GROUP BY state")
        return {**dict.fromkeys(State, 0), **{State(row["state"]): row["n"] for row in found}}

    async def undelivered(self, source: RequestSource) -> Sequence[BridgeRequest]:
        """Ended requests whose answer still has to be sent, oldest first."""
        found = await self._all(
            f"{REQUESTS} WHERE NOT r.{OPEN} AND r.source = ? AND r.delivered_at IS NULL ORDER BY r.seq",
            source,
        )
        return [request_of(row) for row in found]

    async def delivered(self, request_id: str) -> None:
        """Record that the answer was sent."""
        sql = "UPDATE bridge_requests SET delivered_at = ? WHERE request_id = ?"
        await self._storage.run(lambda: self._database.run(sql, (self._clock(), request_id)))

    async def claim(
        self, worker: str, lease_s: float, at_work: Collection[str] = frozenset(), *, direct: bool = False
    ) -> Lease | None:
        """Lease the oldest request that is due, for `lease_s` seconds; None when there is none.

        Requests that were begun and left come first, even expired ones: their outcome has to be checked.
        Those `at_work` are not left, though a sleep of the computer may have outlasted their leases.
        `direct`: only of those that need no Bot.
        """
        return await self._storage.run(lambda: self._claim(worker, lease_s, at_work, direct))

    async def renew(self, lease: Lease, lease_s: float) -> BridgeRequest:
        """Extend the lease to `lease_s` seconds from now; returns the request, with `cancel_wanted`."""
        return await self._write(lease, "lease_until = ?", self._steady() + lease_s, change=False)

    async def asking(self, lease: Lease, handle_digest: str) -> BridgeRequest:
        """Record that the Bot is about to be asked with a new handle: relaying, one attempt more."""
        handle = "handle_digest = ?, handle_used_by = ''"
        return await self._write(
            lease, f"state = 'relaying', attempts = attempts + 1, {handle}", handle_digest
        )

    async def in_chat(self, lease: Lease, chat: ChatRef) -> BridgeRequest:
        """Record the chat in which the Bot answers."""

        def write() -> BridgeRequest:
            with self._database.transaction() as db:
                self._fenced(db, lease, "claim = claim")
                ids = chat.turn_id, lease.request.request_id, chat.conversation_id, chat.chat_id
                db.execute(
                    "INSERT INTO bridge_chats VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING",
                    (*ids, self._clock()),
                )
                return self._changed(db, lease.request.request_id)

        return await self._storage.run(write)

    async def running(self, lease: Lease, call_id: str, used_by: str = "") -> BridgeRequest:
        """Record that the tool starts; `used_by` is the Coze call that used the handle."""
        return await self._write(
            lease, "state = 'running', call_id = ?, handle_used_by = ?", call_id, used_by
        )

    async def release(
        self, lease: Lease, *, not_before: float, problem: Problem | None, asked: bool = True
    ) -> BridgeRequest:
        """Put the request back, not to be claimed before that time; without `asked` it was not an attempt."""
        sets = "state = 'queued', lease_until = NULL, not_before = ?, problem = ?"
        if not asked:
            sets += f", attempts = {lease.request.attempts}"
        return await self._write(lease, sets, not_before, problem_json(problem))

    async def park(self, lease: Lease, state: State, problem: Problem) -> BridgeRequest:
        """Park the request in that state until `unpark`: it cannot be claimed and does not expire.

        That the Bot was asked under this lease, in vain, does not count as an attempt.
        """
        sets = "state = ?, attempts = ?, lease_until = NULL, problem = ?"
        return await self._write(lease, sets, state, lease.request.attempts, problem_json(problem))

    async def unpark(self, state: State, *, limit: int = -1) -> Sequence[BridgeRequest]:
        """Put requests parked in that state back into the queue with the time that they had left.

        Returns them, oldest first; `limit` is how many, -1 for all.
        """
        return await self._storage.run(lambda: self._unpark(state, limit))

    async def finish(self, lease: Lease, ending: Ending) -> BridgeRequest:
        """Record the end; a second one raises LeaseLost."""
        end = ending.state, ending.result, problem_json(ending.problem), self._clock()
        sets = "state = ?, result = ?, problem = ?, finished_at = ?, lease_until = NULL"
        return await self._write(lease, sets, *end)

    async def chat_ended(self, turn_id: str) -> None:
        """Record that the chat has ended, independently of its request."""
        sql = "UPDATE bridge_chats SET ended_at = ? WHERE turn_id = ? AND ended_at IS NULL"
        await self._storage.run(lambda: self._database.run(sql, (self._clock(), turn_id)))

    async def open_chats(self) -> Sequence[tuple[BridgeRequest, ChatRef]]:
        """Open chats of ended requests: the Bot may still wait for an answer."""
        found = await self._all(
            f"{REQUESTS} WHERE NOT r.{OPEN} AND r.request_id IN"
            " (SELECT request_id FROM bridge_chats WHERE ended_at IS NULL) ORDER BY r.seq"
        )
        requests = [request_of(row) for row in found]
        return [(request, chat) for request in requests for chat in request.chats if chat.is_open]

    async def void_leases(self, worker: str) -> int:
        """End the leases and pauses of other workers, which are known to be dead; returns how many leases.

        A pause lasts a minute at most, and for a day where the clock was set back by one since.
        """

        def write() -> int:
            with self._database.transaction() as db:
                db.execute(f"UPDATE bridge_requests SET not_before = 0 WHERE {OPEN}")
                sql = "UPDATE bridge_requests SET lease_until = NULL WHERE worker <> ?"
                return db.execute(f"{sql} AND lease_until IS NOT NULL", (worker,)).rowcount

        return await self._storage.run(write)

    async def expire(self, problem: Problem) -> Sequence[BridgeRequest]:
        """Fail requests that expired before they were begun; returns them."""
        return await self._storage.run(lambda: self._expire(problem))

    async def forget(self, before: float) -> int:
        """Delete requests that ended before that time, with their keys; returns how many."""

        def write() -> int:
            with self._database.transaction() as db:
                old = f"SELECT request_id FROM bridge_requests WHERE NOT {OPEN} AND changed_at < ?"
                for table in ("bridge_chats", "bridge_changes"):
                    db.execute(f"DELETE FROM {table} WHERE request_id IN ({old})", (before,))
                sql = f"DELETE FROM bridge_requests WHERE NOT {OPEN} AND changed_at < ?"
                return db.execute(sql, (before,)).rowcount

        return await self._storage.run(write)

    # In the storage's thread:

    def _cancel(self, request_id: str) -> BridgeRequest | None:
        with self._database.transaction() as db:
            row = db.execute(f"{REQUESTS} WHERE r.request_id = ?", (request_id,)).fetchone()
            request = request_of(row) if row else None
            if request is None or request.ended:
                return request
            if request.state is State.QUEUED or request.state in PARKED:
                sets = "state = 'cancelled', finished_at = ?, lease_until = NULL"
                db.execute(
                    f"UPDATE bridge_requests SET {sets} WHERE request_id = ?", (self._clock(), request_id)
                )
            elif request.cancel_wanted:
                return request
            else:
                db.execute("UPDATE bridge_requests SET cancel_wanted = 1 WHERE request_id = ?", (request_id,))
            return self._changed(db, request_id)

    def _claim(self, worker: str, lease_s: float, at_work: Collection[str], direct: bool) -> Lease | None:
        now = self._steady()
        with self._database.transaction() as db:
            row = db.execute(
                "UPDATE bridge_requests SET claim = claim + 1, worker = ?1, lease_until = ?2,"
                " takeovers = takeovers + (state <> 'queued') WHERE seq = (SELECT seq FROM bridge_requests"
                f" WHERE {OPEN} AND NOT {IS_PARKED} AND (lease_until IS NULL OR lease_until <= ?3)"
                " AND (state <> 'queued' OR (not_before <= ?3 AND expires_at > ?3))"
                " AND request_id NOT IN (SELECT value FROM json_each(?4)) AND (relay = 'direct' OR NOT ?5)"
                " ORDER BY state = 'queued', seq LIMIT 1) RETURNING seq",
                (worker, now + lease_s, now, json.dumps(list(at_work)), direct),
            ).fetchone()
            if row is None:
                return None
            row = db.execute(f"{REQUESTS} WHERE r.seq = ?", (row["seq"],)).fetchone()
            fence = {name: row[name] for name in ("claim", "takeovers", "handle_digest", "handle_used_by")}
            return Lease(request_of(row), **fence)

    def _unpark(self, state: State, limit: int) -> list[BridgeRequest]:
        with self._database.transaction() as db:
            # max(), so that a clock that was set back takes no time away.
            found = db.execute(
                "UPDATE bridge_requests SET state = 'queued', not_before = 0,"
                " expires_at = expires_at + max(0, ? - changed_at) WHERE seq IN"
                " (SELECT seq FROM bridge_requests WHERE state = ? ORDER BY seq LIMIT ?)"
                " RETURNING seq, request_id",
                (self._steady(), state, limit),
            ).fetchall()
            in_order = sorted(found, key=lambda row: int(row["seq"]))
            return [self._changed(db, row["request_id"]) for row in in_order]

    def _expire(self, problem: Problem) -> list[BridgeRequest]:
        now = self._steady()
        with self._database.transaction() as db:
            found = db.execute(
                "UPDATE bridge_requests"
                " SET state = 'failed', finished_at = ?3, problem = ?2, lease_until = NULL"
                " WHERE state = 'queued' AND expires_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?1)"
                " RETURNING request_id",
                (now, problem_json(problem), self._clock()),
            ).fetchall()
            return [self._changed(db, row["request_id"]) for row in found]

    async def _write(self, lease: Lease, sets: str, *values: Any, change: bool = True) -> BridgeRequest:
        def write() -> BridgeRequest:
            with self._database.transaction() as db:
                self._fenced(db, lease, sets, *values)
                request_id = lease.request.request_id
                return self._changed(db, request_id) if change else self._read(db, request_id)

        return await self._storage.run(write)

    def _fenced(self, db: sqlite3.Connection, lease: Lease, sets: str, *values: Any) -> None:
        """Write to a leased request, or raise LeaseLost."""
        where = f"request_id = ? AND claim = ? AND lease_until IS NOT NULL AND {OPEN}"
        sql = f"UPDATE bridge_requests SET {sets} WHERE {where}"
        if db.execute(sql, (*values, lease.request.request_id, lease.claim)).rowcount != 1:
            raise LeaseLost(lease.request.request_id)

    def _changed(self, db: sqlite3.Connection, request_id: str) -> BridgeRequest:
        sql = "UPDATE bridge_requests SET changed_at = ? WHERE request_id = ?"
        db.execute(sql, (self._steady(), request_id))
        db.execute(
            "INSERT INTO bridge_changes (request_id, state, attempts, at)"
            " SELECT request_id, state, attempts, ? FROM bridge_requests WHERE request_id = ?",
            (self._clock(), request_id),
        )
        return self._read(db, request_id)

    def _read(self, db: sqlite3.Connection, request_id: str) -> BridgeRequest:
        return request_of(db.execute(f"{REQUESTS} WHERE r.request_id = ?", (request_id,)).fetchone())

    async def _one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        return await self._storage.run(lambda: self._database.one(sql, values))

    async def _all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return await self._storage.run(lambda: self._database.all(sql, values))


class RequestService:
    """The only entry point for requests: submits, wakes the worker, lets callers wait."""

    def __init__(
        self,
        queue: RequestQueue,
        changes: ChangeNotifier,
        settings: BridgeSettings,
        *,
        check: Callable[[Submission], None],
        wake: Callable[[], None],
        stop: Callable[[str], Awaitable[None]],
    ) -> None:
        """Nothing runs here.

        Args:
            queue: Holds the requests.
            changes: Tells who waits for them.
            settings: Timeouts, and how requests are run.
            check: Raises RequestRefused for a call that cannot succeed.
            wake: Makes the worker look into the queue.
            stop: Makes the worker stop one request.
        """
        self._queue = queue
        self._check = check
        self._wake = wake
        self._stop = stop
        self._changes = changes
        self._settings = settings

    async def submit(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        source: RequestSource,
        requester: str = "",
        idempotency_key: str = "",
        relay: RelayMode | None = None,
        timeout_s: float | None = None,
        submitted_at: float | None = None,
        reply_to: str = "",
    ) -> Accepted:
        """Accept a request; it is durable when this returns.

        Args:
            tool: The tool to call.
            arguments: Checked here, and validated again by the tool runner.
            source: The intake.
            requester: Scope of the idempotency key.
            idempotency_key: Makes a repetition the same request; when empty, every call makes a new request.
            relay: How to run it; by default as the settings say.
            timeout_s: Seconds until it fails; by default, and at most, as the settings say.
            submitted_at: Unix seconds from which they count; by default now.
            reply_to: The key under which the answer is awaited, when it is not `idempotency_key`.

        Raises:
            RequestRefused: It cannot succeed: there is no such tool, or the arguments do not fit.
            KeyReused: The key was used for another request.
            QueueFull: Too many requests are open.
        """
        longest_s = self._settings.request_timeout_s
        submission = Submission(
            tool=tool,
            arguments=arguments,
            source=source,
            requester=requester,
            idempotency_key=idempotency_key,
            relay=relay or self._settings.relay,
            timeout_s=longest_s if timeout_s is None else min(timeout_s, longest_s),
            submitted_at=submitted_at,
            reply_to=reply_to,
        )
        try:
            if submission.relay != "chat":
                await self._checked(submission)
        except RequestRefused:
            # What was accepted under this key stays so, whatever has changed in the tools since.
            if (earlier := await self._queue.accepted_before(submission)) is None:
                raise
            return earlier
        accepted = await self._queue.accept(submission)
        if accepted.created:
            self._wake()
            await self._changes.notify(accepted.request)
        return accepted

    async def _checked(self, submission: Submission) -> None:
        if len(submission.arguments_json) < _BIG_ARGUMENTS:
            self._check(submission)
        else:
            await asyncio.to_thread(self._check, submission)

    async def cancel(self, request_id: str) -> BridgeRequest | None:
        """Cancel a request, or have it stopped when it runs; None when there is none of that id."""
        request = await self._queue.cancel(request_id)
        if request is not None:
            if request.cancel_wanted and not request.ended:
                await self._stop(request_id)
            await self._changes.notify(request)
        return request

    async def get(self, request_id: str) -> BridgeRequest | None:
        """The request of that id; None when there is none."""
        return await self._queue.get(request_id)

    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        """Newest first; `before` is the `seq` of the last one seen."""
        return await self._queue.page(before=before, limit=limit, state=state)

    async def undelivered(self, source: RequestSource) -> Sequence[BridgeRequest]:
        """Ended requests whose answer still has to be sent, oldest first."""
        return await self._queue.undelivered(source)

    async def delivered(self, request_id: str) -> None:
        """Record that the answer was sent."""
        await self._queue.delivered(request_id)

    async def counts(self) -> Mapping[State, int]:
        """Count requests by state."""
        return await self._queue.counts()

    async def ended(self, request_id: str, wait_s: float) -> BridgeRequest | None:
        """The request once it has ended, or as it is after `wait_s` seconds; None if unknown."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while True:
                    next_change = self._changes.next()
                    request = await self._queue.get(request_id)
                    if request is None or request.ended:
                        return request
                    await next_change.wait()
        return await self._queue.get(request_id)

    async def follow(
        self, request_id: str, *, after: int = 0, beat_s: float = 15.0
    ) -> AsyncIterator[Change | None]:
        """Changes of one request from the one after `after` to its end; None for `beat_s` of silence."""
        while True:
            next_change = self._changes.next()
            for change in await self._queue.changes(after=after, request_id=request_id):
                after = change.seq
                yield change
            request = await self._queue.get(request_id)
            if request is None or request.ended:
                # The end may have been recorded after the changes were read.
                for change in await self._queue.changes(after=after, request_id=request_id):
                    yield change
                return
            try:
                await asyncio.wait_for(next_change.wait(), beat_s)
            except TimeoutError:
                yield None

    def watch(self) -> Callable[[], Awaitable[object]]:
        """A function that waits for the next change of any request after this call."""
        return self._changes.next().wait
