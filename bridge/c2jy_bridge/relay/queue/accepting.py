"""Taking wishes in: those that arrive while a commit is under way share the next one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from c2jy_bridge.relay.queue import rows
from c2jy_bridge.relay.queue.port import Accepted, KeyReused, QueueFull
from c2jy_bridge.relay.queue.rows import OPEN, REQUESTS
from c2jy_bridge.relay.request import BridgeRequest, State, Wanted
from c2jy_bridge.relay.storage import Storage

Taken = Accepted | KeyReused | QueueFull
"""What became of one wish."""

MOST_AT_ONCE: Final = 100
"""Wishes in one commit; more would let the first of them wait for the last."""


class Acceptance:
    """The door of the queue, for one event loop. A commit to disk costs more than all the rest of a wish."""

    def __init__(
        self, storage: Storage, *, limit: int, clock: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        """`limit` is how many requests may be open."""
        self._storage = storage
        self._limit = limit
        self._clock = clock
        self._new_id = new_id
        self._waiting: list[tuple[Wanted, asyncio.Future[Accepted]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def accept(self, wanted: Wanted) -> Accepted:
        """See `RequestQueue.accept`."""
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            wishes = [wanted for wanted, _ in together]
            try:
                taken: Sequence[Taken | Exception] = await self._storage.run(lambda: self._take(wishes))  # noqa: B023  (awaited before the next round)
            except asyncio.CancelledError:
                for _, future in (*together, *self._waiting):
                    future.cancel()
                raise
            except Exception as error:  # not one of them was written, and each of them hears of it
                taken = [error] * len(together)
            for (_, future), what in zip(together, taken, strict=True):
                if future.done():  # whoever asked has left; the wish is taken in all the same
                    continue
                if isinstance(what, Exception):
                    future.set_exception(what)
                else:
                    future.set_result(what)

    def _take(self, wishes: Sequence[Wanted]) -> list[Taken]:
        """In the storage's thread: all of them in one transaction, each on its own merits."""
        with self._storage.database.transaction() as db:
            (waiting,) = db.execute(f"SELECT count(*) FROM bridge_requests WHERE {OPEN}").fetchone()
            taken: list[Taken] = []
            for wanted in wishes:
                what = self._known(db, wanted)
                if what is None:
                    what = QueueFull(self._limit) if waiting >= self._limit else self._new(db, wanted)
                    waiting += isinstance(what, Accepted)
                taken.append(what)
            return taken

    def _known(self, db: sqlite3.Connection, wanted: Wanted) -> Taken | None:
        if not wanted.idempotency_key:
            return None
        sql = f"{REQUESTS} WHERE r.source = ? AND r.requester = ? AND r.idempotency_key = ?"
        row = db.execute(sql, (wanted.source, wanted.requester, wanted.idempotency_key)).fetchone()
        if row is None:
            return None
        same = row["fingerprint"] == wanted.fingerprint
        return Accepted(rows.request(row), created=False) if same else KeyReused(row["request_id"])

    def _new(self, db: sqlite3.Connection, wanted: Wanted) -> Accepted:
        now, request_id = self._clock(), self._new_id()
        expires_at = (now if wanted.wanted_at is None else wanted.wanted_at) + wanted.timeout_s
        arguments = wanted.arguments_json
        cursor = db.execute(
            "INSERT INTO bridge_requests (request_id, source, requester, idempotency_key, fingerprint,"
            " tool, arguments, relay, state, accepted_at, expires_at, changed_at, reply_to)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?)",
            (
                *(request_id, wanted.source, wanted.requester, wanted.idempotency_key, wanted.fingerprint),
                *(wanted.tool, arguments, wanted.relay, now, expires_at, now, wanted.reply_to),
            ),
        )
        sql = "INSERT INTO bridge_changes (request_id, state, attempts, at) VALUES (?, 'queued', 0, ?)"
        db.execute(sql, (request_id, now))
        request = BridgeRequest(
            seq=cursor.lastrowid or 0,
            request_id=request_id,
            tool=wanted.tool,
            arguments=arguments,
            source=wanted.source,
            requester=wanted.requester,
            idempotency_key=wanted.idempotency_key,
            relay=wanted.relay,
            state=State.QUEUED,
            accepted_at=now,
            expires_at=expires_at,
            changed_at=now,
            reply_to=wanted.reply_to,
        )
        return Accepted(request, created=True)
