"""Runs blocking work in a thread, with progress, cancellation and cleanup."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from c2jy_bridge.drafts.materials import OnProgress, Progress

T = TypeVar("T")

_EVERY_S: Final = 0.1
"""Progress at most ten times a second."""


class Stopped(Exception):
    """The work was cancelled; everything of it is removed."""


class ByteMeter:
    """Counts bytes that threads have moved and reports them on the event loop.

    Args:
        on_progress: Called on the loop.
        message: What is being done.
        total: Bytes to come; None until `expect` is called.
        stop: Set when the work was cancelled.
    """

    def __init__(
        self, on_progress: OnProgress | None, message: str, total: int | None, stop: threading.Event
    ) -> None:
        self._tell, self._message, self._total, self._stop = on_progress, message, total, stop
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._done = 0
        self._next = 0.0

    def expect(self, total: int) -> None:
        """Say how many bytes there are."""
        self._total = total

    def moved(self, count: int) -> None:
        """Called from any thread.

        Raises:
            Stopped: The work was cancelled.
        """
        if self._stop.is_set():
            raise Stopped
        if self._tell is None:
            return
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now < self._next and self._done < (self._total or 0):
                return
            self._next = now + _EVERY_S
            progress = Progress(self._message, self._done, self._total, "bytes")
        self._loop.call_soon_threadsafe(self._tell, progress)


async def in_thread(
    stop: threading.Event, undo: Callable[[T], Awaitable[None]], function: Callable[..., T], *args: Any
) -> T:
    """Run in a thread; when cancelled, stop it and wait until it has cleaned up.

    Args:
        stop: What `function` looks at.
        undo: Takes the result away again when the cancel came after the last moment to stop.
        function: Called with `args`.
    """
    job = asyncio.ensure_future(asyncio.to_thread(function, *args))
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        stop.set()
        while not job.done():
            try:
                await asyncio.wait([job])
            except asyncio.CancelledError:
                continue  # cancelled again; the thread still has to end
        if not job.cancelled() and job.exception() is None:
            await undo(job.result())
        raise
