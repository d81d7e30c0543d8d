"""/v1/tools: what there is, and the simple form: arguments in, the tool's output out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Path, Response
from fastapi.responses import JSONResponse

from c2jy_bridge.core.views import ToolView
from c2jy_bridge.relay.intakes.http.models import (
    RequestBody,
    ToolBody,
    ToolName,
    ToolsBody,
    result_of,
)
from c2jy_bridge.relay.intakes.http.problems import (
    MEDIA_TYPE,
    HttpProblem,
    documented,
    members_of,
    problem_response,
)
from c2jy_bridge.relay.intakes.http.responses import (
    Closing,
    IdempotencyKey,
    Prefer,
    StrictRoute,
    key_in,
    told,
    wait_in,
    waited,
)
from c2jy_bridge.relay.queue import KeyReused, QueueFull
from c2jy_bridge.relay.request import BridgeRequest, State
from c2jy_bridge.relay.service import RequestService
from c2jy_bridge.relay.worker import BRIDGE_EXECUTE

PATIENCE_S: Final = 60.0
"""Seconds that the simple form waits when the caller says nothing."""
_STATUS: Final[Mapping[str, int]] = {
    "tool_failed": 422,
    "tool_denied": 403,
    "tool_timed_out": 504,
    "expired": 504,
    "internal": 500,
}
"""HTTP status of a request's problem; everything else went wrong between here and Coze (502)."""
_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_FAILED: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": what, "content": _PROBLEM}
    for status, what in {
        403: "Nobody allowed it, or an Origin that is not let in.",
        409: "It was cancelled.",
        502: "The Bot did not call, or Coze refused.",
        504: "It took too long.",
    }.items()
}


def routes(desk: RequestService, closing: Closing, tools: Callable[[], Sequence[ToolView]]) -> APIRouter:
    """The calls about tools."""
    router = APIRouter(prefix="/v1/tools", tags=["tools"], route_class=StrictRoute)

    @router.get("", summary="List tools")
    async def listed() -> ToolsBody:
        """Every tool that can be asked for, with its JSON Schema."""
        return ToolsBody(
            items=[
                ToolBody(name=t.name, description=t.description, policy=t.policy, parameters=t.parameters)
                for t in tools()
                if t.name != BRIDGE_EXECUTE
            ]
        )

    @router.post(
        "/{name}",
        summary="Call a tool and wait",
        responses={
            200: {
                "description": "The tool's output.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            202: {"description": "Not done yet; look again at `Location`.", "model": RequestBody},
            **documented("bad_json", "bad_key", "unknown_tool", "key_reused", "invalid", "full"),
            **_FAILED,
        },
    )
    async def call(
        name: Annotated[ToolName, Path(description="The tool.")],
        arguments: Annotated[dict[str, Any], Body(description="The tool's arguments.")],
        key: IdempotencyKey = None,
        prefer: Prefer = None,
    ) -> Response:
        """The body is the arguments, the answer the output. Waits a minute, or as `Prefer: wait=N` says."""
        if name not in {tool.name for tool in tools()} - {BRIDGE_EXECUTE}:
            raise HttpProblem("unknown_tool")
        idempotency_key, wait_s = key_in(key), wait_in(prefer)
        try:
            accepted = await desk.ask(name, arguments, source="http", idempotency_key=idempotency_key)
        except KeyReused:
            raise HttpProblem("key_reused") from None
        except QueueFull:
            raise HttpProblem("full", headers={"Retry-After": "10"}) from None
        request = await waited(desk, closing, accepted.request, PATIENCE_S if wait_s is None else wait_s)
        return _output(request)

    return router


def _output(request: BridgeRequest) -> Response:
    where = f"/v1/requests/{request.request_id}"
    if not request.ended:
        return told(request, {})
    if request.state is State.SUCCEEDED:
        return JSONResponse(result_of(request) or {}, headers={"Location": where})
    more = {"instance": where, "result": result_of(request)}
    if request.problem is None:
        return HttpProblem("cancelled", more=more).response()
    status = _STATUS.get(request.problem.kind, 502)
    return problem_response(status, {**members_of(request.problem), "status": status, **more})
