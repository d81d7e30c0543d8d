"""One chat: its state, what it has said, what it waits for, and its form on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from coze_emulator.bot import Use
from coze_emulator.world import Message

Status = Literal["created", "in_progress", "requires_action", "completed", "failed", "canceled"]


@dataclass(slots=True)
class Chat:
    """One chat: a question, and what the Bot does until it has answered."""

    id: str
    conversation_id: str
    bot_id: str
    section_id: str
    created_at: int
    saved: bool
    """Whether it is kept (`auto_save_history`); an unsaved chat cannot go on after a tool call."""
    meta_data: dict[str, str] = field(default_factory=dict)
    status: Status = "created"
    completed_at: int = 0
    failed_at: int = 0
    error: tuple[int, str] = (0, "")
    input_tokens: int = 0
    output_tokens: int = 0
    waiting: dict[str, Use] = field(default_factory=dict)
    """The open tool calls by their id."""
    messages: list[Message] = field(default_factory=list)

    @property
    def wants_reply_message(self) -> bool:
        """Whether it waits for a further chat message, not for tool outputs."""
        return bool(self.waiting) and all(use.kind == "reply_message" for use in self.waiting.values())

    def json(self, *, require_info: Any = None) -> dict[str, Any]:
        """The wire's form. `require_info` is null in a stream and `{}` in a retrieve."""
        body: dict[str, Any] = {
            "id": self.id,
            "conversation_id": self.conversation_id,
            "bot_id": self.bot_id,
            "created_at": self.created_at,
        }
        if self.completed_at:
            body["completed_at"] = self.completed_at
        if self.failed_at:
            body["failed_at"] = self.failed_at
        if self.meta_data:
            body["meta_data"] = self.meta_data
        body |= {
            "last_error": {"code": self.error[0], "msg": self.error[1]},
            "status": self.status,
            "usage": self._usage(),
            "section_id": self.section_id,
        }
        if self.waiting:
            calls = [_tool_call(identity, use, require_info) for identity, use in self.waiting.items()]
            body["required_action"] = {
                "type": "submit_tool_outputs",
                "submit_tool_outputs": {"tool_calls": calls},
            }
        return body

    def _usage(self) -> dict[str, int]:
        if self.status not in ("completed", "canceled"):  # counted at the end, zero before (captures)
            return {"token_count": 0, "output_count": 0, "input_count": 0}
        return {
            "token_count": self.input_tokens + self.output_tokens,
            "output_count": self.output_tokens,
            "input_count": self.input_tokens,
        }


def _tool_call(identity: str, use: Use, require_info: Any) -> dict[str, Any]:
    call: dict[str, Any] = {"id": identity, "type": use.kind}
    if use.kind == "function":
        call["function"] = {"name": use.tool, "arguments": use.arguments}
    call["require_info"] = require_info
    return call
