"""The connection to Coze: one client, shared by turns, uploads and the bridge."""

from __future__ import annotations

import asyncio
from pathlib import Path

from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.coze import CozeClient, CozeProblem, connect, missing


class CozeConnection:
    """Connects on first use, because importing cozepy takes long."""

    def __init__(self, settings: CozeSettings) -> None:
        self._settings = settings
        self._client: CozeClient | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> CozeClient:
        """The client; raises CozeProblem without a token."""
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(connect, self._settings)
            return self._client

    async def bot_name(self) -> str:
        """The Bot's name; raises CozeProblem when a setting is missing or Coze fails."""
        if problem := missing(self._settings):
            raise CozeProblem(problem)
        return await (await self.client()).bot_name(self._settings.bot_id)

    async def upload(self, path: Path) -> str:
        """Upload a file to Coze and return its id; raises CozeProblem without a token or when Coze fails."""
        return await (await self.client()).upload(path)

    async def aclose(self) -> None:
        """Close the client, if there is one."""
        if self._client is not None:
            await self._client.aclose()
