"""The queue of one machine, in SQLite: in the journal's file."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from typing_extensions import override

from c2jy_bridge.core.bridge_requests import PARKED, BridgeRequest, ChatRef, RequestSource, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.request import Accepted, Change, Ending, Lease, LeaseLost, Submission
from c2jy_bridge.relay.request_queue import RequestQueue
from c2jy_bridge.relay.storage import (
    IS_PARKED,
    OPEN,
    REQUESTS,
    BatchedInsert,
    Storage,
    artifacts_json,
    problem_json,
    request_of,
)


class EmbeddedQueue(RequestQueue):
    """The queue of one worker: every change is one transaction."""

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

    @override
    async def accept(self, submission: Submission) -> Accepted:
        return await self._inserts.accept(submission)

    @override
    async def accepted_before(self, submission: Submission) -> Accepted | None:
        return await self._inserts.accepted_before(submission)

    @override
    async def get(self, request_id: str) -> BridgeRequest | None:
        row = await self._one(f"{REQUESTS} WHERE r.request_id = ?", request_id)
        return request_of(row) if row else None

    @override
    async def page(
        self, *, before: int | None = None, limit: int = 50, state: State | None = None
    ) -> Sequence[BridgeRequest]:
        found = await self._all(
            f"{REQUESTS} WHERE (?1 IS NULL OR r.seq < ?1) AND (?2 IS NULL OR r.state = ?2)"
            " ORDER BY r.seq DESC LIMIT ?3",
            *(before, state, limit),
        )
        return [request_of(row) for row in found]

    @override
    async def cancel(self, request_id: str) -> BridgeRequest | None:
        return await self._storage.run(lambda: self._cancel(request_id))

    @override
    async def changes(self, *, after: int = 0, request_id: str = "", limit: int = 100) -> Sequence[Change]:
        of_one = "request_id = ? AND " if request_id else ""
        found = await self._all(
            f"SELECT * FROM bridge_changes WHERE {of_one}seq > ? ORDER BY seq LIMIT ?",
            *([request_id] if request_id else []),
            *(after, limit),
        )
        return [Change(r["seq"], r["request_id"], State(r["state"]), r["attempts"], r["at"]) for r in found]

    @override
    async def counts(self) -> Mapping[State, int]:
        found = await self._all("SELECT state, count(*) AS n FROM bridge_requests GROUP BY state")
        return {**dict.fromkeys(State, 0), **{State(row["state"]): row["n"] for row in found}}

    @override
    async def undelivered(self, source: RequestSource) -> Sequence[BridgeRequest]:
        found = await self._all(
            f"{REQUESTS} WHERE NOT r.{OPEN} AND r.source = ? AND r.delivered_at IS NULL ORDER BY r.seq",
            source,
        )
        return [request_of(row) for row in found]

    @override
    async def delivered(self, request_id: str) -> None:
        sql = "UPDATE bridge_requests SET delivered_at = ? WHERE request_id = ?"
        await self._storage.run(lambda: self._database.run(sql, (self._clock(), request_id)))

    @override
    async def claim(
        self, worker: str, lease_s: float, at_work: Collection[str] = frozenset(), *, direct: bool = False
    ) -> Lease | None:
        return await self._storage.run(lambda: self._claim(worker, lease_s, at_work, direct))

    @override
    async def renew(self, lease: Lease, lease_s: float) -> BridgeRequest:
        return await self._write(lease, "lease_until = ?", self._steady() + lease_s, change=False)

    @override
    async def asking(self, lease: Lease, handle_digest: str) -> BridgeRequest:
        handle = "handle_digest = ?, handle_used_by = ''"
        return await self._write(
            lease, f"state = 'relaying', attempts = attempts + 1, {handle}", handle_digest
        )

    @override
    async def in_chat(self, lease: Lease, chat: ChatRef) -> BridgeRequest:

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

    @override
    async def running(self, lease: Lease, call_id: str, used_by: str = "") -> BridgeRequest:
        return await self._write(
            lease, "state = 'running', call_id = ?, handle_used_by = ?", call_id, used_by
        )

    @override
    async def release(
        self, lease: Lease, *, not_before: float, problem: Problem | None, asked: bool = True
    ) -> BridgeRequest:
        sets = "state = 'queued', lease_until = NULL, not_before = ?, problem = ?"
        if not asked:
            sets += f", attempts = {lease.request.attempts}"
        return await self._write(lease, sets, not_before, problem_json(problem))

    @override
    async def park(self, lease: Lease, state: State, problem: Problem) -> BridgeRequest:
        sets = "state = ?, attempts = ?, lease_until = NULL, problem = ?"
        return await self._write(lease, sets, state, lease.request.attempts, problem_json(problem))

    @override
    async def unpark(self, state: State, *, limit: int = -1) -> Sequence[BridgeRequest]:
        return await self._storage.run(lambda: self._unpark(state, limit))

    @override
    async def finish(self, lease: Lease, ending: Ending) -> BridgeRequest:
        artifacts = artifacts_json(ending.artifacts)
        end = ending.state, ending.result, problem_json(ending.problem), artifacts, self._clock()
        sets = "state = ?, result = ?, problem = ?, artifacts = ?, finished_at = ?, lease_until = NULL"
        return await self._write(lease, sets, *end)

    @override
    async def chat_ended(self, turn_id: str) -> None:
        sql = "UPDATE bridge_chats SET ended_at = ? WHERE turn_id = ? AND ended_at IS NULL"
        await self._storage.run(lambda: self._database.run(sql, (self._clock(), turn_id)))

    @override
    async def open_chats(self) -> Sequence[tuple[BridgeRequest, ChatRef]]:
        found = await self._all(
            f"{REQUESTS} WHERE NOT r.{OPEN} AND r.request_id IN"
            " (SELECT request_id FROM bridge_chats WHERE ended_at IS NULL) ORDER BY r.seq"
        )
        requests = [request_of(row) for row in found]
        return [(request, chat) for request in requests for chat in request.chats if chat.is_open]

    @override
    async def void_leases(self, worker: str) -> int:

        def write() -> int:
            with self._database.transaction() as db:
                db.execute(f"UPDATE bridge_requests SET not_before = 0 WHERE {OPEN}")
                sql = "UPDATE bridge_requests SET lease_until = NULL WHERE worker <> ?"
                return db.execute(f"{sql} AND lease_until IS NOT NULL", (worker,)).rowcount

        return await self._storage.run(write)

    @override
    async def expire(self, problem: Problem) -> Sequence[BridgeRequest]:
        return await self._storage.run(lambda: self._expire(problem))

    @override
    async def forget(self, before: float) -> int:

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
