"""A worker's machine in a studio: its queue, its heartbeat, and the request to stop what runs."""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from c2jy_bridge import __version__
from c2jy_bridge.core.bridge_requests import BridgeRequest, State
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.views import ToolView, WorkerView
from c2jy_bridge.relay.studio.artifacts import StudioArtifacts
from c2jy_bridge.relay.studio.connection import Studio, open_studio
from c2jy_bridge.relay.studio.queue import StudioQueue
from c2jy_bridge.relay.studio.workers import Announcer, set_draining, workers_of


@dataclass(frozen=True, slots=True)
class Machine:
    """Open until `aclose`."""

    name: str
    studio: Studio
    queue: StudioQueue
    artifacts: StudioArtifacts
    announcer: Announcer

    async def all(self) -> Sequence[WorkerView]:
        """The machines that are there."""
        return await workers_of(self.studio)

    async def drain(self, name: str, draining: bool) -> None:
        """Have a machine take no more requests, or take them again; it hears so within a heartbeat."""
        await set_draining(self.studio, name, draining)

    async def aclose(self) -> None:
        """Leave the studio; what was claimed has been given back before."""
        await self.announcer.aclose()
        await self.queue.aclose()
        await self.studio.aclose()


async def open_machine(
    settings: Settings,
    *,
    tools: Sequence[ToolView],
    at_work: Callable[[], int],
    ended: Callable[[], Mapping[State, int]],
    wake: Callable[[], object],
    drain: Callable[[bool], object],
    stop: Callable[[str], Awaitable[None]],
    changed: Callable[[BridgeRequest], Awaitable[None]],
    follow: bool,
    clock: Callable[[], float] = time.time,
    steady: Callable[[], float],
) -> Machine:
    """Join the studio.

    Args:
        settings: The studio, and what this machine is.
        tools: What it can run.
        at_work: How many requests it runs.
        ended: How many requests have ended here, by state.
        wake: Makes the worker look into the queue.
        drain: Makes the worker take no more requests, or take them again.
        stop: Stops a running request.
        changed: Awaited for requests that others changed, when all are followed.
        follow: Whether it has an intake of its own, which has to see the ends of requests run elsewhere.
        clock: Unix seconds.
        steady: Unix seconds, for deadlines.

    Raises:
        BridgeProblem: The servers cannot be used.
    """
    bridge, name = settings.bridge, machine_name(settings)
    studio = await open_studio(
        settings.studio, limit=bridge.queue_limit, retention_s=bridge.retention_s, who=name
    )
    root = settings.drafts.root

    def look() -> WorkerView:
        existing = next((p for p in (root, settings.data_dir) if p is not None and p.exists()), None)
        return WorkerView(
            name=name,
            version=__version__,
            drafts_root=str(root or ""),
            free_bytes=shutil.disk_usage(existing).free if existing else 0,
            labels=tuple(settings.studio.labels),
            parallel=bridge.parallel,
            at_work=at_work(),
            draining=draining,
            alive_at=clock(),
            ended={str(state): count for state, count in ended().items()},
        )

    draining = False

    def hear(wanted: bool) -> None:
        nonlocal draining
        draining = wanted
        drain(wanted)

    queue = StudioQueue(
        studio,
        limit=bridge.queue_limit,
        machine=name,
        labels=settings.studio.labels,
        lease_s=settings.studio.lease_s,
        changed=changed,
        offered=wake,
        stopped=stop,
        clock=clock,
        steady=steady,
    )
    announcer = Announcer(studio, look, tools, hear)
    machine = Machine(name, studio, queue, StudioArtifacts(studio), announcer)
    try:
        await queue.start(follow=follow, claim=True)
        await announcer.start()
    except BaseException:
        await asyncio.shield(machine.aclose())
        raise
    return machine


def machine_name(settings: Settings) -> str:
    """The name of this machine in the studio."""
    given = settings.studio.machine or socket.gethostname()
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in given)[:64]
