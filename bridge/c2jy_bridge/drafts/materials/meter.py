"""Counts files and bytes of one fetch and tells about it now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from c2jy_bridge.core.draft_views import OnProgress, Progress
from c2jy_bridge.drafts.materials.failure import say

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
        amount = shown_bytes(self._bytes)
        if self._files == 1 and self._expected and not self._done:
            message = say("progress.bytes", amount=amount, total=shown_bytes(self._expected))
            self._tell(Progress(message, self._bytes, self._expected, "bytes"))
            return
        message = say("progress.files", done=self._done, total=self._files, amount=amount)
        self._tell(Progress(message, self._done, self._files, "items"))


def shown_bytes(count: float) -> str:
    """`3.4 MB`, in steps of 1024."""
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"
