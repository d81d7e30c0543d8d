"""Switches bridge mode on and off; the relay is imported only when it is first switched on."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.core.events import BridgeStopped, Decision, Event, Problem
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.views import BridgeView, WorkerView
from c2jy_bridge.coze import CozeClient, CozeProblem
from c2jy_bridge.journal import Journal
from c2jy_bridge.plugin import ToolRegistry, ToolRunner

if TYPE_CHECKING:
    from c2jy_bridge.relay.bridge import Bridge
    from c2jy_bridge.relay.intakes.http import Tokens
    from c2jy_bridge.relay.request_queue import RequestService

CLOSE_GRACE_S: Final = 1.5
"""Seconds that running requests have to end when the engine closes; then they go back into the queue."""


class BridgeSwitch:
    """Switches bridge mode on and off, and gives access to its requests."""

    def __init__(
        self,
        settings: Settings,
        *,
        registry: ToolRegistry,
        runner: ToolRunner,
        journal: Journal,
        client: Callable[[], Awaitable[CozeClient]],
        answer: Callable[[str, Decision], bool],
        pack: Callable[[str, Path], Awaitable[Sequence[Path]]],
        emit: Callable[[Event], Awaitable[None]],
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        """Opens and imports nothing yet; the arguments are those of `relay.bridge.Bridge`."""
        self._settings = settings
        self._registry = registry
        self._runner = runner
        self._journal = journal
        self._client = client
        self._answer = answer
        self._pack = pack
        self._emit = emit
        self._clock = clock
        self._new_id = new_id
        self._bridge: Bridge | None = None
        self._switching = asyncio.Lock()

    async def switch(self, on: bool) -> Problem | None:
        """Switch it on or off; returns why it could not be started, which `BridgeStopped` reports too."""
        async with self._switching:
            if not on:
                if self._bridge is not None:
                    await self._bridge.stop()
                return None
            # In a thread, because importing FastAPI and uvicorn takes long.
            problems = await asyncio.to_thread(importlib.import_module, "c2jy_bridge.relay.request")
            bridge = await self._built_bridge()
            # cozepy is imported before the web app is built, because both install filters for Python's
            # warnings, which all threads share, and would remove each other's.
            with suppress(CozeProblem):
                await self._client()
            try:
                await bridge.start()
            except problems.BridgeProblem as error:
                problem: Problem = error.problem
                await self._emit(BridgeStopped(at=self._clock(), problem=problem))
                return problem
            return None

    async def view(self) -> BridgeView:
        """Its current status."""
        return BridgeView(on=False) if self._bridge is None else await self._bridge.status()

    async def requests(self, limit: int) -> Sequence[BridgeRequest]:
        """The newest requests first; none while it is off."""
        if self._bridge is None or self._bridge.service is None:
            return ()
        return await self._bridge.service.page(limit=limit)

    async def cancel(self, request_id: str) -> bool:
        """Cancel a request; False for an unknown id."""
        if self._bridge is None or self._bridge.service is None:
            return False
        return await self._bridge.service.cancel(request_id) is not None

    async def retry(self, request_id: str) -> str:
        """Repeat a request as a new one; returns its id, empty for an unknown `request_id`."""
        service = self._bridge.service if self._bridge is not None else None
        old = await service.get(request_id) if service is not None else None
        if service is None or old is None:
            return ""
        return await _again(service, old)

    async def machines(self) -> Sequence[WorkerView]:
        """The machines of the studio; none while it is off, and on one machine."""
        return await self._bridge.machines() if self._bridge is not None else ()

    async def drain(self, name: str, draining: bool) -> None:
        """Have a machine of the studio take no more requests, or take them again."""
        if self._bridge is not None:
            await self._bridge.drain(name, draining)

    async def send(self, request_id: str, machine: str) -> str:
        """Have a machine of the studio run a request that has not begun; repeat one that has ended there.

        Returns:
            Its id, or that of its repetition; empty when its tool is running, or there is none of that id.
        """
        if self._bridge is None or self._bridge.service is None:
            return ""
        service = self._bridge.service
        old = await service.get(request_id)
        if old is not None and old.ended:
            return await _again(service, old, f"machine:{machine}")
        return request_id if await self._bridge.send(request_id, machine) else ""

    async def close(self) -> None:
        """Switch it off at the end of the engine, which has less time than a user who switches it off."""
        if self._bridge is not None:
            await self._bridge.stop(CLOSE_GRACE_S)

    async def _built_bridge(self) -> Bridge:
        if self._bridge is None:
            relay_bridge = await asyncio.to_thread(importlib.import_module, "c2jy_bridge.relay.bridge")
            built: Bridge = relay_bridge.Bridge(
                self._settings,
                registry=self._registry,
                runner=self._runner,
                receipts=self._journal,
                client=self._client,
                deny=lambda call_id: self._answer(call_id, Decision.DENY),
                pack=self._pack,
                emit=self._emit,
                clock=self._clock,
                new_id=self._new_id,
            )
            self._bridge = built
        return self._bridge


async def _again(service: RequestService, old: BridgeRequest, target: str = "") -> str:
    again = await service.submit(
        old.tool,
        json.loads(old.arguments),
        source=old.source,
        requester=old.requester,
        relay=old.relay,
        reply_to=old.rid,
        deliver=old.deliver,
        target=target,
    )
    return again.request.request_id


def bridge_token(settings: Settings, *, rotate: bool = False) -> str:
    """The token of this data folder's bridge, created if missing; raises OSError if it cannot be stored."""
    tokens = make_tokens(settings)
    return tokens.rotate() if rotate else tokens.current()


def make_tokens(settings: Settings) -> Tokens:
    """The tokens of this data folder's bridge or gateway."""
    from c2jy_bridge.relay.bridge import bridge_tokens

    return bridge_tokens(settings)
