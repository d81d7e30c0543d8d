"""The wire breaks in every way, at every place, for every time: what is lost, doubled, stuck, blocked.

    python -m faults.network [--long] [--at WORD ...]

Each case has an engine, a data folder and a conversation of its own, and a proxy between it and Coze. The
question's tool writes a line into a file. Afterwards the wire is whole again, a second question is asked, and
the engine is started anew.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from c2jy_bridge.core.events import Event, TurnCompleted, TurnEnded, TurnFailed
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine
from coze_emulator import Emulator, Script
from faults.proxy import KINDS, PLACES, Fault, Proxy

PATIENCE_S: Final = 240.0
"""A turn that has no end after the fault and so long is stuck."""
STALL_S: Final = 5.0
AT_ONCE: Final = 12

SCRIPT: Final = """
rules:
  - name: writes
    match: "^write (?P<word>\\\\S+)"
    steps:
      - say: "A moment, please: this takes a little while. "
      - call: write_line
        arguments: {text: "{{word}}"}
      - say: "It is written: {{outputs.0.wrote}}. What comes next, and what comes after that?"
fallback:
  - say: "You said: {{text}}"
"""
TOOL: Final = '''
import time
from pathlib import Path
from c2jy_bridge.plugin import tool

@tool(policy="allow")
def write_line(text: str) -> dict:
    """Write a line.

    Args:
        text: The line.
    """
    with (Path(__file__).parent / "lines").open("a") as file:
        file.write(text + "\\n")
    time.sleep(0.3)
    return {"wrote": text}
'''


@dataclass(slots=True)
class Outcome:
    """What became of one case."""

    fault: Fault
    faults: list[str] = field(default_factory=list)
    """lost, doubled, stuck, blocked, half (an answer that is not whole)."""
    struck: int = 0
    seconds: float = 0.0
    words: str = ""


def cases(*, long: bool) -> Iterator[Fault]:
    """Every kind at every place; once, and in the long form for 10 s and for 2 min too."""
    for seconds in (0.0, 10.0, 120.0) if long else (0.0,):
        for place in PLACES:
            if place == "while_tool_runs" and not seconds:
                continue  # no request is under way then that could break
            for kind in KINDS:
                yield Fault(kind, place, seconds)


async def run(fault: Fault, emulator: Emulator, folder: Path) -> Outcome:
    """One case from the question to the last look."""
    outcome, began = Outcome(fault), time.monotonic()
    tools = folder / "config" / "tools"
    tools.mkdir(parents=True)
    (tools / "write.py").write_text(TOOL)
    async with Proxy(emulator.base_url, fault) as proxy:
        settings = _settings(proxy.url, emulator.bot_id, folder)
        word = f"{fault.kind}-{fault.place}-{fault.seconds:g}"
        engine = Engine(settings)
        await engine.start()
        # A conversation that Coze and the app know already, as most questions have one.
        await _turn(engine, "hello", 60)
        proxy.arm()
        first = await _turn(engine, f"write {word}", PATIENCE_S + fault.seconds)
        await proxy.over()
        proxy.heal()
        outcome.struck = proxy.struck
        if first is None:
            outcome.faults.append("stuck")
        elif isinstance(first, TurnFailed):
            outcome.words = first.problem.message
        await asyncio.sleep(0.5)
        if not await _takes_questions(engine, "hello again", outcome):
            outcome.faults.append("blocked")
        conversation = engine.conversation_id
        await engine.close()
        again = Engine(settings)
        await again.start(reopen=True)
        if not await _takes_questions(again, "hello after a restart", outcome):
            outcome.faults.append("blocked after a restart")
        messages = await again.messages(conversation)
        await again.close()
    lines = (tools / "lines").read_text().split() if (tools / "lines").exists() else []
    if len(lines) > 1:
        outcome.faults.append("doubled")
    answered = any(
        f"It is written: {word}. What comes next, and what comes after that?" in m.text for m in messages
    )
    asked = [seen for seen in emulator.requests_to("/v3/chat") if f"write {word}" in str(seen.body)]
    if len(asked) > 1:
        outcome.faults.append("asked twice")
    if not asked and not isinstance(first, TurnFailed):
        outcome.faults.append("not asked")
    if asked and not lines:
        outcome.faults.append("lost: the tool never ran")
    elif asked and not answered:
        outcome.faults.append("lost: no answer")
    outcome.seconds = time.monotonic() - began
    return outcome


async def _takes_questions(engine: Engine, text: str, outcome: Outcome) -> bool:
    """Whether the conversation takes another question; what is owed may need a moment, hence three tries."""
    for _ in range(3):
        end = await _turn(engine, text, 90)
        if isinstance(end, TurnCompleted):
            return True
        words = end.problem.message if isinstance(end, TurnFailed) else str(end)
        outcome.words += f" | {text}: {words}"
        await asyncio.sleep(5)
    return False


def _settings(url: str, bot_id: str, folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "coze": {
                "api_base": url,
                "token": "t",
                "bot_id": bot_id,
                "stall_timeout_s": STALL_S,
                "connect_timeout_s": 3.0,
            },
            "drafts": {"root": str(folder / "drafts")},
            "data_dir": str(folder / "data"),
            "config_dir": str(folder / "config"),
        }
    )


async def _turn(engine: Engine, text: str, patience_s: float = 30.0) -> TurnEnded | None:
    """The end of a turn; None when it has none in that time."""
    events = engine.events()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            turn_id = await engine.send(text)
            async for event in events:
                if _ends(event, turn_id):
                    assert isinstance(event, TurnEnded)
                    return event
    return None


def _ends(event: Event, turn_id: str) -> bool:
    return isinstance(event, TurnEnded) and event.turn_id == turn_id


async def run_all(faults: Sequence[Fault], *, show: bool = True) -> list[Outcome]:
    """All cases, some at once."""
    gate = asyncio.Semaphore(AT_ONCE)
    outcomes: list[Outcome] = []
    with Emulator(script=Script.parse(SCRIPT)) as emulator, tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(emulator.wait_ready)

        async def one(number: int, fault: Fault) -> None:
            async with gate:
                try:
                    outcome = await run(fault, emulator, Path(folder) / str(number))
                except Exception as error:  # the table wants every case
                    outcome = Outcome(fault, [f"broken: {type(error).__name__}: {error}"])
            outcomes.append(outcome)
            if show:
                found = ", ".join(outcome.faults) or "ok"
                print(
                    f"{fault!s:48} {outcome.seconds:6.1f} s, met {outcome.struck}: {found}  {outcome.words}"
                )
                sys.stdout.flush()

        # The longest first.
        order = sorted(faults, key=lambda fault: -fault.seconds)
        await asyncio.gather(*(one(number, fault) for number, fault in enumerate(order)))
    return outcomes


def main() -> int:
    """Run the matrix and print its counts; 1 when anything was lost, doubled, stuck or blocked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="also faults of 10 s and of 2 min")
    parser.add_argument("--at", nargs="*", default=[], help="only cases whose name has one of these words")
    options = parser.parse_args()
    chosen = [f for f in cases(long=options.long) if not options.at or any(w in str(f) for w in options.at)]
    outcomes = asyncio.run(run_all(chosen))
    print(f"\n{table(outcomes)}\n")
    print("never struck:", [str(outcome.fault) for outcome in outcomes if not outcome.struck])
    return 1 if any(outcome.faults for outcome in outcomes) else 0


FOUND: Final = (
    *("lost", "doubled", "stuck", "blocked", "blocked after a restart", "asked twice", "not asked"),
    "broken",
)


def table(outcomes: Sequence[Outcome]) -> str:
    """What was found after each kind of fault and each duration, as Markdown; the last row is the sum."""
    rows = [("fault", "lasts", "cases", *FOUND), ("---",) * (len(FOUND) + 3)]
    groups = {(kind, seconds) for kind in KINDS for seconds in {o.fault.seconds for o in outcomes}}
    for kind, seconds in sorted(groups, key=lambda group: (group[1], KINDS.index(group[0]))):
        of = [o for o in outcomes if (o.fault.kind, o.fault.seconds) == (kind, seconds)]
        rows.append(_row(kind.replace("_", " "), f"{seconds:g} s" if seconds else "once", of))
    rows.append(_row("all", "", outcomes))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(name: str, lasts: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    counts = Counter(fault.partition(":")[0] for outcome in outcomes for fault in outcome.faults)
    return (name, lasts, str(len(outcomes)), *(str(counts[fault]) for fault in FOUND))


if __name__ == "__main__":
    sys.exit(main())
