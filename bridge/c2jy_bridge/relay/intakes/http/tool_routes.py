"""Routes /v1/tools (list, call and wait), and the same as Coze's plugin import wants them, with OpenAPI 3.0.

Coze's importer (coze-studio 2026-03, kin-openapi) wants OpenAPI 3.0, one server, `200` only, one type for
each schema. So the state of a request is in the body here: `done`, `running` or `failed`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Path, Request, Response
from fastapi.responses import JSONResponse

from c2jy_bridge.core.bridge_requests import BridgeRequest, State
from c2jy_bridge.core.views import ToolView
from c2jy_bridge.plugin import Tool
from c2jy_bridge.plugin.manifest import openapi
from c2jy_bridge.relay.calls import BRIDGE_EXECUTE
from c2jy_bridge.relay.intakes.http.http_problems import (
    PROBLEM_MEDIA_TYPE,
    HttpProblem,
    documented,
    problem_response,
)
from c2jy_bridge.relay.intakes.http.request_routes import (
    IDEMPOTENCY_KEY,
    PREFER,
    REFUSED,
    Closing,
    HttpModel,
    RequestBody,
    StrictRoute,
    ToolName,
    accept,
    output_of,
    problem_members,
    read_idempotency_key,
    read_wait_s,
    to_response,
    wait_for_end,
)
from c2jy_bridge.relay.request import say
from c2jy_bridge.relay.request_queue import RequestService


class ToolBody(HttpModel):
    """A tool that can be called."""

    name: str
    """Its name in requests and paths."""
    description: str
    """What it does, as a Bot reads it."""
    policy: str
    """allow, ask (the user at the computer approves each call) or deny."""
    parameters: dict[str, Any]
    """JSON Schema of the arguments."""


class ToolsBody(HttpModel):
    """Every tool that can be called."""

    items: list[ToolBody]
    """All tools, built in and the user's own."""


TOOL_WAIT_S: Final = 60.0
"""Seconds that a call waits without a Prefer header."""
_STATUS_OF_PROBLEM: Final[Mapping[str, int]] = {
    "tool_failed": 422,
    "tool_denied": 403,
    "tool_timed_out": 504,
    "expired": 504,
    "internal": 500,
}
"""HTTP status of a request's problem; all others arose between here and Coze (502)."""
_PROBLEM: Final = {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_FAILED: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": what, "content": _PROBLEM}
    for status, what in {
        403: "It was not approved, or the Origin is not allowed.",
        409: "It was cancelled.",
        502: "The Bot did not call, or Coze refused.",
        504: "It took too long.",
    }.items()
}


def tool_routes(
    service: RequestService, closing: Closing, registered: Callable[[], Sequence[ToolView]]
) -> APIRouter:
    """Make the routes about tools."""
    router = APIRouter(prefix="/v1/tools", tags=["tools"], route_class=StrictRoute)

    @router.get("", summary="List tools")
    async def listed() -> ToolsBody:
        """Every tool that can be called, with its JSON Schema."""
        return ToolsBody(
            items=[
                ToolBody(name=t.name, description=t.description, policy=t.policy, parameters=t.parameters)
                for t in registered()
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
            **documented("bad_json", "bad_key", *REFUSED),
            **_FAILED,
        },
        openapi_extra={"parameters": [IDEMPOTENCY_KEY, PREFER]},
    )
    async def call(
        name: Annotated[ToolName, Path(description="The tool.")],
        arguments: Annotated[dict[str, Any], Body(description="The tool's arguments.", default_factory=dict)],
        request: Request,
    ) -> Response:
        """The body is the arguments, the answer the output. Waits a minute, or as `Prefer: wait=N` says."""
        idempotency_key, wait_s = read_idempotency_key(request), read_wait_s(request)
        accepted = await accept(service, name, arguments, idempotency_key=idempotency_key)
        wait_s = TOOL_WAIT_S if wait_s is None else wait_s
        return _output(await wait_for_end(service, closing, accepted.request, wait_s))

    return router


def _output(request: BridgeRequest) -> Response:
    where = f"/v1/requests/{request.request_id}"
    if not request.ended:
        return to_response(request, {})
    if request.state is State.SUCCEEDED:
        return JSONResponse(output_of(request.result) or {}, headers={"Location": where})
    more = {"instance": where, "result": output_of(request.result)}
    if request.problem is None:
        return HttpProblem("cancelled", more=more).response()
    status = _STATUS_OF_PROBLEM.get(request.problem.kind, 502)
    return problem_response(status, {**(problem_members(request.problem) or {}), "status": status, **more})


_INT64: Final = {"minimum": -(2**63), "maximum": 2**63 - 1}


