"""Leaving a chat so that its conversation stays usable: the rest is answered, then the chat is stopped.

Coze refuses to cancel a chat in `requires_action`, and a conversation with an unfinished chat takes no new
question (4016): so what it waits for is answered with errors first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from c2jy_bridge.coze.batch import error_output
from c2jy_bridge.coze.errors import refusal_code
from c2jy_bridge.coze.messages import owed_calls
from c2jy_bridge.coze.recovery import find_chat
from c2jy_bridge.coze.turn import Turn

if TYPE_CHECKING:
    from c2jy_bridge.coze.client import CozeClient

RELEASE_S: Final = 2.0
"""Seconds that leaving a chat may take; the app may be quitting."""

_log = logging.getLogger(__name__)


async def release(client: CozeClient, turn: Turn, known_chats: Collection[str] = ()) -> None:
    """Stop the turn's chat on Coze's side, as far as it goes within RELEASE_S; never raises for Coze."""
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


async def _stop(client: CozeClient, turn: Turn) -> None:
    if turn.owed or turn.owed_replies:
        await _answer_the_rest(client, turn)
    try:
        await client.cancel(turn.conversation_id, turn.chat_id)
    except Exception as error:
        if refusal_code(error) is None:
            raise
        # Over already, or it came to wait for tools in this very moment: look, and answer those.
        chat = await client.retrieve(turn.conversation_id, turn.chat_id)
        turn.owed, turn.owed_replies = owed_calls(turn, chat)
        if chat.status.value == "requires_action":
            await _answer_the_rest(client, turn)
            await client.cancel(turn.conversation_id, turn.chat_id)


async def _answer_the_rest(client: CozeClient, turn: Turn) -> None:
    pairs = turn.outputs(error_output("output.cancelled"), error_output("output.cancelled"))
    try:
        await client.submit_unread(turn.conversation_id, turn.chat_id, pairs)
    except Exception as error:
        if refusal_code(error) is None:
            raise
        # It took them before; cancelling comes next in any case.
        _log.info("chat %s did not take the last outputs: %s", turn.chat_id, refusal_code(error))
    turn.owed, turn.owed_replies = (), ()
