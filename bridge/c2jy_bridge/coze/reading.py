"""One stream of a turn, read to its end: Coze's events in, ours out."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from c2jy_bridge.core.events import AnswerDelta, Event, ReasoningDelta, ToolOutputsSubmitted, TurnStarted
from c2jy_bridge.coze.interrupt import Interrupt
from c2jy_bridge.coze.messages import message_completed
from c2jy_bridge.coze.turn import Turn

if TYPE_CHECKING:
    from cozepy import ChatEvent

_ENDS = frozenset({"completed", "failed", "requires_action"})

_log = logging.getLogger(__name__)


class StreamReader:
    """Reads the streams of one turn, one after another, and notes in the turn what they said."""

    def __init__(self, turn: Turn, stop: Interrupt, clock: Callable[[], float]) -> None:
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
            Interrupted: The maker stopped the turn.
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
                await self.hang_up()  # when it is cozepy that gave up, the server still talks
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

    async def hang_up(self) -> None:
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
