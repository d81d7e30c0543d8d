"""Bodies of the HTTP API, as the OpenAPI description shows them, and errors as problems (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from c2jy_bridge.core.bridge_requests import RelayMode, RequestSource, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.problems import say

ToolName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
PROBLEM_TYPE: Final = "urn:c2jy:problem:"
"""What `type` begins with; the rest is a stable word."""

STATUS: Final[Mapping[str, int]] = {
    "bad_json": 400,
    "bad_key": 400,
    "bad_cursor": 400,
    "no_token": 401,
    "origin": 403,
    "unknown_request": 404,
    "unknown_tool": 404,
    "unknown_path": 404,
    "method": 405,
    "slow_body": 408,
    "cancelled": 409,
    "too_long": 413,
    "content_type": 415,
    "host": 421,
    "invalid": 422,
    "key_reused": 422,
    "rate": 429,
    "internal": 500,
    "full": 503,
    "storage": 503,
    "not_ready": 503,
}


def output_of(result: str) -> dict[str, Any] | None:
    """Parse a request's `result`, the tool's output, into an object."""
    if not result:
        return None
    value = json.loads(result)
    return value if isinstance(value, dict) else {"result": value}


def problem_members(problem: Problem | None) -> dict[str, Any] | None:
    """Convert a request's problem to members of a problem document."""
    if problem is None:
        return None
    members: dict[str, Any] = {
        "type": PROBLEM_TYPE + problem.kind.replace("_", "-"),
        "title": problem.message,
        "detail": problem.hint,
    }
    if problem.code:
        members["code"] = problem.code
    return {**members, "logid": problem.logid} if problem.logid else members


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True, use_attribute_docstrings=True)


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

    id: str = Field(validation_alias="request_id")
    tool: str
    state: State
    relay: RelayMode
    """`bot`: through a Bot chat; `direct`: without one."""
    source: RequestSource
    attempts: int
    """How often the Bot was asked."""
    accepted_at: datetime
    expires_at: datetime
    finished_at: datetime | None
    cancel_wanted: bool
    """Somebody cancelled it while it was at work; it will end soon."""
    chats: list[ChatBody]
    result: Annotated[dict[str, Any] | None, BeforeValidator(output_of)]
    """What the tool gave back, once it has."""
    problem: Annotated[ProblemBody | None, BeforeValidator(problem_members)]
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


class HttpProblem(HTTPException):
    """An error that is answered as a problem; `kind` is a key of STATUS, its texts are in the catalogue."""

    def __init__(
        self, kind: str, *, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
    ) -> None:
        """`more` are further members of the problem; they must not repeat anything that was sent."""
        super().__init__(STATUS[kind], headers=dict(headers or {}))
        self.kind = kind
        self.more = dict(more or {})

    def members(self) -> dict[str, Any]:
        """The members of the problem document."""
        about = {"type": PROBLEM_TYPE + self.kind.replace("_", "-"), "status": self.status_code}
        words = {"title": say(f"http.{self.kind}"), "detail": say(f"http_hint.{self.kind}")}
        return {**about, **words, **self.more}

    def response(self) -> Response:
        """The response to send."""
        return problem_response(self.status_code, self.members(), self.headers)


def problem_response(
    status: int, members: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Make a response of a problem."""
    body = json.dumps(members, ensure_ascii=False).encode("utf-8")
    return Response(body, status, headers, PROBLEM_MEDIA_TYPE)


def documented(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """Describe these problems as `responses` of an operation."""
    by_status: dict[int, list[str]] = {}
    for kind in kinds:
        by_status.setdefault(STATUS[kind], []).append(kind)
    return {status: _documented(status, names) for status, names in by_status.items()}


def _documented(status: int, kinds: Sequence[str]) -> dict[str, Any]:
    types = ", ".join(PROBLEM_TYPE + kind.replace("_", "-") for kind in kinds)
    answer: dict[str, Any] = {
        "description": types,
        "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return answer
