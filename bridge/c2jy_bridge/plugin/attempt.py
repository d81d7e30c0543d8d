"""One attempt at a tool call: validates, gets approval, runs it, and returns how it ended."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.core.events import Event, Outcome, ToolCall, ToolCallStarted
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.core.safety import words_of
from c2jy_bridge.plugin.approval import Approval, Denied
from c2jy_bridge.plugin.arguments import Arguments, ArgumentsError, validate
from c2jy_bridge.plugin.context import Reporter, ToolContext, ToolError
from c2jy_bridge.plugin.definition import BUILT_IN, LaneBlocked, Lanes, Tool
from c2jy_bridge.plugin.execution import Done, Work
from c2jy_bridge.plugin.receipts import ReceiptWriter
from c2jy_bridge.plugin.registry import ToolRegistry

say: Final = catalogue("plugin")
log: Final = logging.getLogger(__name__)

MOST_UNFINISHED_RUNS: Final = 3
"""Runs of one call that came to no end because the process did: after these it is not run again."""
_BIG_ARGUMENTS: Final = 50_000
"""Characters from which arguments are validated in a thread: 4 MB of JSON take longer than a frame."""
_LONGEST_ERROR: Final = 2000


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: `value` is the tool's result, the rest is for all other outcomes."""

    outcome: Outcome
    message: str = ""
    code: str = ""
    value: object = None
    fields: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """How the arguments were read, where that is not obvious; for the Bot and the user."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One call from its request to its end."""

    call: ToolCall
    registry: ToolRegistry
    approval: Approval
    lanes: Lanes
    timeout_s: float
    clock: Callable[[], float]
    put: Callable[[Event], None]
    receipts: ReceiptWriter
    started_at: float | None = None
    """None when the tool was never started."""

    async def run(self) -> Ending:
        """Make the attempt. Raises only CancelledError."""
        tool = self.registry.get(self.call.tool)
        if tool is None:
            names = [tool.name for tool in self.registry]
            close = nearest(self.call.tool, names)
            key = "failed.unknown_near" if close else "failed.unknown"
            message = say(key, tool=self.call.tool[:100], nearest=close, names=", ".join(names))
            return Ending(Outcome.ERROR, message, "unknown_tool")
        try:
            arguments = await _validated(tool, self.call.arguments)
            edited = await self.approval.require(self.call, tool, arguments.shown, self.put)
            text = self.call.arguments if edited is None else edited
            if edited is not None:
                arguments = await _validated(tool, edited)
                notes = *arguments.notes, say("note.edited", arguments=edited[:_LONGEST_ERROR])
                arguments = replace(arguments, notes=notes)
            ticket = await self.lanes.enter(tool)
        except ArgumentsError as error:
            message = say("failed.arguments", tool=tool.name, faults="; ".join(error.faults))
            return Ending(Outcome.ERROR, message, "bad_arguments")
        except Denied as error:
            return Ending(Outcome.DENIED, str(error), "denied")
        except LaneBlocked as error:
            return Ending(Outcome.ERROR, say("failed.blocked", tool=error.tool), "busy")
        work: Work | None = None
        try:
            if await self.receipts.begin_run(self.call) >= MOST_UNFINISHED_RUNS:
                message = say("failed.ends_app", tool=tool.name, runs=MOST_UNFINISHED_RUNS)
                return Ending(Outcome.ERROR, message, "ends_app")
            self.started_at = self.clock()
            reporter = Reporter(self.call.call_id, self.put, self.clock)
            deadline_s = tool.timeout_s or self.timeout_s
            self.put(ToolCallStarted(at=self.started_at, call_id=self.call.call_id, deadline_s=deadline_s))
            text = self.call.arguments if edited is None else edited
            work = Work(tool, arguments.values, ToolContext(self.call, reporter), text)
            ending = await self._finish(tool, work, reporter, deadline_s)
            return replace(ending, notes=arguments.notes)
        finally:
            if work is None or work.is_over:
                self.lanes.leave(ticket)
            else:
                self.lanes.overstay(ticket)
                work.when_over(lambda: self.lanes.leave(ticket))

    async def _finish(self, tool: Tool, work: Work, reporter: Reporter, deadline_s: float) -> Ending:
        try:
            done = await work.finished(deadline_s)
            if done is None:
                await work.stop()
        except asyncio.CancelledError:
            # The tool may have ended before the cancellation arrived.
            done = work.done
            if done is None:
                await work.stop()
                raise
        finally:
            reporter.close()
        if done is None:
            key = "failed.timed_out" if work.is_over else "failed.still_running"
            message = say(key, tool=tool.name, seconds=f"{deadline_s:g}")
            return Ending(Outcome.TIMED_OUT, message, "timed_out")
        return Ending(Outcome.OK, value=done.value) if done.error is None else self._failed(tool, done)

    def _failed(self, tool: Tool, done: Done) -> Ending:
        error = done.error
        if isinstance(error, ToolError):
            return Ending(Outcome.ERROR, error.message, "failed", fields=error.fields)
        assert error is not None
        where = _error_location(error, tool)
        # Without the message, which may quote arguments.
        log.error("tool %s (%s) raised %s at %s", tool.name, self.call.call_id, type(error).__name__, where)
        reason = f"{type(error).__name__}: {words_of(error)}".removesuffix(": ")[:_LONGEST_ERROR]
        if tool.origin != BUILT_IN:
            reason += f" ({where})"
        return Ending(Outcome.ERROR, say("failed.exception", tool=tool.name, reason=reason), "failed")


async def _validated(tool: Tool, text: str) -> Arguments:
    if len(text) < _BIG_ARGUMENTS:
        return validate(tool, text)
    return await asyncio.to_thread(validate, tool, text)


def _error_location(error: BaseException, tool: Tool) -> str:
    """File and line where a tool failed: the last in the tool's own file, if any."""
    frames = traceback.extract_tb(error.__traceback__)
    code = getattr(getattr(tool.function, "__func__", tool.function), "__code__", None)
    own = [frame for frame in frames if code is not None and frame.filename == code.co_filename]
    frame = (own or frames)[-1] if frames else None
    return "?" if frame is None else f"{Path(frame.filename).name}:{frame.lineno}"
