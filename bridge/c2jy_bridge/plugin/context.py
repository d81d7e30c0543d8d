"""The context of a running tool: who asked, progress reporting, cancellation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final, Literal

from c2jy_bridge.core.events import Event, Source, ToolCall, ToolCallProgress

# About ten a second: a screen draws no faster, and a tool may report every byte.
PROGRESS_INTERVAL_S: Final = 0.1

Unit = Literal["bytes", "items"]


class ToolError(Exception):
    """Raised by a tool: the call ends as an error and the Bot reads the message.

    `fields` go into the output beside `status` and `message`.
    """

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class Reporter:
    """Carries what a tool reports to the loop of the runner, from any thread, progress thinned out.

    Nothing gets through after `close`: a call says nothing once it has finished.
    """

    def __init__(self, call_id: str, put: Callable[[Event], None], clock: Callable[[], float]) -> None:
        """Must be made on the loop; `put` is only called there."""
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
        """Hand on any event."""
        self._on_loop(self._pass_in_order, event)

    def progress(self, message: str, done: int, total: int | None, unit: Unit) -> None:
        """Remember how far the call is; the latest word is told at most every `PROGRESS_INTERVAL_S`."""
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
        """Tell the last progress, then nothing more."""
        self._tell()
        self._closed = True

    def _schedule(self) -> None:
        wait_s = self._next_at - self._loop.time()
        if wait_s <= 0:
            self._tell()
        else:
            self._loop.call_later(wait_s, self._tell)

    def _tell(self) -> None:
        with self._lock:
            event, self._latest, self._scheduled = self._latest, None, False
        if event is not None:
            self._next_at = self._loop.time() + PROGRESS_INTERVAL_S
            self._pass(event)

    def _pass_in_order(self, event: Event) -> None:
        self._tell()
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
            # The loop is closed: the app has gone while a thread was still at work.
            return


class ToolContext:
    """What a tool may know of its call and say while it runs; a parameter of this type is filled in.

    Attributes:
        call_id: The call, for events of one's own.
        conversation_id: The conversation it belongs to; empty when there is none.
        source: Who wanted it: `chat`, `bridge` or `user`.
        cancelled: Set when the call was stopped or ran out of time. A tool in a thread cannot be killed: it
            must look here now and then, and clean up and return.
    """

    def __init__(self, call: ToolCall, reporter: Reporter) -> None:
        self.call_id: str = call.call_id
        self.conversation_id: str = call.conversation_id
        self.source: Source = call.source
        self.cancelled = threading.Event()
        self._reporter = reporter

    def progress(self, message: str, done: int = 0, total: int | None = None, unit: Unit = "items") -> None:
        """Say how far the work is, from any thread, as often as one likes.

        Args:
            message: A short sentence for the screen.
            done: How much is done, in `unit`.
            total: How much there is; None while unknown.
            unit: What is counted.
        """
        self._reporter.progress(message, done, total, unit)

    def emit(self, event: Event) -> None:
        """Let everybody know of something, `DraftWritten` for one; from any thread."""
        self._reporter.emit(event)
