"""Errors as `application/problem+json` (RFC 9457). Nothing of what was sent is ever in them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.problems import say

MEDIA_TYPE: Final = "application/problem+json"
TYPE: Final = "urn:c2jy:problem:"
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


class HttpProblem(HTTPException):
    """An error that is answered as a problem; `kind` is a key of STATUS, its words stand in the catalogue."""

    def __init__(
        self, kind: str, *, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
    ) -> None:
        """`more` are further members of the problem; they must not repeat anything that was sent."""
        super().__init__(STATUS[kind], headers=dict(headers or {}))
        self.kind = kind
        self.more = dict(more or {})

    def members(self) -> dict[str, Any]:
        """What is in the problem document."""
        about = {"type": TYPE + self.kind.replace("_", "-"), "status": self.status_code}
        words = {"title": say(f"http.{self.kind}"), "detail": say(f"http_hint.{self.kind}")}
        return {**about, **words, **self.more}

    def response(self) -> Response:
        """The answer."""
        return problem_response(self.status_code, self.members(), self.headers)


def problem_response(
    status: int, members: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """A problem as an answer."""
    body = json.dumps(members, ensure_ascii=False).encode("utf-8")
    return Response(body, status, headers, MEDIA_TYPE)


def members_of(problem: Problem) -> dict[str, Any]:
    """A request's problem as members of a problem document."""
    more = {"code": problem.code} if problem.code else {}
    if problem.logid:
        more["logid"] = problem.logid  # type: ignore[assignment]  # values of two types
    kind = problem.kind.replace("_", "-")
    return {"type": TYPE + kind, "title": problem.message, "detail": problem.hint, **more}


def documented(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """These problems as `responses` of an operation."""
    by_status: dict[int, list[str]] = {}
    for kind in kinds:
        by_status.setdefault(STATUS[kind], []).append(kind)
    return {status: _documented(status, names) for status, names in by_status.items()}


def _documented(status: int, kinds: Sequence[str]) -> dict[str, Any]:
    types = ", ".join(TYPE + kind.replace("_", "-") for kind in kinds)
    answer: dict[str, Any] = {
        "description": types,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return answer
