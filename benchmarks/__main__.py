"""Run the benchmarks named on the command line, or all; exit 1 when a goal was missed."""

from __future__ import annotations

import importlib
import sys

ALL = (
    "first_paint",
    "deltas",
    "round_trip",
    "answer",
    "drafts",
    "loop_gap",
    "materials",
    "library",
    "intake",
    "previews",
)


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in ALL]:
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(ALL)}", file=sys.stderr)
        return 2
    missed = 0
    print(f"{'what':<52} {'ours':>14} {'yardstick':>14} {'ratio':>8}   goal")
    for name in names or ALL:
        for row in importlib.import_module(f"benchmarks.{name}").run():
            goal = f"{'>=' if row.at_least else '<='} {row.goal:g}"
            met = "met" if row.met else "MISSED"
            missed += not row.met
            print(
                f"{row.what:<52} {row.ours:>14} {row.yardstick:>14} {row.ratio:>7.2f}x   {goal} {met}",
                flush=True,
            )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
