"""Changes recorded conversations: renames them, deletes them and brings them back."""

from __future__ import annotations

from collections.abc import Sequence

from c2jy_bridge.journal.database import Database


class RecordedConversations:
    """The conversations of one Bot on one host. Every method blocks on the disk."""

    def __init__(self, database: Database, scope: str) -> None:
        self._database = database
        self.scope = scope

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title."""
        self._database.run(
            "UPDATE conversations SET title = ? WHERE conversation_id = ?", (title, conversation_id)
        )

    def fork(self, source_id: str, fork_id: str, title: str, turn_ids: Sequence[str], at: float) -> None:
        """Record a new conversation that begins with copies of some turns of another one."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO conversations VALUES (?, ?, ?, ?, ?)", (fork_id, self.scope, title, at, at)
            )
            for turn_id in turn_ids:
                copy_id = f"{turn_id}-{fork_id}"
                # No chat and no tokens: the copy was never asked.
                db.execute(
                    "INSERT INTO turns (turn_id, conversation_id, chat_id, scope, source, question, owner,"
                    " state, started_at, ended_at)"
                    " SELECT ?, ?, '', scope, source, question, owner, 'completed', started_at, ended_at"
                    " FROM turns WHERE turn_id = ?",
                    (copy_id, fork_id, turn_id),
                )
                db.execute(
                    "INSERT INTO messages (turn_id, message_id, kind, text, reasoning, at, thought_s)"
                    " SELECT ?, message_id, kind, text, reasoning, at, thought_s FROM messages"
                    " WHERE turn_id = ? AND kind IN ('question', 'answer') ORDER BY seq",
                    (copy_id, turn_id),
                )
            if turn_ids:
                db.execute(
                    "INSERT INTO messages (turn_id, message_id, kind, text, at)"
                    " VALUES (?, '', 'notice', 'forked', ?)",
                    (copy_id, at),
                )

    def delete(self, conversation_id: str, at: float) -> None:
        """Hide a conversation until `restore` or `erase`."""
        self._database.run(
            "INSERT INTO deleted_conversations VALUES (?, ?) ON CONFLICT DO NOTHING", (conversation_id, at)
        )

    def restore(self) -> str:
        """Bring back the conversation deleted last; its id, or nothing when none is deleted."""
        deleted = "SELECT d.* FROM deleted_conversations d JOIN conversations c USING (conversation_id)"
        with self._database.transaction() as db:
            row = db.execute(
                f"{deleted} WHERE c.scope = ? ORDER BY d.deleted_at DESC LIMIT 1", (self.scope,)
            ).fetchone()
            if row is None:
                return ""
            db.execute("DELETE FROM deleted_conversations WHERE conversation_id = ?", (row[0],))
        return str(row[0])

    def deleted_before(self, at: float) -> list[str]:
        """Ids of the conversations deleted before a time."""
        rows = self._database.all(
            "SELECT conversation_id FROM deleted_conversations d JOIN conversations c USING (conversation_id)"
            " WHERE c.scope = ? AND d.deleted_at < ?",
            (self.scope, at),
        )
        return [row["conversation_id"] for row in rows]

    def erase(self, conversation_id: str) -> None:
        """Remove a deleted conversation with its messages, calls and workflow runs."""
        key = (conversation_id,)
        with self._database.transaction() as db:
            turns = "SELECT turn_id FROM turns WHERE conversation_id = ?"
            db.execute(f"DELETE FROM messages WHERE turn_id IN ({turns})", key)
            runs = "SELECT run_id FROM workflow_runs WHERE conversation_id = ?"
            db.execute(f"DELETE FROM calls WHERE turn_id IN ({runs})", key)
            db.execute(f"DELETE FROM workflow_events WHERE run_id IN ({runs})", key)
            calls = "SELECT call_id FROM calls WHERE conversation_id = ?"
            db.execute(f"DELETE FROM written_drafts WHERE call_id IN ({calls})", key)
            for table in ("calls", "turns", "workflow_runs", "deleted_conversations", "conversations"):
                db.execute(f"DELETE FROM {table} WHERE conversation_id = ?", key)
