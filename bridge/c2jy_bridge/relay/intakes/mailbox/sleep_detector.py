"""Noticing that the computer slept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

SLEPT_S: Final = 10.0
"""Seconds by which the clocks must part: more than a time server puts right at once."""


class SleepDetector:
    """Compares two clocks: while a computer sleeps the wall clock goes on and the steady one stands still."""

    def __init__(self, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        """`wall` is Unix seconds; `steady` counts the seconds that the machine was awake."""
        self._wall = wall
        self._steady = steady
        self._apart = wall() - steady()

    def slept(self) -> bool:
        """Whether it did since the last call."""
        before, self._apart = self._apart, self._wall() - self._steady()
        return self._apart - before > SLEPT_S
