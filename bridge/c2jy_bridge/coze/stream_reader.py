"""Reads one stream of a turn and translates Coze's events, messages and chats into events of this app.

Skipped on purpose: `verbose` (end marks and interrupt marks of the server), `function_call` and
`tool_response` / `tool_output` (the same calls come as tool events of our own, with what really ran),
`knowledge` (the snippets that the Bot recalled), audio (a voice answer has its text as an answer too),
and `question` (the user's own text).
"""

from __future__ import annotations

import json
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
from c2jy_bridge.coze.turn import CallKey, Interrupt, TurnState

if TYPE_CHECKING:
    from cozepy import Chat, ChatEvent, ChatToolCall, Message


_ENDS = frozenset({"completed", "failed", "requires_action"})

_log = logging.getLogger(__name__)


class StreamReader:
    """Reads the streams of one turn, one after another, and notes in the turn what they said."""

    def __init__(self, turn: TurnState, stop: Interrupt, clock: Callable[[], float]) -> None:
        self._turn = turn
        self._stop = stop
        self._clock = clock
        self._response: Any = None
        self.opened = False
        """The last stream brought at least one event."""
        self.broken: Exception | None = None
        """What the last stream broke with."""

    async def read(self, wire: AsyncIterator[ChatEvent]) -> AsyncGenerator[Event, None]:
        """The events of one stream; afterwards `turn.state` says what the chat came to, if it did.

        Raises:
            TurnInterrupted: The user stopped the turn.
        """
        from cozepy import ChatEventType, MessageType

        delta = ChatEventType.CONVERSATION_MESSAGE_DELTA
        answer_types = (MessageType.ANSWER, MessageType.UNKNOWN)
        stop, clock, turn_id = self._stop, self._clock, self._turn.turn_id
        self.broken, self.opened = None, False
        step = wire.__anext__
        while True:
            stop.begin()
            try:
                item = await step()
            except StopAsyncIteration:
                return
            except Exception as error:  # cozepy raises anything at all on a strange answer
                self.broken = error
                await self.close_stream()  # when it is cozepy that gave up, the server still talks
                return
            finally:
                stop.end()
            if not self.opened:
                for event in self._begin(item):
                    yield event
            message = item.message
            if item.event is not delta or message is None:
                for event in self._read(item):
                    yield event
            elif message.type in answer_types:
                message_id = message.id or ""
                if thought := message.reasoning_content:
                    self._turn.reasoning.setdefault(message_id, []).append(thought)
                    yield ReasoningDelta(at=clock(), turn_id=turn_id, message_id=message_id, text=thought)
                if text := message.content:
                    yield AnswerDelta(at=clock(), turn_id=turn_id, message_id=message_id, text=text)

    async def close_stream(self) -> None:
        """Close the stream being read, if any; the server sees the connection end at once."""
        response, self._response = self._response, None
        if response is not None:
            await response.aclose()

    def confirmed(self, chat_id: str, conversation_id: str) -> Event:
        """Note that Coze has the question, under these ids; a cancel that waited for it goes off."""
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
        """Note that Coze has the outputs of the owed batch."""
        turn = self._turn
        ids = tuple(call.call_id for call in turn.owed)
        turn.owed, turn.owed_replies = (), ()
        return ToolOutputsSubmitted(
            at=self._clock(), turn_id=turn.turn_id, chat_id=turn.chat_id, call_ids=ids
        )

    def _begin(self, item: ChatEvent) -> Iterator[Event]:
        # cozepy can close a stream only through its response, kept in a private attribute (0.20.0).
        self._response = item.response._raw_response
        self.opened = True
        turn = self._turn
        turn.logid = item.response.logid or ""
        if turn.asking and item.message is not None and item.message.chat_id:
            yield self.confirmed(item.message.chat_id, item.message.conversation_id or "")
        if turn.owed:
            yield self.outputs_taken()

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


_ANSWER_TYPES: Final = frozenset({"answer", ""})
"""An answer; some workflow messages leave the type out."""


def message_completed(turn: TurnState, message: Message, at: float) -> TurnEvent | None:
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


def recovered_messages(turn: TurnState, messages: Iterable[Message], at: float) -> Iterator[TurnEvent]:
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


def owed_calls(turn: TurnState, chat: Chat) -> tuple[list[ToolCall], list[str]]:
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
