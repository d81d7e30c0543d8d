"""The journal: records events as they happen and keeps the receipts of tool calls."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from c2jy_bridge.core.events import (
    AnswerCompleted,
    AnswerDelta,
    Event,
    FollowUpSuggested,
    Outcome,
    ReasoningDelta,
    ToolCall,
    ToolCallFinished,
    ToolCallRequested,
    ToolCallStarted,
    ToolOutputsSubmitted,
    TurnCancelled,
    TurnCompleted,
    TurnEnded,
    TurnFailed,
    TurnStarted,
)
from c2jy_bridge.core.ports import Receipt, ReceiptConflict
from c2jy_bridge.journal.database import Database
from c2jy_bridge.journal.history import History

TITLE_CHARS: Final = 60
_BY_COZE_ID: Final = "chat_id = ? AND tool_call_id = ? AND tool_call_id <> ''"
"""The last condition is the index's own: without it SQLite reads every call there ever was."""


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn that began and has no end on record."""

    turn_id: str
    conversation_id: str
    chat_id: str
    owner: str
    question: str


@dataclass(slots=True)
class _Partial:
    """Deltas of one answer that is not complete yet."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    thought_from: float | None = None
    thought_until: float | None = None

    def think(self, event: ReasoningDelta) -> None:
        """The reasoning goes on."""
        self.reasoning.append(event.text)
        if self.thought_from is None:
            self.thought_from = event.at

    def answer(self, event: AnswerDelta) -> None:
        """The answer goes on; with its first word the reasoning was over."""
        self.text.append(event.text)
        if self.thought_until is None:
            self.thought_until = event.at

    def thought_s(self, at: float) -> float | None:
        """Seconds of reasoning, when it was seen to begin; up to `at` without an answer."""
        if self.thought_from is None:
            return None
        return max(0.0, (at if self.thought_until is None else self.thought_until) - self.thought_from)


