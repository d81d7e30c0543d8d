"""Errors of the HTTP API as problem documents (RFC 9457), and their description."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response

from c2jy_bridge.relay.request import say

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
PROBLEM_TYPE: Final = "urn:c2jy:problem:"
"""Beginning of `type`; a stable word follows."""

STATUS: Final[Mapping[str, int]] = {
    "bad_json": 400,
    "bad_key": 400,
    "bad_cursor": 400,
    "no_token": 401,
    "origin": 403,
    "tool_denied": 403,
    "unknown_request": 404,
    "unknown_artifact": 404,
    "unknown_tool": 404,
    "unknown_path": 404,
    "method": 405,
    "slow_body": 408,
    "cancelled": 409,
    "no_studio": 409,
    "artifact_gone": 410,
    "too_long": 413,
    "content_type": 415,
    "content_encoding": 415,
    "host": 421,
    "range": 416,
    "invalid": 422,
    "bad_arguments": 422,
    "key_reused": 422,
    "rate": 429,
    "internal": 500,
    "full": 503,
    "storage": 503,
    "not_ready": 503,
}


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


class HttpProblem(HTTPException):
    """An error answered as a problem document; `kind` is a key of STATUS, its texts are in the catalogue."""

    def __init__(
        self, kind: str, *, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
    ) -> None:
        """`more` are further members of the document; they must not repeat anything that was sent."""
        super().__init__(STATUS[kind], headers=dict(headers or {}))
        self.kind = kind
        self.more = dict(more or {})

    def response(self) -> Response:
        """The response to send."""
        members = {
            "type": PROBLEM_TYPE + self.kind.replace("_", "-"),
            "status": self.status_code,
            "title": say(f"http.{self.kind}"),
            "detail": say(f"http_hint.{self.kind}"),
            **self.more,
        }
        return problem_response(self.status_code, members, self.headers)


def problem_response(
    status: int, members: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Make the response for a problem document."""
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
