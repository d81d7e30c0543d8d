"""What machines say of themselves: a heartbeat each, and the tools that they have."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any, Final

from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError, NoKeysError

from c2jy_bridge.core.views import ToolView, WorkerView
from c2jy_bridge.relay.request import QueueUnavailable
from c2jy_bridge.relay.studio.connection import Studio, end_tasks, patiently

log = logging.getLogger(__name__)

BEAT_S: Final = 10.0
"""Seconds between two heartbeats."""
TOOLS_AGAIN_S: Final = 3600.0
"""Seconds after which a machine that runs on announces its tools again, which are kept for a day."""


class Announcer:
    """Announces this machine until it is closed, and hears whether it shall drain."""

    def __init__(
        self,
        studio: Studio,
        look: Callable[[], WorkerView],
        tools: Sequence[ToolView],
        drain: Callable[[bool], object],
        *,
        beat_s: float = BEAT_S,
    ) -> None:
        """`look` is the machine as it is now; `drain` is called with every heartbeat."""
        self._studio, self._look, self._drain, self._beat_s = studio, look, drain, beat_s
        self._tools = json.dumps([_described(tool) for tool in tools], ensure_ascii=False).encode()
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Announce the tools and the machine, and go on."""
        await self._announce_tools()
        await self._beat()
        self._beating = asyncio.create_task(self._beat_on())

    async def aclose(self) -> None:
        """Say that the machine is gone."""
        if self._beating is not None:
            await end_tasks(self._beating)
        with suppress(NatsError, TimeoutError):
            await self._studio.workers.delete(self._look().name)

    async def _announce_tools(self) -> None:
        digest = hashlib.sha256(self._tools).hexdigest()
        await patiently(lambda: self._studio.toolsets.put(digest, self._tools))

    async def _beat(self) -> None:
        name = self._look().name
        try:
            await patiently(lambda: self._studio.control.get(f"drain-{name}"))
            draining = True
        except KeyNotFoundError:
            draining = False
        self._drain(draining)
        data = json.dumps(asdict(self._look()), ensure_ascii=False).encode()
        await patiently(lambda: self._studio.workers.put(name, data))

    async def _beat_on(self) -> None:
        loop = asyncio.get_running_loop()
        tools_again = loop.time() + TOOLS_AGAIN_S
        while True:
            await asyncio.sleep(self._beat_s)
            try:
                await self._beat()
                if loop.time() >= tools_again:
                    await self._announce_tools()
                    tools_again = loop.time() + TOOLS_AGAIN_S
            except (NatsError, QueueUnavailable, OSError) as error:
                log.info("no heartbeat: %s", error)


async def workers_of(studio: Studio) -> list[WorkerView]:
    """The machines that are there, by name."""
    found = []
    names = {field.name for field in fields(WorkerView)}
    for value in await _values(studio.workers):
        view = {key: item for key, item in json.loads(value).items() if key in names}
        found.append(WorkerView(**{**view, "labels": tuple(view.get("labels", ()))}))
    return sorted(found, key=lambda worker: worker.name)


async def toolsets_of(studio: Studio) -> list[list[dict[str, Any]]]:
    """The lists of tools that machines have announced within a day."""
    return [json.loads(value) for value in await _values(studio.toolsets)]


async def set_draining(studio: Studio, name: str, draining: bool) -> None:
    """Have a machine take no more requests, or take them again; it hears so with its next heartbeat."""
    key = f"drain-{name}"
    if draining:
        await patiently(lambda: studio.control.put(key, b"1"))
    else:
        await patiently(lambda: studio.control.purge(key))


async def _values(bucket: Any) -> Iterable[bytes]:
    async def keys() -> list[str]:
        try:
            found: list[str] = await bucket.keys()
        except NoKeysError:
            return []
        return found

    found = []
    for key in await patiently(keys):
        with suppress(KeyNotFoundError):  # gone in between
            entry = await bucket.get(key)
            found.append(entry.value or b"{}")
    return found


def _described(tool: ToolView) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "policy": tool.policy,
        "parameters": tool.parameters,
    }
