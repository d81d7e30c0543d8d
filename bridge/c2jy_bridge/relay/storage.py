"""The bridge's tables in the journal's file, the thread that accesses them, and their rows as objects."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Final, TypeVar

from c2jy_bridge.core.bridge_requests import BridgeRequest, ChatRef, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.journal.database import Database
from c2jy_bridge.relay.request import Change, Lease

T = TypeVar("T")

VERSION: Final = 4
"""Of the bridge's tables."""
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
        state           TEXT NOT NULL CHECK
            (state IN ('queued', 'relaying', 'running', 'needs_login', 'succeeded', 'failed', 'cancelled')),
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
        reply_to        TEXT NOT NULL DEFAULT ''     -- the key of the request that this one repeats
    ) STRICT
    """,
    "CREATE UNIQUE INDEX bridge_keys ON bridge_requests (source, requester, idempotency_key)"
    " WHERE idempotency_key <> ''",
    # With the state in it, so that counting open requests reads nothing else.
    "CREATE INDEX bridge_open ON bridge_requests (seq, state)"
    " WHERE state IN ('queued', 'relaying', 'running', 'needs_login')",
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


class Storage:
    """One connection and one thread of its own: the shared pool may be full of downloads."""

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

    def _create_tables(self) -> None:
        with self.database.transaction() as db:
            db.execute("CREATE TABLE IF NOT EXISTS bridge_schema (version INTEGER NOT NULL) STRICT")
            row = db.execute("SELECT version FROM bridge_schema").fetchone()
            if row is None:
                for statement in _SCHEMA:
                    db.execute(statement)
                db.execute("INSERT INTO bridge_schema VALUES (?)", (VERSION,))
            elif row["version"] != VERSION:
                found = row["version"]
                age = "newer than this program" if found > VERSION else "of an earlier, unreleased program"
                raise sqlite3.DatabaseError(f"bridge tables {found} are {age} ({VERSION})")


OPEN: Final = "state IN ('queued', 'relaying', 'running', 'needs_login')"
REQUESTS: Final = (
    "SELECT r.*, (SELECT json_group_array(json_array(turn_id, conversation_id, chat_id, ended_at IS NULL))"
    " FROM (SELECT * FROM bridge_chats c WHERE c.request_id = r.request_id ORDER BY began_at, rowid))"
    " AS chats FROM bridge_requests r"
)
"""Begins every query whose rows become requests."""


def request_of(row: sqlite3.Row) -> BridgeRequest:
    """Convert a row of `REQUESTS`."""
    return BridgeRequest(
        seq=row["seq"],
        request_id=row["request_id"],
        tool=row["tool"],
        arguments=row["arguments"],
        source=row["source"],
        requester=row["requester"],
        idempotency_key=row["idempotency_key"],
        relay=row["relay"],
        state=State(row["state"]),
        accepted_at=row["accepted_at"],
        expires_at=row["expires_at"],
        changed_at=row["changed_at"],
        finished_at=row["finished_at"],
        attempts=row["attempts"],
        chats=tuple(ChatRef(t, v, c, is_open=bool(o)) for t, v, c, o in json.loads(row["chats"])),
        call_id=row["call_id"],
        result=row["result"],
        problem=problem_of(row["problem"]),
        cancel_wanted=bool(row["cancel_wanted"]),
        reply_to=row["reply_to"],
    )


def lease_of(row: sqlite3.Row) -> Lease:
    """Convert a row of `REQUESTS` to the lease just taken on it."""
    return Lease(
        request=request_of(row),
        claim=row["claim"],
        takeovers=row["takeovers"],
        handle_digest=row["handle_digest"],
        handle_used_by=row["handle_used_by"],
    )


def change_of(row: sqlite3.Row) -> Change:
    """Convert a row of `bridge_changes`."""
    return Change(row["seq"], row["request_id"], State(row["state"]), row["attempts"], row["at"])


def problem_of(text: str) -> Problem | None:
    """Parse a stored problem."""
    return Problem(**json.loads(text)) if text else None


def problem_json(value: Problem | None) -> str:
    """Serialise a problem for storage."""
    return json.dumps(asdict(value), ensure_ascii=False) if value else ""
