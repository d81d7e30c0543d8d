"""The journal: records events and the receipts of tool calls."""

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
    DraftWritten,
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
    WorkflowEvent,
)
from c2jy_bridge.core.ports import Receipt, ReceiptConflict
from c2jy_bridge.journal.conversations import RecordedConversations
from c2jy_bridge.journal.database import Database
from c2jy_bridge.journal.history import AGENTS, History
from c2jy_bridge.journal.run_history import RunHistory

TITLE_CHARS: Final = 60
_BY_COZE_ID: Final = "chat_id = ? AND tool_call_id = ? AND tool_call_id <> ''"
"""The last condition is the index's: without it SQLite would scan all calls."""


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn without a recorded end."""

    turn_id: str
    conversation_id: str
    chat_id: str
    owner: str
    question: str


@dataclass(slots=True)
class _Partial:
    """Deltas of an incomplete answer."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    began: float | None = None
    """Unix seconds of the first delta: where the answer is shown, before the calls that followed it."""
    saved: int = 0
    """Deltas that `save_partials` has written."""
    thought_from: float | None = None
    thought_until: float | None = None

    def add(self, event: AnswerDelta | ReasoningDelta) -> None:
        """Add a delta; the first one of the answer ends the reasoning."""
        if self.began is None:
            self.began = event.at
        if isinstance(event, AnswerDelta):
            self.text.append(event.text)
            self.thought_until = event.at if self.thought_until is None else self.thought_until
        else:
            self.reasoning.append(event.text)
            self.thought_from = event.at if self.thought_from is None else self.thought_from

    def thought_s(self, at: float) -> float | None:
        """Seconds of reasoning, up to `at` without an answer; None if there was none."""
        if self.thought_from is None:
            return None
        return max(0.0, (at if self.thought_until is None else self.thought_until) - self.thought_from)


