"""Looks up a chat's state at Coze after a broken connection, and releases a chat that a turn abandons.

Lookups have no side effects and may be repeated. `release` first submits errors for the tool calls that are
still open: Coze refuses to cancel a chat in `requires_action`, and a conversation with an unfinished chat
accepts no new question (4016).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from c2jy_bridge.core.events import Event, StreamRecovered
from c2jy_bridge.core.steady_clock import uptime
from c2jy_bridge.coze.content import asked_text
from c2jy_bridge.coze.errors import CozeProblem, error_output, is_transient, local_problem, refusal_code
from c2jy_bridge.coze.stream_reader import owed_calls, recovered_messages
from c2jy_bridge.coze.turn import Interrupt, Sleep, TurnState

if TYPE_CHECKING:
    from cozepy import Chat, Message

    from c2jy_bridge.coze.client import CozeClient


T = TypeVar("T")
Clock = Callable[[], float]

PATIENCE_S: Final = 60.0
"""Seconds to retry while Coze cannot be reached."""
RUNNING_PATIENCE_S: Final = 900.0
"""Seconds to wait for a running chat; a workflow in a Bot has 10 minutes (Coze's limit)."""
CLOCK_SKEW_S: Final = 5.0
"""Slack when a question is identified by its time: Coze's times are whole seconds, and a request travels."""
# Coze's states of an unfinished chat; an unknown state counts as an end.
_RUNNING: Final = frozenset({"created", "in_progress", ""})

_log = logging.getLogger(__name__)


def poll_intervals() -> Iterator[float]:
    """Seconds between two polls: from 1 s (Coze's limit for retrieve) to 5 s."""
    pause = 1.0
    while True:
        yield pause
        pause = min(pause * 1.25, 5.0)


async def retry_transient(call: Callable[[], Awaitable[T]], sleep: Sleep) -> T:
    """The result of `call`, which is retried on transient errors for up to PATIENCE_S."""
    waited = 0.0
    for pause in poll_intervals():
        try:
            return await call()
        except Exception as error:
            if waited >= PATIENCE_S or not is_transient(error):
                raise
            _log.info("trying again after %s", type(error).__name__)
        await sleep(pause)
        waited += pause
    raise AssertionError("poll_intervals never end")


async def watch(client: CozeClient, conversation_id: str, chat_id: str, sleep: Sleep) -> AsyncIterator[Chat]:
    """Poll a chat until it no longer runs; the last value yielded is its final state.

    Raises:
        CozeProblem: It still runs after RUNNING_PATIENCE_S.
    """
    waited = 0.0
    for pause in poll_intervals():
        chat = await retry_transient(lambda: client.retrieve(conversation_id, chat_id), sleep)
        yield chat
        if chat.status.value not in _RUNNING:
            return
        if waited >= RUNNING_PATIENCE_S:
            raise CozeProblem(local_problem("still_running", minutes=round(RUNNING_PATIENCE_S / 60)))
        await sleep(pause)
        waited += pause


async def recover(
    client: CozeClient, turn: TurnState, stop: Interrupt, clock: Clock, sleep: Sleep, reason: str
) -> AsyncIterator[Event]:
    """Update a turn to its chat at Coze; yields StreamRecovered (if there is a `reason`) and messages.

    Raises:
        Exception: Coze cannot be reached or does not return the chat.
        TurnInterrupted: The user stopped the turn.
    """
    polls = watch(client, turn.conversation_id, turn.chat_id, sleep)
    while True:
        try:
            chat = await stop.wait(polls.__anext__)
        except StopAsyncIteration:
            break
        if reason:
            yield StreamRecovered(at=clock(), turn_id=turn.turn_id, reason=reason)
            reason = ""
        turn.state, turn.chat = chat.status.value, chat
    replies: Sequence[Message] = ()
    if turn.state == "completed":
        replies = await stop.wait(
            lambda: retry_transient(lambda: client.replies(turn.conversation_id, turn.chat_id), sleep)
        )
    elif turn.state == "failed":
        with suppress(Exception):  # what it said before; the failure is shown in any case
            replies = await stop.wait(lambda: client.replies(turn.conversation_id, turn.chat_id))
    for event in recovered_messages(turn, replies, clock()):
        yield event


async def find_chat(client: CozeClient, turn: TurnState, known: Collection[str], sleep: Sleep) -> str:
    """The id of the chat that a question without confirmation started; empty when none is found.

    Coze stores the question among the conversation's messages with its chat's id. Earlier questions of the
    same text are excluded by time, by Coze's clock alone, and by the chats that this session knows.
    """
    for attempt, pause in enumerate(poll_intervals()):
        newest = await retry_transient(lambda: client.newest(turn.conversation_id), sleep)
        now = client.now()
        since = now - (uptime() - turn.asked_at) - CLOCK_SKEW_S if now is not None else 0.0
        for message in newest:
            unknown = message.chat_id and message.chat_id not in known and message.role.value == "user"
            recent = (message.created_at or 0) >= since
            if unknown and recent and asked_text(message.content, message.content_type.value) == turn.text:
                return message.chat_id or ""
        if attempt == 2:
            return ""
        await sleep(pause)
    return ""


async def waiting_chat(client: CozeClient, conversation_id: str) -> tuple[Chat, str] | None:
    """The newest chat with its question, if it waits for tool outputs or for the user's answer."""
    messages = await client.newest(conversation_id)
    chat_id = next((m.chat_id for m in messages if m.chat_id), "")
    if not chat_id:
        return None
    asked = [m for m in messages if m.chat_id == chat_id and m.role.value == "user"]
    question = asked_text(asked[0].content, asked[0].content_type.value) if asked else ""
    chat = await client.retrieve(conversation_id, chat_id)
    return (chat, question) if chat.status.value == "requires_action" else None


RELEASE_S: Final = 2.0
"""Seconds that `release` may take; the app may be quitting."""


async def release(client: CozeClient, turn: TurnState, known_chats: Collection[str] = ()) -> None:
    """Stop the turn's chat at Coze, within RELEASE_S; errors are only logged."""
    try:
        async with asyncio.timeout(RELEASE_S):
            if not turn.chat_id and turn.asking and turn.conversation_id:
                turn.chat_id = await find_chat(client, turn, known_chats, asyncio.sleep)
            if turn.chat_id and turn.conversation_id:
                await _stop(client, turn)
    except TimeoutError:
        _log.warning("chat %s could not be stopped within %s s", turn.chat_id, RELEASE_S)
    except Exception as error:
        _log.warning("chat %s could not be stopped: %s", turn.chat_id, type(error).__name__)


async def _stop(client: CozeClient, turn: TurnState) -> None:
    if turn.owed or turn.owed_replies:
        await _submit_cancelled(client, turn)
    try:
        await client.cancel(turn.conversation_id, turn.chat_id)
    except Exception as error:
        if refusal_code(error) is None:
            raise
        # The chat has ended, or has just requested tools: then those are answered.
        chat = await client.retrieve(turn.conversation_id, turn.chat_id)
        turn.owed, turn.owed_replies = owed_calls(turn, chat)
        if chat.status.value == "requires_action":
            await _submit_cancelled(client, turn)
            await client.cancel(turn.conversation_id, turn.chat_id)


async def _submit_cancelled(client: CozeClient, turn: TurnState) -> None:
    pairs = turn.outputs(error_output("output.cancelled"), error_output("output.cancelled"))
    try:
        await client.submit_unread(turn.conversation_id, turn.chat_id, pairs)
    except Exception as error:
        if refusal_code(error) is None:
            raise
        # Accepted earlier; the cancel follows in any case.
        _log.info("chat %s refused the last outputs: %s", turn.chat_id, refusal_code(error))
    turn.owed, turn.owed_replies = (), ()
