"""One process that works for long: memory, descriptors and threads stay as they are.

    python -m faults.endurance [--requests N] [--turns N]

An engine with bridge mode on gets requests over HTTP, 50 in flight, each through a Bot chat; then it is asked
questions, every other one with a tool call. Coze is an emulator in a process of its own. What is measured is
printed after every twentieth of the work.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from c2jy_bridge.core.bridge_requests import State
from c2jy_bridge.core.events import TurnCompleted, TurnEnded
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine
from c2jy_bridge.relay.bridge import bridge_tokens

IN_FLIGHT: Final = 50
TURNS_IN_A_CONVERSATION: Final = 50
SAMPLES: Final = 20
"""Of each part."""
GROWTH_MB: Final = 16.0
"""Growth of resident memory after the first quarter of a part: caches of SQLite and of the allocator."""
MORE_DESCRIPTORS: Final = 8
"""Kept-alive connections come and go."""

SCRIPT: Final = """
rules:
  - name: obeys
    match: "(?P<handle>[0-9a-f]{16}-[0-9a-f]{24})"
    steps:
      - call: bridge_execute
        arguments: {handle: "{{handle}}"}
      - say: OK
  - name: calls
    match: "^list (?P<number>[0-9]+)"
    steps:
      - call: list_drafts
        arguments: {}
      - say: "These are all drafts, looked at for the time number {{number}}."
fallback:
  - say: "You said: {{text}}"
"""
SERVE: Final = """
import sys
from coze_emulator import Script, serve
def ready(emulator):
    print(emulator.base_url, emulator.bot_id, flush=True)
serve(port=0, script=Script.parse(sys.argv[1]), on_ready=ready, pace_s=0)
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """The process at one moment."""

    part: str
    done: int
    memory_mb: float
    """Resident, after a collection of garbage; 0 where the system has no /proc."""
    descriptors: int
    threads: int
    tasks: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.part:9} {self.done:6} {self.memory_mb:8.1f} MB {self.descriptors:4} descriptors"
            f" {self.threads:3} threads {self.tasks:4} tasks {self.seconds:7.1f} s"
        )


class Meter:
    """Takes samples as the work goes on."""

    def __init__(self, *, show: bool) -> None:
        self.samples: list[Sample] = []
        self._show = show
        self._began = time.monotonic()

    def sample(self, part: str, done: int) -> None:
        """Look at the process now."""
        gc.collect()
        sample = Sample(
            part,
            done,
            _resident_mb(),
            len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0,
            threading.active_count(),
            len(asyncio.all_tasks()),
            time.monotonic() - self._began,
        )
        self.samples.append(sample)
        if self._show:
            print(sample, flush=True)

    def growths(self) -> list[str]:
        """What did not stay as it was; each part is judged from its first quarter on."""
        found = []
        for part in dict.fromkeys(sample.part for sample in self.samples):
            samples = [sample for sample in self.samples if sample.part == part]
            settled, last = samples[: max(1, len(samples) // 4)], samples[-1]
            if last.memory_mb > max(s.memory_mb for s in settled) + GROWTH_MB:
                found.append(f"{part}: memory {settled[-1].memory_mb:.1f} -> {last.memory_mb:.1f} MB")
            if last.descriptors > max(s.descriptors for s in settled) + MORE_DESCRIPTORS:
                found.append(f"{part}: descriptors {settled[-1].descriptors} -> {last.descriptors}")
            if last.threads > max(s.threads for s in settled) + 1:
                found.append(f"{part}: threads {settled[-1].threads} -> {last.threads}")
        return found


def _resident_mb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def run(requests: int, turns: int, *, show: bool = True) -> tuple[Meter, list[str]]:
    """All the work; the samples, and what went wrong with it."""
    meter, faults = Meter(show=show), []
    with tempfile.TemporaryDirectory() as folder, _coze() as (url, bot_id):
        settings = _settings(url, bot_id, Path(folder))
        engine = Engine(settings)
        await engine.start()
        problem = await engine.switch_bridge(True)
        assert problem is None, problem
        draining = asyncio.create_task(_drain(engine))
        address = (await engine.bridge()).address
        token = await asyncio.to_thread(bridge_tokens(settings).current)
        faults += await _ask_bridge(address, token, requests, meter)
        faults += await _ask_bot(engine, turns, meter)
        counts = (await engine.bridge()).counts
        if counts[State.SUCCEEDED] != requests:
            faults.append(f"requests: {dict(counts)}")
        draining.cancel()
        await engine.close()
    return meter, faults


async def _drain(engine: Engine) -> None:
    async for _ in engine.events():
        pass


async def _ask_bridge(address: str, token: str, requests: int, meter: Meter) -> list[str]:
    host, _, port = address.removeprefix("http://").rpartition(":")
    body = json.dumps({"tool": "list_drafts"}).encode()
    head = (
        f"POST /v1/requests HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nPrefer: wait=120\r\n"
        f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    )
    faults: list[str] = []
    numbers, done = iter(range(requests)), 0

    async def caller() -> None:
        nonlocal done
        for number in numbers:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"{head}Idempotency-Key: key-{number}\r\n\r\n".encode() + body)
            answer = await reader.read()
            writer.close()
            if b'"state":"succeeded"' not in answer:
                faults.append(f"request {number}: {answer[:300]!r}")
            done += 1
            if done % max(1, requests // SAMPLES) == 0:
                meter.sample("requests", done)

    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
    return faults


async def _ask_bot(engine: Engine, turns: int, meter: Meter) -> list[str]:
    faults = []
    async with contextlib.aclosing(_endings(engine)) as endings:
        for number in range(turns):
            if number % TURNS_IN_A_CONVERSATION == 0:
                await engine.new_conversation()
            turn_id = await engine.send(f"list {number}" if number % 2 else f"Hello for the time {number}")
            end = await anext(end async for end in endings if end.turn_id == turn_id)
            if not isinstance(end, TurnCompleted):
                faults.append(f"turn {number}: {end}")
            if (number + 1) % max(1, turns // SAMPLES) == 0:
                meter.sample("turns", number + 1)
    return faults


async def _endings(engine: Engine) -> AsyncGenerator[TurnEnded, None]:
    async for event in engine.events():
        if isinstance(event, TurnEnded):
            yield event


def _settings(url: str, bot_id: str, folder: Path) -> Settings:
    drafts = folder / "drafts"
    drafts.mkdir()
    return Settings.model_validate(
        {
            "coze": {"api_base": url, "token": "pat_test", "bot_id": bot_id},
            "bridge": {"intakes": ["http"], "port": 0, "parallel": 16, "rate_per_minute": 10**6},
            "drafts": {"root": drafts},
            "data_dir": folder / "data",
            "config_dir": folder / "config",
        }
    )


@contextlib.contextmanager
def _coze() -> Iterator[tuple[str, str]]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, SCRIPT], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            url, bot_id = process.stdout.readline().split()
            yield url, bot_id
        finally:
            process.kill()


def main() -> int:
    """Work, print the samples; 1 when something grew or failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=1_000)
    options = parser.parse_args()
    meter, faults = asyncio.run(run(options.requests, options.turns))
    growths = meter.growths()
    print(f"\n{options.requests} requests, {options.turns} turns; failed {len(faults)}, grew {growths}")
    for fault in faults[:20]:
        print(fault)
    return 1 if faults or growths else 0


if __name__ == "__main__":
    sys.exit(main())
