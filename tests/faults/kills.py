"""A process is killed before each thing that the disk or Coze sees of a durable action; the next takes it up.

python -m faults.kills [--most N] [--only SCENARIO ...]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coze_emulator import Emulator, Script
from faults.kill_child import SCENARIOS
from faults.kill_steps import KILLED
from relay_harness import HANDLE

TESTS: Final = Path(__file__).resolve().parents[1]
"""Where the children find this package."""
AT_ONCE: Final = 3
TAKEN_UP: Final = ("chat", "queue", "mailbox", "announced")
"""Scenarios that the next start goes on with by itself."""
THEN_WITHIN: Final = 37
"""About as many steps as going on with them has."""
SCRIPT: Final = f"""
rules:
  - name: draws
    match: "^draw (?P<name>\\\\S+) (?P<url>\\\\S+)"
    values:
      clip: {{type: image, media: "{{{{url}}}}", at: {{start: 0, duration: 2}}}}
    steps:
      - call: generate_draft
        arguments:
          content:
            schema: c2jy/1
            name: "{{{{name}}}}"
            tracks: [{{type: video, clips: ["{{{{clip}}}}"]}}]
      - say: "{{{{outputs.0.message}}}}"
  - name: obeys
    match: "{HANDLE}"
    steps:
      - call: bridge_execute
        arguments: {{handle: "{{{{handle}}}}"}}
      - say: OK
fallback:
  - say: "You said: {{{{text}}}}"
"""


@dataclass(slots=True)
class Kill:
    """One kill and what was found afterwards."""

    scenario: str
    step: int
    then: int = 0
    """The step at which the process that takes it up is killed too; 0: it is not."""
    name: str = ""
    """What the killed process was about to do."""
    faults: list[str] = field(default_factory=list)


async def child(scenario: str, folder: Path, emulator: Emulator, step: int = 0) -> tuple[int, str, str]:
    """Run the child; its status, stdout and stderr."""
    command = [
        sys.executable,
        "-m",
        "faults.kill_child",
        scenario,
        str(folder),
        emulator.base_url,
        emulator.bot_id,
    ]
    process = await asyncio.create_subprocess_exec(
        *command,
        str(step),
        cwd=TESTS,
        env={**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, out.decode(), err.decode()


async def steps_of(scenario: str, folder: Path, emulator: Emulator) -> list[str]:
    """The disk operations of a scenario that is not killed."""
    status, out, err = await child(scenario, folder, emulator)
    assert status == 0, err
    taken: list[str] = json.loads(out.splitlines()[-1])
    return taken


async def kill(case: Kill, folder: Path, emulator: Emulator) -> None:
    """Kill a scenario at a step, start again, and judge what is found."""
    killed = [(case.scenario, case.step)]
    if case.then:
        killed.append((f"{case.scenario}:again", case.then))
    names = []
    for name, step in killed:
        status, _, err = await child(name, folder, emulator, step)
        last = "".join(err.strip().splitlines()[-1:])
        if status not in (KILLED, 0):
            case.faults.append(f"child: {last}")
            return
        # Which step is the nth varies a little, as threads and looks into the mailbox do not keep step.
        names.append(last.partition("killed before: ")[2] or "ended before")
    case.name = ", then ".join(names)
    status, out, err = await child(f"{case.scenario}:again", folder, emulator)
    if status != 0:
        case.faults.append(f"stuck: {err.strip().splitlines()[-1:]}")
        return
    case.faults += judge(case.scenario, json.loads(out.splitlines()[-1]))


def judge(scenario: str, found: dict[str, Any]) -> list[str]:
    """What is wrong with what the next start found."""
    faults = []
    if found["left over"]:
        faults.append(f"left over: {found['left over']}")
    if found["faults"]:
        faults.append(f"broken: {found['faults']}")
    names, trashed = sorted(found["drafts"]), found["trashed"]
    wanted = (sorted(SCENARIOS[scenario].leaves), SCENARIOS[scenario].leaves_in_trash)
    if len(names) + trashed > len(wanted[0]) + wanted[1]:
        faults.append(f"doubled: {names}, {trashed} in the trash")
    elif (names, trashed) != wanted:
        faults.append(f"lost: {names}, {trashed} in the trash")
    if set(found.get("recovered", ())) - {"TurnCompleted"}:
        faults.append(f"lost: {found['recovered']}")
    answers, requests = found.get("answers", ["succeeded"]), found.get("requests", 1)
    if len(answers) > 1 or requests > 1:
        faults.append(f"doubled: {answers}, {requests} requests")
    elif answers != ["succeeded"]:
        faults.append(f"lost: {answers}")
    if not found.get("next question", True):
        faults.append("blocked")
    if found.get("open chats"):
        faults.append(f"blocked: {found['open chats']}")
    if not found.get("zip", True):
        faults.append("broken: zip")
    return faults


def chosen(only: list[str]) -> list[str]:
    """The scenarios of these names, all when none is named."""
    if unknown := set(only) - set(SCENARIOS):
        sys.exit(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    return [name for name in SCENARIOS if not only or name in only]


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers 1 to `count`, evenly spread, with both ends."""
    most = min(count, most)
    return [round(1 + i * (count - 1) / max(1, most - 1)) for i in range(most)]


