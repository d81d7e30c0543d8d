"""Receipts of tool calls: looked up and written in a thread; locks by key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from c2jy_bridge.core.events import ToolCall
from c2jy_bridge.core.ports import Receipt, ReceiptStore


class KeyedLocks:
    """One lock a key, for as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, key: Hashable) -> AsyncIterator[None]:
        """Keep the lock of `key` for the length of a `with` block."""
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


class ReceiptWriter:
    """Calls the receipt store from the event loop."""

    def __init__(self, store: ReceiptStore) -> None:
        self._store = store
        self._same_call = KeyedLocks()
        # A thread of its own: the shared pool may be full of downloads while an answer waits for its receipt.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="receipts")

    @asynccontextmanager
    async def alone(self, call: ToolCall) -> AsyncIterator[None]:
        """Keep a repetition of this call waiting until this one has its receipt."""
        key: Hashable = (call.chat_id, call.tool_call_id) if call.tool_call_id else object()
        async with self._same_call.hold(key):
            yield

    async def earlier(self, call: ToolCall) -> Receipt | None:
        """The receipt of a call that ended before.

        Raises:
            ReceiptConflict: There is one, for other arguments.
        """
        return await self._uninterrupted(lambda: self._store.receipt(call))

    async def keep(self, call: ToolCall, make: Callable[[], Receipt]) -> tuple[Receipt, Exception | None]:
        """Make and write a receipt, both in the thread; it is durable when this returns.

        Returns:
            The receipt, and what kept it from being written, if anything did.
        """

        def write() -> tuple[Receipt, Exception | None]:
            receipt = make()
            try:
                self._store.write_receipt(call, receipt)
            except Exception as error:  # a full disk must not hide the tool's result from the Bot
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
