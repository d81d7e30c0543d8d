"""Tool calls that wait for a person's leave, and which of them to ask about next."""

from __future__ import annotations

from c2jy_bridge.core.events import (
    Event,
    ToolCall,
    ToolCallAwaitingApproval,
    ToolCallFinished,
    ToolCallRequested,
    ToolCallStarted,
)


class Approvals:
    """The questions that are open, oldest first."""

    def __init__(self) -> None:
        self._waiting: dict[str, ToolCallAwaitingApproval] = {}
        self._calls: dict[str, ToolCall] = {}
        self._put_off: set[str] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, event: Event) -> None:
        """Open a question, or close it when the call went on without an answer from here."""
        match event:
            case ToolCallRequested(call_id=call_id, call=call):
                self._calls[call_id] = call
            case ToolCallAwaitingApproval(call_id=call_id):
                self._waiting[call_id] = event
            case ToolCallStarted(call_id=call_id):
                self._waiting.pop(call_id, None)
            case ToolCallFinished(call_id=call_id):
                self._waiting.pop(call_id, None)
                self._calls.pop(call_id, None)
                self._put_off.discard(call_id)
            case _:
                pass

    def get(self, call_id: str) -> ToolCallAwaitingApproval | None:
        """The question about one call, while it is open."""
        return self._waiting.get(call_id)

    def following(self) -> ToolCallAwaitingApproval | None:
        """The oldest question that was neither answered nor put off."""
        return next((ask for call_id, ask in self._waiting.items() if call_id not in self._put_off), None)

    def put_off(self, call_id: str) -> None:
        """Do not ask again by itself; the call goes on waiting."""
        self._put_off.add(call_id)

    def answered(self, call_id: str) -> None:
        """The answer was given; the event that follows it may take a moment."""
        self._waiting.pop(call_id, None)
