"""Takes offers from consumers of the stream of work, and keeps none that it cannot use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import BadRequestError

from c2jy_bridge.relay.studio.connection import end_tasks, patiently

log = logging.getLogger(__name__)

POLL_S: Final = 20.0
"""Seconds that one pull stays open at the server."""
HOLD_S: Final = 1.0
"""Seconds that an offer is kept for a worker that does not ask for one."""
_AFTER_FAILURE_S: Final = 0.5


class Pulls:
    """One open pull for each consumer while the worker has room; for one event loop."""

    def __init__(self, stream: JetStreamContext, name: str, arrived: Callable[[], object]) -> None:
        """`name` is the stream's; `arrived` is called for an offer that nothing waits for."""
        self._stream, self._name, self._arrived = stream, name, arrived
        self._pulling: dict[str, asyncio.Task[Msg | None]] = {}
        self._subscriptions: dict[str, JetStreamContext.PullSubscription] = {}
        self._wanted: frozenset[str] = frozenset()
        self._letting_go: set[asyncio.Task[None]] = set()

    async def make(self, consumer: str, subject: str, lease_s: float) -> None:
        """Make a durable consumer of a subject's messages, unless it is there; raises QueueUnavailable."""
        config = ConsumerConfig(
            durable_name=consumer,
            filter_subject=subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=lease_s,
            max_deliver=-1,
            max_ack_pending=-1,
        )

        async def add() -> None:
            try:
                await self._stream.add_consumer(self._name, config)
            except BadRequestError as error:
                if "already" not in (error.description or ""):
                    raise

        await patiently(add)

    async def next(self, consumers: Sequence[str], patience_s: float) -> Msg | None:
        """The next offer to one of these durable consumers; None when none comes in time."""
        self._wanted = frozenset(consumers)
        for consumer in consumers:
            if consumer not in self._pulling:
                self._pulling[consumer] = asyncio.create_task(self._pull(consumer))
        tasks = [self._pulling[consumer] for consumer in consumers]
        await asyncio.wait(tasks, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        for consumer in consumers:
            if self._pulling[consumer].done():
                message = self._pulling.pop(consumer).result()
                if message is not None:
                    return message
        return None

    def rest(self) -> None:
        """Ask for no more; what arrives is given back unless `next` is called within a second."""
        self._wanted = frozenset()
        task = asyncio.create_task(self._let_go(HOLD_S))
        self._letting_go.add(task)
        task.add_done_callback(self._letting_go.discard)

    async def aclose(self) -> None:
        """Give everything back."""
        self._wanted = frozenset()
        await end_tasks(*self._letting_go, *(task for task in self._pulling.values() if not task.done()))
        await self._let_go(0.0)

    async def _let_go(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        held = {name: task for name, task in self._pulling.items() if name not in self._wanted}
        for name, task in held.items():
            if task.done():
                del self._pulling[name]
                if not task.cancelled() and (message := task.result()) is not None:
                    await give_back(message)

    async def _pull(self, consumer: str) -> Msg | None:
        """Wait for an offer; None once none is wanted."""
        while consumer in self._wanted:
            try:
                if consumer not in self._subscriptions:
                    self._subscriptions[consumer] = await self._stream.pull_subscribe_bind(
                        consumer, stream=self._name
                    )
                (message,) = await self._subscriptions[consumer].fetch(1, timeout=POLL_S)
            except TimeoutError:
                continue
            except NatsError as error:
                log.info("no offers from %s: %s", consumer, error)
                await asyncio.sleep(_AFTER_FAILURE_S)
                continue
            if consumer in self._wanted:
                self._arrived()
                return message
            await give_back(message)
        return None


async def give_back(message: Msg, delay_s: float = 0.0) -> None:
    """Have the message offered again, to anybody; if that fails its lease runs out."""
    try:
        await message.nak(delay=delay_s or None)
    except NatsError as error:
        log.info("an offer was not given back: %s", error)
