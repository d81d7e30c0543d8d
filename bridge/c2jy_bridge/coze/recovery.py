"""Finding out what Coze has after the line broke: it only looks and never acts, so all may be repeated."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from c2jy_bridge.core.events import Event, StreamRecovered
from c2jy_bridge.coze import messages
from c2jy_bridge.coze.errors import CozeProblem, is_passing, of_ours
from c2jy_bridge.coze.interrupt import Interrupt
from c2jy_bridge.coze.turn import Turn

if TYPE_CHECKING:
    from cozepy import Chat

    from c2jy_bridge.coze.client import CozeClient

T = TypeVar("T")
Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

PATIENCE_S: Final = 60.0
"""Seconds of waiting while Coze cannot be reached, before the turn is given up."""
RUNNING_PATIENCE_S: Final = 900.0
"""Seconds of waiting for a chat that goes on running; a workflow in a Bot has 10 minutes (Coze's limit)."""
CLOCK_SKEW_S: Final = 5.0
"""How far Coze's clock may be behind ours when a question is recognised by its time."""
_LONGEST_PAUSE_S: Final = 5.0
# Coze's own words for a chat that has not come to an end; a state not listed anywhere is taken for an end.
_RUNNING: Final = frozenset({"created", "in_progress", ""})

_log = logging.getLogger(__name__)


def pauses() -> Iterator[float]:
    """Seconds between two looks: never under 1 s (Coze's limit for retrieve), growing to 5 s."""
    pause = 1.0
    while True:
        yield pause
        pause = min(pause * 1.25, _LONGEST_PAUSE_S)


async def insist(call: Callable[[], Awaitable[T]], sleep: Sleep) -> T:
    """The result of `call`, tried again while its errors are passing ones, for up to PATIENCE_S."""
    waited = 0.0
    for pause in pauses():
        try:
            return await call()
        except Exception as error:
            if waited >= PATIENCE_S or not is_passing(error):
                raise
            _log.info("trying again after %s", type(error).__name__)
        await sleep(pause)
        waited += pause
    raise AssertionError("pauses never end")


async def watch(client: CozeClient, conversation_id: str, chat_id: str, sleep: Sleep) -> AsyncIterator[Chat]:
    """The chat, looked at until it no longer runs; the last one is the state that it came to.

    Raises:
        CozeProblem: It still runs after RUNNING_PATIENCE_S.
    """
    waited = 0.0
    for pause in pauses():
        chat = await insist(lambda: client.retrieve(conversation_id, chat_id), sleep)
        yield chat
        if chat.status.value not in _RUNNING:
            return
        if waited >= RUNNING_PATIENCE_S:
            raise CozeProblem(of_ours("still_running", minutes=round(RUNNING_PATIENCE_S / 60)))
        await sleep(pause)
        waited += pause


async def recover(
    client: CozeClient, turn: Turn, stop: Interrupt, clock: Clock, sleep: Sleep, reason: str
) -> AsyncIterator[Event]:
    """Bring a turn to the state that its chat has at Coze, with what the chat said meanwhile.

    Args:
        reason: What StreamRecovered says broke; empty when no stream did and none needs telling.

    Raises:
        Exception: Coze cannot be reached or does not give the chat.
        Interrupted: The maker stopped it.
    """
    looks = watch(client, turn.conversation_id, turn.chat_id, sleep)
    while True:
        try:
            chat = await stop.wait(looks.__anext__)
        except StopAsyncIteration:
            break
        if reason:
            yield StreamRecovered(at=clock(), turn_id=turn.turn_id, reason=reason)
            reason = ""
        turn.state, turn.chat = chat.status.value, chat
    if turn.state == "completed":
        replies = await stop.wait(
            lambda: insist(lambda: client.replies(turn.conversation_id, turn.chat_id), sleep)
        )
        for event in messages.recovered(turn, replies, clock()):
            yield event


async def find_chat(client: CozeClient, turn: Turn, known: Collection[str], sleep: Sleep) -> str:
    """The chat that a question started whose confirmation got lost; empty when there is none to be seen.

    Coze keeps the question among the conversation's messages with the id of its chat. A question with the
    same words from before is told apart by its time and by the chats that this session knows.
    """
    for attempt, pause in enumerate(pauses()):
        for message in await insist(lambda: client.newest(turn.conversation_id), sleep):
            theirs = message.chat_id and message.chat_id not in known and message.role.value == "user"
            recent = (message.created_at or 0) >= turn.asked_at - CLOCK_SKEW_S
            if theirs and recent and message.content == turn.text:
                return message.chat_id or ""
        if attempt == 2:
            return ""
        await sleep(pause)
    return ""


async def open_question(client: CozeClient, conversation_id: str) -> tuple[str, Sequence[str]] | None:
    """The conversation's newest chat, when all that it waits for is the maker's answer to a question node.

    Returns:
        Its id and the tool_call_ids of the questions; None when it waits for nothing or for tools.
    """
    chat_id = next((m.chat_id for m in await client.newest(conversation_id) if m.chat_id), "")
    if not chat_id:
        return None
    chat = await client.retrieve(conversation_id, chat_id)
    if chat.status.value != "requires_action":
        return None
    calls, replies = messages.owed_calls(Turn(turn_id="", chat_id=chat_id), chat)
    return (chat_id, replies) if replies and not calls else None
