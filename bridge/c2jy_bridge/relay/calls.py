"""Tool runners for the chats of requests: decide which of the Bot's calls run, and time out approvals."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, Final, Protocol

from pydantic import ValidationError

from c2jy_bridge.core.bridge_requests import BridgeRequest, RequestSource
from c2jy_bridge.core.events import (
    Event,
    Outcome,
    ToolCall,
    ToolCallAwaitingApproval,
    ToolCallEvent,
    ToolCallFinished,
    ToolCallProgress,
    ToolCallRequested,
)
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.core.settings import Policy
from c2jy_bridge.core.strict_json import is_strict
from c2jy_bridge.plugin import Tool, ToolError, tool
from c2jy_bridge.plugin.arguments import JSON_LIMITS, ArgumentsError, validate
from c2jy_bridge.relay.request import (
    LeaseLost,
    NotPlainJson,
    RequestRefused,
    Submission,
    bridge_problem,
    read_object,
    same,
    say,
)

BRIDGE_EXECUTE: Final = "bridge_execute"
"""The tool that takes a handle."""
_NONCE_BYTES: Final = 12  # 96 bits: not guessable, and short enough for a model to copy correctly
_WRAPPING: Final = " \t\r\n`'\"“”‘’<>「」"  # models put these around a value that they copy out of a text
BRIDGE: Final = "bridge"
"""Recorded in the journal as the chat of every request's tool call."""


def new_handle(request_id: str, nonce: Callable[[int], str] = secrets.token_hex) -> str:
    """A new handle for a request; only its digest is kept."""
    return f"{request_id}-{nonce(_NONCE_BYTES)}"


def digest_of(handle: str) -> str:
    """The part of a handle that is stored."""
    return hashlib.sha256(handle.encode("utf-8", "replace")).hexdigest()


def passes_handle(arguments: str, digest: str) -> bool:
    """Whether a call of `bridge_execute` passes the handle with that digest; compares in constant time."""
    try:
        handle = read_object(arguments).get("handle")
    except NotPlainJson:
        return False
    if not (digest and isinstance(handle, str)):
        return False
    return hmac.compare_digest(digest_of(handle.strip(_WRAPPING)), digest)


def refuse_hopeless(
    tools: Mapping[str, Tool],
    policies: Mapping[str, Policy],
    submission: Submission,
    *,
    in_studio: bool = False,
) -> None:
    """Raise RequestRefused for a call that could only fail.

    There is no such tool, the settings deny it, or the arguments do not fit. The runner checks the same
    again; here it costs no chat.
    """
    name, text = submission.tool, submission.arguments_json
    if submission.target and not in_studio:
        raise RequestRefused(bridge_problem("no_studio", target=submission.target))
    tool = tools.get(name)
    if tool is None or name == BRIDGE_EXECUTE:
        known = [one for one in tools if one != BRIDGE_EXECUTE]
        close = nearest(name, known)
        key = "unknown_tool_near" if close else "unknown_tool"
        problem = bridge_problem(key, tool=name, nearest=close, names=", ".join(known))
        raise RequestRefused(replace(problem, kind="unknown_tool"))
    if policies.get(name, tool.policy) == "deny":
        raise RequestRefused(bridge_problem("tool_denied", tool=name, why=say("denied.settings")))
    if is_strict(submission.arguments, JSON_LIMITS):
        with suppress(ValidationError):  # most fit as they are
            tool.takes.model.model_validate_json(text)
            return
    try:
        validate(tool, text)
    except ArgumentsError as error:
        problem = bridge_problem("bad_arguments", tool=name, why="; ".join(error.faults))
        raise RequestRefused(problem, error.faults) from None


class Runner(Protocol):
    """Runs tools: `plugin.ToolRunner`, or a wrapper around it."""

    def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[Event, None]:
        """Run a batch; every call gets exactly one ToolCallFinished."""

    def cancel(self, call_id: str) -> bool:
        """Stop one call; False when it does not run."""


def scope_of(source: RequestSource) -> str:
    """The conversation recorded for an intake's calls; "always allow" is remembered for it."""
    return f"{BRIDGE}/{source}"


Began = Callable[[str, str], Awaitable[None]]
"""Called with the call's id and `chat_id/tool_call_id` before a tool runs; may raise LeaseLost."""


class BridgeCalls(Protocol):
    """The tool runner of a request's chat."""

    def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[Event, None]:
        """Run the permitted calls, refuse the others."""

    def displayed(self, event: Event) -> Event:
        """An event of the chat as the journal and the UI get it."""

    def cancel(self) -> bool:
        """Stop the running calls; False when there are none."""


