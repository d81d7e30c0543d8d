"""The bridge's tables in the journal's file, the thread that accesses them, rows as objects, batching."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar

from c2jy_bridge.core.bridge_requests import ENDED, PARKED, Artifact, BridgeRequest, ChatRef, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.journal.database import Database
from c2jy_bridge.relay.request import (
    Accepted,
    KeyReused,
    QueueFull,
    Submission,
)

T = TypeVar("T")

VERSION: Final = 6
"""Version of the bridge's tables."""


def _state_in(states: Iterable[State]) -> str:
    names = ", ".join(f"'{state}'" for state in states)
    return f"state IN ({names})"


OPEN: Final = _state_in(state for state in State if state not in ENDED)
IS_PARKED: Final = _state_in(sorted(PARKED))
"""SQL conditions."""
# Times are Unix seconds.
_SCHEMA: Final = (
    """
    CREATE TABLE bridge_requests (
        seq             INTEGER PRIMARY KEY AUTOINCREMENT,
        request_id      TEXT NOT NULL UNIQUE,
        source          TEXT NOT NULL,
        requester       TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        fingerprint     TEXT NOT NULL,
        tool            TEXT NOT NULL,
        arguments       TEXT NOT NULL,
        relay           TEXT NOT NULL,
        state           TEXT NOT NULL,
        accepted_at     REAL NOT NULL,
        expires_at      REAL NOT NULL,
        changed_at      REAL NOT NULL,
        finished_at     REAL,
        not_before      REAL NOT NULL DEFAULT 0,
        attempts        INTEGER NOT NULL DEFAULT 0,
        claim           INTEGER NOT NULL DEFAULT 0,  -- fences writes of a worker that was too slow
        worker          TEXT NOT NULL DEFAULT '',
        lease_until     REAL,
        takeovers       INTEGER NOT NULL DEFAULT 0,
        cancel_wanted   INTEGER NOT NULL DEFAULT 0,
        handle_digest   TEXT NOT NULL DEFAULT '',
        handle_used_by  TEXT NOT NULL DEFAULT '',
        call_id         TEXT NOT NULL DEFAULT '',
        result          TEXT NOT NULL DEFAULT '',
        problem         TEXT NOT NULL DEFAULT '',    -- JSON of events.Problem
        delivered_at    REAL,
        reply_to        TEXT NOT NULL DEFAULT '',    -- the key of the request that this one repeats
        deliver         TEXT NOT NULL DEFAULT '',
        artifacts       TEXT NOT NULL DEFAULT '[]'   -- JSON of bridge_requests.Artifact
    ) STRICT
    """,
    "CREATE UNIQUE INDEX bridge_keys ON bridge_requests (source, requester, idempotency_key)"
    " WHERE idempotency_key <> ''",
    # With the state in it, so that counting open requests reads nothing else.
    f"CREATE INDEX bridge_open ON bridge_requests (seq, state) WHERE {OPEN}",
    """
    CREATE TABLE bridge_chats (
        turn_id         TEXT PRIMARY KEY,
        request_id      TEXT NOT NULL,
        conversation_id TEXT NOT NULL,
        chat_id         TEXT NOT NULL,
        began_at        REAL NOT NULL,
        ended_at        REAL
    ) STRICT
    """,
    "CREATE INDEX bridge_chats_by_request ON bridge_chats (request_id, began_at)",
    """
    CREATE TABLE bridge_changes (
        seq        INTEGER PRIMARY KEY AUTOINCREMENT,
        request_id TEXT NOT NULL,
        state      TEXT NOT NULL,
        attempts   INTEGER NOT NULL,
        at         REAL NOT NULL
    ) STRICT
    """,
    "CREATE INDEX bridge_changes_by_request ON bridge_changes (request_id, seq)",
    "CREATE TABLE bridge_notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    # Workflow runs that wait for an answer; a run is deleted when it has ended.
    """
    CREATE TABLE bridge_runs (
        run_id      TEXT PRIMARY KEY,
        workflow_id TEXT NOT NULL,
        event_id    TEXT NOT NULL,
        kind        INTEGER NOT NULL,
        node        TEXT NOT NULL,
        data        TEXT NOT NULL,
        question    TEXT NOT NULL,
        at          REAL NOT NULL,
        owner       TEXT NOT NULL DEFAULT ''  -- process that follows it (`journal.Owner`); empty: none
    ) STRICT
    """,
)
_ABOUT_REQUESTS: Final = 3
"""The first statements: the table of requests and its indexes."""


