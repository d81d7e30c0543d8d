"""The follower of all requests ends when it is told to, also when an answer comes at that very moment."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from c2jy_bridge.relay.studio.index import Follower, Index


class Watcher:
    """Loses the first cancellation, as `asyncio.wait_for` of Python 3.11 does when an answer comes too."""

    def __init__(self) -> None:
        self.read = self.lost = self.stopped = False

    async def updates(self, timeout: float) -> None:
        """None: everything that there was has been read."""
        try:
            await asyncio.sleep(60 if self.read else 0)
        except asyncio.CancelledError:
            if self.lost:
                raise
            self.lost = True
        self.read = True

    async def stop(self) -> None:
        self.stopped = True


async def test_it_ends_though_a_cancellation_is_lost() -> None:
    watcher = Watcher()

    async def watchall() -> Watcher:
        return watcher

    async def changed(_: object) -> None:
        raise AssertionError

    studio: Any = SimpleNamespace(requests=SimpleNamespace(watchall=watchall))
    follower = Follower(studio, Index(), changed)
    await follower.start()
    await asyncio.sleep(0.05)
    await asyncio.wait_for(follower.aclose(), 10)
    assert (watcher.lost, watcher.stopped) == (True, True)