class Journal:
    """One SQLite file for all processes of one data folder.

    Calls block on the disk (a commit takes about 0.1 ms on an idle disk); from an event loop use a thread,
    except for `buffer`.
    """

    def __init__(self, path: Path, *, scope: str, owner: str) -> None:
        """Open or create the file.

        Args:
            path: The SQLite file; its folder is created.
            scope: `host/bot` of the conversations.
            owner: `Owner.name` of this process.

        Raises:
            sqlite3.Error: The file is not a database, of another version, or cannot be written.
        """
        self._database = Database(path)
        self._scope = scope
        self._owner = owner
        self._partial: defaultdict[str, defaultdict[str, _Partial]] = defaultdict(
            lambda: defaultdict(_Partial)
        )
        self.history = History(self._database, scope)
        self.conversations = RecordedConversations(self._database, scope)
        self.runs = RunHistory(self._database, scope, owner)

    def use_scope(self, scope: str) -> None:
        """Go on with the conversations of another Bot."""
        self._scope = scope
        for part in (self.history, self.conversations, self.runs):
            part.scope = scope

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def version(self) -> int:
        """Changes when another process has written to the file; reads none of it."""
        return self._database.version()

    def begin_anew(self, at: float) -> Path:
        """Set the damaged file aside and go on with a new one; returns where the old one is."""
        return self._database.begin_anew(at)

    # --- receipts (ports.ReceiptStore) ---------------------------------------------------------------

    def receipt(self, call: ToolCall) -> Receipt | None:
        """The call's receipt, if any; raises ReceiptConflict for one with different arguments."""
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
        """Store a receipt; it is durable on return."""
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
            db.execute(f"DELETE FROM unfinished_runs WHERE {_BY_COZE_ID}", (call.chat_id, call.tool_call_id))

    def begin_run(self, call: ToolCall) -> int:
        """Count a run of this call, durable on return; how many began earlier and came to no end."""
        if not call.tool_call_id:
            return 0
        with self._database.transaction() as db:
            (runs,) = db.execute(
                "INSERT INTO unfinished_runs VALUES (?, ?, 1)"
                " ON CONFLICT DO UPDATE SET runs = runs + 1 RETURNING runs",
                (call.chat_id, call.tool_call_id),
            ).fetchone()
        return int(runs) - 1

    def withdraw_run(self, call: ToolCall) -> None:
        """Take back the count of a run that was stopped cleanly and gets no receipt."""
        self._database.run(
            f"UPDATE unfinished_runs SET runs = runs - 1 WHERE {_BY_COZE_ID} AND runs > 0",
            (call.chat_id, call.tool_call_id),
        )

    # --- recording -----------------------------------------------------------------------------------

    def buffer(self, delta: AnswerDelta | ReasoningDelta) -> None:
        """Store a delta in memory only, until its answer or its turn ends; needs no thread."""
        self._partial[delta.turn_id][delta.message_id].add(delta)

    def save_partials(self, at: float) -> None:
        """Write the text so far of answers that are being streamed: a killed process loses no more of it."""
        with self._database.transaction():
            for turn_id, answers in list(self._partial.items()):
                for message_id, partial in list(answers.items()):
                    length = len(partial.text) + len(partial.reasoning)
                    if length > partial.saved:
                        partial.saved = length
                        self._insert_partial(turn_id, message_id, partial, at)

    def record(self, events: Sequence[Event]) -> None:
        """Store, in one commit, the events that must be shown again after a restart; ignore all others."""
        before = {turn_id: dict(partial) for turn_id, partial in self._partial.items()}
        try:
            with self._database.transaction():
                for event in events:
                    self._store(event)
        except BaseException:  # nothing was stored: what was taken out of memory is needed again
            for turn_id, partial in before.items():
                self._partial[turn_id] = defaultdict(_Partial, {**partial, **self._partial[turn_id]})
            raise

    # --- recovery ----------------------------------------------------------------------------------

    def open_turns(self) -> list[OpenTurn]:
        """Other processes' open turns of the user, oldest first; the relay resumes bridge requests."""
        rows = self._database.all(
            "SELECT * FROM turns WHERE state = 'open' AND source = 'chat' AND scope = ? AND owner <> ?"
            " ORDER BY started_at",
            (self._scope, self._owner),
        )
        names = ("turn_id", "conversation_id", "chat_id", "owner", "question")
        return [OpenTurn(*(row[name] for name in names)) for row in rows]

    def owner_of(self, chat_id: str) -> str:
        """The process that owns the open turn of a chat; empty when no turn of it is open."""
        row = self._database.one("SELECT owner FROM turns WHERE chat_id = ? AND state = 'open'", (chat_id,))
        return row["owner"] if row is not None else ""

    def take_over(self, turn: OpenTurn) -> bool:
        """Take ownership of an ended process's open turn; False when another process did so."""
        with self._database.transaction() as db:
            changed = db.execute(
                "UPDATE turns SET owner = ? WHERE turn_id = ? AND owner = ? AND state = 'open'",
                (self._owner, turn.turn_id, turn.owner),
            )
            return changed.rowcount == 1

    # --- inside --------------------------------------------------------------------------------------

    def _store(self, event: Event) -> None:
        match event:
            case AnswerDelta() | ReasoningDelta():
                self.buffer(event)
            case TurnStarted():
                self._begin(event)
            case AnswerCompleted():
                partial = self._partial[event.turn_id].pop(event.message_id, _Partial())
                message = event.message_id, event.text, event.at, event.reasoning, partial.thought_s(event.at)
                self._insert_message(event.turn_id, "answer", *message)
            case FollowUpSuggested():
                self._insert_message(event.turn_id, "follow_up", event.text, event.text, event.at)
            case TurnEnded():
                self._end(event)
            case ToolCallRequested():
                self._insert_call(event.call, event.at)
            case ToolCallStarted():
                self._database.run(
                    "UPDATE calls SET started_at = ? WHERE call_id = ?", (event.at, event.call_id)
                )
            case ToolCallFinished():
                # Changes nothing when there is a receipt.
                self._database.run(
                    "UPDATE calls SET outcome = ?, output = ?, error = ?, finished_at = ?"
                    " WHERE call_id = ? AND outcome IS NULL",
                    (event.outcome, event.output, event.error, event.at, event.call_id),
                )
            case WorkflowEvent():
                self.runs.store(event)
            case DraftWritten(call_id=call_id) if call_id:
                draft = call_id, event.name, event.path, event.duration_us, len(event.issues), event.at
                self._database.run(
                    "INSERT INTO written_drafts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", draft
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
            if event.source == "chat":  # the relay's conversations are not the user's
                known = db.execute(
                    "UPDATE conversations SET updated_at = ? WHERE conversation_id = ?",
                    (event.at, event.conversation_id),
                )
                if not known.rowcount:
                    db.execute(
                        "INSERT INTO conversations VALUES (?, ?, ?, ?, ?)",
                        (event.conversation_id, self._scope, title, event.at, event.at),
                    )
                    self.runs.adopt(event.conversation_id)
            turn = event.turn_id, event.conversation_id, event.chat_id, self._scope, event.source, event.text
            db.execute(
                "INSERT INTO turns (turn_id, conversation_id, chat_id, scope, source, question, owner,"
                " started_at, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open') ON CONFLICT DO NOTHING",
                (*turn, self._owner, event.at),
            )
            self._insert_message(event.turn_id, "question", "", event.text, event.at)

    def _end(self, event: TurnEnded) -> None:
        state, tokens = "completed", 0
        for message_id, partial in self._partial.pop(event.turn_id, {}).items():
            self._insert_partial(event.turn_id, message_id, partial, event.at)
        if event.question:
            self._insert_unconfirmed(event)
        match event:
            case TurnCompleted():
                tokens = event.usage.total_tokens
            case TurnFailed():
                state = "failed"
                text = "\n".join(filter(None, (event.problem.message, event.problem.hint)))
                self._insert_message(event.turn_id, "error", event.problem.logid, text, event.at)
            case TurnCancelled():
                state = "cancelled"
                self._insert_message(event.turn_id, "notice", state, state, event.at)
        with self._database.transaction() as db:
            if not (isinstance(event, TurnFailed) and event.problem.kind == "owed"):  # else it is resumed
                db.execute(
                    "UPDATE turns SET state = ?, ended_at = ?, total_tokens = ? WHERE turn_id = ?",
                    (state, event.at, tokens, event.turn_id),
                )
            db.execute(
                "UPDATE conversations SET updated_at = ? WHERE conversation_id = ?",
                (event.at, event.conversation_id),
            )

    def _insert_partial(self, turn_id: str, message_id: str, partial: _Partial, at: float) -> None:
        text, reasoning = "".join(partial.text), "".join(partial.reasoning)
        began = at if partial.began is None else partial.began
        self._insert_message(turn_id, "answer", message_id, text, began, reasoning, partial.thought_s(at))

    def _insert_unconfirmed(self, event: TurnEnded) -> None:
        """A question that Coze never confirmed is shown again too, and can be recalled."""
        self._database.run(
            "INSERT INTO turns (turn_id, conversation_id, chat_id, scope, source, question, owner,"
            " started_at, state) VALUES (?, ?, '', ?, 'chat', ?, ?, ?, 'open') ON CONFLICT DO NOTHING",
            (event.turn_id, event.conversation_id, self._scope, event.question, self._owner, event.at),
        )
        self._insert_message(event.turn_id, "question", "", event.question, event.at)

    def _insert_message(
        self,
        turn_id: str,
        kind: str,
        message_id: str,
        text: str,
        at: float,
        reasoning: str = "",
        thought_s: float | None = None,
    ) -> None:
        # The latest text of an id wins: an answer fetched after a dropped stream replaces the partial one.
        self._database.run(
            "INSERT INTO messages (turn_id, message_id, kind, text, reasoning, at, thought_s)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET text = excluded.text, reasoning = excluded.reasoning,"
            " thought_s = coalesce(excluded.thought_s, thought_s)",
            (turn_id, message_id, kind, text, reasoning, at, thought_s),
        )

    def _insert_call(self, call: ToolCall, at: float) -> None:
        ids = call.call_id, call.turn_id, call.conversation_id, call.chat_id, call.tool_call_id
        scope = AGENTS if call.source == "mcp" else self._scope
        what = call.tool, call.arguments, _fingerprint(call.arguments), call.source, scope
        self._database.run(
            "INSERT INTO calls (call_id, turn_id, conversation_id, chat_id, tool_call_id, tool, arguments,"
            " args_sha256, source, scope, requested_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            # A receipt may be written before the event of the request.
            " ON CONFLICT DO UPDATE SET requested_at = min(requested_at, excluded.requested_at)",
            (*ids, *what, at),
        )


def _fingerprint(arguments: str) -> str:
    """SHA-256 of the arguments, regardless of white space and key order."""
    try:
        canonical = json.dumps(json.loads(arguments), sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        canonical = arguments
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
