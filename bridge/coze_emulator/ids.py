"""Identifiers as Coze makes them: 19 digits, time-ordered; log ids; opaque tool call ids."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable


class Ids:
    """A source of ids that never repeats and never goes back, whatever the clock does.

    A Coze id holds Unix seconds in its upper 32 bits (7382159487131697202 >> 32 is the `created_at` of the
    chat that carries it, coze-py tests/testdata); the lower half is a counter here.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0
        self._logs = 0

    def next(self) -> str:
        """A fresh 19-digit id, greater than every earlier one."""
        self._last = max(self._last + 1, int(self._clock()) << 32)
        return str(self._last)

    def log(self) -> str:
        """A fresh log id: the time in 14 digits, then 20 hexadecimal ones."""
        self._logs += 1
        digest = hashlib.sha256(f"log {self._logs} {self._clock()}".encode()).hexdigest()
        return time.strftime("%Y%m%d%H%M%S", time.gmtime(self._clock())) + digest[:20].upper()

    def tool_call(self) -> str:
        """A fresh tool call id: 56 characters of base64, as in the guide's capture."""
        digest = hashlib.sha512(f"tool call {self.next()}".encode()).digest()
        return base64.b64encode(digest[:41]).decode("ascii")
