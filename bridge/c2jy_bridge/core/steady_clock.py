"""A clock for deadlines: Unix seconds that corrections of the system's clock do not move."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

uptime: Callable[[], float] = time.monotonic
"""Seconds from an arbitrary moment, the time asleep included where the system counts it."""
if hasattr(time, "CLOCK_BOOTTIME"):  # Linux; CLOCK_MONOTONIC stops in a sleep there
    uptime = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
elif sys.platform == "darwin":  # goes on in a sleep there, which time.monotonic() does not
    uptime = partial(time.clock_gettime, time.CLOCK_MONOTONIC)


class SteadyClock:
    """The system's time at its creation, and the seconds since.

    The wall clock is set by people, time servers and other systems on the same machine, by hours and both
    ways. Leases, deadlines, pauses and periods of retention are counted with this clock, what people read is
    stamped with the wall clock. Where `elapsed` does not count the time asleep, a sleep is no time at all.
    """

    def __init__(self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = uptime) -> None:
        self._elapsed = elapsed
        self._origin = wall() - elapsed()

    def __call__(self) -> float:
        """Unix seconds."""
        return self._origin + self._elapsed()
