"""What Coze's events and chats mean for a turn. Pure but for the turn's own notes.

Skipped on purpose: `verbose` (end marks and interrupt marks of the server), `function_call` and
`tool_response` / `tool_output` (the same calls come as tool events of our own, with what really ran),
`knowledge` (the snippets that the Bot recalled), audio (a voice answer has its text as an answer too),
and `question` (the maker's own words).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from c2jy_bridge.core.events import AnswerCompleted, FollowUpSuggested, ToolCall, TurnEvent, Usage
from c2jy_bridge.coze.turn import CallKey, Turn

if TYPE_CHECKING:
    from cozepy import Chat, ChatToolCall, Message

_ANSWER_TYPES: Final = frozenset({"answer", ""})
"""An answer; some workflow messages leave the type out."""


def message_completed(turn: Turn, message: Message, at: float) -> TurnEvent | None:
    """The event for one complete message; None when it is skipped or was given before."""
    kind = str(message.type.value)
    if kind == "follow_up":
        if message.content in turn.follow_ups:
            return None
        turn.follow_ups.add(message.content)
        return FollowUpSuggested(at=at, turn_id=turn.turn_id, text=message.content)
    spoken = message.content_type.value == "audio"
    if kind not in _ANSWER_TYPES or message.role.value != "assistant" or spoken:
        return None
    message_id = message.id or ""
    if message_id in turn.completed:
        return None
    turn.completed.add(message_id)
    turn.answered_any = True
    pieces = turn.reasoning.pop(message_id, [])
    return AnswerCompleted(
        at=at,
        turn_id=turn.turn_id,
        message_id=message_id,
        text=plain_text(message.content, message.content_type.value),
        reasoning=message.reasoning_content or "".join(pieces),
    )


def recovered(turn: Turn, messages: Iterable[Message], at: float) -> Iterator[TurnEvent]:
    """Events for what a chat said and this turn has not given whole yet, answers before follow-ups."""
    events = [event for message in messages if (event := message_completed(turn, message, at))]
    yield from sorted(events, key=lambda event: isinstance(event, FollowUpSuggested))


def plain_text(content: str, content_type: str) -> str:
    """The text of a message; of a mixed one its texts and the addresses of its files, a line each."""
    if content_type != "object_string":
        return content
    try:
        parts = json.loads(content)
    except ValueError:
        return content
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return content
    shown = (part.get("text") or part.get("file_url") or part.get("file_id") for part in parts)
    return "\n".join(str(item) for item in shown if item)


def usage_of(chat: Chat) -> Usage:
    """Tokens of a chat as Coze counted them; zeros when it did not say."""
    if chat.usage is None:
        return Usage()
    return Usage(
        input_tokens=chat.usage.input_count,
        output_tokens=chat.usage.output_count,
        total_tokens=chat.usage.token_count,
    )


def owed_calls(turn: Turn, chat: Chat) -> tuple[list[ToolCall], list[str]]:
    """The calls that a chat in `requires_action` waits for.

    Returns:
        The tool calls, arguments exactly as the model wrote them, and the tool_call_ids of those which carry
        no function (`reply_message`: a question node of a workflow inside the Bot asks the maker).
    """
    calls: dict[CallKey, ToolCall] = {}
    replies: list[str] = []
    for asked in _asked(chat):
        if asked.function is None:
            replies.append(asked.id)
            continue
        key = CallKey(asked.id, asked.function.name, asked.function.arguments)
        calls[key] = ToolCall(
            call_id=_call_id(turn.chat_id, key),
            tool=key.tool,
            arguments=key.arguments,
            chat_id=turn.chat_id,
            conversation_id=turn.conversation_id,
            tool_call_id=key.tool_call_id,
            turn_id=turn.turn_id,
            source=turn.source,
        )
    return list(calls.values()), replies


def _call_id(chat_id: str, key: CallKey) -> str:
    """Our id of a call: the same after a restart, so that what it did before can be recognised."""
    return uuid.uuid5(uuid.NAMESPACE_OID, "\0".join((chat_id, *key))).hex


def _asked(chat: Chat) -> list[ChatToolCall]:
    action = chat.required_action
    if action is None or action.submit_tool_outputs is None:
        return []
    return action.submit_tool_outputs.tool_calls
