"""Whether Coze takes the token: while it does not, requests rest and nobody asks it in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from c2jy_bridge.core.events import Problem
from c2jy_bridge.coze import CozeClient, CozeProblem
from c2jy_bridge.relay.problems import LOGIN, PASSING, needs_login

FIRST_LOOK_S: Final = 15.0
"""Seconds until Coze is first asked whether it takes the token again."""
LONGEST_LOOK_S: Final = 300.0


class Login:
    """Lost at the first refusal, found again when Coze answers anything but a refusal of the token."""

    def __init__(
        self, client: Callable[[], Awaitable[CozeClient]], found: Callable[[], Awaitable[None]]
    ) -> None:
        """`client` is the way to Coze and may raise CozeProblem; `found` is awaited when it works again."""
        self.problem: Problem | None = None
        """Why requests rest; None while they need not."""
        self._client = client
        self._found = found
        self._looking: asyncio.Task[None] | None = None

    def lost(self, why: Problem) -> Problem:
        """Coze refused the token; returns the problem that resting requests have."""
        if self.problem is None:
            self.problem = needs_login(why)
            self._looking = asyncio.create_task(self._look())
        return self.problem

    async def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        pause_s = FIRST_LOOK_S
        while True:
            await asyncio.sleep(pause_s)
            if await self._taken():
                self.problem = None
                await self._found()
                return
            pause_s = min(LONGEST_LOOK_S, pause_s * 2)

    async def _taken(self) -> bool:
        try:
            problem = await (await self._client()).check()
        except CozeProblem as error:
            problem = error.problem
        return problem is None or problem.kind not in LOGIN | PASSING
