"""Reads the streams of a turn and translates Coze's events, messages and chats into events of this app.

Skipped on purpose: `verbose` (end and interrupt marks of the server), `function_call` and `tool_response` /
`tool_output` (our tool events report these calls), `knowledge` (recalled snippets), audio (a voice answer
comes as text too) and `question` (the user's text).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.core.events import (
    AnswerCompleted,
    AnswerDelta,
    Event,
    FollowUpSuggested,
    ReasoningDelta,
    ToolCall,
    ToolOutputsSubmitted,
    TurnEvent,
    TurnStarted,
    Usage,
)
from c2jy_bridge.coze.content import JSON_TYPES, readable
from c2jy_bridge.coze.turn import CallKey, Interrupt, TurnState

if TYPE_CHECKING:
    from cozepy import Chat, ChatEvent, Message


_ENDS = frozenset({"completed", "failed", "requires_action"})
_ANSWER_TYPES: Final = frozenset({"answer", ""})
"""Some messages of workflows have no type."""

_log = logging.getLogger(__name__)


class StreamReader:
    """Reads the streams of one turn, one after another, and updates the turn's state."""

    def __init__(self, turn: TurnState, stop: Interrupt, clock: Callable[[], float]) -> None:
        self._turn = turn
        self._stop = stop
        self._clock = clock
        self._response: Any = None
        self.opened = False
        """The last stream had at least one event."""
        self.broken: Exception | None = None
        """The exception that ended the last stream."""

    async def read(self, wire: AsyncIterator[ChatEvent]) -> AsyncGenerator[Event, None]:
        """The events of one stream; afterwards `turn.state` is the chat's state, if the stream had one.

        Raises:
            TurnInterrupted: The user stopped the turn.
        """
        from cozepy import ChatEventType, MessageContentType, MessageType

        delta = ChatEventType.CONVERSATION_MESSAGE_DELTA
        answer_types = (MessageType.ANSWER, MessageType.UNKNOWN)
        json_types = tuple(kind for kind in MessageContentType if kind.value in JSON_TYPES)
        stop, clock, turn_id = self._stop, self._clock, self._turn.turn_id
        self.broken, self.opened = None, False
        step = wire.__anext__
        while True:
            stop.begin()
            try:
                item = await step()
            except StopAsyncIteration:
                return
            except Exception as error:  # cozepy may raise any exception on an unexpected answer
                self.broken = error
                await self.close_stream()  # after an error of cozepy the server still sends
                return
            finally:
                stop.end()
            message = item.message
            if not self.opened:
                # cozepy 0.20 can close a stream only through its response, a private attribute.
                self._response = item.response._raw_response
                self.opened = True
                self._turn.logid = item.response.logid or ""
                if self._turn.asking and message is not None and message.chat_id:
                    yield self.confirmed(message.chat_id, message.conversation_id or "")
                if self._turn.owed:
                    yield self.outputs_taken()
            if item.event is not delta or message is None:
                for event in self._read(item):
                    yield event
            elif message.type in answer_types:
                message_id = message.id or ""
                if reasoning := message.reasoning_content:
                    self._turn.reasoning.setdefault(message_id, []).append(reasoning)
                    yield ReasoningDelta(at=clock(), turn_id=turn_id, message_id=message_id, text=reasoning)
                # A piece of JSON is no text; the whole follows when it is complete.
                if (text := message.content) and message.content_type not in json_types:
                    yield AnswerDelta(at=clock(), turn_id=turn_id, message_id=message_id, text=text)

    async def close_stream(self) -> None:
        """Close the stream being read, if any, and its connection."""
        response, self._response = self._response, None
        if response is not None:
            await response.aclose()

    def confirmed(self, chat_id: str, conversation_id: str) -> Event:
        """Record Coze's ids of the question, and interrupt the turn if a cancel was waiting for them."""
        turn = self._turn
        turn.asking = False
        turn.chat_id = chat_id
        turn.conversation_id = conversation_id or turn.conversation_id
        if turn.cancel_wanted:
            self._stop.fire()
        return TurnStarted(
            at=self._clock(),
            turn_id=turn.turn_id,
            conversation_id=turn.conversation_id,
            chat_id=chat_id,
            text=turn.text,
            source=turn.source,
        )

    def outputs_taken(self) -> Event:
        """Record that Coze has the outputs of the owed batch."""
        turn = self._turn
        ids = tuple(call.call_id for call in turn.owed)
        turn.owed, turn.owed_replies = (), ()
        at = self._clock()
        return ToolOutputsSubmitted(at=at, turn_id=turn.turn_id, chat_id=turn.chat_id, call_ids=ids)

    def _read(self, item: ChatEvent) -> Iterator[Event]:
        turn = self._turn
        if item.chat is not None:
            if turn.asking:
                yield self.confirmed(item.chat.id, item.chat.conversation_id)
            state = item.event.value.removeprefix("conversation.chat.")
            if state in _ENDS:
                turn.state, turn.chat = state, item.chat
        elif item.message is not None and item.event.value == "conversation.message.completed":
            event = message_completed(turn, item.message, self._clock())
            if event is not None:
                yield event
        elif item.unknown is not None:
            _log.info("skipped an event of the kind %r", item.unknown.get("event"))


def message_completed(turn: TurnState, message: Message, at: float) -> TurnEvent | None:
    """The event for a complete message; None when it is skipped or was emitted before."""
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
    content_type = message.content_type.value
    return AnswerCompleted(
        at=at,
        turn_id=turn.turn_id,
        message_id=message_id,
        text=readable(message.content, content_type),
        reasoning=message.reasoning_content or "".join(pieces),
        content_type=content_type,
        content=message.content if content_type in JSON_TYPES else "",
    )


def recovered_messages(turn: TurnState, messages: Iterable[Message], at: float) -> Iterator[TurnEvent]:
    """Events for the messages that this turn has not emitted in full yet, answers before follow-ups."""
    events = [event for message in messages if (event := message_completed(turn, message, at))]
    yield from sorted(events, key=lambda event: isinstance(event, FollowUpSuggested))


def usage_of(chat: Chat) -> Usage:
    """The chat's token counts as Coze reports them, or zeros."""
    usage = chat.usage
    return Usage(usage.input_count, usage.output_count, usage.token_count) if usage else Usage()


def owed_calls(turn: TurnState, chat: Chat) -> tuple[list[ToolCall], list[str]]:
    """The calls that a chat in `requires_action` waits for.

    Returns:
        The tool calls with the model's unchanged arguments, and the tool_call_ids of calls without a function
        (`reply_message`: a question node of a workflow in the Bot asks the user).
    """
    calls: dict[CallKey, ToolCall] = {}
    replies: list[str] = []
    action = chat.required_action
    if action is None or action.submit_tool_outputs is None:
        return [], []
    for requested in action.submit_tool_outputs.tool_calls:
        if requested.function is None:
            replies.append(requested.id)
            continue
        key = CallKey(requested.id, requested.function.name, requested.function.arguments)
        calls[key] = ToolCall(
            # The same id after a restart, so that an earlier run of the call is recognised.
            call_id=uuid.uuid5(uuid.NAMESPACE_OID, "\0".join((turn.chat_id, *key))).hex,
            tool=key.tool,
            arguments=key.arguments,
            chat_id=turn.chat_id,
            conversation_id=turn.conversation_id,
            tool_call_id=key.tool_call_id,
            turn_id=turn.turn_id,
            source=turn.source,
        )
    return list(calls.values()), replies
