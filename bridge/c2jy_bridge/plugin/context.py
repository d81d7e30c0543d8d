"""The context of a running tool: its call, progress reporting, cancellation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final, Literal

from c2jy_bridge.core.events import Event, Source, ToolCall, ToolCallProgress

PROGRESS_INTERVAL_S: Final = 0.1  # a tool may report every byte

Unit = Literal["bytes", "items"]


class ToolError(Exception):
    """Raised by a tool: the call ends as an error with this message, and `fields` are added to its output."""

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class Reporter:
    """Passes a tool's events from any thread to the runner's loop, progress throttled; none after `close`."""

    def __init__(self, call_id: str, put: Callable[[Event], None], clock: Callable[[], float]) -> None:
        """Must be created on the loop; `put` is only called there."""
        self._call_id = call_id
        self._put = put
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._lock = threading.Lock()
        self._latest: ToolCallProgress | None = None
        self._scheduled = False
        self._next_at = 0.0
        self._closed = False

    def emit(self, event: Event) -> None:
        """Pass on an event, after the progress before it."""
        self._on_loop(self._pass_in_order, event)

    def progress(self, message: str, done: int, total: int | None, unit: Unit) -> None:
        """Store the progress; the latest is passed on at most every `PROGRESS_INTERVAL_S`."""
        event = ToolCallProgress(
            at=self._clock(), call_id=self._call_id, message=message, done=done, total=total, unit=unit
        )
        with self._lock:
            self._latest = event
            if self._scheduled:
                return
            self._scheduled = True
        self._on_loop(self._schedule)

    def close(self) -> None:
        """Pass on the last progress, and nothing afterwards."""
        self._flush()
        self._closed = True

    def _schedule(self) -> None:
        wait_s = self._next_at - self._loop.time()
        if wait_s <= 0:
            self._flush()
        else:
            self._loop.call_later(wait_s, self._flush)

    def _flush(self) -> None:
        with self._lock:
            event, self._latest, self._scheduled = self._latest, None, False
        if event is not None:
            self._next_at = self._loop.time() + PROGRESS_INTERVAL_S
            self._pass(event)

    def _pass_in_order(self, event: Event) -> None:
        self._flush()
        self._pass(event)

    def _pass(self, event: Event) -> None:
        if not self._closed:
            self._put(event)

    def _on_loop(self, function: Callable[..., None], *args: Any) -> None:
        if threading.get_ident() == self._loop_thread:
            function(*args)
            return
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            return  # the loop is closed: the app ended while a thread was still running


class ToolContext:
    """A tool's view of its call; the runner fills in a parameter of this type.

    Attributes:
        call_id: The call's id, for the tool's own events.
        conversation_id: Its conversation, or empty.
        source: Its origin: `chat`, `bridge`, `user` or `mcp`.
        cancelled: Set when the call was cancelled or timed out. A thread cannot be killed: the tool must
            check this regularly, clean up and return.
    """

    def __init__(self, call: ToolCall, reporter: Reporter) -> None:
        self.call_id: str = call.call_id
        self.conversation_id: str = call.conversation_id
        self.source: Source = call.source
        self.cancelled = threading.Event()
        self._reporter = reporter

    def progress(self, message: str, done: int = 0, total: int | None = None, unit: Unit = "items") -> None:
        """Report progress, from any thread, as often as needed.

        Args:
            message: A short sentence for the user.
            done: The amount done, in `unit`.
            total: The whole amount; None while unknown.
            unit: What is counted.
        """
        self._reporter.progress(message, done, total, unit)

    def emit(self, event: Event) -> None:
        """Publish an event, such as `DraftWritten`, from any thread."""
        self._reporter.emit(event)
