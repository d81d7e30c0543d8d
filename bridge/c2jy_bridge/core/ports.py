"""What rooms that must not import one another share: `Busy`, and the journal as the tool runner uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from c2jy_bridge.core.events import Outcome, ToolCall


class Busy(RuntimeError):
    """The conversation already has a running turn."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a tool call came to its end, with what Coze is told; times are Unix seconds."""

    outcome: Outcome
    output: str
    finished_at: float
    error: str = ""
    started_at: float | None = None


class ReceiptConflict(ValueError):
    """The same tool_call_id came again with other arguments: neither run nor answered from the receipt."""


class ReceiptStore(Protocol):
    """Where receipts are kept. Both calls block for as long as the disk needs."""

    def receipt(self, call: ToolCall) -> Receipt | None:
        """The receipt of this call, if it ended before; a call without a `tool_call_id` has none.

        Raises:
            ReceiptConflict: There is one, for other arguments.
        """

    def write_receipt(self, call: ToolCall, receipt: Receipt) -> None:
        """Keep a receipt; it is durable when this returns."""
