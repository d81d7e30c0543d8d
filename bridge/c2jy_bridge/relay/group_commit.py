"""Groups concurrent inserts into one commit, because the fsync dominates."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Final

from c2jy_bridge.core.bridge_requests import BridgeRequest, State
from c2jy_bridge.relay.request import Accepted, KeyReused, QueueFull, Submission
from c2jy_bridge.relay.storage import OPEN, REQUESTS, Storage, request_of

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
