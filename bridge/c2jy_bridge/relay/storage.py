"""The bridge's tables in the journal's file, and the thread in which they are read and written."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from c2jy_bridge.journal.database import Database

T = TypeVar("T")

# Times are Unix seconds. Version n of the tables is made by MIGRATIONS[n - 1] from version n - 1.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
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
            state           TEXT NOT NULL CHECK
                (state IN ('queued', 'relaying', 'running', 'succeeded', 'failed', 'cancelled')),
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
            delivered_at    REAL
        ) STRICT
        """,
        "CREATE UNIQUE INDEX bridge_keys ON bridge_requests (source, requester, idempotency_key)"
        " WHERE idempotency_key <> ''",
        "CREATE INDEX bridge_open ON bridge_requests (seq) WHERE state IN ('queued', 'relaying', 'running')",
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
    ),
    (
        # Runs that wait for an answer; a run is taken out when it has ended.
        """
        CREATE TABLE bridge_runs (
            run_id      TEXT PRIMARY KEY,
            workflow_id TEXT NOT NULL,
            event_id    TEXT NOT NULL,
            kind        INTEGER NOT NULL,
            node        TEXT NOT NULL,
            data        TEXT NOT NULL,
            question    TEXT NOT NULL,
            at          REAL NOT NULL
        ) STRICT
        """,
    ),
    (
        # A request may rest until there is a login, and answer to the key of the one that it repeats.
        "ALTER TABLE bridge_requests RENAME TO bridge_requests_before",
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
            state           TEXT NOT NULL CHECK
                (state IN ('queued', 'relaying', 'running', 'needs_login',
                           'succeeded', 'failed', 'cancelled')),
            accepted_at     REAL NOT NULL,
            expires_at      REAL NOT NULL,
            changed_at      REAL NOT NULL,
            finished_at     REAL,
            not_before      REAL NOT NULL DEFAULT 0,
            attempts        INTEGER NOT NULL DEFAULT 0,
            claim           INTEGER NOT NULL DEFAULT 0,
            worker          TEXT NOT NULL DEFAULT '',
            lease_until     REAL,
            takeovers       INTEGER NOT NULL DEFAULT 0,
            cancel_wanted   INTEGER NOT NULL DEFAULT 0,
            handle_digest   TEXT NOT NULL DEFAULT '',
            handle_used_by  TEXT NOT NULL DEFAULT '',
            call_id         TEXT NOT NULL DEFAULT '',
            result          TEXT NOT NULL DEFAULT '',
            problem         TEXT NOT NULL DEFAULT '',
            delivered_at    REAL,
            reply_to        TEXT NOT NULL DEFAULT ''
        ) STRICT
        """,
        "INSERT INTO bridge_requests SELECT *, '' FROM bridge_requests_before",
        "DROP TABLE bridge_requests_before",
        "CREATE UNIQUE INDEX bridge_keys ON bridge_requests (source, requester, idempotency_key)"
        " WHERE idempotency_key <> ''",
        # With the state in it, so that counting what is open reads nothing else.
        "CREATE INDEX bridge_open ON bridge_requests (seq, state)"
        " WHERE state IN ('queued', 'relaying', 'running', 'needs_login')",
    ),
    # Whose run it is, as `journal.Owner` names a process; empty: nobody's any more.
    ("ALTER TABLE bridge_runs ADD COLUMN owner TEXT NOT NULL DEFAULT ''",),
)


class Storage:
    """One connection and one thread of its own: the shared pool may be full of downloads."""

    def __init__(self, path: Path) -> None:
        """Open the journal's file and bring the bridge's tables to this program's version.

        Raises:
            sqlite3.Error: The file cannot be used, or its tables are newer than this program.
        """
        self.database = Database(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bridge-storage")
        try:
            self._migrate()
        except BaseException:
            self.database.close()
            raise

    async def run(self, function: Callable[[], T]) -> T:
        """Call `function` in the thread. A cancelled caller leaves, the function ends what it began."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def note(self, name: str) -> str:
        """A value kept under a name; empty when there is none."""
        sql = "SELECT value FROM bridge_notes WHERE name = ?"
        row = await self.run(lambda: self.database.one(sql, (name,)))
        return str(row["value"]) if row else ""

    async def keep_note(self, name: str, value: str) -> None:
        """Keep a value under a name, in place of what was there."""
        sql = "INSERT INTO bridge_notes VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
        await self.run(lambda: self.database.run(sql, (name, value)))

    async def aclose(self) -> None:
        """Let what runs finish, then close the file."""
        await asyncio.to_thread(self._thread.shutdown)
        self.database.close()

    def _migrate(self) -> None:
        with self.database.transaction() as db:
            db.execute("CREATE TABLE IF NOT EXISTS bridge_schema (version INTEGER NOT NULL) STRICT")
            row = db.execute("SELECT version FROM bridge_schema").fetchone()
            found = row["version"] if row else 0
            if found > len(MIGRATIONS):
                newest = len(MIGRATIONS)
                raise sqlite3.DatabaseError(f"bridge tables {found} are newer than this program ({newest})")
            for step in MIGRATIONS[found:]:
                for statement in step:
                    db.execute(statement)
            db.execute("DELETE FROM bridge_schema")
            db.execute("INSERT INTO bridge_schema VALUES (?)", (len(MIGRATIONS),))