def describe_tools(document: dict[str, Any], tools: Iterable[Tool]) -> None:
    """Write every tool with its arguments into the OpenAPI 3.1 document, as strict as requests are checked.

    Text and null in place of a value are accepted too (`plugin.arguments`); clients should not generate them.
    """
    paths, schemas = document["paths"], document["components"]["schemas"]
    template = paths.pop("/v1/tools/{name}")["post"]
    new = schemas["NewRequest"]
    choices = []
    for tool in tools:
        if tool.name == BRIDGE_EXECUTE:
            continue
        arguments = _bounded(tool.takes.schema)
        required = bool(arguments.get("required"))
        operation = copy.deepcopy(template)
        operation |= {
            "operationId": f"call_{tool.name}",
            "summary": tool.name,
            "description": tool.description,
        }
        operation["parameters"] = [one for one in operation["parameters"] if one["in"] != "path"]
        operation["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": arguments}},
        }
        paths[f"/v1/tools/{tool.name}"] = {"post": operation}
        fields = {**new["properties"], "tool": {"const": tool.name}, "arguments": arguments}
        names = ["tool", "arguments"] if required else ["tool"]
        choices.append({**new, "title": tool.name, "properties": fields, "required": names})
    if choices:
        schemas["NewRequest"] = {"title": "NewRequest", "oneOf": choices}


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter: it may be omitted, but no text means null."""
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return {**{k: v for k, v in schema.items() if k != "anyOf"}, **choices[0]} if choices else schema


def _bounded(node: Any) -> Any:
    """A tool's schema with the range of integers where it names none."""
    if isinstance(node, list):
        return [_bounded(item) for item in node]
    if not isinstance(node, dict):
        return node
    bounds = _INT64 if node.get("type") == "integer" else {}
    return {**bounds, **{key: _bounded(value) for key, value in node.items()}}


PREFIX: Final = "/coze"
STATUS_TOOL: Final = "bridge_request_status"
FACADE_WAIT_S: Final = 25.0
"""Seconds that a call waits. The timeout of Coze's plugin node is undocumented; 30 s is usual."""

Arguments = Annotated[dict[str, Any], Body(default_factory=dict)]

_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "status": {
        "type": "string",
        "enum": ["done", "running", "failed"],
        "description": f"running: call {STATUS_TOOL} with the request_id until it is done or failed.",
    },
    "request_id": {"type": "string", "description": "The request, to ask for it again."},
    "message": {"type": "string", "description": "Why it failed, and what to do."},
    "result": {"type": "string", "description": "The tool's whole output as JSON text."},
}


def description(tools: Iterable[Tool], server: str) -> dict[str, Any]:
    """The OpenAPI 3.0 document of these tools.

    `server` is where Coze reaches the bridge: https and a domain, as the importer takes no IP address.
    """
    document = copy.deepcopy(openapi(tool for tool in tools if tool.name != BRIDGE_EXECUTE))
    paths: dict[str, Any] = {}
    for path, item in document["paths"].items():
        operation = item["post"]
        operation.pop("x-functionName", None)
        output = operation["responses"]["200"]["content"]["application/json"]["schema"]
        operation["responses"] = _answers(output)
        paths[PREFIX + path] = {"post": operation}
    paths[f"{PREFIX}/{STATUS_TOOL}"] = {"post": _status_operation()}
    return {**document, "servers": [{"url": server.rstrip("/")}], "paths": paths}


def facade_routes(service: RequestService, closing: Closing) -> APIRouter:
    """Make the routes that `description` describes; the API's own document leaves them out."""
    router = APIRouter(prefix=PREFIX, route_class=StrictRoute, include_in_schema=False)

    @router.post(f"/{STATUS_TOOL}")
    async def status(arguments: Arguments) -> JSONResponse:
        found = await service.get(str(arguments.get("request_id", "")))
        if found is None:
            return _failed(say("http.unknown_request"))
        return _answer(await wait_for_end(service, closing, found, FACADE_WAIT_S))

    @router.post("/{name}")
    async def call(name: str, arguments: Arguments, request: Request) -> JSONResponse:
        try:
            key = read_idempotency_key(request)
            accepted = await accept(service, name, arguments, idempotency_key=key)
        except HttpProblem as problem:
            faults = "; ".join(fault["message"] for fault in problem.more.get("faults", ()))
            return _failed(
                f"{say(f'http.{problem.kind}')}: {faults}" if faults else say(f"http.{problem.kind}")
            )
        return _answer(await wait_for_end(service, closing, accepted.request, FACADE_WAIT_S))

    return router


def _answer(request: BridgeRequest) -> JSONResponse:
    body: dict[str, Any] = {"status": "running", "request_id": request.request_id, "message": ""}
    if request.ended:
        body["status"] = "done" if request.state is State.SUCCEEDED else "failed"
        body |= {"result": request.result, "output": output_of(request.result) or {}}
    if request.state is State.CANCELLED:
        body["message"] = say("http.cancelled")
    elif request.problem is not None:
        body["message"] = f"{request.problem.message} {request.problem.hint}".strip()
    return JSONResponse(body)


def _failed(message: str) -> JSONResponse:
    return JSONResponse({"status": "failed", "request_id": "", "message": message})


def _status_operation() -> dict[str, Any]:
    fields = {"request_id": {"type": "string", "description": "The request_id of an earlier answer."}}
    schema = {"type": "object", "properties": fields, "required": ["request_id"]}
    return {
        "operationId": STATUS_TOOL,
        "summary": say("facade.status"),
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": _answers({"type": "object", "properties": {}}),
    }


def _answers(output: dict[str, Any]) -> dict[str, Any]:
    properties = {**_FIELDS, "output": output}
    schema = {"type": "object", "properties": properties}
    return {
        "200": {"description": "OK", "content": {"application/json": {"schema": schema}}},
        "default": {"description": "Not authorised, or malformed."},
    }


def as_text(document: dict[str, Any]) -> str:
    """The document as it is served and can be pasted into Coze's form."""
    return json.dumps(document, ensure_ascii=False, indent=2)
