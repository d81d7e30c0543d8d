"""A process is killed before each thing that the disk sees of a durable action; the next one takes it up.

python -m faults.kills [--most N] [--only SCENARIO ...]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coze_emulator import Emulator, Script
from faults.kill_child import DRAFT, KILLED, SCENARIOS

TESTS: Final = Path(__file__).resolve().parents[1]
"""Where the children find this package."""
AT_ONCE: Final = 3
SCRIPT: Final = """
rules:
  - name: draws
    match: "^draw (?P<name>\\\\S+) (?P<url>\\\\S+)"
    values:
      clip: {type: image, media: "{{url}}", at: {start: 0, duration: 2}}
    steps:
      - call: generate_draft
        arguments: {content: {schema: c2jy/1, name: "{{name}}", tracks: [{type: video, clips: ["{{clip}}"]}]}}
      - say: "{{outputs.0.message}}"
fallback:
  - say: "You said: {{text}}"
"""


@dataclass(slots=True)
class Kill:
    """One kill and what was found afterwards."""

    scenario: str
    step: int
    name: str
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
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, out.decode(), err.decode()


async def steps_of(scenario: str, folder: Path, emulator: Emulator) -> list[str]:
    """What the disk sees of a scenario that nobody kills."""
    status, out, err = await child(scenario, folder, emulator)
    assert status == 0, err
    taken: list[str] = json.loads(out.splitlines()[-1])
    return taken


async def kill(case: Kill, folder: Path, emulator: Emulator) -> None:
    """Kill a scenario at a step, start again, and judge what is found."""
    status, out, err = await child(case.scenario, folder, emulator, case.step)
    if status not in (KILLED, 0):
        case.faults.append(f"child: {err.strip().splitlines()[-1:]}")
        return
    status, out, err = await child(f"{case.scenario}:again", folder, emulator)
    if status != 0:
        case.faults.append(f"stuck: {err.strip().splitlines()[-1:]}")
        return
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    if found["left over"]:
        case.faults.append(f"left over: {found['left over']}")
    if found["faults"]:
        case.faults.append(f"broken: {found['faults']}")
    names, trashed = found["at the end"], found["trash at the end"]
    wanted = ([], 1) if case.scenario == "trash" else ([DRAFT], 0)
    if len(names) + trashed > 1:
        case.faults.append(f"doubled: {names}, {trashed} in the trash")
    elif (names, trashed) != wanted:
        case.faults.append(f"lost: {names}, {trashed} in the trash")
    if found.get("recovered", "TurnCompleted") != "TurnCompleted":
        case.faults.append(f"lost: {found['recovered']}")
    if not found.get("next question", True):
        case.faults.append("blocked")
    if not found.get("zip", True):
        case.faults.append("broken: zip")


def chosen(only: list[str]) -> list[str]:
    """The scenarios of these names, all when none is named."""
    if unknown := set(only) - set(SCENARIOS):
        sys.exit(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    return [name for name in SCENARIOS if not only or name in only]


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers 1 to `count`, evenly spread, with both ends."""
    return sorted({round(1 + i * (count - 1) / max(1, most - 1)) for i in range(most)})


async def run_all(most: int, only: list[str], *, show: bool = True) -> list[Kill]:
    """Kill every scenario at up to its share of `most` steps, spread evenly."""
    names = chosen(only)
    gate, kills = asyncio.Semaphore(AT_ONCE), list[Kill]()
    with Emulator(script=Script.parse(SCRIPT)) as emulator, tempfile.TemporaryDirectory() as base:
        await asyncio.to_thread(emulator.wait_ready)
        for name in names:
            taken = await steps_of(name, Path(base) / name, emulator)
            numbers = spread(len(taken), max(1, most // len(names)))
            kills += [Kill(name, number, taken[number - 1]) for number in numbers]

        async def one(case: Kill) -> None:
            async with gate:
                await kill(case, Path(base) / f"{case.scenario}-{case.step}", emulator)
            if show:
                found = ", ".join(case.faults) or "ok"
                print(f"{case.scenario:10} {case.step:4} {case.name:44} {found}", flush=True)

        await asyncio.gather(*map(one, kills))
    return kills


def main() -> int:
    """Kill, print, count; 1 when anything was lost, doubled, stuck, blocked, broken or left over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=40, help="how many kills")
    parser.add_argument("--only", nargs="*", default=[], help=f"of {', '.join(SCENARIOS)}")
    options = parser.parse_args()
    kills = asyncio.run(run_all(options.most, options.only))
    counts = Counter(fault.partition(":")[0] for case in kills for fault in case.faults)
    per = Counter(case.scenario for case in kills)
    print(
        f"\n{len(kills)} kills {dict(per)}; "
        + (str(dict(counts)) if counts else "nothing lost, doubled, stuck")
    )
    return 1 if counts else 0


if __name__ == "__main__":
    sys.exit(main())
