"""What this process knows of all requests: their records without the long texts, the newest of each."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, Final

from nats.errors import Error as NatsError
from nats.js.kv import KeyValue

from c2jy_bridge.core.bridge_requests import BridgeRequest, State
from c2jy_bridge.relay.studio.connection import Studio, end_tasks
from c2jy_bridge.relay.studio.record import Record, decode

log = logging.getLogger(__name__)

CHECK_S: Final = 5.0
"""Seconds of silence after which it is checked that nothing was missed."""
_AFTER_FAILURE_S: Final = 0.5


class Index:
    """The newest known record of each request; a gateway follows them all, a worker sees its own."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._revisions: dict[str, int] = {}
        self._counts: Counter[State] = Counter()
        self.last = 0
        """Highest revision seen, of any request."""

    def put(self, record: Record, revision: int) -> bool:
        """Take a record, unless it is older than the known one; returns whether it was taken."""
        request_id = record.request.request_id
        self.last = max(self.last, revision)
        if revision <= self._revisions.get(request_id, 0):
            return False
        self._forget(request_id)
        kept = record.changed(arguments="", result="")
        self._records[request_id] = kept
        self._revisions[request_id] = revision
        self._counts[kept.request.state] += 1
        return True

    def remove(self, request_id: str, revision: int) -> None:
        """Forget a request that was deleted."""
        self.last = max(self.last, revision)
        if revision > self._revisions.get(request_id, 0):
            self._forget(request_id)
            self._revisions.pop(request_id, None)

    def _forget(self, request_id: str) -> None:
        if known := self._records.pop(request_id, None):
            self._counts[known.request.state] -= 1

    def __iter__(self) -> Iterator[Record]:
        """Oldest first."""
        return iter(sorted(self._records.values(), key=lambda record: record.request.seq))

    def get(self, request_id: str) -> Record | None:
        """The newest known record."""
        return self._records.get(request_id)

    def counts(self) -> dict[State, int]:
        """How many requests are in each state."""
        return {state: self._counts[state] for state in State}


class Follower:
    """Keeps an index up to date with what all machines write."""

    def __init__(
        self, studio: Studio, index: Index, changed: Callable[[BridgeRequest], Awaitable[None]]
    ) -> None:
        """`changed` is awaited for every record that was not known yet, once the first read is complete."""
        self._studio, self._index, self._changed = studio, index, changed
        self._following: asyncio.Task[None] | None = None
        self._complete = asyncio.Event()

    async def start(self) -> None:
        """Read everything, and go on."""
        self._following = asyncio.create_task(self._follow())
        await self._complete.wait()

    async def aclose(self) -> None:
        """Stop."""
        if self._following is not None:
            await end_tasks(self._following)

    async def _follow(self) -> None:
        while True:
            try:
                await self._watch()
            except (NatsError, TimeoutError) as error:
                log.info("the requests are not followed: %s; once more", error)
            await asyncio.sleep(_AFTER_FAILURE_S)

    async def _watch(self) -> None:
        """Follow until something was missed: a consumer dies with the server that has it."""
        watcher: Any = await self._studio.requests.watchall()
        seen = missed = 0
        try:
            while True:
                try:
                    entry = await watcher.updates(timeout=CHECK_S)
                except TimeoutError:
                    info = await self._studio.stream.stream_info(f"KV_{self._studio.requests._name}")
                    missed = missed + 1 if info.state.last_seq > max(seen, self._index.last) else 0
                    if missed > 1:
                        return
                    continue
                if entry is None:
                    self._complete.set()
                    continue
                seen = max(seen, entry.revision or 0)
                await self._take(entry)
        finally:
            with suppress(NatsError):
                await watcher.stop()

    async def _take(self, entry: KeyValue.Entry) -> None:
        revision = entry.revision or 0
        if entry.operation or not entry.value:  # deleted
            self._index.remove(entry.key, revision)
            return
        record = decode(entry.value)
        if self._index.put(record, revision) and self._complete.is_set():
            await self._changed(record.request)
