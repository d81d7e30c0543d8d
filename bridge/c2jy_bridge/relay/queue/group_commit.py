"""Taking wishes in: those that arrive while a commit is under way share the next one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from itertools import chain
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

_STAND: Final = (
    f"SELECT (SELECT count(*) FROM bridge_requests WHERE {OPEN}),"
    " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'bridge_requests'), 0)"
)
"""How many requests are open, and the highest `seq` that was ever given."""


class BatchedInsert:
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
        """In the storage's thread: all of them in one transaction, each on its own merits.

        A few statements for all of them together: every call of SQLite lets go of the interpreter, and while
        the event loop is busy it takes up to 5 ms to get it back (`sys.getswitchinterval`).
        """
        with self._storage.database.transaction() as db:
            waiting, last = db.execute(_STAND).fetchone()
            known = _known(db, wishes)
            taken: list[Taken] = []
            new: list[tuple[BridgeRequest, str]] = []
            for wanted in wishes:
                fingerprint, key = wanted.fingerprint, _key(wanted)
                if key in known:
                    taken.append(_repeated(known[key], fingerprint))
                elif waiting + len(new) >= self._limit:
                    taken.append(QueueFull(self._limit))
                else:
                    request = self._new(wanted, last + 1 + len(new))
                    new.append((request, fingerprint))
                    taken.append(Accepted(request, created=True))
                    if wanted.idempotency_key:
                        known[key] = new[-1]
            if new:
                _insert(db, new)
            return taken

    def _new(self, wanted: Wanted, seq: int) -> BridgeRequest:
        now = self._clock()
        return BridgeRequest(
            seq=seq,
            request_id=self._new_id(),
            tool=wanted.tool,
            arguments=wanted.arguments_json,
            source=wanted.source,
            requester=wanted.requester,
            idempotency_key=wanted.idempotency_key,
            relay=wanted.relay,
            state=State.QUEUED,
            accepted_at=now,
            expires_at=(now if wanted.wanted_at is None else wanted.wanted_at) + wanted.timeout_s,
            changed_at=now,
            reply_to=wanted.reply_to,
        )


_Key = tuple[str, str, str]


def _key(wanted: Wanted) -> _Key:
    # Spelled as the database keeps them: half a surrogate pair is a question mark there.
    requester, key = (
        text if text.isascii() else text.encode("utf-8", "replace").decode()
        for text in (wanted.requester, wanted.idempotency_key)
    )
    return wanted.source, requester, key


def _known(db: sqlite3.Connection, wishes: Sequence[Wanted]) -> dict[_Key, tuple[BridgeRequest, str]]:
    """The requests that the keys of these wishes have brought before, each with its fingerprint."""
    keys = [_key(wanted) for wanted in wishes if wanted.idempotency_key]
    if not keys:
        return {}
    # The last condition is the index's own; without it SQLite reads the whole table.
    sql = (
        f"WITH wish (source, requester, idempotency_key) AS (VALUES {_rows(keys)})"
        f" {REQUESTS} JOIN wish USING (source, requester, idempotency_key) WHERE r.idempotency_key <> ''"
    )
    found = db.execute(sql, tuple(chain.from_iterable(keys))).fetchall()
    requests = [(rows.request(row), str(row["fingerprint"])) for row in found]
    return {
        (request.source, request.requester, request.idempotency_key): (request, of)
        for request, of in requests
    }


def _repeated(before: tuple[BridgeRequest, str], fingerprint: str) -> Taken:
    request, of = before
    return Accepted(request, created=False) if of == fingerprint else KeyReused(request.request_id)


def _insert(db: sqlite3.Connection, new: Sequence[tuple[BridgeRequest, str]]) -> None:
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
