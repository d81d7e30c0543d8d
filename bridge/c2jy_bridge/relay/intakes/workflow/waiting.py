"""Runs that wait for an answer, kept until they have ended, each with the process that follows it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from c2jy_bridge.coze.workflow import WorkflowInterrupt
from c2jy_bridge.journal import Owner
from c2jy_bridge.relay.storage import Storage


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run that stopped; `at` is Unix seconds."""

    run_id: str
    workflow_id: str
    stop: WorkflowInterrupt
    question: str
    at: float


class WaitingRuns:
    """In the journal's file."""

    def __init__(self, storage: Storage, owner: Owner) -> None:
        self._storage = storage
        self._owner = owner

    async def keep(self, run: WaitingRun) -> None:
        """A run of this process has stopped; it replaces its earlier stop."""
        stop = run.stop
        row = (
            *(run.run_id, run.workflow_id, stop.event_id, stop.kind, stop.node, stop.data),
            *(run.question, run.at, self._owner.name),
        )
        sql = "INSERT OR REPLACE INTO bridge_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        await self._storage.run(lambda: self._storage.database.run(sql, row))

    async def forget(self, run_id: str) -> None:
        """A run has ended."""
        sql = "DELETE FROM bridge_runs WHERE run_id = ?"
        await self._storage.run(lambda: self._storage.database.run(sql, (run_id,)))

    async def release_in_steps(self, run_id: str) -> None:
        """This process follows a run no more, and any other may."""
        sql = "UPDATE bridge_runs SET owner = '' WHERE run_id = ?"
        await self._storage.run(lambda: self._storage.database.run(sql, (run_id,)))

    async def claim(self, run_id: str) -> WaitingRun | None:
        """Make a run this process's own; None when it has ended or a living process follows it."""
        return await self._storage.run(lambda: self._claim(run_id))

    async def free(self) -> list[WaitingRun]:
        """Every run that waits and that no other living process follows, oldest first."""
        return await self._storage.run(self._free)

    def _claim(self, run_id: str) -> WaitingRun | None:
        with self._storage.database.transaction() as db:
            row = db.execute("SELECT * FROM bridge_runs WHERE run_id = ?", (run_id,)).fetchone()
            if row is None or not self._is_free(row):
                return None
            db.execute("UPDATE bridge_runs SET owner = ? WHERE run_id = ?", (self._owner.name, run_id))
            return _run(row)

    def _free(self) -> list[WaitingRun]:
        rows = self._storage.database.all("SELECT * FROM bridge_runs ORDER BY at")
        return [_run(row) for row in rows if self._is_free(row)]

    def _is_free(self, row: sqlite3.Row) -> bool:
        return row["owner"] == self._owner.name or self._owner.is_gone(row["owner"])


def _run(row: sqlite3.Row) -> WaitingRun:
    stop = WorkflowInterrupt(row["event_id"], row["kind"], row["node"], row["data"])
    return WaitingRun(row["run_id"], row["workflow_id"], stop, row["question"], row["at"])
