"""A studio's gateway and its operator's commands, for a UI; nats-py is imported only here, when called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from c2jy_bridge.core.events import Event, Problem
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.views import BridgeView, WorkerView
from c2jy_bridge.engine.bridging import make_tokens
from c2jy_bridge.relay.request import BridgeProblem, bridge_problem

if TYPE_CHECKING:
    from c2jy_bridge.relay.studio.connection import Studio


class StudioError(Exception):
    """The studio cannot be used; `problem` says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@asynccontextmanager
async def gateway(settings: Settings, emit: Callable[[Event], Awaitable[None]]) -> AsyncIterator[BridgeView]:
    """Run a gateway: requests come in over HTTP and are run by the studio's machines.

    Args:
        settings: The studio, and where to listen.
        emit: Awaited for every change of a request.

    Raises:
        StudioError: The servers cannot be used, or the address cannot be listened on.
    """
    try:
        from c2jy_bridge.relay.bridge import import_studio

        module = await import_studio("gateway")
        made = module.Gateway(_in_studio(settings), tokens=make_tokens(settings), emit=emit)
        await made.start()
    except BridgeProblem as error:
        raise StudioError(error.problem) from None
    try:
        yield await made.status()
    finally:
        await made.stop()


async def workers(settings: Settings) -> Sequence[WorkerView]:
    """The machines of the studio that are there; raises StudioError."""
    async with _connected(settings) as studio:
        from c2jy_bridge.relay.studio.workers import workers_of

        return await workers_of(studio)


async def drain(settings: Settings, name: str, *, draining: bool = True) -> bool:
    """Have a machine take no more requests, or take them again; raises StudioError.

    Returns:
        Whether the machine is there. The order holds in any case, also when it comes back.
    """
    async with _connected(settings) as studio:
        from c2jy_bridge.relay.studio.workers import set_draining, workers_of

        await set_draining(studio, name, draining)
        return any(worker.name == name for worker in await workers_of(studio))


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[Studio]:
    from c2jy_bridge.relay.bridge import import_studio

    try:
        module = await import_studio("connection")
        bridge = settings.bridge
        studio: Studio = await module.open_studio(
            _in_studio(settings).studio,
            limit=bridge.queue_limit,
            retention_s=bridge.retention_s,
            who="operator",
            role="operator",
        )
    except BridgeProblem as error:
        raise StudioError(error.problem) from None
    try:
        yield studio
    finally:
        await studio.aclose()


def _in_studio(settings: Settings) -> Settings:
    if not settings.studio.queue:
        raise BridgeProblem(bridge_problem("no_queue"))
    return settings
