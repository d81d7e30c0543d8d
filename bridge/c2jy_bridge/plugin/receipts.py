"""Looks up and writes receipts of tool calls in a thread; locks by key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from c2jy_bridge.core.events import ToolCall
from c2jy_bridge.core.ports import Receipt, ReceiptStore


class KeyedLocks:
    """One lock per key, for as long as it is in use."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, key: Hashable) -> AsyncIterator[None]:
        """Hold the lock of `key` inside a `with` block."""
        lock, users = self._locks.get(key) or (asyncio.Lock(), 0)
        self._locks[key] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(key)
            if users > 1:
                self._locks[key] = lock, users - 1


T = TypeVar("T")
log: Final = logging.getLogger(__name__)


class ReceiptWriter:
    """Calls the receipt store from the event loop."""

    def __init__(self, store: ReceiptStore) -> None:
        self._store = store
        self._same_call = KeyedLocks()
        # A thread of its own: the shared pool may be full of downloads.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="receipts")

    @asynccontextmanager
    async def alone(self, call: ToolCall) -> AsyncIterator[None]:
        """Make a repetition of this call wait until this one has its receipt."""
        key: Hashable = (call.chat_id, call.tool_call_id) if call.tool_call_id else object()
        async with self._same_call.hold(key):
            yield

    async def earlier(self, call: ToolCall) -> Receipt | None:
        """The receipt of an earlier run of the call; raises ReceiptConflict for different arguments."""
        return await self._uninterrupted(lambda: self._store.receipt(call))

    async def begin_run(self, call: ToolCall) -> int:
        """Count a run; returns how many earlier runs of the call did not end."""
        try:
            return await self._uninterrupted(lambda: self._store.begin_run(call))
        except Exception as error:  # on a full disk writing the receipt fails too and is reported
            log.error("run of %s was not counted: %s", call.call_id, type(error).__name__)
            return 0

    async def withdraw_run(self, call: ToolCall) -> None:
        """Undo the count of a run that was stopped cleanly."""
        try:
            await self._uninterrupted(lambda: self._store.withdraw_run(call))
        except Exception as error:
            log.error("run of %s was not taken back: %s", call.call_id, type(error).__name__)

    async def keep(self, call: ToolCall, make: Callable[[], Receipt]) -> tuple[Receipt, Exception | None]:
        """Make and write a receipt, durable on return; returns it and the error of writing it, if any."""

        def write() -> tuple[Receipt, Exception | None]:
            receipt = make()
            try:
                self._store.write_receipt(call, receipt)
            except Exception as error:  # the Bot must get the result even when the disk is full
                return receipt, error
            return receipt, None

        return await self._uninterrupted(write)

    async def _uninterrupted(self, function: Callable[[], T]) -> T:
        future = asyncio.get_running_loop().run_in_executor(self._thread, function)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait({future})
            raise
