"""What is known of one running turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from c2jy_bridge.core.events import Source, ToolCall

if TYPE_CHECKING:
    from cozepy import Chat


class CallKey(NamedTuple):
    """What makes two requests of Coze one call: an id that comes again with other arguments is another."""

    tool_call_id: str
    tool: str
    arguments: str


@dataclass(slots=True)
class Turn:
    """One turn from its question to its end; the only thing in the session that changes while it runs."""

    turn_id: str
    text: str = ""
    source: Source = "chat"
    conversation_id: str = ""
    chat_id: str = ""
    """Empty until Coze confirmed the question."""
    asked_at: float = 0.0
    asking: bool = False
    """The question is on its way and not confirmed."""
    cancel_wanted: bool = False
    """The maker stopped it before the question was confirmed."""
    state: str = ""
    """What the chat came to in the last stream or look: `completed`, `failed`, `requires_action` ..."""
    chat: Chat | None = None
    """The chat in that state."""
    logid: str = ""
    """Coze's name for the last request in its logs."""
    completed: set[str] = field(default_factory=set)
    """Ids of answer messages that were given whole."""
    follow_ups: set[str] = field(default_factory=set)
    reasoning: dict[str, list[str]] = field(default_factory=dict)
    """Pieces of reasoning by message id, until the message is whole."""
    answered_any: bool = False
    """The Bot said something in this turn."""
    answers: dict[CallKey, str] = field(default_factory=dict)
    """Every output of this turn: a call that Coze asks for again gets the same one, and is not run again."""
    owed: Sequence[ToolCall] = ()
    """The batch that Coze waits for, until it took the outputs."""
    owed_replies: Sequence[str] = ()
    """tool_call_ids in that batch which only the maker can answer."""
    begun: dict[str, tuple[ToolCall, float]] = field(default_factory=dict)
    """Calls that were announced and have not finished, by call_id, with the time of it."""

    def key(self, call: ToolCall) -> CallKey:
        """What identifies a call in this turn."""
        return CallKey(call.tool_call_id, call.tool, call.arguments)

    def outputs(self, otherwise: str, reply: str) -> list[tuple[str, str]]:
        """What is submitted for the owed batch: one pair of tool_call_id and output per id.

        Args:
            otherwise: The output of a call that has none.
            reply: The output for a call that only the maker can answer.
        """
        pairs: dict[str, str] = {}
        for call in self.owed:
            # Coze refuses an id that comes twice; of two calls under one id the first is the one that ran.
            pairs.setdefault(call.tool_call_id, self.answers.get(self.key(call), otherwise))
        for reply_id in self.owed_replies:
            pairs.setdefault(reply_id, reply)
        return list(pairs.items())
