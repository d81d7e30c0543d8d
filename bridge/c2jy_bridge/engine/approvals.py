"""Questions to the maker that wait for an answer."""

from __future__ import annotations

import asyncio

from c2jy_bridge.core.events import Decision, ToolCallAwaitingApproval


class Approvals:
    """The tool runner asks here; a face answers. Without a screen one answer stands for all."""

    def __init__(self, unattended: Decision | None = None) -> None:
        """`unattended` is given to every question at once; None waits for a person."""
        self._unattended = unattended
        self._waiting: dict[str, asyncio.Future[Decision]] = {}

    async def decide(self, ask: ToolCallAwaitingApproval) -> Decision:
        """Wait for the answer to one question (plugin.Approver)."""
        if self._unattended is not None:
            return self._unattended
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting[ask.call_id] = future
        try:
            return await future
        finally:
            self._waiting.pop(ask.call_id, None)

    def answer(self, call_id: str, decision: Decision) -> bool:
        """Give the answer; False when nobody waits for it (any more)."""
        future = self._waiting.get(call_id)
        if future is None or future.done():
            return False
        future.set_result(decision)
        return True
