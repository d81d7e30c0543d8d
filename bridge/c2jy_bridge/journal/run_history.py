"""Records the events of workflow runs, and reads them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from typing import Final

from pydantic import TypeAdapter

from c2jy_bridge.core.events import (
    WorkflowAnswered,
    WorkflowAsked,
    WorkflowEnded,
    WorkflowEvent,
    WorkflowSaid,
    WorkflowStarted,
)
from c2jy_bridge.core.views import CallView, RecordedRun
from c2jy_bridge.journal.database import Database
from c2jy_bridge.journal.history import call_view

WORKFLOW_CHAT: Final = "workflow"
"""Stands for the chat of a workflow's tool calls, which have none."""
MOST_LOOSE: Final = 20
"""Runs outside any conversation that are shown again."""
_KINDS: Final = {
    kind.__name__: kind
    for kind in (WorkflowStarted, WorkflowSaid, WorkflowAsked, WorkflowAnswered, WorkflowEnded)
}


class RunHistory:
    """The workflow runs of one Bot on one host.

    A run belongs to the conversation in which it began; outside one, to the next that its process begins.
    """

    def __init__(self, database: Database, scope: str, owner: str) -> None:
        self._database = database
        self.scope = scope
        self._owner = owner

    def store(self, event: WorkflowEvent) -> None:
        """Store one event."""
        if isinstance(event, WorkflowStarted):
            self._database.run(
                "INSERT INTO workflow_runs VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET owner = excluded.owner",
                (event.run_id, self.scope, event.conversation_id, self._owner, event.at),
            )
        # Not in ASCII: half of a surrogate pair is then replaced on its way into SQLite.
        text = json.dumps(asdict(event), ensure_ascii=False)
        self._database.run(
            "INSERT INTO workflow_events (run_id, kind, event) VALUES (?, ?, ?)",
            (event.run_id, type(event).__name__, text),
        )

    def adopt(self, conversation_id: str) -> None:
        """This process begins a conversation: its runs outside any belong to it."""
        self._database.run(
            "UPDATE workflow_runs SET conversation_id = ?"
            " WHERE conversation_id = '' AND scope = ? AND owner = ?",
            (conversation_id, self.scope, self._owner),
        )

    def of(self, conversation_id: str, *, loose: bool) -> list[tuple[str, RecordedRun]]:
        """The runs of a conversation, oldest first, each with its owner.

        Args:
            conversation_id: The conversation; may be empty.
            loose: Also the newest runs outside any conversation since this one's last turn.
        """
        since = "(SELECT updated_at FROM conversations WHERE conversation_id = ?)"
        rows = self._database.all(
            "SELECT run_id, owner, started_at FROM workflow_runs"
            " WHERE scope = ? AND conversation_id = ? AND conversation_id <> ''"
            " UNION ALL SELECT * FROM (SELECT run_id, owner, started_at FROM workflow_runs"
            f" WHERE ? AND scope = ? AND conversation_id = '' AND started_at >= coalesce({since}, 0)"
            " ORDER BY started_at DESC LIMIT ?) ORDER BY started_at",
            (self.scope, conversation_id, loose, self.scope, conversation_id, MOST_LOOSE),
        )
        return [(row["owner"], RecordedRun(self._events(row[0]), self._calls(row[0]))) for row in rows]

    def _events(self, run_id: str) -> Sequence[WorkflowEvent]:
        rows = self._database.all(
            "SELECT kind, event FROM workflow_events WHERE run_id = ? ORDER BY seq", (run_id,)
        )
        # A newer program may know more kinds.
        known = [(_KINDS[row["kind"]], row["event"]) for row in rows if row["kind"] in _KINDS]
        return [_reader(kind).validate_json(event) for kind, event in known]

    def _calls(self, run_id: str) -> Sequence[CallView]:
        rows = self._database.all(
            # Through the index of Coze's ids: there is none of turns.
            "SELECT * FROM calls WHERE chat_id = ? AND tool_call_id <> '' AND turn_id = ?"
            " ORDER BY requested_at",
            (WORKFLOW_CHAT, run_id),
        )
        return [call_view(row) for row in rows]


@cache
def _reader(kind: type[WorkflowEvent]) -> TypeAdapter[WorkflowEvent]:
    return TypeAdapter(kind)
