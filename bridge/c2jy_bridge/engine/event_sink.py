"""Records each event in the journal, then broadcasts it to every listener."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.events import (
    AnswerDelta,
    Event,
    JournalResumed,
    JournalStopped,
    Problem,
    ReasoningDelta,
    TurnStarted,
)
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.journal import Journal


class Broadcast:
    """One stream of events per listener, in order and without loss; for one event loop.

    The first listener also gets the earlier events: an engine may resume a turn before its UI is mounted.
    """

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event | None]] = set()
        self._early: list[Event] | None = []
        self._closed = False

    def publish(self, event: Event) -> None:
        """Deliver `event` to every current listener."""
        if self._early is not None:
            self._early.append(event)
        for queue in self._queues:
            queue.put_nowait(event)

    def subscribe(self) -> AsyncIterator[Event]:
        """All events from this call (not the first `await`) until `close`."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        for event in self._early or ():
            queue.put_nowait(event)
        self._early = None
        if self._closed:
            queue.put_nowait(None)
        self._queues.add(queue)
        return self._read(queue)

    def close(self) -> None:
        """End every stream after the events published so far."""
        self._closed = True
        for queue in self._queues:
            queue.put_nowait(None)

    async def _read(self, queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._queues.discard(queue)


say: Final = catalogue("engine")
log: Final = logging.getLogger(__name__)

DELTAS: Final = (AnswerDelta, ReasoningDelta)
"""A tuple, since a union is made anew for each of 20,000 deltas."""
DELAY_S: Final = 0.05
"""Seconds that an event may wait for others, to be written in one commit."""
SAVE_S: Final = 2.0
"""Seconds of a streamed answer that a killed process may lose."""
RETRY_S: Final = 5.0
"""Seconds between two tries to write what the journal did not take."""
MOST_KEPT: Final = 10_000
"""Events that are kept meanwhile; of more, the oldest are given up."""


class Recorder:
    """Writes events to the journal in order.

    Before a turn continues, its start must be on disk (to find its chat after a crash), and so must receipts
    of tool calls (written by the runner). Everything else can be recovered and is written a moment later.
    What a full disk does not take is kept in memory and tried again.
    """

    def __init__(
        self,
        journal: Journal,
        path: Path,
        *,
        publish: Callable[[Event], None],
        clock: Callable[[], float],
    ) -> None:
        """`path` is the journal's, for messages; `publish` gets JournalStopped and JournalResumed."""
        self._journal = journal
        self._path = path
        self._publish = publish
        self._clock = clock
        self._stopped = False
        self._pending: list[Event] = []
        self._writing = asyncio.Lock()
        self._later: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        """Waits to write what was streamed; at most one."""

    async def record(self, event: Event) -> None:
        """Record an event; returns when it is as durable as it must be."""
        if isinstance(event, DELTAS):
            self._journal.buffer(event)
            if self._saving is None:
                self._saving = asyncio.create_task(self._save_partials())
            return
        self._pending.append(event)
        if isinstance(event, TurnStarted):
            await self.flush()
        elif self._later is None or self._later.done():
            self._later = asyncio.create_task(self._flush_after(DELAY_S))

    async def _flush_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.flush()

    async def _save_partials(self) -> None:
        await asyncio.sleep(SAVE_S)
        self._saving = None
        async with self._writing:
            try:
                await asyncio.to_thread(self._journal.save_partials, self._clock())
            except (sqlite3.Error, OSError) as error:  # the answer's end is tried again, and reported
                log.info("a part of an answer was not written: %s", error)

    async def close(self) -> None:
        """Write what is pending; nothing is recorded afterwards."""
        if self._saving is not None:
            self._saving.cancel()
        await self.flush()

    async def flush(self) -> None:
        """Write all pending events."""
        async with self._writing:
            events, self._pending = self._pending, []
            if not events:
                return
            try:
                await asyncio.to_thread(self._journal.record, events)
            except (sqlite3.Error, OSError) as error:
                # Such as a full disk; the turn continues.
                log.error("the journal did not take %d events: %s", len(events), error)
                self._publish_stopped(error)
                if isinstance(error, sqlite3.OperationalError | OSError):  # it may be temporary
                    self._pending = [*events, *self._pending][-MOST_KEPT:]
                    self._later = asyncio.create_task(self._flush_after(RETRY_S))
            else:
                if self._stopped:
                    self._stopped = False
                    self._publish(JournalResumed(at=self._clock()))

    def _publish_stopped(self, error: Exception) -> None:
        """Publish JournalStopped once per failure of the journal."""
        if self._stopped:
            return
        self._stopped = True
        reason = os_reason(error)
        message = say("journal.stopped", path=self._path, reason=reason)
        problem = Problem("journal", message, say("journal.stopped.fix", folder=self._path.parent))
        self._publish(JournalStopped(at=self._clock(), problem=problem))


class EventSink:
    """Records each event, then broadcasts it."""

    def __init__(self, recorder: Recorder, broadcast: Broadcast) -> None:
        self._recorder = recorder
        self._broadcast = broadcast
        self.watch: Callable[[Event], None] = lambda event: None
        """Called with each event before it is recorded."""

    async def emit(self, event: Event) -> None:
        """Record an event, then publish it."""
        self.watch(event)
        await self._recorder.record(event)
        self._broadcast.publish(event)
