"""Runs that wait for an answer, kept until they have ended."""

from __future__ import annotations

from dataclasses import dataclass

from c2jy_bridge.coze.workflow import Interrupted
from c2jy_bridge.relay.storage import Storage


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run that stopped; `at` is Unix seconds."""

    run_id: str
    workflow_id: str
    stop: Interrupted
    question: str
    at: float


class WaitingRuns:
    """In the journal's file."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def keep(self, run: WaitingRun) -> None:
        """A run has stopped; it replaces its earlier stop."""
        stop = run.stop
        row = (
            *(run.run_id, run.workflow_id, stop.event_id, stop.kind, stop.node, stop.data),
            *(run.question, run.at),
        )
        sql = "INSERT OR REPLACE INTO bridge_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        await self._storage.run(lambda: self._storage.database.run(sql, row))

    async def forget(self, run_id: str) -> None:
        """A run has ended."""
        sql = "DELETE FROM bridge_runs WHERE run_id = ?"
        await self._storage.run(lambda: self._storage.database.run(sql, (run_id,)))

    async def all(self) -> list[WaitingRun]:
        """Every run that waits, oldest first."""
        sql = "SELECT * FROM bridge_runs ORDER BY at"
        rows = await self._storage.run(lambda: self._storage.database.all(sql))
        return [
            WaitingRun(
                r["run_id"],
                r["workflow_id"],
                Interrupted(r["event_id"], r["kind"], r["node"], r["data"]),
                r["question"],
                r["at"],
            )
            for r in rows
        ]
