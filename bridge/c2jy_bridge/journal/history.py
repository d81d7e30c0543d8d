"""Reads recorded conversations, messages and calls as the views that a UI draws."""

from __future__ import annotations

import math
import sqlite3
from typing import Final

from c2jy_bridge.core.events import Outcome
from c2jy_bridge.core.views import (
    CallView,
    ConversationView,
    FoundMessage,
    MessageView,
    UsageView,
    WrittenDraft,
)
from c2jy_bridge.journal.database import Database

_KEPT: Final = "conversation_id NOT IN (SELECT conversation_id FROM deleted_conversations)"
AGENTS: Final = "mcp"
"""Scope of the calls of other programs' agents: they belong to no Bot, so every app shows them."""
_AROUND: Final = 60
"""Characters on either side of what was found."""


class History:
    """Reads the journal of one Bot on one host."""

    def __init__(self, database: Database, scope: str) -> None:
        self._database = database
        self.scope = scope

    def conversations(self) -> list[ConversationView]:
        """Newest first; without those that were deleted."""
        question = "(SELECT question FROM turns t WHERE t.conversation_id = c.conversation_id"
        rows = self._database.all(
            "SELECT c.*, (SELECT count(*) FROM turns t WHERE t.conversation_id = c.conversation_id) AS turns,"
            f" {question} ORDER BY started_at LIMIT 1) AS first_question,"
            f" {question} ORDER BY started_at DESC LIMIT 1) AS last_question"
            f" FROM conversations c WHERE scope = ? AND {_KEPT} ORDER BY updated_at DESC",
            (self.scope,),
        )
        names = ("conversation_id", "title", "created_at", "updated_at", "turns")
        return [
            ConversationView(
                **{name: r[name] for name in names},
                first_question=r["first_question"] or "",
                last_question=r["last_question"] or "",
            )
            for r in rows
        ]

    def search(self, words: str, limit: int) -> list[FoundMessage]:
        """Questions and answers that contain `words`, whatever the case of Latin letters; newest first."""
        pattern = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = self._database.all(
            "SELECT m.kind, m.text, m.at, c.conversation_id, c.title"
            " FROM messages m JOIN turns t USING (turn_id)"
            " JOIN conversations c ON c.conversation_id = t.conversation_id"
            " WHERE c.scope = ? AND m.kind IN ('question', 'answer') AND m.text LIKE ? ESCAPE '\\'"
            f" AND c.{_KEPT} ORDER BY m.at DESC LIMIT ?",
            (self.scope, pattern, limit),
        )
        return [
            FoundMessage(r["conversation_id"], r["title"], r["kind"], r["at"], _around(r["text"], words))
            for r in rows
        ]

    def messages(self, conversation_id: str) -> list[MessageView]:
        """Oldest first."""
        rows = self._database.all(
            "SELECT m.* FROM messages m JOIN turns t USING (turn_id)"
            " WHERE t.conversation_id = ? ORDER BY t.started_at, m.seq",
            (conversation_id,),
        )
        return [
            MessageView(
                turn_id=r["turn_id"],
                role="user" if r["kind"] == "question" else "assistant",
                kind=r["kind"],
                text=r["text"],
                at=r["at"],
                message_id=r["message_id"],
                reasoning=r["reasoning"],
                thought_s=r["thought_s"],
            )
            for r in rows
        ]

    def calls(
        self, conversation_id: str | None = None, limit: int = 1000, before: float = math.inf
    ) -> list[CallView]:
        """The newest `limit` calls of one conversation, or of all and agents, before a time; oldest first."""
        column = "conversation_id" if conversation_id else "scope"
        keys = (conversation_id,) if conversation_id else (self.scope, AGENTS)
        newest = (
            f"SELECT * FROM (SELECT rowid AS row, * FROM calls WHERE {column} = ? AND requested_at < ?"
            " ORDER BY requested_at DESC, rowid DESC LIMIT ?)"
        )
        rows = self._database.all(
            f"{' UNION ALL '.join([newest] * len(keys))} ORDER BY requested_at DESC, row DESC LIMIT ?",
            (*(value for key in keys for value in (key, before, limit)), limit),
        )
        return [call_view(r) for r in reversed(rows)]

    def drafts(self, conversation_id: str) -> list[WrittenDraft]:
        """Drafts that the calls of a conversation wrote, oldest first."""
        rows = self._database.all(
            "SELECT d.* FROM written_drafts d JOIN calls c USING (call_id) WHERE c.conversation_id = ?"
            " ORDER BY d.at",
            (conversation_id,),
        )
        names = ("call_id", "at", "name", "path", "duration_us", "issues")
        return [WrittenDraft(**{name: r[name] for name in names}) for r in rows]

    def usage(self, conversation_id: str, since: float) -> UsageView:
        """Turns and tokens of a conversation, and of all since a time; copies in a fork do not count."""
        row = self._database.one(
            "SELECT coalesce(sum(here), 0), coalesce(sum(here * total_tokens), 0), coalesce(sum(today), 0),"
            " coalesce(sum(today * total_tokens), 0) FROM (SELECT total_tokens, conversation_id = ? AS here,"
            " started_at >= ? AS today FROM turns WHERE scope = ? AND source = 'chat' AND chat_id <> ''"
            " AND (conversation_id = ? OR started_at >= ?))",
            (conversation_id, since, self.scope, conversation_id, since),
        )
        return UsageView(*row) if row is not None else UsageView()

    def call(self, call_id: str) -> CallView | None:
        """One recorded call."""
        row = self._database.one("SELECT * FROM calls WHERE call_id = ?", (call_id,))
        return call_view(row) if row else None

    def questions(self, limit: int) -> list[str]:
        """The newest `limit` questions of the user, oldest first, without repetitions in a row."""
        rows = self._database.all(
            "SELECT question FROM turns WHERE source = 'chat' AND question <> ''"
            " ORDER BY started_at DESC LIMIT ?",
            (limit,),
        )
        texts = [r["question"] for r in reversed(rows)]
        return [text for i, text in enumerate(texts) if i == 0 or text != texts[i - 1]]


def _around(text: str, words: str) -> str:
    """The part of a text around the first place of `words`."""
    at = max(0, text.lower().find(words.lower()))
    start, end = max(0, at - _AROUND), at + len(words) + _AROUND
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def call_view(row: sqlite3.Row) -> CallView:
    """The view of a row of `calls`."""
    return CallView(
        call_id=row["call_id"],
        tool=row["tool"],
        arguments=row["arguments"],
        source="user" if row["source"] == "maker" else row["source"],  # "maker": journals before 0.1.0
        requested_at=row["requested_at"],
        turn_id=row["turn_id"],
        conversation_id=row["conversation_id"],
        chat_id=row["chat_id"],
        tool_call_id=row["tool_call_id"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        submitted_at=row["submitted_at"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        output=row["output"],
        error=row["error"],
    )
