"""Two things measured in turns, and what their ratio was to be."""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: `goal` is a bound on `ratio`, from above (`<=`) or from below (`>=`)."""

    what: str
    ours: str
    yardstick: str
    ratio: float
    goal: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal


def in_turns(
    ours: Callable[[], float], yardstick: Callable[[], float], rounds: int = 5
) -> tuple[float, float]:
    """The medians of both, taken alternately so that a busy moment of the machine hits both.

    Each callable returns what it measured, seconds mostly. One round of each goes before, uncounted.
    """
    for warm_up in (ours, yardstick):
        warm_up()
    pairs = [(ours(), yardstick()) for _ in range(rounds)]
    first, second = zip(*pairs, strict=True)
    return statistics.median(first), statistics.median(second)


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` took."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"


def print_rows(name: str) -> None:
    """Run one module of the benchmarks; exits 1 when it misses a goal."""
    missed = False
    for row in importlib.import_module(f"benchmarks.{name}").run():
        goal = f"{'>=' if row.at_least else '<='} {row.goal:g}"
        missed |= not row.met
        print(
            f"{row.what:<52} {row.ours:>14} {row.yardstick:>14} {row.ratio:>7.2f}x   {goal}"
            f" {'met' if row.met else 'MISSED'}",
            flush=True,
        )
    sys.exit(missed)