def tool_call_of(request: BridgeRequest, call_id: str, turn_id: str = "") -> ToolCall:
    """The tool call of a request; its ids derive from the request, so that it has exactly one receipt."""
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
    """Tool runner of a chat in which the Bot was given a handle.

    A call runs when it passes the handle, or names the requested tool with exactly the requested arguments.
    In both cases the accepted request is run, never what the Bot wrote.
    """

    def __init__(
        self,
        request: BridgeRequest,
        runner: Runner,
        *,
        began: Began,
        clock: Callable[[], float],
        expired: Callable[[], bool],
        handle_digest: str = "",
        used_by: str = "",
    ) -> None:
        """`expired`: whether the request is overdue; `used_by`: the Coze call that used the handle before."""
        self.finished: ToolCallFinished | None = None
        """The end of the requested call, with its whole output."""
        self._request = request
        self._runner = runner
        self._began = began
        self._clock = clock
        self._expired = expired
        self._handle_digest = handle_digest
        self._used_by = used_by
        self._calls: dict[str, str] = {}

    def expect_handle(self, handle_digest: str) -> None:
        """Accept this handle from now on, once, and no other."""
        self._handle_digest, self._used_by = handle_digest, ""

    async def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[Event, None]:
        """Run the call that matches and refuse the others; every call gets one ToolCallFinished."""
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
        real = tool_call_of(self._request, chosen.call_id, chosen.turn_id)
        try:
            await self._began(real.call_id, self._used_by)
        except LeaseLost:
            for event in self._refused(chosen, "refused.ended"):
                yield event
            return
        self._calls[chosen.call_id] = real.call_id
        async with aclosing(self._runner.run([real])) as events:
            async for event in events:
                if isinstance(event, ToolCallFinished):
                    self.finished = event
                    event = replace(event, output=_output_for_bot(event))
                # The session knows the call by its own id.
                yield replace(event, call_id=chosen.call_id) if isinstance(event, ToolCallEvent) else event

    def displayed(self, event: Event) -> Event:
        """A resumed call keeps its first id; its output is shown whole."""
        if not isinstance(event, ToolCallEvent) or event.call_id not in self._calls:
            return event
        if isinstance(event, ToolCallFinished) and self.finished is not None:
            return self.finished
        return replace(event, call_id=self._calls[event.call_id])

    def cancel(self) -> bool:
        """Stop the call that runs; False when none does."""
        return any(self._runner.cancel(call_id) for call_id in self._calls.values())

    def _refusal(self, call: ToolCall) -> str:
        """Why a call may not run; empty when it may."""
        if self._used_by and _coze_call(call) != self._used_by:
            return "refused.used"
        if self._expired():
            return "refused.expired"
        if call.tool == BRIDGE_EXECUTE:
            return "" if passes_handle(call.arguments, self._handle_digest) else "refused.handle"
        if call.tool != self._request.tool:
            return "refused.tool"
        return "" if same(call.arguments, self._request.arguments) else "refused.arguments"

    def _refused(self, call: ToolCall, key: str) -> Sequence[Event]:
        why = say(key, tool=call.tool, execute=BRIDGE_EXECUTE)
        output = json.dumps({"status": "error", "code": "refused", "message": why}, ensure_ascii=False)
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
                error=why,
            ),
        )


class AttachedChatCalls:
    """Tool runner of a chat that a workflow began: runs the Bot's own calls as calls of the bridge."""

    def __init__(self, runner: Runner, *, began: Began, source: RequestSource) -> None:
        self.outcomes: list[tuple[str, Outcome]] = []
        """Each tool that was called, and how it ended."""
        self._runner = runner
        self._began = began
        self._scope = scope_of(source)
        self._running: list[str] = []

    async def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[Event, None]:
        """Run all calls as calls of the bridge."""
        calls = [replace(call, source="bridge", conversation_id=self._scope) for call in calls]
        await self._began(calls[0].call_id, _coze_call(calls[0]))
        self._running = [call.call_id for call in calls]
        async with aclosing(self._runner.run(calls)) as events:
            async for event in events:
                if isinstance(event, ToolCallFinished):
                    self.outcomes.append((event.tool, event.outcome))
                yield event

    def displayed(self, event: Event) -> Event:
        """The event itself: these calls are the Bot's own."""
        return event

    def cancel(self) -> bool:
        """Stop the calls that run; False when none does."""
        stopped = [self._runner.cancel(call_id) for call_id in self._running]
        return any(stopped)


def _coze_call(call: ToolCall) -> str:
    return f"{call.chat_id}/{call.tool_call_id}"


def _output_for_bot(finished: ToolCallFinished) -> str:
    """Only that the call ended: the output goes to the requester and costs no tokens."""
    fine = finished.outcome is Outcome.OK
    status, key = ("success", "bot_output.done") if fine else ("error", "bot_output.failed")
    return json.dumps({"status": status, "message": say(key)}, ensure_ascii=False)


class ApprovalTimeoutRunner:
    """Denies approvals of bridge requests after a timeout: the screen may be unattended."""

    def __init__(self, runner: Runner, *, deny: Callable[[str], object], deadline_s: float) -> None:
        self._runner = runner
        self._deny = deny
        self._deadline_s = deadline_s

    async def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[Event, None]:
        """Run the calls; each approval event carries its real deadline."""
        loop = asyncio.get_running_loop()
        countdowns: dict[str, asyncio.TimerHandle] = {}
        try:
            async with aclosing(self._runner.run(calls)) as events:
                async for event in events:
                    if isinstance(event, ToolCallAwaitingApproval):
                        deadline_s = min(self._deadline_s, event.deadline_s or self._deadline_s)
                        event = replace(event, deadline_s=deadline_s)
                        countdowns[event.call_id] = loop.call_later(deadline_s, self._deny, event.call_id)
                    elif (
                        isinstance(event, ToolCallEvent)
                        and not isinstance(event, ToolCallRequested | ToolCallProgress)
                        and (countdown := countdowns.pop(event.call_id, None))
                    ):
                        countdown.cancel()
                    yield event
        finally:
            for countdown in countdowns.values():
                countdown.cancel()

    def cancel(self, call_id: str) -> bool:
        """Stop one call; False when it does not run."""
        return self._runner.cancel(call_id)


class BridgeTool:
    """Declares the tool. In a chat of the bridge its calls are intercepted by `RelayedCalls`."""

    @tool(policy="allow", name=BRIDGE_EXECUTE)
    def bridge_execute(self, handle: str) -> dict[str, Any]:
        """Run the one local tool call that a bridge message names by its handle.

        Call it once, as soon as a message asks for it, and change nothing in the handle.

        Args:
            handle: The handle exactly as it stands in the message.
        """
        raise ToolError(say("refused.no_bridge", execute=BRIDGE_EXECUTE))
