"""A way to stop a turn from another task without cancelling the task that reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Interrupted(BaseException):
    """The maker stopped the turn. Like CancelledError no Exception: a net for errors must let it through."""


class Interrupt:
    """Breaks the wait that a turn is in, whichever it is; like `asyncio.timeout`, but fired by hand.

    The turn marks each wait with `begin` and `end`; between them `fire` cancels the waiting task and `end`
    takes that cancellation back and raises Interrupted instead. Outside a wait the next `begin` raises.
    """

    def __init__(self) -> None:
        self.fired = False
        self._waiting: asyncio.Task[object] | None = None
        self._cancelled: asyncio.Task[object] | None = None
        self._before = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def fire(self) -> None:
        """Stop the turn now; more than once is as once."""
        if self.fired:
            return
        self.fired = True
        if self._waiting is not None:
            self._cancelled = self._waiting
            self._before = self._waiting.cancelling()
            self._waiting.cancel()

    def begin(self) -> None:
        """A wait starts.

        Raises:
            Interrupted: It must not, because `fire` was called.
        """
        if self.fired:
            raise Interrupted
        # Marked for every event of a stream: a known loop halves the cost of asking (Python 3.11).
        self._loop = self._loop or asyncio.get_running_loop()
        self._waiting = asyncio.current_task(self._loop)

    def end(self) -> None:
        """The wait is over, by whatever way.

        Raises:
            Interrupted: `fire` broke it, and nobody else cancelled the task meanwhile.
        """
        self._waiting = None
        if self._cancelled is None:
            return
        task, self._cancelled = self._cancelled, None
        # Somebody else's cancellation on top of ours goes on as a CancelledError.
        if task.uncancel() <= self._before:
            raise Interrupted from None

    async def wait(self, start: Callable[[], Awaitable[T]]) -> T:
        """Start something and await it as one wait.

        Raises:
            Interrupted: `fire` was called before, so that nothing was started, or during it.
        """
        self.begin()
        try:
            return await start()
        finally:
            self.end()
