"""The connection to Coze: one client, shared by turns, uploads and the bridge."""

from __future__ import annotations

import asyncio
from pathlib import Path

from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.coze import CozeClient, CozeProblem, connect, missing


class CozeConnection:
    """Connects when it is first needed: importing cozepy takes longer than painting the screen."""

    def __init__(self, settings: CozeSettings) -> None:
        self._settings = settings
        self._client: CozeClient | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> CozeClient:
        """The client.

        Raises:
            CozeProblem: There is no token.
        """
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(connect, self._settings)
            return self._client

    async def bot_name(self) -> str:
        """The Bot's name.

        Raises:
            CozeProblem: Something is missing, or Coze does not answer or refuses.
        """
        if problem := missing(self._settings):
            raise CozeProblem(problem)
        client = await self.client()
        return await client.bot_name(self._settings.bot_id)

    async def upload(self, path: Path) -> str:
        """Give a file to Coze; returns its file id there.

        Raises:
            CozeProblem: There is no token, or Coze does not take it.
        """
        client = await self.client()
        return await client.upload(path)

    async def aclose(self) -> None:
        """Close the client, if there is one."""
        if self._client is not None:
            await self._client.aclose()
