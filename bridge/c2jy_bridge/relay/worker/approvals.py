"""Questions of unattended requests: they do not stay open for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from c2jy_bridge.core.events import (
    Event,
    ToolCall,
    ToolCallAwaitingApproval,
    ToolCallEvent,
    ToolCallProgress,
    ToolCallRequested,
)
from c2jy_bridge.relay.worker.calls import Runner


class ApprovalTimeoutRunner:
    """The tool runner for requests that nobody may be watching: silence is deny after a countdown."""

    def __init__(self, runner: Runner, *, deny: Callable[[str], object], deadline_s: float) -> None:
        """`deny` answers the question of a call with no; `deadline_s` is how long it stays open."""
        self._runner = runner
        self._deny = deny
        self._deadline_s = deadline_s

    async def run(self, calls: Sequence[ToolCall]) -> AsyncIterator[Event]:
        """See `calls.Runner`; questions carry the deadline that they really have."""
        loop = asyncio.get_running_loop()
        countdowns: dict[str, asyncio.TimerHandle] = {}
        try:
            async with aclosing(self._runner.run(calls)) as events:  # type: ignore[type-var]  # it is a generator
                async for event in events:
                    if isinstance(event, ToolCallAwaitingApproval):
                        deadline_s = min(self._deadline_s, event.deadline_s or self._deadline_s)
                        event = replace(event, deadline_s=deadline_s)
                        countdown = loop.call_later(deadline_s, self._deny, event.call_id)
                        countdowns[event.call_id] = countdown
                    elif isinstance(event, ToolCallEvent) and not isinstance(
                        event, ToolCallRequested | ToolCallProgress
                    ):
                        _stop(countdowns.pop(event.call_id, None))
                    yield event
        finally:
            for countdown in countdowns.values():
                countdown.cancel()

    def cancel(self, call_id: str) -> bool:
        """See `calls.Runner`."""
        return self._runner.cancel(call_id)


def _stop(countdown: asyncio.TimerHandle | None) -> None:
    if countdown is not None:
        countdown.cancel()
