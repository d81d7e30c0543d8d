"""Which calls of a Bot are run for a request: one, the one that was wanted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final, Protocol

from c2jy_bridge.core.events import (
    Event,
    Outcome,
    ToolCall,
    ToolCallEvent,
    ToolCallFinished,
    ToolCallRequested,
)
from c2jy_bridge.relay.canonical import same
from c2jy_bridge.relay.problems import say
from c2jy_bridge.relay.queue import LeaseLost
from c2jy_bridge.relay.request import BridgeRequest, Intake
from c2jy_bridge.relay.worker.handle import BRIDGE_EXECUTE, fits, handle_in

BRIDGE: Final = "bridge"
"""Stands for the chat of every request's tool call, in the journal."""


class Runner(Protocol):
    """What runs tools: `plugin.ToolRunner`, or something around it."""

    def run(self, calls: Sequence[ToolCall]) -> AsyncIterator[Event]:
        """Run a batch; exactly one ToolCallFinished comes for every call."""

    def cancel(self, call_id: str) -> bool:
        """Stop one call; False when it does not run."""


def scope_of(intake: Intake) -> str:
    """Stands for the conversation of what came in by this intake: an "always" of the maker's holds in it."""
    return f"{BRIDGE}/{intake}"


Began = Callable[[str, str], Awaitable[None]]
"""Called with the call's id and `chat_id/tool_call_id` before a tool runs; may raise LeaseLost."""


class BridgeCalls(Protocol):
    """What a chat of a request is given as its tool runner."""

    def run(self, calls: Sequence[ToolCall]) -> AsyncIterator[Event]:
        """Run what may be run, refuse the rest."""

    def shown(self, event: Event) -> Event:
        """An event of the chat as the journal and the face should see it."""

    def cancel(self) -> bool:
        """Stop what runs; False when nothing does."""


def wanted_call(request: BridgeRequest, call_id: str, turn_id: str = "") -> ToolCall:
    """The tool call of a request. Its ids are the request's, so that it has one receipt for ever."""
    return ToolCall(
        call_id=request.call_id or call_id,
        tool=request.tool,
        arguments=request.arguments,
        conversation_id=scope_of(request.source),
        chat_id=BRIDGE,
        tool_call_id=request.request_id,
        turn_id=turn_id,
        source="bridge",
    )


