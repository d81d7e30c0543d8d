"""One attempt at a tool call: validates, gets approval, runs it, and returns how it ended."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.core.events import Event, Outcome, ToolCall, ToolCallStarted
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.plugin.approval import Approval, Denied
from c2jy_bridge.plugin.arguments import Arguments, ArgumentsError, validate
from c2jy_bridge.plugin.context import Reporter, ToolContext, ToolError
from c2jy_bridge.plugin.definition import BUILT_IN, LaneBlocked, Lanes, Tool
from c2jy_bridge.plugin.execution import Done, Work
from c2jy_bridge.plugin.registry import ToolRegistry

say: Final = catalogue("plugin")
log: Final = logging.getLogger(__name__)

_BIG_ARGUMENTS: Final = 50_000
"""Characters from which arguments are checked in a thread: 4 MB of JSON take longer than a frame."""
_LONGEST_ERROR: Final = 2000


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended. `value` is what the tool returned; the rest is for all other outcomes."""

    outcome: Outcome
    message: str = ""
    code: str = ""
    value: object = None
    fields: dict[str, Any] = field(default_factory=dict)


class Attempt:
    """One call from its request to its end; `started_at` stays None when the tool never began."""

    def __init__(
        self,
        call: ToolCall,
        *,
        registry: ToolRegistry,
        approval: Approval,
        lanes: Lanes,
        timeout_s: float,
        clock: Callable[[], float],
        put: Callable[[Event], None],
    ) -> None:
        self.started_at: float | None = None
        self._call = call
        self._registry = registry
        self._approval = approval
        self._lanes = lanes
        self._timeout_s = timeout_s
        self._clock = clock
        self._put = put

    async def run(self) -> Ending:
        """Make the attempt. Raises nothing but CancelledError."""
        tool = self._registry.get(self._call.tool)
        if tool is None:
            return self._unknown()
        try:
            arguments = await self._arguments(tool)
            await self._approval.require(self._call, tool, arguments.shown, self._put)
            ticket = await self._lanes.enter(tool)
        except ArgumentsError as error:
            message = say("failed.arguments", tool=tool.name, faults="; ".join(error.faults))
            return Ending(Outcome.ERROR, message, "bad_arguments")
        except Denied as error:
            return Ending(Outcome.DENIED, str(error), "denied")
        except LaneBlocked as error:
            return Ending(Outcome.ERROR, say("failed.blocked", tool=error.tool), "busy")
        work: Work | None = None
        try:
            self.started_at = self._clock()
            reporter = Reporter(self._call.call_id, self._put, self._clock)
            deadline_s = tool.timeout_s or self._timeout_s
            self._put(ToolCallStarted(at=self.started_at, call_id=self._call.call_id, deadline_s=deadline_s))
            work = Work(tool, arguments.values, ToolContext(self._call, reporter))
            return await self._finish(tool, work, reporter, deadline_s)
        finally:
            if work is None or work.is_over:
                self._lanes.leave(ticket)
            else:
                self._lanes.overstay(ticket)
                work.when_over(lambda: self._lanes.leave(ticket))

    async def _arguments(self, tool: Tool) -> Arguments:
        if len(self._call.arguments) < _BIG_ARGUMENTS:
            return validate(tool, self._call.arguments)
        return await asyncio.to_thread(validate, tool, self._call.arguments)

    async def _finish(self, tool: Tool, work: Work, reporter: Reporter, deadline_s: float) -> Ending:
        try:
            done = await work.finished(deadline_s)
            if done is None:
                await work.stop()
        except asyncio.CancelledError:
            # What had already ended when the word came has ended.
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
        where = _place(error, tool)
        # Not the message: it may quote arguments, and those are nobody's business in a log.
        log.error("tool %s (%s) raised %s at %s", tool.name, self._call.call_id, type(error).__name__, where)
        reason = f"{type(error).__name__}: {_words(error)}".removesuffix(": ")[:_LONGEST_ERROR]
        if tool.origin != BUILT_IN:
            reason += f" ({where})"
        return Ending(Outcome.ERROR, say("failed.exception", tool=tool.name, reason=reason), "failed")

    def _unknown(self) -> Ending:
        names = [tool.name for tool in self._registry]
        close = nearest(self._call.tool, names)
        key = "failed.unknown_near" if close else "failed.unknown"
        message = say(key, tool=self._call.tool[:100], nearest=close, names=", ".join(names))
        return Ending(Outcome.ERROR, message, "unknown_tool")


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # the tool has run: that its error cannot speak must not make the call run again
        return ""


def _place(error: BaseException, tool: Tool) -> str:
    """File and line where a tool failed: in its own file if it went through there."""
    frames = traceback.extract_tb(error.__traceback__)
    code = getattr(getattr(tool.function, "__func__", tool.function), "__code__", None)
    own = [frame for frame in frames if code is not None and frame.filename == code.co_filename]
    frame = (own or frames)[-1] if frames else None
    return "?" if frame is None else f"{Path(frame.filename).name}:{frame.lineno}"
