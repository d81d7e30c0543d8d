"""One tool call of an MCP client: its progress, its approval and its result."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, Final

from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    ContentBlock,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    ImageContent,
    InputRequiredResult,
    TextContent,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from c2jy_bridge.core.events import (
    Decision,
    Event,
    Outcome,
    ToolCall,
    ToolCallAwaitingApproval,
    ToolCallFinished,
    ToolCallProgress,
)
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.safety import visible
from c2jy_bridge.plugin import ToolRunner
from c2jy_bridge.plugin.attachments import Attachment, collecting

say: Final = catalogue("mcp")

Emit = Callable[[Event], Awaitable[None]]
Decide = Callable[[str, Decision], bool]
Refuse = Callable[[str, str], bool]

QUESTION: Final = "approval"
"""Key of the question among a result's input requests."""
_DECISIONS: Final = {"yes": Decision.ONCE, "always": Decision.ALWAYS, "no": Decision.DENY}
_LONGEST_SHOWN: Final = 4000
"""Characters of arguments in a question; clients show it in a dialog."""


class RunningCall:
    """A call from its request to its end, over as many requests of the client as that takes."""

    def __init__(
        self, call: ToolCall, *, runner: ToolRunner, emit: Emit, answer: Decide, refuse: Refuse
    ) -> None:
        """Start it at once.

        Args:
            call: The call.
            runner: Runs it.
            emit: Records and publishes each of its events.
            answer: Answers an approval question by call id.
            refuse: Ends one with a reason.
        """
        self.call = call
        self.question: ToolCallAwaitingApproval | None = None
        """Its question, while it is open."""
        self._runner, self._emit, self._answer, self._refuse = runner, emit, answer, refuse
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._attached: list[Attachment] = []
        self._steps = _Steps()
        with collecting() as self._attached:  # the task's context is a copy of this one
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with aclosing(self._runner.run([self.call])) as events:
            async for event in events:
                await self._emit(event)
                self._events.put_nowait(event)

    async def follow(self, client: ServerRequestContext[Any]) -> CallToolResult | InputRequiredResult:
        """Report progress and ask, until the call has ended or the client has to bring an answer.

        When the client cancels its request, or goes away, the tool is stopped.
        """
        asking: asyncio.Task[None] | None = None
        try:
            while True:
                event = await self._events.get()
                if isinstance(event, ToolCallProgress):
                    if step := self._steps.next(event):
                        await client.session.report_progress(*step, event.message)
                elif isinstance(event, ToolCallAwaitingApproval):
                    self.question = event
                    if not can_ask(client):
                        self._refuse(self.call.call_id, say("denied.cannot_ask", tool=self.call.tool))
                    elif client.protocol_version in MODERN_PROTOCOL_VERSIONS:
                        return InputRequiredResult(
                            input_requests={QUESTION: question_of(event)}, request_state=self.call.call_id
                        )
                    else:
                        asking = asyncio.create_task(self._ask(client, event))
                elif isinstance(event, ToolCallFinished):
                    return self._result(event)
        except asyncio.CancelledError:
            self.stop()
            raise
        finally:
            if asking is not None:
                asking.cancel()

    def stop(self) -> None:
        """Stop the tool; its end is recorded all the same."""
        if not self._runner.cancel(self.call.call_id) and not self._task.done():
            self._task.cancel()

    def when_over(self, callback: Callable[[RunningCall], object]) -> None:
        """Call back with this call once its end is recorded."""
        self._task.add_done_callback(lambda _: callback(self))

    async def finished(self) -> None:
        """Wait for its recorded end."""
        await asyncio.wait({self._task})

    def decide(self, answer: object) -> None:
        """Answer its question with what the client brought; anything but a clear yes is a no."""
        self.question = None
        self._answer(self.call.call_id, decision_of(answer))

    def expire(self) -> None:
        """End its question because the client never came back with an answer."""
        if self.question is not None:
            self._refuse(self.call.call_id, say("denied.no_answer", tool=self.call.tool))

    async def _ask(self, client: ServerRequestContext[Any], event: ToolCallAwaitingApproval) -> None:
        answer: object = None
        params = question_of(event).params
        assert isinstance(params, ElicitRequestFormParams)
        with suppress(MCPError):  # it could not be shown: a no
            answer = await client.session.elicit_form(
                params.message, params.requested_schema, related_request_id=client.request_id
            )
        self.decide(answer)

    def _result(self, event: ToolCallFinished) -> CallToolResult:
        content: list[ContentBlock] = [TextContent(text=event.output)]
        content += [
            ImageContent(data=base64.b64encode(one.data).decode(), mime_type=one.media_type)
            for one in self._attached
            if one.media_type.startswith("image/")
        ]
        structured: Any = None
        with suppress(ValueError):
            structured = json.loads(event.output)
        return CallToolResult(
            content=content,
            structured_content=structured if isinstance(structured, dict) else None,
            is_error=event.outcome is not Outcome.OK,
        )


class _Steps:
    """Progress that only grows, as the protocol wants it, over the phases of a tool that each begin at 0."""

    def __init__(self) -> None:
        self._base = self._last = 0.0
        self._message = ""

    def next(self, event: ToolCallProgress) -> tuple[float, float | None] | None:
        """(progress, total) to report; None when it has not grown."""
        if event.message != self._message or self._base + event.done < self._last:
            self._base, self._message = self._last, event.message
        reached = self._base + event.done
        if reached <= self._last:
            return None
        self._last = reached
        return reached, None if event.total is None else self._base + event.total


def can_ask(client: ServerRequestContext[Any]) -> bool:
    """Whether the client shows forms to its user."""
    capabilities = client.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def question_of(event: ToolCallAwaitingApproval) -> ElicitRequest:
    """The form of an approval: the tool, the reason, the exact arguments, and three answers."""
    arguments = json.dumps(event.arguments, ensure_ascii=False, indent=2)
    if len(arguments) > _LONGEST_SHOWN:
        arguments = say("ask.cut", shown=arguments[:_LONGEST_SHOWN], count=len(arguments))
    choices = [choice for choice in _DECISIONS if choice != "always" or event.scope]
    return ElicitRequest(
        params=ElicitRequestFormParams(
            message=visible(say("ask.message", tool=event.tool, reason=event.reason, arguments=arguments)),
            requested_schema={
                "type": "object",
                "properties": {
                    "decision": {
                        "type": "string",
                        "title": say("ask.title", tool=event.tool),
                        "oneOf": [{"const": choice, "title": say(f"ask.{choice}")} for choice in choices],
                    }
                },
                "required": ["decision"],
            },
        )
    )


def decision_of(answer: object) -> Decision:
    """The user's decision; no for everything that is not one."""
    if isinstance(answer, ElicitResult) and answer.action == "accept":
        return _DECISIONS.get(str((answer.content or {}).get("decision")), Decision.DENY)
    return Decision.DENY
