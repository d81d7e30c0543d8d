"""The MCP server: lists the tools of the registry and runs them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from mcp.server import Server, ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from c2jy_bridge import __version__
from c2jy_bridge.core.events import ToolCall
from c2jy_bridge.core.settings import ToolSettings
from c2jy_bridge.mcp.call import QUESTION, Decide, Emit, Refuse, RunningCall, say
from c2jy_bridge.plugin import ToolRegistry, ToolRunner
from c2jy_bridge.plugin.approval import policy_of
from c2jy_bridge.relay.calls import BRIDGE_EXECUTE

ANSWER_S: Final = 600.0
"""Seconds that a client has to come back with an answer, where the settings name no limit."""
_MOST_QUESTIONS: Final = 100
"""Open questions of clients that may never come back; of more, the oldest is refused."""
STOP_S: Final = 3.0
"""Seconds in which calls that run at the end are stopped and recorded."""


class ToolServer:
    """Serves the tools to any number of clients of one transport."""

    def __init__(
        self,
        registry: ToolRegistry,
        runner: ToolRunner,
        settings: ToolSettings,
        *,
        emit: Emit,
        answer: Decide,
        refuse: Refuse,
        new_id: Callable[[], str],
        one_client: bool,
    ) -> None:
        """Nothing is opened.

        Args:
            registry: The tools.
            runner: Runs them by policy, with receipts.
            settings: Policies.
            emit: Records and publishes events.
            answer: Answers an approval question by call id.
            refuse: Ends one with a reason.
            new_id: Creates call ids.
            one_client: The transport is one client's, so an "always" is for all of its calls.
        """
        self._registry, self._runner, self._settings = registry, runner, settings
        self._emit, self._answer, self._refuse, self._new_id = emit, answer, refuse, new_id
        self._scope = f"mcp/{new_id()}" if one_client else ""
        self._running: set[RunningCall] = set()
        self._questions: dict[str, RunningCall] = {}

    def server(self) -> Server[Any]:
        """The SDK's server over these tools."""
        return Server(
            "c2jy-tui",
            version=__version__,
            title="c2jy-tui",
            instructions=say("instructions"),
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    async def close(self) -> None:
        """Stop what still runs and wait a moment for its recorded end."""
        left = list(self._running)
        for running in left:
            running.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                for running in left:
                    await running.finished()

    async def _list(
        self, client: ServerRequestContext[Any], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        """All tools but those that are denied, and the one that is for chats of the bridge only."""
        return ListToolsResult(
            tools=[
                Tool(
                    name=tool.name,
                    title=tool.about(),
                    description=tool.description,
                    input_schema=tool.takes.schema,
                )
                for tool in self._registry
                if tool.name != BRIDGE_EXECUTE and policy_of(tool, self._settings.policy) != "deny"
            ]
        )

    async def _call(
        self, client: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        arguments = json.dumps(params.arguments or {}, ensure_ascii=False)
        if params.request_state is not None:
            running = self._questions.pop(params.request_state, None)
            same = running is not None and (running.call.tool, running.call.arguments) == (
                params.name,
                arguments,
            )
            if running is None or not same:
                if running is not None:
                    running.expire()
                return _refused(say("denied.closed", tool=params.name))
            running.decide((params.input_responses or {}).get(QUESTION))
        else:
            call = ToolCall(
                call_id=self._new_id(),
                tool=params.name,
                arguments=arguments,
                conversation_id=self._scope_of(client),
                source="mcp",
            )
            running = RunningCall(
                call, runner=self._runner, emit=self._emit, answer=self._answer, refuse=self._refuse
            )
            self._running.add(running)
            running.when_over(self._running.discard)
        result = await running.follow(client)
        if isinstance(result, InputRequiredResult):
            self._keep(running)
        return result

    def _keep(self, running: RunningCall) -> None:
        """Keep a call whose question the client takes to its user."""
        self._questions[running.call.call_id] = running
        while len(self._questions) > _MOST_QUESTIONS:
            self._questions.pop(next(iter(self._questions))).expire()
        limit_s = self._settings.approval_timeout_s or ANSWER_S
        asyncio.get_running_loop().call_later(limit_s, self._expire, running)

    def _expire(self, running: RunningCall) -> None:
        if self._questions.get(running.call.call_id) is running:
            del self._questions[running.call.call_id]
            running.expire()

    def _scope_of(self, client: ServerRequestContext[Any]) -> str:
        """What an "always" is remembered for: a session; nothing where requests have none."""
        if self._scope or client.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return self._scope
        session = getattr(client.request, "headers", {}).get("mcp-session-id", "")
        return f"mcp/{hashlib.sha256(session.encode()).hexdigest()[:24]}" if session else ""


def _refused(message: str) -> CallToolResult:
    output = json.dumps({"status": "error", "message": message}, ensure_ascii=False)
    return CallToolResult(content=[TextContent(text=output)], is_error=True)
