"""Chats whose request has ended without them: the Bot may still wait for an answer, so it gets one."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing

from c2jy_bridge.core.events import TurnEnded
from c2jy_bridge.relay.queue import LeaseLost, WorkQueue
from c2jy_bridge.relay.request import BridgeRequest, ChatRef
from c2jy_bridge.relay.worker.calls import RelayedCalls
from c2jy_bridge.relay.worker.relays import RelayContext

log = logging.getLogger(__name__)


async def settle(queue: WorkQueue, means: RelayContext, request: BridgeRequest, chat: ChatRef) -> None:
    """Bring an open chat of an ended request to its end: nothing is run, every call is refused.

    What goes wrong is logged and left: the conversation is not used again anyway.
    """
    refusing = RelayedCalls(request, means.runner, began=_nothing_begins, clock=means.clock)
    try:
        session = means.session(await means.client(), refusing, chat.conversation_id)
        ids = {"chat_id": chat.chat_id, "conversation_id": chat.conversation_id}
        events = session.resume(turn_id=chat.turn_id, **ids)
        async with aclosing(events) as happening:  # type: ignore[type-var]  # it is a generator
            async for event in happening:
                await means.saw(refusing.shown(event))
                if isinstance(event, TurnEnded):
                    await queue.chat_ended(chat.turn_id)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        log.warning("chat %s was left as it is: %s", chat.chat_id, type(error).__name__)


async def _nothing_begins(call_id: str, used_by: str) -> None:
    raise LeaseLost(call_id)
