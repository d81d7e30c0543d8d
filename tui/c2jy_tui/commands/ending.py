"""Ends the process on SIGTERM, SIGHUP, SIGQUIT and SIGINT: cleanly, and at a deadline in any case.

Python runs a signal's handler in the main thread, which a tool may hold: an async tool that blocks the loop,
or a native decoder. The number of a signal is written to the wake-up descriptor at once, whatever the main
thread does; a thread of our own reads it.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final, Self

from c2jy_tui.commands import say

DEADLINE_S: Final = 4.0
"""Seconds from a signal, or from the end of the work, until the process ends, whatever a tool does."""
_RESTORE_S: Final = 0.5
"""Seconds that restoring the terminal may take."""

_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT") if hasattr(signal, name)
)
# Modes that Textual 8.2.8 switches on (LinuxDriver): mouse, paste, focus, resize, keys; wrap, screen, cursor.
_RESTORE: Final = (
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2004l\x1b[?1004l\x1b[?2048l\x1b[<u"
    b"\x1b[?7h\x1b[?1049l\x1b[?25h"
)


class Ending:
    """Listens for signals inside `with`; on Windows, where Ctrl+C raises KeyboardInterrupt, it does not."""

    def __init__(self, at_deadline: Callable[[], None] = lambda: None) -> None:
        """`at_deadline` runs in a thread just before a process that did not end by itself is ended."""
        self.signal = 0
        """The first signal that came; 0 before."""
        self._at_deadline = at_deadline
        self.stops: Callable[[], bool] = lambda: False
        """Called in a thread by Ctrl+C; True when it stops something instead of the process."""
        self._close: Callable[[], object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: threading.Timer | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if sys.platform == "win32":
            return self
        read, write = os.pipe()
        os.set_blocking(write, False)
        threading.Thread(target=self._listen, args=(read,), name="signals", daemon=True).start()
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in _SIGNALS:
            # nohup, and a shell's background jobs: what the parent ignores stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, _heard)
        return self

    def __exit__(self, *_: object) -> None:
        self._close = None
        if self.signal:
            return  # threads that still run keep the process from ending: the deadline counts
        if self._timer is not None:
            self._timer.cancel()
        if self._before:
            signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def status(self) -> int:
        """The exit status of a process that ends because of the signal."""
        return 128 + self.signal

    def closing(self, close: Callable[[], object]) -> None:
        """Set what the first signal calls, on the running loop; at once when it came before."""
        self._loop, self._close = asyncio.get_running_loop(), close
        if self.signal:
            close()

    def came(self, number: int) -> None:
        """Handle a signal or an equivalent event; callable from any thread."""
        if self.signal:
            if self.signal == number == signal.SIGINT:  # Ctrl+C again: the user does not want to wait
                self._end(self.status)
            return
        if number == signal.SIGINT and self.stops():
            return
        self.signal = number
        self.end_by_deadline(self.status)
        if self._close is not None and self._loop is not None:
            with suppress(RuntimeError):  # the loop has just been closed
                self._loop.call_soon_threadsafe(self._close)

    def end_by_deadline(self, status: int) -> None:
        """End the process in DEADLINE_S unless it has ended before."""
        if self._timer is None:
            self._timer = threading.Timer(DEADLINE_S, self._overdue, (status,))
            self._timer.daemon = True
            self._timer.start()

    def _overdue(self, status: int) -> None:
        self._end(status, say("ended.deadline", seconds=f"{DEADLINE_S:g}"))

    def _end(self, status: int, sentence: str = "") -> None:
        last = threading.Thread(target=self._last, args=(sentence,), daemon=True)
        last.start()
        last.join(_RESTORE_S)  # a terminal that accepts no output must not block the process
        os._exit(status)

    def _last(self, sentence: str) -> None:
        self._at_deadline()
        with suppress(OSError):
            os.write(2, f"{sentence}\n".encode() if sentence else b"")

    def _listen(self, read: int) -> None:
        while numbers := os.read(read, 64):
            for number in numbers:
                if number in self._before:
                    self.came(number)


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Python needs a handler to write the number to the wake-up descriptor."""


@contextmanager
def terminal_kept(ending: Callable[[], Ending]) -> Iterator[Callable[[], None]]:
    """Watch the terminal while the app has it; yields a function that restores it, for the deadline.

    A terminal that goes away counts as SIGHUP, also where the parent ignores that: reading it would return
    nothing, at once, for ever. So do the pipes to a browser, which need no restoring.
    """
    if sys.platform == "win32":
        yield lambda: None
        return
    import termios

    terminal, attributes = os.dup(1), termios.tcgetattr(0) if os.isatty(0) else None

    def restore() -> None:
        if attributes is None:
            return
        with suppress(OSError, termios.error):
            os.write(terminal, _RESTORE)
            termios.tcsetattr(0, termios.TCSANOW, attributes)

    def watch() -> None:
        poll = select.poll()
        poll.register(0, 0)
        if any(happened & select.POLLHUP for _, happened in poll.poll()):
            ending().came(signal.SIGHUP)

    threading.Thread(target=watch, name="terminal", daemon=True).start()
    yield restore
