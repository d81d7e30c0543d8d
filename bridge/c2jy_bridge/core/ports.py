"""Types shared by packages that must not import one another: `Busy`, held calls, receipts and their store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from c2jy_bridge.core.events import Outcome, ToolCall


class Busy(RuntimeError):
    """The conversation already has a running turn."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a tool call ended, with its output for Coze; times are Unix seconds."""

    outcome: Outcome
    output: str
    finished_at: float
    error: str = ""
    started_at: float | None = None


class ReceiptConflict(ValueError):
    """A tool_call_id was repeated with different arguments: the call is not run and gets no receipt."""


@dataclass(frozen=True, slots=True)
class CallHold:
    """Calls that wait for the user whatever their policy says."""

    matches: Callable[[ToolCall], bool]
    text: str = ""
    """The filter as the user wrote it; empty for every call."""


class ReceiptStore(Protocol):
    """Stores receipts. Every method blocks on the disk."""

    def receipt(self, call: ToolCall) -> Receipt | None:
        """The call's receipt, if any; raises ReceiptConflict for one with different arguments."""

    def write_receipt(self, call: ToolCall, receipt: Receipt) -> None:
        """Store a receipt; it is durable on return."""

    def begin_run(self, call: ToolCall) -> int:
        """Count a run of this call, durable on return; how many began earlier and came to no end."""

    def withdraw_run(self, call: ToolCall) -> None:
        """Take back the count of a run that was stopped cleanly and gets no receipt."""
