"""One conversation with a Bot; each turn is an async stream of events."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final

from c2jy_bridge.core.events import Event, Source
from c2jy_bridge.core.ports import Busy
from c2jy_bridge.coze.turn import RunsTools, Sleep, TurnContext, TurnState
from c2jy_bridge.coze.turn_runner import TurnRunner

if TYPE_CHECKING:
    from c2jy_bridge.coze.client import CozeClient

CONFIRM_S: Final = 1.5
"""Seconds that a cancel waits for Coze to confirm the question: only then is there a chat to stop."""


def _new_id() -> str:
    return uuid.uuid4().hex


class ChatSession:
    """One conversation. One turn at a time; a turn never raises for what Coze or the network does.

    Args:
        client: The way to Coze, shared by sessions.
        bot_id: The Bot; empty makes every turn fail with a hint.
        user_id: The user's id at Coze.
        runner: Runs the tools that the Bot calls.
        conversation_id: A conversation to go on with; empty begins one with the first turn.
        clock: Unix seconds for the events.
        new_id: Makes turn ids.
        sleep: Waits between two looks at a chat and two tries.
    """

    def __init__(
        self,
        client: CozeClient,
        *,
        bot_id: str,
        user_id: str,
        runner: RunsTools,
        conversation_id: str = "",
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = _new_id,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._context = TurnContext(client, bot_id, user_id, runner, clock, new_id, sleep)
        self._conversation_id = conversation_id
        self._chats: set[str] = set()
        self._current: TurnRunner | None = None

    @property
    def conversation_id(self) -> str:
        """The conversation's id at Coze; empty until the first turn was confirmed."""
        if self._current is not None:
            return self._current.turn.conversation_id or self._conversation_id
        return self._conversation_id

    def send(self, text: str, *, turn_id: str | None = None, source: Source = "chat") -> AsyncIterator[Event]:
        """Ask the Bot; the question is sent when the iteration starts.

        Args:
            text: The user's question.
            turn_id: The id that every event of the turn carries; a new one by default.
            source: Who the tool calls of this turn are for.

        Returns:
            The events of the turn. The last one is a TurnCompleted, TurnFailed or TurnCancelled. Closing the
            iterator or cancelling the task that reads it stops the chat at Coze, in at most 2 s or so.

        Raises:
            Busy: A turn of this session still runs.
        """
        turn = TurnState(
            turn_id=turn_id or self._context.new_id(),
            text=text,
            source=source,
            conversation_id=self.conversation_id,
        )
        return self._begin(turn).run()

    def resume(self, *, turn_id: str, chat_id: str, conversation_id: str) -> AsyncIterator[Event]:
        """Take up a turn that an earlier process began: nothing is asked again, owed outputs are submitted.

        Returns:
            The events from here on. The first is StreamRecovered with the reason `restart`, the last the end.

        Raises:
            Busy: A turn of this session still runs.
        """
        turn = TurnState(turn_id=turn_id, conversation_id=conversation_id, chat_id=chat_id)
        return self._begin(turn).run(restart=True)

    async def cancel(self) -> None:
        """Stop the running turn from another task; its iterator ends with TurnCancelled soon after."""
        current = self._current
        if current is None or current.ended:
            return
        if current.turn.asking:
            # The question is on its way: without its chat_id the chat would go on unseen at Coze.
            current.turn.cancel_wanted = True
            asyncio.get_running_loop().call_later(CONFIRM_S, current.stop.fire)
        else:
            current.stop.fire()

    def _begin(self, turn: TurnState) -> TurnRunner:
        before = self._current
        if before is not None and before.running:
            raise Busy("a turn of this conversation is still running")
        if before is not None and before.turn.chat_id:
            self._conversation_id = before.turn.conversation_id
            self._chats.add(before.turn.chat_id)
        self._current = TurnRunner(self._context, turn, frozenset(self._chats))
        return self._current
