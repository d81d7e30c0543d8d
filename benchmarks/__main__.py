"""Run the benchmarks named on the command line, or all; exit 1 when a goal was missed."""

from __future__ import annotations

import multiprocessing
import sys

from benchmarks.measure import print_rows

ALL = (
    "first_paint",
    "deltas",
    "round_trip",
    "answer",
    "bytes_sent",
    "drafts",
    "loop_gap",
    "materials",
    "library",
    "intake",
    "previews",
    "studio",
)


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in ALL]:
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(ALL)}", file=sys.stderr)
        return 2
    print(f"{'what':<52} {'ours':>14} {'yardstick':>14} {'ratio':>8}   goal", flush=True)
    exit_codes = []
    for name in names or ALL:
        # What one leaves in memory must not count for the next.
        process = multiprocessing.get_context("spawn").Process(target=print_rows, args=(name,))
        process.start()
        process.join()
        exit_codes.append(process.exitcode)
    return int(any(exit_codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