def shares(counts: dict[str, int], most: int) -> dict[str, int]:
    """How many of `most` each gets: equally many, but none more than it has."""
    given, left = dict[str, int](), most
    for number, name in enumerate(sorted(counts, key=lambda name: counts[name])):
        given[name] = min(counts[name], left // (len(counts) - number))
        left -= given[name]
    return given


def cases(counts: dict[str, int], most: int) -> list[Kill]:
    """At most `most` kills, evenly spread over the steps of all scenarios.

    Is there room for more than every step, the rest kills the process that takes the work up too.
    """
    given = shares(counts, most)
    kills = [Kill(name, step) for name, count in counts.items() for step in spread(count, given[name])]
    taken_up = [name for name in counts if name in TAKEN_UP]
    for number in range(most - len(kills) if taken_up else 0):
        name = taken_up[number % len(taken_up)]
        # Strides without a common divisor, so that the pairs differ.
        kills.append(Kill(name, 1 + number * 7 % counts[name], then=1 + number * 5 % THEN_WITHIN))
    return kills


async def run_all(most: int, only: list[str], *, show: bool = True) -> list[Kill]:
    """Kill the scenarios at `most` steps."""
    gate = asyncio.Semaphore(AT_ONCE)
    with Emulator(script=Script.parse(SCRIPT)) as emulator, tempfile.TemporaryDirectory() as base:
        await asyncio.to_thread(emulator.wait_ready)
        names = chosen(only)
        kills = cases({name: len(await steps_of(name, Path(base) / name, emulator)) for name in names}, most)

        async def one(number: int, case: Kill) -> None:
            async with gate:
                await kill(case, Path(base) / str(number), emulator)
            if show:
                at = f"{case.step}+{case.then}" if case.then else str(case.step)
                print(f"{case.scenario:10} {at:6} {case.name:70}", *(case.faults or ["ok"]), flush=True)

        await asyncio.gather(*(one(number, case) for number, case in enumerate(kills)))
    return kills


def main() -> int:
    """Kill, print, count; 1 when anything was lost, doubled, stuck, blocked, broken or left over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=40, help="how many kills")
    parser.add_argument("--only", nargs="*", default=[], help=f"of {', '.join(SCENARIOS)}")
    options = parser.parse_args()
    kills = asyncio.run(run_all(options.most, options.only))
    print(f"\n{table(kills)}")
    return 1 if any(case.faults for case in kills) else 0


KINDS: Final = ("lost", "doubled", "stuck", "blocked", "broken", "left over", "child")


def table(kills: list[Kill]) -> str:
    """What was found after the kills of each scenario, as Markdown; the last row is the sum."""
    rows = [("scenario", "kills", *KINDS), ("---",) * (len(KINDS) + 2)]
    for name in [*dict.fromkeys(case.scenario for case in kills), "all"]:
        of = [case for case in kills if name in (case.scenario, "all")]
        counts = Counter(fault.partition(":")[0] for case in of for fault in case.faults)
        rows.append((name, str(len(of)), *(str(counts[kind]) for kind in KINDS)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
