"""Requests over the machines of a studio while processes are killed: none lost, none doubled.

    python -m faults.studio_kills --requests 5000 --machines 4 --servers 3

Everything is a real process: nats-server, gateway, machines, the emulator. What is counted are the drafts on
the machines' disks.
"""

from __future__ import annotations

import argparse
import math
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
from typing import Any

import httpx

from studio_processes import StudioProcesses, draft, studio

PATIENCE_S = 600.0
"""Seconds that one request may take; a killed machine is back after a few."""
AT_ONCE = 8


CALAMITIES = ("machine", "leader", "cut", "follower", "silence")
"""Of the last four only where there are three servers: the stream's leader, another one, their wire."""


@dataclass
class Outcome:
    """What was asked for and what came of it."""

    requests: int
    states: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    made: dict[str, str] = field(default_factory=dict)
    """The id of the draft that the answer names, by request id."""
    drafts: Counter[str] = field(default_factory=Counter)
    """How often each draft id is on the disks."""
    seconds: float = 0.0

    @property
    def lost(self) -> list[str]:
        """Requests without an answer, or whose draft is on no disk."""
        unanswered = ["no answer"] * (self.requests - len(self.made))
        return unanswered + [request for request, draft_id in self.made.items() if not self.drafts[draft_id]]

    @property
    def doubled(self) -> list[str]:
        """Drafts that no answer names, and those that are there twice or were answered twice."""
        return sorted((self.drafts - Counter(set(self.made.values()))).elements())


def run(
    folder: Path,
    environment: Mapping[str, str],
    *,
    requests: int,
    machines: int,
    servers: int,
    pause_s: float = 2.0,
    seed: int = 0,
    seconds: float = math.inf,
) -> Outcome:
    """Send the requests; meanwhile kill -9, and start again, machines and servers, each `pause_s` seconds."""
    outcome = Outcome(requests)
    done = threading.Event()
    names = [f"m{number}" for number in range(machines)]
    with studio(folder, environment, servers=servers, machines=names, one_coze=True, wired=servers > 2) as (
        processes,
        _,
    ):
        processes.until(processes.is_ready, "the gateway is not ready")
        began = time.monotonic()
        deadline = began + seconds
        killer = threading.Thread(
            target=_kill, args=(processes, done, outcome.kills, random.Random(seed), pause_s, deadline)
        )
        killer.start()
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                asked = (f"draft-{number}" for number in range(requests))
                for answer in pool.map(lambda name: _ask(processes.client, name, deadline), asked):
                    if answer is None:
                        continue
                    outcome.states[answer["state"]] += 1
                    if answer["problem"]:
                        outcome.problems[answer["problem"]["type"]] += 1
                    for one in (answer["result"] or {}).get("drafts", ()):
                        outcome.made[answer["id"]] = one["draft_id"]
        finally:
            done.set()
            killer.join()
        outcome.seconds = time.monotonic() - began
        outcome.drafts = Counter(processes.draft_ids())
        if not_begun := requests - outcome.states.total():
            outcome.requests -= not_begun
    return outcome


def _ask(client: httpx.Client, name: str, until: float) -> dict[str, Any] | None:
    """Ask as a caller should: with a key, and again until there is an answer; None when it is too late."""
    if time.monotonic() > until:
        return None
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
            body: dict[str, Any] = answer.json()
            where = f"/v1/requests/{body['id']}"
            if body["state"] in ("succeeded", "failed", "cancelled"):
                return body
        else:
            time.sleep(0.5)
    return {"id": "", "state": "no answer", "result": None, "problem": None}


def _kill(
    processes: StudioProcesses,
    done: threading.Event,
    kills: Counter[str],
    chance: random.Random,
    pause_s: float,
    until: float,
) -> None:
    servers, wires = processes.servers, processes.wires
    kinds = CALAMITIES if wires else ("machine",)
    while not done.wait(pause_s * (0.5 + chance.random())) and time.monotonic() < until:
        for machine in processes.machines.values():
            if machine.has_ended:  # as systemd does it
                machine.start()
        kind = kinds[kills.total() % len(kinds)]
        if kind == "machine":
            machine = processes.machines[chance.choice(list(processes.machines))]
            machine.kill()
            done.wait(0.5)
            machine.start()
        else:
            leader = processes.until(lambda: [processes.leader()], "no server leads the stream")[0]
            others = [number for number in range(len(servers)) if number != leader]
            if kind in ("leader", "follower"):
                server = servers[leader if kind == "leader" else chance.choice(others)]
                server.kill()
                done.wait(1.0)
                server.start()
            else:
                for wire in wires:  # no machine reaches any server; the gateway does
                    wire.cut(silently=kind == "silence")
                done.wait(4.0)  # longer than a lease: what was running is offered to others
                for wire in wires:
                    wire.heal()
            done.wait(3.0)  # the cluster is whole again before it loses another one
        kills[kind] += 1


def main() -> int:
    """Run from the command line; 1 when anything was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--machines", type=int, default=4)
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--pause", type=float, default=8.0, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no request after so long")
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
            seconds=given.seconds,
        )
    print(f"{found.requests} requests in {found.seconds:.0f} s; states {dict(found.states)}")
    print(f"problems {dict(found.problems)}; killed {dict(found.kills)}")
    print(f"lost {found.lost[:20]}; doubled {found.doubled[:20]}")
    return 1 if found.lost or found.doubled or set(found.states) != {"succeeded"} else 0


if __name__ == "__main__":
    sys.exit(main())
