"""Rows of the bridge's tables as requests, leases and changes."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from typing import Final

from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.request import BridgeRequest, Change, ChatRef, Lease, State

OPEN: Final = "state IN ('queued', 'relaying', 'running', 'needs_login')"
REQUESTS: Final = (
    "SELECT r.*, (SELECT json_group_array(json_array(turn_id, conversation_id, chat_id, ended_at IS NULL))"
    " FROM (SELECT * FROM bridge_chats c WHERE c.request_id = r.request_id ORDER BY began_at, rowid))"
    " AS chats FROM bridge_requests r"
)
"""Begins every query whose rows become requests."""


def request(row: sqlite3.Row) -> BridgeRequest:
    """A row of `REQUESTS` as a request."""
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
        problem=problem(row["problem"]),
        cancel_wanted=bool(row["cancel_wanted"]),
        reply_to=row["reply_to"],
    )


def lease(row: sqlite3.Row) -> Lease:
    """A row of `REQUESTS` as the lease that was just taken on it."""
    return Lease(
        request=request(row),
        claim=row["claim"],
        takeovers=row["takeovers"],
        handle_digest=row["handle_digest"],
        handle_used_by=row["handle_used_by"],
    )


def change(row: sqlite3.Row) -> Change:
    """A row of `bridge_changes`."""
    return Change(row["seq"], row["request_id"], State(row["state"]), row["attempts"], row["at"])


def problem(text: str) -> Problem | None:
    """A problem as it was kept."""
    return Problem(**json.loads(text)) if text else None


def problem_text(value: Problem | None) -> str:
    """A problem as it is kept."""
    return json.dumps(asdict(value), ensure_ascii=False) if value else ""
