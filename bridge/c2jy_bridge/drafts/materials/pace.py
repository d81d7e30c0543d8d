"""Limits of a fetch: download slots, disk threads, patience with slow servers, progress reports."""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, ParamSpec, Self, TypeVar

from c2jy_bridge.core.draft_views import OnProgress, Progress
from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.drafts.materials.material import Passing, say

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A few threads for blocking calls, started when first used."""

    def __init__(self, count: int = 8) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="materials")

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `call`, made in a thread. A cancelled caller leaves the call to end by itself."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(call, *args, **kwargs))

    def close(self) -> None:
        """Let the threads end when their work is done."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Turns:
    """As many downloads at once as the settings say, and beside them as many files that are being taken in.

    Apart, because a line must not stand still while a disk syncs; both counted, because each has up to a
    megabyte of its file in memory.
    """

    def __init__(self, count: int) -> None:
        self.line = asyncio.Semaphore(count)
        self.disk = asyncio.Semaphore(count)


class DownloadSlot:
    """One file's turn: begins on the line, may go on at the disk."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._held = turns.line

    async def __aenter__(self) -> Self:
        await self._held.acquire()
        return self

    async def to_disk(self) -> None:
        """Give the line to somebody else, as soon as there is room at the disk."""
        await self._turns.disk.acquire()
        self._held.release()
        self._held = self._turns.disk

    async def __aexit__(self, *_: object) -> None:
        self._held.release()


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits on time; seconds and bytes."""

    connect_s: float = 10.0
    window_s: float = 20.0
    """Over how long speed is judged; also the longest silence."""
    least_bytes_per_s: float = 2048.0
    """Slower than this over a whole window is a stall (curl's --speed-limit and --speed-time do the same)."""
    first_wait_s: float = 0.5
    """Upper end of the first wait between tries; it doubles with each."""
    longest_wait_s: float = 20.0
    fresh_s: float = 600.0
    """A link fetched this recently is not asked about again: a Bot probes media, then builds with them."""
    redirects: int = 5


class SpeedGauge:
    """Raises when bytes come in too slowly, which a limit on the silence between two reads cannot see."""

    def __init__(self, patience: Patience, now: Callable[[], float], host: str) -> None:
        self._patience = patience
        self._now = now
        self._host = host
        self._since = now()
        self._bytes = 0

    def add(self, count: int) -> None:
        """Count what arrived.

        Raises:
            Passing: A whole window was slower than the least speed.
        """
        self._bytes += count
        elapsed = self._now() - self._since
        if elapsed < self._patience.window_s:
            return
        if self._bytes < self._patience.least_bytes_per_s * elapsed:
            raise Passing("too_slow", host=self._host)
        self._since, self._bytes = self._now(), 0


def wait_before(attempt: int, patience: Patience, rng: Callable[[], float], asked_s: float | None) -> float:
    """Seconds to wait before try number `attempt` (1 is the first repeat).

    Exponential with full jitter, so that many clients do not come back together; a server's Retry-After is
    kept, with jitter on top of it and never below.
    """
    ceiling = min(patience.longest_wait_s, patience.first_wait_s * float(2 ** (attempt - 1)))
    return (asked_s or 0.0) + rng() * ceiling


def retry_after(header: str | None, unix_now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number of seconds or an HTTP date (RFC 9110, 10.2.3)."""
    if not header:
        return None
    try:
        return max(0.0, float(int(header)))
    except OverflowError:
        return None  # hundreds of digits
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - unix_now)
    except (TypeError, ValueError):
        return None


_EVERY_S: Final = 0.1


class Meter:
    """Progress of one fetch: of bytes when it is one file whose size is known, else of files."""

    def __init__(self, files: int, tell: OnProgress | None, now: Callable[[], float]) -> None:
        self._files = files
        self._tell = tell
        self._now = now
        self._told = float("-inf")
        self._done = 0
        self._bytes = 0
        self._expected = 0

    def expect(self, count: int) -> None:
        """A file of `count` bytes is on its way."""
        self._expected += count

    def add(self, count: int) -> None:
        """`count` bytes came; negative when they must come again."""
        self._bytes += count
        if self._now() - self._told >= _EVERY_S:
            self._report()

    def finish_file(self) -> None:
        """One file is done, whatever became of it."""
        self._done += 1
        if self._done == self._files or self._now() - self._told >= _EVERY_S:
            self._report()

    def _report(self) -> None:
        if self._tell is None:
            return
        self._told = self._now()
        amount = byte_size(self._bytes)
        if self._files == 1 and self._expected and not self._done:
            message = say("progress.bytes", amount=amount, total=byte_size(self._expected))
            self._tell(Progress(message, self._bytes, self._expected, "bytes"))
            return
        message = say("progress.files", done=self._done, total=self._files, amount=amount)
        self._tell(Progress(message, self._done, self._files, "items"))
