"""Events on their way into the journal: at once where a crash must not lose them, else a few at a time."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Final

from c2jy_bridge.events import Event, TurnStarted
from c2jy_bridge.journal import Journal

log: Final = logging.getLogger(__name__)

DELAY_S: Final = 0.05
"""How long an event may wait for others: one commit for many instead of one for each."""


class Recorder:
    """Writes in the order in which things happened.

    Two things must be on disk before a turn goes on: that it began (a crash could not find its chat again)
    and the receipt of a tool call (which the runner writes itself). Anything else Coze or the receipt tells
    again after a crash, and may wait a moment.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
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
                # A full disk: a restart will not know of this, but the maker gets the answer now.
                log.error("the journal did not take %d events: %s", len(events), error)

    async def _flush_later(self) -> None:
        await asyncio.sleep(DELAY_S)
        await self.flush()
