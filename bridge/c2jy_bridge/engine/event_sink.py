"""Records each event in the journal, then broadcasts it to every listener."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from c2jy_bridge.core.events import Event, JournalResumed, JournalStopped, Problem, TurnStarted
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.journal import Journal


class Broadcast:
    """One stream of events for each listener, in order and without loss; for one event loop.

    Events before the first subscription are kept for the first listener: an engine may resume a turn before
    its screen is mounted.
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
        """All events from this call on, not from the first `await`, until `close`."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        for event in self._early or ():
            queue.put_nowait(event)
        self._early = None
        if self._closed:
            queue.put_nowait(None)
        self._queues.add(queue)
        return self._read(queue)

    def close(self) -> None:
        """End every stream after what was published."""
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

DELAY_S: Final = 0.05
"""How long an event may wait for others: one commit for many instead of one for each."""


class Recorder:
    """Writes in the order in which things happened.

    Two things must be on disk before a turn goes on: that it began (a crash could not find its chat again)
    and the receipt of a tool call (which the runner writes itself). Anything else Coze or the receipt tells
    again after a crash, and may wait a moment.
    """

    def __init__(
        self,
        journal: Journal,
        path: Path,
        *,
        publish: Callable[[Event], None],
        clock: Callable[[], float],
    ) -> None:
        """Args:
        journal: Takes the events.
        path: Its file, for people.
        publish: Called when the journal stops accepting events, and when it accepts them again.
        clock: Unix seconds.
        """
        self._journal = journal
        self._path = path
        self._publish = publish
        self._clock = clock
        self._stopped = False
        self._pending: list[Event] = []
        self._writing = asyncio.Lock()
        self._later: asyncio.Task[None] | None = None

    async def record(self, event: Event) -> None:
        """Keep one event; returns when it is as safe as it must be."""
        if self._journal.is_buffered(event):
            self._journal.record([event])
            return
        self._pending.append(event)
        if isinstance(event, TurnStarted):
            await self.flush()
        elif self._later is None or self._later.done():
            self._later = asyncio.create_task(self._flush_later())

    async def flush(self) -> None:
        """Write all that waits."""
        async with self._writing:
            events, self._pending = self._pending, []
            if not events:
                return
            try:
                await asyncio.to_thread(self._journal.record, events)
            except (sqlite3.Error, OSError) as error:
                # A full disk: a restart will not know of this, but the user gets the answer now.
                log.error("the journal did not take %d events: %s", len(events), error)
                self._publish_stopped(error)
            else:
                if self._stopped:
                    self._stopped = False
                    self._publish(JournalResumed(at=self._clock()))

    def _publish_stopped(self, error: Exception) -> None:
        """Publish it once, however many events are lost."""
        if self._stopped:
            return
        self._stopped = True
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        message = say("journal.stopped", path=self._path, reason=reason)
        problem = Problem("journal", message, say("journal.stopped.fix", folder=self._path.parent))
        self._publish(JournalStopped(at=self._clock(), problem=problem))

    async def _flush_later(self) -> None:
        await asyncio.sleep(DELAY_S)
        await self.flush()


class EventSink:
    """Records each event, then broadcasts it."""

    def __init__(self, recorder: Recorder, broadcast: Broadcast) -> None:
        self._recorder = recorder
        self._broadcast = broadcast

    async def emit(self, event: Event) -> None:
        """Return once the event is recorded as durably as it must be, and published."""
        await self._recorder.record(event)
        self._broadcast.publish(event)