class Journal:
    """One SQLite file for all processes of one data folder.

    Every call blocks for as long as the disk needs (a commit is about 0.1 ms on an idle disk); call it
    through a thread from an event loop, except for events that `is_buffered`.
    """

    def __init__(self, path: Path, *, scope: str, owner: str) -> None:
        """Open or create the file.

        Args:
            path: The SQLite file; its folder is made.
            scope: `host/bot` whose conversations are meant.
            owner: `Owner.name` of this process.

        Raises:
            sqlite3.Error: The file is not a database, newer than this program, or cannot be written.
        """
        self._database = Database(path)
        self._scope = scope
        self._owner = owner
        self._partial: defaultdict[str, defaultdict[str, _Partial]] = defaultdict(
            lambda: defaultdict(_Partial)
        )
        self.history = History(self._database, scope)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # --- receipts (ports.ReceiptStore) ---------------------------------------------------------------

    def receipt(self, call: ToolCall) -> Receipt | None:
        """The receipt of this call, if it ended before; raises ReceiptConflict for other arguments."""
        if not call.tool_call_id:
            return None
        row = self._database.one(
            f"SELECT * FROM calls WHERE {_BY_COZE_ID} AND outcome IS NOT NULL",
            (call.chat_id, call.tool_call_id),
        )
        if row is None:
            return None
        if row["args_sha256"] != _fingerprint(call.arguments) or row["tool"] != call.tool:
            raise ReceiptConflict(call.tool_call_id)
        return Receipt(
            outcome=Outcome(row["outcome"]),
            output=row["output"],
            finished_at=row["finished_at"],
            error=row["error"],
            started_at=row["started_at"],
        )

    def write_receipt(self, call: ToolCall, receipt: Receipt) -> None:
        """Keep a receipt; it is durable when this returns."""
        by_coze_id = _BY_COZE_ID, (call.chat_id, call.tool_call_id)
        where, key = by_coze_id if call.tool_call_id else ("call_id = ?", (call.call_id,))
        outcome = receipt.outcome, receipt.output, receipt.error, receipt.started_at, receipt.finished_at
        with self._database.transaction() as db:
            self._insert_call(call, receipt.started_at or receipt.finished_at)
            db.execute(
                "UPDATE calls SET outcome = ?, output = ?, error = ?, started_at = ?, finished_at = ?"
                f" WHERE {where} AND outcome IS NULL",
                (*outcome, *key),
            )

    # --- recording -----------------------------------------------------------------------------------

    @staticmethod
    def is_buffered(event: Event) -> bool:
        """Whether `record` keeps this event in memory only: then it needs no thread."""
        return isinstance(event, AnswerDelta | ReasoningDelta)

    def record(self, events: Sequence[Event]) -> None:
        """Keep what a restart must show again, all in one commit; what is only about the moment passes by."""
        if all(map(self.is_buffered, events)):
            for event in events:
                self._keep(event)
            return
        with self._database.transaction():
            for event in events:
                self._keep(event)

    # --- recovery ----------------------------------------------------------------------------------

    def open_turns(self) -> list[OpenTurn]:
        """The user's turns that have no end on record, this process's own excepted; oldest first.

        Those of bridge requests are the relay's to take up.
        """
        rows = self._database.all(
            "SELECT * FROM turns WHERE state = 'open' AND source = 'chat' AND scope = ? AND owner <> ?"
            " ORDER BY started_at",
            (self._scope, self._owner),
        )
        names = ("turn_id", "conversation_id", "chat_id", "owner", "question")
        return [OpenTurn(*(row[name] for name in names)) for row in rows]

    def take_over(self, turn: OpenTurn) -> bool:
        """Take ownership of a dead process's open turn; False when another process was quicker."""
        with self._database.transaction() as db:
            changed = db.execute(
                "UPDATE turns SET owner = ? WHERE turn_id = ? AND owner = ? AND state = 'open'",
                (self._owner, turn.turn_id, turn.owner),
            )
            return changed.rowcount == 1

    # --- inside --------------------------------------------------------------------------------------

    def _keep(self, event: Event) -> None:
        match event:
            case AnswerDelta():
                self._partial[event.turn_id][event.message_id].answer(event)
            case ReasoningDelta():
                self._partial[event.turn_id][event.message_id].think(event)
            case TurnStarted():
                self._begin(event)
            case AnswerCompleted():
                seen = self._partial[event.turn_id].pop(event.message_id, _Partial())
                whole = event.message_id, event.text, event.at, event.reasoning, seen.thought_s(event.at)
                self._say(event.turn_id, "answer", *whole)
            case FollowUpSuggested():
                self._say(event.turn_id, "follow_up", event.text, event.text, event.at)
            case TurnEnded():
                self._end(event)
            case ToolCallRequested():
                self._insert_call(event.call, event.at)
            case ToolCallStarted():
                self._database.run(
                    "UPDATE calls SET started_at = ? WHERE call_id = ?", (event.at, event.call_id)
                )
            case ToolCallFinished():
                # Where a receipt stands already, this changes nothing.
                self._database.run(
                    "UPDATE calls SET outcome = ?, output = ?, error = ?, finished_at = ?"
                    " WHERE call_id = ? AND outcome IS NULL",
                    (event.outcome, event.output, event.error, event.at, event.call_id),
                )
            case ToolOutputsSubmitted():
                with self._database.transaction() as db:
                    db.executemany(
                        "UPDATE calls SET submitted_at = ? WHERE call_id = ?",
                        [(event.at, call_id) for call_id in event.call_ids],
                    )

    def _begin(self, event: TurnStarted) -> None:
        title = " ".join(event.text.split())[:TITLE_CHARS]
        with self._database.transaction() as db:
            if event.source == "chat":  # the relay's work conversations are not the user's
                db.execute(
                    "INSERT INTO conversations VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET updated_at = excluded.updated_at",
                    (event.conversation_id, self._scope, title, event.at, event.at),
                )
            turn = event.turn_id, event.conversation_id, event.chat_id, self._scope, event.source, event.text
            db.execute(
                "INSERT INTO turns (turn_id, conversation_id, chat_id, scope, source, question, owner,"
                " started_at, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open') ON CONFLICT DO NOTHING",
                (*turn, self._owner, event.at),
            )
            self._say(event.turn_id, "question", "", event.text, event.at)

    def _end(self, event: TurnEnded) -> None:
        state, tokens = "completed", 0
        for message_id, partial in self._partial.pop(event.turn_id, {}).items():
            text, reasoning = "".join(partial.text), "".join(partial.reasoning)
            thought_s = partial.thought_s(event.at)
            self._say(event.turn_id, "answer", message_id, text, event.at, reasoning, thought_s)
        match event:
            case TurnCompleted():
                tokens = event.usage.total_tokens
            case TurnFailed():
                state = "failed"
                words = "\n".join(filter(None, (event.problem.message, event.problem.hint)))
                self._say(event.turn_id, "error", event.problem.logid, words, event.at)
            case TurnCancelled():
                state = "cancelled"
                self._say(event.turn_id, "notice", state, state, event.at)
        with self._database.transaction() as db:
            db.execute(
                "UPDATE turns SET state = ?, ended_at = ?, total_tokens = ? WHERE turn_id = ?",
                (state, event.at, tokens, event.turn_id),
            )
            db.execute(
                "UPDATE conversations SET updated_at = ? WHERE conversation_id = ?",
                (event.at, event.conversation_id),
            )

    def _say(
        self,
        turn_id: str,
        kind: str,
        message_id: str,
        text: str,
        at: float,
        reasoning: str = "",
        thought_s: float | None = None,
    ) -> None:
        # The latest text under an id wins: an answer fetched after a dropped stream replaces the partial one.
        self._database.run(
            "INSERT INTO messages (turn_id, message_id, kind, text, reasoning, at, thought_s)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET text = excluded.text, reasoning = excluded.reasoning,"
            " thought_s = coalesce(excluded.thought_s, thought_s)",
            (turn_id, message_id, kind, text, reasoning, at, thought_s),
        )

    def _insert_call(self, call: ToolCall, at: float) -> None:
        ids = call.call_id, call.turn_id, call.conversation_id, call.chat_id, call.tool_call_id
        what = call.tool, call.arguments, _fingerprint(call.arguments), call.source, self._scope
        self._database.run(
            "INSERT INTO calls (call_id, turn_id, conversation_id, chat_id, tool_call_id, tool, arguments,"
            " args_sha256, source, scope, requested_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            # A receipt may have been quicker than the event that announced the call.
            " ON CONFLICT DO UPDATE SET requested_at = min(requested_at, excluded.requested_at)",
            (*ids, *what, at),
        )


def _fingerprint(arguments: str) -> str:
    """SHA-256 of the arguments in canonical form, so that white space and key order do not count."""
    try:
        canonical = json.dumps(json.loads(arguments), sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        canonical = arguments
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
