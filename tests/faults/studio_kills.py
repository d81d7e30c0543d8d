"""Requests over the machines of a studio while processes are killed: none lost, none doubled.

    python -m faults.studio_kills --requests 5000 --machines 4 --servers 3

Everything is a real process: nats-server, gateway, machines, the emulator. What is counted are the drafts on
the machines' disks.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from nats_server import NatsServer
from studio_processes import StudioProcesses, draft, studio

PATIENCE_S = 600.0
"""Seconds that one request may take; a killed machine is back after a few."""
AT_ONCE = 8


@dataclass
class Outcome:
    """What was asked for and what came of it."""

    asked: list[str]
    states: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    drafts: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def lost(self) -> list[str]:
        return sorted((Counter(self.asked) - Counter(self.drafts)).elements())

    @property
    def doubled(self) -> list[str]:
        return sorted((Counter(self.drafts) - Counter(self.asked)).elements())


def run(
    folder: Path,
    environment: Mapping[str, str],
    *,
    requests: int,
    machines: int,
    servers: int,
    pause_s: float = 2.0,
    seed: int = 0,
) -> Outcome:
    """Send the requests; meanwhile kill -9, and start again, machines and servers, each `pause_s` seconds."""
    outcome = Outcome([f"draft-{number}" for number in range(requests)])
    done = threading.Event()
    names = [f"m{number}" for number in range(machines)]
    with studio(folder, environment, servers=servers, machines=names, one_coze=True) as (processes, made):
        processes.until(processes.is_ready, "the gateway is not ready")
        began = time.monotonic()
        killer = threading.Thread(
            target=_kill, args=(processes, made, done, outcome.kills, random.Random(seed), pause_s)
        )
        killer.start()
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for state, problem in pool.map(lambda name: _ask(processes.client, name), outcome.asked):
                    outcome.states[state] += 1
                    outcome.problems.update([problem] if problem else [])
        finally:
            done.set()
            killer.join()
        outcome.seconds = time.monotonic() - began
        outcome.drafts = processes.drafts()
    return outcome


def _ask(client: httpx.Client, name: str) -> tuple[str, str]:
    """Ask as a caller should: with a key, and again until there is an answer."""
    deadline = time.monotonic() + PATIENCE_S
    where = ""
    while time.monotonic() < deadline:
        try:
            if where:
                answer = client.get(where, headers={"Prefer": "wait=20"})
            else:
                headers = {"Prefer": "wait=20", "Idempotency-Key": name}
                answer = client.post("/v1/requests", json=draft(name), headers=headers)
        except httpx.HTTPError:
            continue
        if answer.status_code in (200, 202):
            body = answer.json()
            where = f"/v1/requests/{body['id']}"
            if body["state"] in ("succeeded", "failed", "cancelled"):
                return body["state"], str((body["problem"] or {}).get("type", ""))
        else:
            time.sleep(0.5)
    return "no answer", ""


def _kill(
    processes: StudioProcesses,
    servers: list[NatsServer],
    done: threading.Event,
    kills: Counter[str],
    chance: random.Random,
    pause_s: float,
) -> None:
    while not done.wait(pause_s * (0.5 + chance.random())):
        for machine in processes.machines.values():
            if machine.has_ended:  # as systemd does it
                machine.start()
        if len(servers) > 2 and kills["server"] <= kills["machine"]:
            server = chance.choice(servers)
            server.kill()
            done.wait(1.0)
            server.start()
            kills["server"] += 1
            done.wait(3.0)  # the cluster is whole again before it loses another one
        else:
            machine = processes.machines[chance.choice(list(processes.machines))]
            machine.kill()
            done.wait(0.5)
            machine.start()
            kills["machine"] += 1


def main() -> int:
    """Run from the command line; 1 when anything was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--machines", type=int, default=4)
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--pause", type=float, default=8.0, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = {"HOME": folder, "XDG_CONFIG_HOME": f"{folder}/config", "XDG_DATA_HOME": f"{folder}/data"}
        found = run(
            Path(folder),
            {**os.environ, **home},
            requests=given.requests,
            machines=given.machines,
            servers=given.servers,
            pause_s=given.pause,
            seed=given.seed,
        )
    print(f"{given.requests} requests in {found.seconds:.0f} s; states {dict(found.states)}")
    print(f"problems {dict(found.problems)}; killed {dict(found.kills)}")
    print(f"lost {found.lost[:20]}; doubled {found.doubled[:20]}")
    return 1 if found.lost or found.doubled or set(found.states) != {"succeeded"} else 0


if __name__ == "__main__":
    sys.exit(main())
