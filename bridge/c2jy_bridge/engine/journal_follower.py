"""Shows an app the tool calls that other processes of its data folder record: agents, commands."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

from c2jy_bridge.core.events import Event, ToolCall, ToolCallFinished, ToolCallRequested, ToolCallStarted
from c2jy_bridge.core.views import CallView
from c2jy_bridge.journal import Journal

log: Final = logging.getLogger(__name__)

EVERY_S: Final = 1.0
"""Seconds between two looks at the file's version, a question to SQLite that reads no table."""
_NEWEST: Final = 200
"""Calls that are compared after a change."""


class JournalFollower:
    """Publishes what other processes record of their calls, as if it happened here."""

    def __init__(self, journal: Journal, publish: Callable[[Event], None], deadline_s: float) -> None:
        """`publish` must not record events; `deadline_s` is what a tool has by default, in seconds."""
        self._journal, self._publish, self._deadline_s = journal, publish, deadline_s
        self._known: dict[str, tuple[bool, bool]] = {}
        """(started, ended) by call id."""
        self._version = -1

    async def begin(self) -> None:
        """Note what is in the journal by now; must come before the UI reads it."""
        self._version = await asyncio.to_thread(self._journal.version)
        self._known = {call.call_id: _state(call) for call in await asyncio.to_thread(self._calls)}

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                changed = await asyncio.to_thread(self._changed)
            except sqlite3.Error as error:  # it is busy, or its disk is full: the next look may succeed
                log.warning("the journal was not followed: %s", error)
                continue
            for call in changed:
                for event in self._news(call):
                    self._publish(event)

    def saw(self, event: Event) -> None:
        """Note an event of this process, whose calls are shown already."""
        if isinstance(event, ToolCallRequested):
            self._known[event.call_id] = True, True

    def _changed(self) -> list[CallView]:
        version = self._journal.version()
        if version == self._version:
            return []
        self._version = version
        return [call for call in self._calls() if self._known.get(call.call_id) not in (_ALL, _state(call))]

    def _calls(self) -> list[CallView]:
        return self._journal.history.calls(limit=_NEWEST)

    def _news(self, call: CallView) -> Iterator[Event]:
        known = self._known.get(call.call_id)
        if known == _ALL:  # it turned out to be ours
            return
        state = _state(call)
        self._known[call.call_id] = state
        if known is None:
            yield ToolCallRequested(
                at=call.requested_at,
                call_id=call.call_id,
                call=ToolCall(
                    call.call_id,
                    call.tool,
                    call.arguments,
                    call.chat_id,
                    call.conversation_id,
                    call.tool_call_id,
                    call.turn_id,
                    call.source,
                ),
            )
        if state[0] and not (known and known[0]):
            yield ToolCallStarted(
                at=call.started_at or call.requested_at, call_id=call.call_id, deadline_s=self._deadline_s
            )
        if call.outcome is not None and not (known and known[1]):
            ended_at = call.finished_at or call.requested_at
            yield ToolCallFinished(
                at=ended_at,
                call_id=call.call_id,
                tool=call.tool,
                outcome=call.outcome,
                output=call.output,
                elapsed_s=max(0.0, ended_at - (call.started_at or ended_at)),
                error=call.error,
            )


_ALL: Final = (True, True)


def _state(call: CallView) -> tuple[bool, bool]:
    return call.started_at is not None, call.outcome is not None
