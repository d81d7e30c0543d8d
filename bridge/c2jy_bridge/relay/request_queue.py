"""Durable queue of bridge requests in SQLite: accepted means committed, claimed means leased (one UPDATE)."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

from c2jy_bridge.core.bridge_requests import BridgeRequest, ChatRef, RequestSource, State
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
from c2jy_bridge.relay.storage import OPEN, REQUESTS, Storage, change_of, lease_of, problem_json, request_of

Taken = Accepted | KeyReused | QueueFull
"""Outcome of one submission."""

MOST_AT_ONCE: Final = 100
"""Submissions in one commit; more would let the first of them wait for the last."""

_COUNTS: Final = (
    f"SELECT (SELECT count(*) FROM bridge_requests WHERE {OPEN}),"
    " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'bridge_requests'), 0)"
)
"""How many requests are open, and the highest `seq` that was ever given."""


class BatchedInsert:
    """Inserts submissions in batches; for one event loop."""

    def __init__(
        self, storage: Storage, *, limit: int, clock: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        """`limit` is how many requests may be open."""
        self._storage = storage
        self._limit = limit
        self._clock = clock
        self._new_id = new_id
        self._waiting: list[tuple[Submission, asyncio.Future[Accepted]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def accept(self, submission: Submission) -> Accepted:
        """Insert with the next batch; raises KeyReused and QueueFull."""
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.append((submission, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            submissions = [submission for submission, _ in batch]
            try:
                taken: Sequence[Taken | Exception]
                taken = await self._storage.run(partial(self._insert, submissions))
            except asyncio.CancelledError:
                for _, future in (*batch, *self._waiting):
                    future.cancel()
                raise
            except Exception as error:  # none of them was written, and each caller gets the error
                taken = [error] * len(batch)
            for (_, future), what in zip(batch, taken, strict=True):
                if future.done():  # the caller has left; the request is accepted all the same
                    continue
                if isinstance(what, Exception):
                    future.set_exception(what)
                else:
                    future.set_result(what)

    def _insert(self, submissions: Sequence[Submission]) -> list[Taken]:
        """In the storage's thread: all of them in one transaction, each accepted or refused by itself.

        A few statements for all of them together: every call of SQLite lets go of the interpreter, and while
        the event loop is busy it takes up to 5 ms to get it back (`sys.getswitchinterval`).
        """
        with self._storage.database.transaction() as db:
            waiting, last = db.execute(_COUNTS).fetchone()
            known = _known(db, submissions)
            taken: list[Taken] = []
            new: list[tuple[BridgeRequest, str]] = []
            for submission in submissions:
                fingerprint, key = submission.fingerprint, _key(submission)
                if key in known:
                    taken.append(_repeated(known[key], fingerprint))
                elif waiting + len(new) >= self._limit:
                    taken.append(QueueFull(self._limit))
                else:
                    request = self._new(submission, last + 1 + len(new))
                    new.append((request, fingerprint))
                    taken.append(Accepted(request, created=True))
                    if submission.idempotency_key:
                        known[key] = new[-1]
            if new:
                _write_rows(db, new)
            return taken

    def _new(self, submission: Submission, seq: int) -> BridgeRequest:
        now = self._clock()
        return BridgeRequest(
            seq=seq,
            request_id=self._new_id(),
            tool=submission.tool,
            arguments=submission.arguments_json,
            source=submission.source,
            requester=submission.requester,
            idempotency_key=submission.idempotency_key,
            relay=submission.relay,
            state=State.QUEUED,
            accepted_at=now,
            expires_at=(now if submission.submitted_at is None else submission.submitted_at)
            + submission.timeout_s,
            changed_at=now,
            reply_to=submission.reply_to,
        )


_Key = tuple[str, str, str]


def _key(submission: Submission) -> _Key:
    # Spelled as the database keeps them: half a surrogate pair is a question mark there.
    requester, key = (
        text if text.isascii() else text.encode("utf-8", "replace").decode()
        for text in (submission.requester, submission.idempotency_key)
    )
    return submission.source, requester, key


def _known(
    db: sqlite3.Connection, submissions: Sequence[Submission]
) -> dict[_Key, tuple[BridgeRequest, str]]:
    """Requests that the keys of these submissions have brought before, each with its fingerprint."""
    keys = [_key(submission) for submission in submissions if submission.idempotency_key]
    if not keys:
        return {}
    # The last condition is the index's own; without it SQLite reads the whole table.
    sql = (
        f"WITH submitted (source, requester, idempotency_key) AS (VALUES {_rows(keys)})"
        f" {REQUESTS} JOIN submitted USING (source, requester, idempotency_key) WHERE r.idempotency_key <> ''"
    )
    found = db.execute(sql, tuple(chain.from_iterable(keys))).fetchall()
    requests = [(request_of(row), str(row["fingerprint"])) for row in found]
    return {
        (request.source, request.requester, request.idempotency_key): (request, of)
        for request, of in requests
    }


def _repeated(before: tuple[BridgeRequest, str], fingerprint: str) -> Taken:
    request, of = before
    return Accepted(request, created=False) if of == fingerprint else KeyReused(request.request_id)


def _write_rows(db: sqlite3.Connection, new: Sequence[tuple[BridgeRequest, str]]) -> None:
    requests = [
        (
            *(it.seq, it.request_id, it.source, it.requester, it.idempotency_key, fingerprint, it.tool),
            *(it.arguments, it.relay, it.state, it.accepted_at, it.expires_at, it.changed_at, it.reply_to),
        )
        for it, fingerprint in new
    ]
    db.execute(
        "INSERT INTO bridge_requests (seq, request_id, source, requester, idempotency_key, fingerprint, tool,"
        " arguments, relay, state, accepted_at, expires_at, changed_at, reply_to)"
        f" VALUES {_rows(requests)}",
        tuple(chain.from_iterable(requests)),
    )
    changes = [(it.request_id, it.state, 0, it.accepted_at) for it, _ in new]
    db.execute(
        f"INSERT INTO bridge_changes (request_id, state, attempts, at) VALUES {_rows(changes)}",
        tuple(chain.from_iterable(changes)),
    )


def _rows(values: Sequence[tuple[object, ...]]) -> str:
    """Placeholders for so many rows: `(?, ?), (?, ?)`."""
    row = ", ".join("?" * len(values[0]))
    return ", ".join([f"({row})"] * len(values))


class RequestQueue:
    """Every change is one transaction, durable when it returns. What takes a lease may raise LeaseLost."""

    def __init__(
        self,
        storage: Storage,
        *,
        limit: int = 1000,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        """`limit` is how many requests may be open; the rest is passed in for tests."""
        self._storage = storage
        self._database = storage.database
        self._clock = clock
        self._inserts = BatchedInsert(storage, limit=limit, clock=clock, new_id=new_id)

    # --- for intakes -----------------------------------------------------------------------------------

    async def accept(self, submission: Submission) -> Accepted:
        """Accept a submission; request and key are durable, together, when this returns.

        Raises:
            KeyReused: The key was used for another tool or other arguments.
            QueueFull: Too many requests are open.
        """
        return await self._inserts.accept(submission)

    async def get(self, request_id: str) -> BridgeRequest | None:
        """One request."""
        row = await self._one(f"{REQUESTS} WHERE r.request_id = ?", request_id)
        return request_of(row) if row else None

    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        """Newest first; `before` is the `seq` of the last one seen."""
        found = await self._all(
            f"{REQUESTS} WHERE (?1 IS NULL OR r.seq < ?1) AND (?2 IS NULL OR r.state = ?2)"
            " ORDER BY r.seq DESC LIMIT ?3",
            before,
            state,
            limit,
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
            after,
            limit,
        )
        return [change_of(row) for row in found]

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
        """The answer is sent."""
        sql = "UPDATE bridge_requests SET delivered_at = ? WHERE request_id = ?"
        await self._storage.run(lambda: self._database.run(sql, (self._clock(), request_id)))

    # --- for workers --------------------------------------------------------------------------------------

    async def claim(self, worker: str, lease_s: float) -> Lease | None:
        """Lease the oldest request that is due, for `lease_s` seconds; None when there is none.

        One that was begun and left comes before those not begun, even after its time has run out: somebody
        has to check what came of it.
        """
        return await self._storage.run(lambda: self._claim(worker, lease_s))

    async def renew(self, lease: Lease, lease_s: float) -> BridgeRequest:
        """Hold it for `lease_s` seconds from now; returns it as it is, with `cancel_wanted`."""
        return await self._write(lease, "lease_until = ?", self._clock() + lease_s, change=False)

    async def asking(self, lease: Lease, handle_digest: str) -> BridgeRequest:
        """The Bot is about to be asked with a new handle: relaying, one attempt more."""
        handle = "handle_digest = ?, handle_used_by = ''"
        return await self._write(
            lease, f"state = 'relaying', attempts = attempts + 1, {handle}", handle_digest
        )

    async def in_chat(self, lease: Lease, chat: ChatRef) -> BridgeRequest:
        """The Bot answers in this chat."""

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
        """The tool begins; `used_by` is the Coze call that used the handle up."""
        return await self._write(
            lease, "state = 'running', call_id = ?, handle_used_by = ?", call_id, used_by
        )

    async def release(self, lease: Lease, *, not_before: float, problem: Problem | None) -> BridgeRequest:
        """Put it back; nobody gets it before that time."""
        sets = "state = 'queued', lease_until = NULL, not_before = ?, problem = ?"
        return await self._write(lease, sets, not_before, problem_json(problem))

    async def park(self, lease: Lease, problem: Problem) -> BridgeRequest:
        """Let it rest until `unpark`: nobody gets it before, and it does not expire."""
        sets = "state = 'needs_login', lease_until = NULL, problem = ?"
        return await self._write(lease, sets, problem_json(problem))

    async def unpark(self) -> Sequence[BridgeRequest]:
        """Put everything that rests back into the queue, with the time that it had left; returns those."""
        return await self._storage.run(self._unpark)

    async def finish(self, lease: Lease, ending: Ending) -> BridgeRequest:
        """Its end, durable when this returns; a second one is refused with LeaseLost."""
        end = ending.state, ending.result, problem_json(ending.problem), self._clock()
        sets = "state = ?, result = ?, problem = ?, finished_at = ?, lease_until = NULL"
        return await self._write(lease, sets, *end)

    async def chat_ended(self, turn_id: str) -> None:
        """The chat came to an end, whatever became of the request."""
        sql = "UPDATE bridge_chats SET ended_at = ? WHERE turn_id = ? AND ended_at IS NULL"
        await self._storage.run(lambda: self._database.run(sql, (self._clock(), turn_id)))

    async def open_chats(self) -> Sequence[tuple[BridgeRequest, ChatRef]]:
        """Chats of ended requests whose own end nobody saw: the Bot may still wait for an answer."""
        found = await self._all(
            f"{REQUESTS} WHERE NOT r.{OPEN} AND r.request_id IN"
            " (SELECT request_id FROM bridge_chats WHERE ended_at IS NULL) ORDER BY r.seq"
        )
        requests = [request_of(row) for row in found]
        return [(request, chat) for request in requests for chat in request.chats if chat.is_open]

    async def void_leases(self, worker: str) -> int:
        """Take every lease from all other workers, who are known to be dead; how many there were."""

        def write() -> int:
            with self._database.transaction() as db:
                sql = "UPDATE bridge_requests SET lease_until = NULL WHERE worker <> ?"
                return db.execute(f"{sql} AND lease_until IS NOT NULL", (worker,)).rowcount

        return await self._storage.run(write)

    async def expire(self, problem: Problem) -> Sequence[BridgeRequest]:
        """Fail what was never begun and whose time has run out; returns those."""
        return await self._storage.run(lambda: self._expire(problem))

    async def forget(self, before: float) -> int:
        """Drop requests that ended before that time, with their keys; returns how many."""

        def write() -> int:
            with self._database.transaction() as db:
                old = f"SELECT request_id FROM bridge_requests WHERE NOT {OPEN} AND finished_at < ?"
                for table in ("bridge_chats", "bridge_changes"):
                    db.execute(f"DELETE FROM {table} WHERE request_id IN ({old})", (before,))
                sql = f"DELETE FROM bridge_requests WHERE NOT {OPEN} AND finished_at < ?"
                return db.execute(sql, (before,)).rowcount

        return await self._storage.run(write)

    # --- inside, in the storage's thread ---------------------------------------------------------------

    def _cancel(self, request_id: str) -> BridgeRequest | None:
        with self._database.transaction() as db:
            row = db.execute(f"{REQUESTS} WHERE r.request_id = ?", (request_id,)).fetchone()
            request = request_of(row) if row else None
            if request is None or request.ended:
                return request
            if request.state in (State.QUEUED, State.NEEDS_LOGIN):
                sets = "state = 'cancelled', finished_at = ?, lease_until = NULL"
                db.execute(
                    f"UPDATE bridge_requests SET {sets} WHERE request_id = ?", (self._clock(), request_id)
                )
            elif request.cancel_wanted:
                return request
            else:
                db.execute("UPDATE bridge_requests SET cancel_wanted = 1 WHERE request_id = ?", (request_id,))
            return self._changed(db, request_id)

    def _claim(self, worker: str, lease_s: float) -> Lease | None:
        now = self._clock()
        with self._database.transaction() as db:
            row = db.execute(
                "UPDATE bridge_requests SET claim = claim + 1, worker = ?1, lease_until = ?2,"
                " takeovers = takeovers + (state <> 'queued') WHERE seq = (SELECT seq FROM bridge_requests"
                f" WHERE {OPEN} AND state <> 'needs_login' AND (lease_until IS NULL OR lease_until <= ?3)"
                " AND (state <> 'queued' OR (not_before <= ?3 AND expires_at > ?3))"
                " ORDER BY state = 'queued', seq LIMIT 1) RETURNING seq",
                (worker, now + lease_s, now),
            ).fetchone()
            if row is None:
                return None
            return lease_of(db.execute(f"{REQUESTS} WHERE r.seq = ?", (row["seq"],)).fetchone())

    def _unpark(self) -> list[BridgeRequest]:
        with self._database.transaction() as db:
            # SQLite's max() of a row, so that a clock that was set back takes no time away.
            found = db.execute(
                "UPDATE bridge_requests SET state = 'queued', not_before = 0,"
                " expires_at = expires_at + max(0, ? - changed_at)"
                " WHERE state = 'needs_login' RETURNING seq, request_id",
                (self._clock(),),
            ).fetchall()
            in_order = sorted(found, key=lambda row: int(row["seq"]))
            return [self._changed(db, row["request_id"]) for row in in_order]

    def _expire(self, problem: Problem) -> list[BridgeRequest]:
        now = self._clock()
        with self._database.transaction() as db:
            found = db.execute(
                "UPDATE bridge_requests"
                " SET state = 'failed', finished_at = ?1, problem = ?2, lease_until = NULL"
                " WHERE state = 'queued' AND expires_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?1)"
                " RETURNING request_id",
                (now, problem_json(problem)),
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
        now = self._clock()
        db.execute("UPDATE bridge_requests SET changed_at = ? WHERE request_id = ?", (now, request_id))
        db.execute(
            "INSERT INTO bridge_changes (request_id, state, attempts, at)"
            " SELECT request_id, state, attempts, ? FROM bridge_requests WHERE request_id = ?",
            (now, request_id),
        )
        return self._read(db, request_id)

    def _read(self, db: sqlite3.Connection, request_id: str) -> BridgeRequest:
        return request_of(db.execute(f"{REQUESTS} WHERE r.request_id = ?", (request_id,)).fetchone())

    async def _one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        return await self._storage.run(lambda: self._database.one(sql, values))

    async def _all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return await self._storage.run(lambda: self._database.all(sql, values))