class Storage:
    """One connection in a thread of its own, as the shared pool may be full of downloads."""

    def __init__(self, path: Path) -> None:
        """Open the journal's file and create the bridge's tables if they are missing.

        Raises:
            sqlite3.Error: The file cannot be used, or its tables are of another version.
        """
        self.database = Database(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bridge-storage")
        try:
            self._create_tables()
        except BaseException:
            self.database.close()
            raise

    async def run(self, function: Callable[[], T]) -> T:
        """Call `function` in the thread; it runs to its end even if the caller is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def note(self, name: str) -> str:
        """The value stored under a name; empty when there is none."""
        sql = "SELECT value FROM bridge_notes WHERE name = ?"
        row = await self.run(lambda: self.database.one(sql, (name,)))
        return str(row["value"]) if row else ""

    async def keep_note(self, name: str, value: str) -> None:
        """Store a value under a name, replacing any other."""
        sql = "INSERT INTO bridge_notes VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
        await self.run(lambda: self.database.run(sql, (name, value)))

    async def aclose(self) -> None:
        """Wait for the running function, then close the file."""
        await asyncio.to_thread(self._thread.shutdown)
        self.database.close()

    def _create_tables(self) -> None:
        with self.database.transaction() as db:
            db.execute("CREATE TABLE IF NOT EXISTS bridge_schema (version INTEGER NOT NULL) STRICT")
            row = db.execute("SELECT version FROM bridge_schema").fetchone()
            if row is None:
                for statement in _SCHEMA:
                    db.execute(statement)
                db.execute("INSERT INTO bridge_schema VALUES (?)", (VERSION,))
            elif row["version"] == 4:
                _upgrade_from_4(db)
            elif row["version"] == 5:
                for column, default in (("deliver", ""), ("artifacts", "[]")):
                    db.execute(
                        f"ALTER TABLE bridge_requests ADD COLUMN {column} TEXT NOT NULL DEFAULT '{default}'"
                    )
                db.execute("UPDATE bridge_schema SET version = ?", (VERSION,))
            elif row["version"] != VERSION:
                found = row["version"]
                age = "newer than this program" if found > VERSION else "of an earlier, unreleased program"
                raise sqlite3.DatabaseError(f"bridge tables {found} are {age} ({VERSION})")


def _upgrade_from_4(db: sqlite3.Connection) -> None:
    """Version 4 listed the states in a CHECK, which SQLite changes only by a new table."""
    columns = ", ".join(row["name"] for row in db.execute("PRAGMA table_info(bridge_requests)"))
    last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'bridge_requests'").fetchone()
    for index in ("bridge_keys", "bridge_open"):
        db.execute(f"DROP INDEX {index}")
    db.execute("ALTER TABLE bridge_requests RENAME TO bridge_requests_4")
    for statement in _SCHEMA[:_ABOUT_REQUESTS]:
        db.execute(statement)
    db.execute(f"INSERT INTO bridge_requests ({columns}) SELECT {columns} FROM bridge_requests_4")
    db.execute("DROP TABLE bridge_requests_4")
    if last is not None:  # the numbers of forgotten requests are not given again
        db.execute("DELETE FROM sqlite_sequence WHERE name = 'bridge_requests'")
        db.execute("INSERT INTO sqlite_sequence VALUES ('bridge_requests', ?)", (last["seq"],))
    db.execute("UPDATE bridge_schema SET version = ?", (VERSION,))


REQUESTS: Final = (
    "SELECT r.*, (SELECT json_group_array(json_array(turn_id, conversation_id, chat_id, ended_at IS NULL))"
    " FROM (SELECT * FROM bridge_chats c WHERE c.request_id = r.request_id ORDER BY began_at, rowid))"
    " AS chats FROM bridge_requests r"
)
"""Beginning of every query whose rows become requests."""
_INSERTED: Final = (
    *("seq", "request_id", "source", "requester", "idempotency_key", "tool", "arguments", "relay", "state"),
    *("accepted_at", "expires_at", "changed_at", "reply_to", "deliver"),
)
_PLAIN_COLUMNS: Final = ({*_INSERTED} - {"state"}) | {"finished_at", "attempts", "call_id", "result"}
"""Columns whose values are those of the fields of the same name."""


def request_of(row: sqlite3.Row) -> BridgeRequest:
    """Convert a row of `REQUESTS`."""
    return BridgeRequest(
        **{name: row[name] for name in _PLAIN_COLUMNS},
        state=State(row["state"]),
        chats=tuple(ChatRef(t, v, c, is_open=bool(o)) for t, v, c, o in json.loads(row["chats"])),
        problem=Problem(**json.loads(row["problem"])) if row["problem"] else None,
        artifacts=tuple(Artifact(**one) for one in json.loads(row["artifacts"])),
        cancel_wanted=bool(row["cancel_wanted"]),
    )


def problem_json(value: Problem | None) -> str:
    """Serialise a problem for storage."""
    return json.dumps(asdict(value), ensure_ascii=False) if value else ""


def artifacts_json(artifacts: Sequence[Artifact]) -> str:
    """Serialise a request's artifacts for storage."""
    return json.dumps([asdict(artifact) for artifact in artifacts], ensure_ascii=False)


InsertResult = Accepted | KeyReused | QueueFull
"""Outcome of one submission."""

MOST_AT_ONCE: Final = 100
"""Submissions in one commit; with more, the first would wait too long for the last."""

_COUNTS: Final = (
    f"SELECT (SELECT count(*) FROM bridge_requests WHERE {OPEN}),"
    " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'bridge_requests'), 0)"
)
"""How many requests are open, and the highest `seq` ever assigned."""


class BatchedInsert:
    """Inserts submissions in batches; for one event loop."""

    def __init__(
        self,
        storage: Storage,
        *,
        limit: int,
        clock: Callable[[], float],
        steady: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        """As `RequestQueue`."""
        self._storage = storage
        self._limit = limit
        self._clock = clock
        self._steady = steady
        self._new_id = new_id
        self._waiting: list[tuple[Submission, asyncio.Future[Accepted]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def accept(self, submission: Submission) -> Accepted:
        """Insert with the next batch; raises KeyReused or QueueFull."""
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.append((submission, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await future

    async def accepted_before(self, submission: Submission) -> Accepted | None:
        """The request under the submission's key, if any; raises KeyReused when it is another one."""

        def look() -> dict[_Key, tuple[BridgeRequest, str]]:
            with self._storage.database.transaction() as db:
                return _known(db, [submission])

        for request, of in (await self._storage.run(look)).values():
            if of != submission.fingerprint:
                raise KeyReused(request.request_id)
            return Accepted(request, created=False)
        return None

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            submissions = [submission for submission, _ in batch]
            try:
                results: Sequence[InsertResult | Exception]
                results = await self._storage.run(partial(self._insert, submissions))
            except asyncio.CancelledError:
                for _, future in (*batch, *self._waiting):
                    future.cancel()
                raise
            except Exception as error:  # nothing was written; every caller gets the error
                results = [error] * len(batch)
            for (_, future), result in zip(batch, results, strict=True):
                if future.done():  # the caller was cancelled; the request is accepted all the same
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    def _insert(self, submissions: Sequence[Submission]) -> list[InsertResult]:
        """In the storage's thread: one transaction in which each is accepted or refused by itself.

        Few statements for the whole batch: every SQLite call releases the GIL, and while the event loop is
        busy it takes up to 5 ms to get it back (`sys.getswitchinterval`).
        """
        with self._storage.database.transaction() as db:
            waiting, last = db.execute(_COUNTS).fetchone()
            known = _known(db, submissions)
            results: list[InsertResult] = []
            new: list[tuple[BridgeRequest, str]] = []
            for submission in submissions:
                fingerprint, key = submission.fingerprint, _key(submission)
                if key in known:
                    request, of = known[key]
                    repeated = of == fingerprint
                    results.append(
                        Accepted(request, created=False) if repeated else KeyReused(request.request_id)
                    )
                elif waiting + len(new) >= self._limit:
                    results.append(QueueFull(self._limit))
                else:
                    request = self._new(submission, last + 1 + len(new))
                    new.append((request, fingerprint))
                    results.append(Accepted(request, created=True))
                    if submission.idempotency_key:
                        known[key] = new[-1]
            if new:
                _write_rows(db, new)
            return results

    def _new(self, submission: Submission, seq: int) -> BridgeRequest:
        now = self._steady()
        begins = now if submission.submitted_at is None else submission.submitted_at
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
            accepted_at=self._clock(),
            expires_at=begins + submission.timeout_s,
            changed_at=now,
            reply_to=submission.reply_to,
            deliver=submission.deliver,
        )


_Key = tuple[str, str, str]


def _key(submission: Submission) -> _Key:
    # As the database stores them: a lone surrogate is a question mark there.
    requester, key = (
        text if text.isascii() else text.encode("utf-8", "replace").decode()
        for text in (submission.requester, submission.idempotency_key)
    )
    return submission.source, requester, key


def _known(
    db: sqlite3.Connection, submissions: Sequence[Submission]
) -> dict[_Key, tuple[BridgeRequest, str]]:
    """Existing requests under the keys of these submissions, each with its fingerprint."""
    keys = [_key(submission) for submission in submissions if submission.idempotency_key]
    if not keys:
        return {}
    # The last condition is the index's; without it SQLite scans the whole table.
    sql = (
        f"WITH submitted (source, requester, idempotency_key) AS (VALUES {_rows(keys)})"
        f" {REQUESTS} JOIN submitted USING (source, requester, idempotency_key) WHERE r.idempotency_key <> ''"
    )
    found = db.execute(sql, tuple(chain.from_iterable(keys))).fetchall()
    requests = [(request_of(row), str(row["fingerprint"])) for row in found]
    return {(r.source, r.requester, r.idempotency_key): (r, fingerprint) for r, fingerprint in requests}


def _write_rows(db: sqlite3.Connection, new: Sequence[tuple[BridgeRequest, str]]) -> None:
    requests = [(fingerprint, *(getattr(it, name) for name in _INSERTED)) for it, fingerprint in new]
    db.execute(
        f"INSERT INTO bridge_requests (fingerprint, {', '.join(_INSERTED)}) VALUES {_rows(requests)}",
        tuple(chain.from_iterable(requests)),
    )
    changes = [(it.request_id, it.state, 0, it.accepted_at) for it, _ in new]
    db.execute(
        f"INSERT INTO bridge_changes (request_id, state, attempts, at) VALUES {_rows(changes)}",
        tuple(chain.from_iterable(changes)),
    )


def _rows(values: Sequence[tuple[object, ...]]) -> str:
    """SQL placeholders for these rows: `(?, ?), (?, ?)`."""
    row = ", ".join("?" * len(values[0]))
    return ", ".join([f"({row})"] * len(values))
