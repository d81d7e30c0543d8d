"""One durable action in a process that kills itself at its nth step.

    python -m faults.kill_child SCENARIO FOLDER API_BASE BOT_ID STEP    0: only count the steps

A step is everything that the disk sees in FOLDER: a file opened for writing, a rename, a link, a removal, a
folder, a commit of SQLite; the process dies just before it. `again` as SCENARIO with `:again` behind it takes
the work up as the next start would, and prints what a user then finds, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import threading
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

WATCHED: Final = frozenset(
    {"os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
)
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT
KILLED: Final = -signal.SIGKILL
DRAFT: Final = "made"


class Steps:
    """Counts what the disk sees, and dies before the step that it was given."""

    def __init__(self, folders: Sequence[Path], fatal: int) -> None:
        self._folders = tuple(map(str, folders))
        self._fatal = fatal
        self._lock = threading.Lock()
        self.taken: list[str] = []
        self.counting = False

    def watch(self) -> None:
        sys.addaudithook(self._audit)
        connect = sqlite3.connect

        def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection = connect(*args, **kwargs)
            connection.set_trace_callback(self._statement)
            return connection

        sqlite3.connect = traced  # type: ignore[assignment]  # SQLite's commits raise no audit event
        self.counting = True

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = (
                any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & WRITING)
            )
            if writes:
                self._step("open", path)
        elif event in WATCHED:
            self._step(event, arguments[0])

    def _statement(self, sql: str) -> None:
        if sql.startswith("COMMIT"):
            self._step("commit", self._folders[0])

    def _step(self, what: str, path: object) -> None:
        if not self.counting:
            return
        name = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        # A relative path belongs to an open folder, so it may be ours.
        if name.startswith("/") and not name.startswith(self._folders):
            return
        with self._lock:
            self.taken.append(f"{what} {Path(name).name[:40]}")
            if len(self.taken) == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)


def settings(folder: Path, api_base: str, bot_id: str) -> Any:
    from c2jy_bridge.core.settings import Settings

    return Settings.model_validate(
        {
            "coze": {"api_base": api_base, "token": "t", "bot_id": bot_id},
            "drafts": {"root": str(folder / "drafts")},
            "materials": {"allow_private_hosts": [api_base.removeprefix("http://")]},
            "bridge": {"intakes": []},
            "data_dir": str(folder / "data"),
            "config_dir": str(folder / "config"),
        }
    )


def document(api_base: str, name: str = DRAFT) -> str:
    clip = {"type": "image", "media": f"{api_base}/_media/hotpot.png", "duration": 2}
    tracks = [{"type": "video", "clips": [clip]}, {"type": "text", "clips": [{"text": "hi", "duration": 2}]}]
    return json.dumps({"schema": "c2jy/1", "name": name, "tracks": tracks})


# --- the scenarios: what is there before, what is done, what a user finds -----------------------------


async def chat(engine: Any, folder: Path, api_base: str) -> None:
    await turn(engine, f"draw {DRAFT} {api_base}/_media/hotpot.png")


async def build(engine: Any, folder: Path, api_base: str) -> None:
    await engine.drafts.build(document(api_base))


async def pack(engine: Any, folder: Path, api_base: str) -> None:
    await engine.drafts.pack(DRAFT, folder / "out.zip", target_root="D:\\drafts", replace_zip=True)


async def relocate(engine: Any, folder: Path, api_base: str) -> None:
    await engine.drafts.relocate([DRAFT], "D:\\drafts")


async def trash(engine: Any, folder: Path, api_base: str) -> None:
    await engine.drafts.trash(DRAFT)


async def restore(engine: Any, folder: Path, api_base: str) -> None:
    (ticket,) = [entry.ticket for entry in await engine.drafts.trashed()]
    await engine.drafts.restore(ticket)


SCENARIOS: Final[dict[str, Callable[[Any, Path, str], Awaitable[None]]]] = {
    "chat": chat,
    "build": build,
    "pack": pack,
    "relocate": relocate,
    "trash": trash,
    "restore": restore,
}


async def prepare(scenario: str, engine: Any, folder: Path, api_base: str) -> None:
    """What must be there before the action."""
    if scenario in ("pack", "relocate", "trash", "restore"):
        await engine.drafts.build(document(api_base))
    if scenario == "restore":
        await engine.drafts.trash(DRAFT)


async def again(scenario: str, engine: Any, folder: Path, api_base: str) -> dict[str, Any]:
    """The next start: take up, do it again where the user would, and say what is there."""
    from c2jy_bridge.core.events import TurnCompleted

    found: dict[str, Any] = {}
    open_turns = await asyncio.to_thread(engine_journal(engine).open_turns)
    events = engine.events()
    await engine.start(reopen=True)
    if scenario == "chat":
        if open_turns:
            async with asyncio.timeout(60):
                async for event in events:
                    if type(event).__name__ in ("TurnCompleted", "TurnFailed", "TurnCancelled"):
                        found["recovered"] = type(event).__name__
                        break
        found["next question"] = isinstance(await turn(engine, "hello"), TurnCompleted)
    names = [view.name for view in await engine.drafts.list()]
    trashed = [entry.ticket for entry in await engine.drafts.trashed()]
    found["drafts"], found["trashed"] = names, len(trashed)
    found["faults"] = [
        issue.message
        for name in names
        for issue in await engine.drafts.check(name)
        if issue.severity == "error"
    ]
    wanted = {
        "chat": not names and "recovered" not in found,
        "build": not names,
        "trash": bool(names),
        "restore": bool(trashed),
    }
    if wanted.get(scenario, True):
        await SCENARIOS[scenario](engine, folder, api_base)
    found["at the end"] = [view.name for view in await engine.drafts.list()]
    found["trash at the end"] = len(await engine.drafts.trashed())
    if scenario == "pack":
        with zipfile.ZipFile(folder / "out.zip") as zipped:
            found["zip"] = zipped.testzip() is None and any(
                n.endswith("draft_content.json") for n in zipped.namelist()
            )
    await engine.close()
    found["left over"] = leftovers(folder)
    return found


def leftovers(folder: Path) -> list[str]:
    """Files and folders of unfinished work, and tickets of the trash that lead nowhere."""
    found = [path for path in folder.rglob("*") if ".c2jy-" in path.name]
    found += [place for place in folder.glob("data/trash/*") if not (place / "draft").exists()]
    return [str(path.relative_to(folder)) for path in found]


def engine_journal(engine: Any) -> Any:
    """The journal of an engine: what the next start will take up is told by nobody else."""
    services = engine._services if hasattr(engine, "_services") else engine._rooms
    return services.journal


async def turn(engine: Any, text: str) -> Any:
    from c2jy_bridge.core.events import TurnEnded

    events = engine.events()
    async with asyncio.timeout(60):
        turn_id = await engine.send(text)
        async for event in events:
            if isinstance(event, TurnEnded) and event.turn_id == turn_id:
                return event
    return None


async def main(scenario: str, folder: Path, api_base: str, bot_id: str, fatal: int) -> None:
    from c2jy_bridge.engine import Engine

    name, _, later = scenario.partition(":")
    if later:
        print(json.dumps(await again(name, Engine(settings(folder, api_base, bot_id)), folder, api_base)))
        return
    steps = Steps([folder], fatal)
    # The journal's connection must be seen when it is made, and what comes before the action is not counted.
    steps.watch()
    steps.counting = name == "chat"
    engine = Engine(settings(folder, api_base, bot_id))
    await prepare(name, engine, folder, api_base)
    steps.counting = True
    await SCENARIOS[name](engine, folder, api_base)
    steps.counting = False
    await engine.close()
    print(json.dumps(steps.taken))


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])))