class RelayedCalls:
    """The runner of a chat in which the Bot was given a handle.

    A call passes when it brings the handle, or names the wanted tool with exactly the wanted arguments. What
    runs is in both cases what was accepted, never what the Bot wrote.
    """

    def __init__(
        self,
        request: BridgeRequest,
        runner: Runner,
        *,
        began: Began,
        clock: Callable[[], float],
        handle_digest: str = "",
        used_by: str = "",
    ) -> None:
        """`used_by` is the Coze call that used the handle up before a restart."""
        self.finished: ToolCallFinished | None = None
        """The end of the wanted call, with all of its output."""
        self._request = request
        self._runner = runner
        self._began = began
        self._clock = clock
        self._handle_digest = handle_digest
        self._used_by = used_by
        self._calls: dict[str, str] = {}

    def arm(self, handle_digest: str) -> None:
        """Take this handle from now on, once, and no other."""
        self._handle_digest, self._used_by = handle_digest, ""

    async def run(self, calls: Sequence[ToolCall]) -> AsyncIterator[Event]:
        """See `coze.RunsTools`: exactly one ToolCallFinished comes for every call."""
        chosen: ToolCall | None = None
        for call in calls:
            refusal = "refused.twice" if chosen else self._refusal(call)
            if refusal:
                for event in self._refused(call, refusal):
                    yield event
            else:
                chosen = call
        if chosen is None:
            return
        self._used_by = _coze_call(chosen)
        real = wanted_call(self._request, chosen.call_id, chosen.turn_id)
        try:
            await self._began(real.call_id, self._used_by)
        except LeaseLost:
            for event in self._refused(chosen, "refused.ended"):
                yield event
            return
        self._calls[chosen.call_id] = real.call_id
        async with aclosing(self._runner.run([real])) as events:  # type: ignore[type-var]  # it is a generator
            async for event in events:
                if isinstance(event, ToolCallFinished):
                    self.finished = event
                    event = replace(event, output=_told(event))
                # To the session the call has the id that it gave it.
                yield replace(event, call_id=chosen.call_id) if isinstance(event, ToolCallEvent) else event

    def shown(self, event: Event) -> Event:
        """See `BridgeCalls`: a taken-up call keeps its first id, and its output is shown whole."""
        if not isinstance(event, ToolCallEvent) or event.call_id not in self._calls:
            return event
        if isinstance(event, ToolCallFinished) and self.finished is not None:
            return self.finished
        return replace(event, call_id=self._calls[event.call_id])

    def cancel(self) -> bool:
        """See `BridgeCalls`."""
        return any(self._runner.cancel(call_id) for call_id in self._calls.values())

    def _refusal(self, call: ToolCall) -> str:
        """Why a call may not run; empty when it may."""
        if self._used_by and _coze_call(call) != self._used_by:
            return "refused.used"
        if self._clock() >= self._request.expires_at:
            return "refused.expired"
        if call.tool == BRIDGE_EXECUTE:
            return "" if fits(handle_in(call.arguments), self._handle_digest) else "refused.handle"
        if call.tool != self._request.tool:
            return "refused.tool"
        return "" if same(call.arguments, self._request.arguments) else "refused.arguments"

    def _refused(self, call: ToolCall, key: str) -> Sequence[Event]:
        message = say(key, tool=call.tool, execute=BRIDGE_EXECUTE)
        output = json.dumps({"status": "error", "code": "refused", "message": message}, ensure_ascii=False)
        at = self._clock()
        return (
            ToolCallRequested(at=at, call_id=call.call_id, call=replace(call, source="bridge")),
            ToolCallFinished(
                at=at,
                call_id=call.call_id,
                tool=call.tool,
                outcome=Outcome.DENIED,
                output=output,
                elapsed_s=0.0,
                error=message,
            ),
        )


class TakenUpCalls:
    """The runner of a chat that a workflow has begun: the Bot's own calls, run on the bridge's account."""

    def __init__(self, runner: Runner, *, began: Began, intake: Intake) -> None:
        self.outcomes: list[tuple[str, Outcome]] = []
        """Each tool that was called, and how it ended."""
        self._runner = runner
        self._began = began
        self._scope = scope_of(intake)
        self._running: list[str] = []

    async def run(self, calls: Sequence[ToolCall]) -> AsyncIterator[Event]:
        """See `coze.RunsTools`."""
        ours = [replace(call, source="bridge", conversation_id=self._scope) for call in calls]
        await self._began(ours[0].call_id, _coze_call(ours[0]))
        self._running = [call.call_id for call in ours]
        async with aclosing(self._runner.run(ours)) as events:  # type: ignore[type-var]  # it is a generator
            async for event in events:
                if isinstance(event, ToolCallFinished):
                    self.outcomes.append((event.tool, event.outcome))
                yield event

    def shown(self, event: Event) -> Event:
        """See `BridgeCalls`."""
        return event

    def cancel(self) -> bool:
        """See `BridgeCalls`."""
        stopped = [self._runner.cancel(call_id) for call_id in self._running]
        return any(stopped)


def _coze_call(call: ToolCall) -> str:
    return f"{call.chat_id}/{call.tool_call_id}"


def _told(finished: ToolCallFinished) -> str:
    """What the Bot hears of the end: that it came. The output goes to the requester and costs no tokens."""
    fine = finished.outcome is Outcome.OK
    status, key = ("success", "told.done") if fine else ("error", "told.failed")
    return json.dumps({"status": status, "message": say(key)}, ensure_ascii=False)
