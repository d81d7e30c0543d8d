"""Formats byte counts in units of 1000, the same on the screen, in progress reports and in messages."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def byte_size(count: float) -> str:
    """A number of bytes: `812 B`, `4.2 MB`."""
    power = _power(count)
    return f"{_scaled(count, power)} {_UNITS[power]}"


def byte_progress(done: int, total: int) -> str:
    """Bytes done of all, in the unit of all: `1.2/3.4 MB`."""
    power = _power(total)
    return f"{_scaled(done, power)}/{_scaled(total, power)} {_UNITS[power]}"


def _power(count: float) -> int:
    fitting = (power for power in range(len(_UNITS)) if count / 1000**power < 999.5)
    return next(fitting, len(_UNITS) - 1)


def _scaled(count: float, power: int) -> str:
    value = max(0, count) / 1000**power
    return f"{value:.0f}" if not power or value >= 99.95 else f"{value:.1f}"
