"""What goes over HTTP, as the OpenAPI description shows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.intakes.http.problems import members_of
from c2jy_bridge.relay.request import BridgeRequest, Intake, Relay, State

ToolName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class NewRequest(_Model):
    """A tool call that is wanted."""

    tool: ToolName
    """The tool, as GET /v1/tools names it."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Its arguments. What is wrong with them is said in the request's `problem`."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Seconds until it fails when it has not ended; by default, and at most, as the bridge's settings say."""


class ProblemBody(BaseModel):
    """An error (RFC 9457). `type` is stable; the texts are for people, in the app's language."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True, title="Problem")

    type: str
    """`urn:c2jy:problem:` and a stable word."""
    title: str
    """What happened."""
    detail: str
    """What to do."""
    status: int | None = None
    code: int | None = None
    """Coze's own code, when Coze refused."""
    logid: str | None = None
    """Coze's log id, for its support."""


class ChatBody(_Model):
    """A Bot chat in which the request was relayed."""

    conversation_id: str
    chat_id: str


class RequestBody(_Model):
    """A request as it is now."""

    id: str
    tool: str
    state: State
    relay: Relay
    """`bot`: through a Bot chat; `direct`: without one."""
    source: Intake
    attempts: int
    """How often the Bot was asked."""
    accepted_at: datetime
    expires_at: datetime
    finished_at: datetime | None
    cancel_wanted: bool
    """Somebody cancelled it while it was at work; it will end soon."""
    chats: list[ChatBody]
    result: dict[str, Any] | None
    """What the tool gave back, once it has."""
    problem: ProblemBody | None
    """Why it failed; of an open request, what went wrong last."""


class PageBody(_Model):
    """Some requests, newest first."""

    items: list[RequestBody]
    next_cursor: str | None
    """Give it as `cursor` for the older ones; null when there are none."""


class ToolBody(_Model):
    """A tool that can be asked for."""

    name: str
    description: str
    policy: str
    """allow, ask (somebody at the computer is asked) or deny."""
    parameters: dict[str, Any]
    """JSON Schema of the arguments."""


class ToolsBody(_Model):
    """Every tool that can be asked for."""

    items: list[ToolBody]


class HealthBody(_Model):
    """The process is there."""

    status: str


def request_body(request: BridgeRequest) -> RequestBody:
    """A request for the wire; its arguments are left out, whoever sent them has them."""
    return RequestBody(
        id=request.request_id,
        tool=request.tool,
        state=request.state,
        relay=request.relay,
        source=request.source,
        attempts=request.attempts,
        accepted_at=_time(request.accepted_at),
        expires_at=_time(request.expires_at),
        finished_at=None if request.finished_at is None else _time(request.finished_at),
        cancel_wanted=request.cancel_wanted,
        chats=[ChatBody(conversation_id=c.conversation_id, chat_id=c.chat_id) for c in request.chats],
        result=result_of(request),
        problem=problem_body(request.problem),
    )


def problem_body(problem: Problem | None) -> ProblemBody | None:
    """A request's problem for the wire."""
    return ProblemBody(**members_of(problem)) if problem else None


def result_of(request: BridgeRequest) -> dict[str, Any] | None:
    """What the tool gave back, as an object."""
    if not request.result:
        return None
    value = json.loads(request.result)
    return value if isinstance(value, dict) else {"result": value}


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
