"""One durable action in a process that kills itself at its nth step.

    python -m faults.kill_child SCENARIO FOLDER API_BASE BOT_ID STEP    0: only count the steps

The process dies just before the step (see `kill_steps`). SCENARIO with `:again` behind it takes the work up
as the next start would, which may be killed too, and prints what a user then finds, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from c2jy_bridge.engine import Engine
from faults.kill_bridge import Announcement, Letter, OverHttp
from faults.kill_scenarios import (
    Batch,
    Build,
    Chat,
    Fill,
    Found,
    Pack,
    Place,
    Relocate,
    Rename,
    Restore,
    Scenario,
    Trash,
)
from faults.kill_steps import Steps

SCENARIOS: Final[dict[str, Scenario]] = {
    "chat": Chat(),
    "build": Build(),
    "fill": Fill(),
    "batch": Batch(),
    "pack": Pack(),
    "relocate": Relocate(),
    "rename": Rename(),
    "trash": Trash(),
    "restore": Restore(),
    "queue": OverHttp(),
    "mailbox": Letter(),
    "announced": Announcement(),
}


async def first(scenario: Scenario, place: Place, steps: Steps) -> None:
    """Do it and print the steps."""
    steps.counting = scenario.counts_from_start
    engine = scenario.engine(place)
    await scenario.prepare(engine, place)
    steps.counting = True
    await scenario.act(engine, place)
    await engine.close()
    steps.counting = False
    print(json.dumps(steps.taken))


async def again(scenario: Scenario, place: Place, steps: Steps) -> None:
    """Take it up and print what is there."""
    steps.counting = True
    engine = scenario.engine(place)
    found = await scenario.again(engine, place)
    steps.counting = False
    found |= await drafts_of(engine)
    await engine.close()
    found["left over"] = leftovers(place.folder)
    print(json.dumps(found))


async def drafts_of(engine: Engine) -> Found:
    """The drafts, what is wrong with them, and how many are in the trash."""
    names = [view.name for view in await engine.drafts.list()]
    issues = [issue for name in names for issue in await engine.drafts.check(name)]
    return {
        "drafts": names,
        "faults": [issue.message for issue in issues if issue.severity == "error"],
        "trashed": len(await engine.drafts.trashed()),
    }


def leftovers(folder: Path) -> list[str]:
    """Files and folders of unfinished work, and tickets of the trash that lead nowhere."""
    found = [path for path in folder.rglob("*") if ".c2jy-" in path.name]
    found += [place for place in folder.glob("data/trash/*") if not (place / "draft").exists()]
    return [str(path.relative_to(folder)) for path in found]


def main(name: str, folder: str, api_base: str, bot_id: str, fatal: str) -> None:
    """Run one scenario."""
    action, _, later = name.partition(":")
    place = Place(Path(folder), api_base, bot_id)
    place.folder.mkdir(parents=True, exist_ok=True)
    steps = Steps([place.folder], int(fatal), api_base)
    steps.watch()
    asyncio.run((again if later else first)(SCENARIOS[action], place, steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
