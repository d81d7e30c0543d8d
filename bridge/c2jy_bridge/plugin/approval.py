"""Decides whether a call may run: by the settings, the tool's default, and the user's answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from c2jy_bridge.core.events import (
    ApprovalAnswer,
    Decision,
    Event,
    RunWith,
    ToolCall,
    ToolCallAwaitingApproval,
)
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.ports import CallHold
from c2jy_bridge.core.settings import Policy, ToolSettings
from c2jy_bridge.plugin.definition import Tool
from c2jy_bridge.plugin.receipts import KeyedLocks

say: Final = catalogue("plugin")
log: Final = logging.getLogger(__name__)


class Denied(PermissionError):
    """The call may not run; the message is for the Bot and the user."""


class Approver(Protocol):
    """Asks the user. The runner enforces the deadline and takes anything but a clear yes as a no."""

    async def decide(self, ask: ToolCallAwaitingApproval) -> ApprovalAnswer:
        """Wait for the answer to a question; may raise Denied with the reason for a no."""


def policy_of(tool: Tool, policies: Mapping[str, Policy]) -> Policy:
    """The policy in the settings, else the tool's default."""
    return policies.get(tool.name, tool.policy)


class Approval:
    """Approves calls, and remembers "always in this conversation"."""

    def __init__(self, settings: ToolSettings, approver: Approver, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._approver = approver
        self._clock = clock
        self.hold: CallHold | None = None
        self._always: set[tuple[str, str]] = set()
        self._one_question = KeyedLocks()

    async def require(
        self, call: ToolCall, tool: Tool, arguments: dict[str, Any], put: Callable[[Event], None]
    ) -> str | None:
        """Return when the call may run: the arguments that the user wrote instead, as JSON, if any.

        A tool asks one question at a time per conversation, so that an "always" also answers the next ones.
        A `deny` in the settings overrides earlier answers; a held call is asked about each time.

        Raises:
            Denied: By the settings, the user or the deadline, or because asking failed.
        """
        key = call.conversation_id, tool.name
        policy = policy_of(tool, self._settings.policy)
        if policy == "deny":
            raise Denied(say("denied.settings", tool=tool.name))
        if self.hold is not None and call.source != "user" and self.hold.matches(call):
            return await self._ask(call, tool, arguments, put, held=True)
        if policy == "ask":
            async with self._one_question.hold(key):
                if key not in self._always:
                    return await self._ask(call, tool, arguments, put)
        return None

    async def _ask(
        self,
        call: ToolCall,
        tool: Tool,
        arguments: dict[str, Any],
        put: Callable[[Event], None],
        *,
        held: bool = False,
    ) -> str | None:
        deadline_s = self._settings.approval_timeout_s
        question = ToolCallAwaitingApproval(
            at=self._clock(),
            call_id=call.call_id,
            tool=tool.name,
            arguments=arguments,
            reason=say(f"reason.{'held' if held else call.source}", tool=tool.name),
            source=call.source,
            deadline_s=deadline_s,
            scope="" if held else call.conversation_id,
            turn_id=call.turn_id,
        )
        put(question)
        try:
            async with asyncio.timeout(deadline_s):
                answer = await self._approver.decide(question)
        except TimeoutError:
            raise Denied(say("denied.silence", tool=tool.name, seconds=f"{deadline_s or 0:g}")) from None
        except Denied:  # with a reason of its own
            raise
        except Exception as error:  # any failure of the approver means no
            log.error("approval of %s (%s) failed: %s", tool.name, call.call_id, type(error).__name__)
            raise Denied(say("denied.nobody", tool=tool.name)) from None
        if isinstance(answer, RunWith):
            return answer.arguments
        if answer is Decision.ALWAYS and question.scope:
            self._always.add((question.scope, tool.name))
        elif answer not in (Decision.ONCE, Decision.ALWAYS):
            raise Denied(say("denied.person", tool=tool.name))
        return None
