"""The OpenAPI 3.0 description for Coze's plugin import, and the routes that it describes.

Coze's importer (coze-studio 2026-03, kin-openapi) wants OpenAPI 3.0, one server, `200` only, one type for
each schema. So the state of a request is in the body here: `done`, `running` or `failed`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse

from c2jy_bridge.core.bridge_requests import BridgeRequest, State
from c2jy_bridge.plugin import Tool, ToolRegistry
from c2jy_bridge.plugin.manifest import openapi
from c2jy_bridge.relay.intakes.http.models import output_of
from c2jy_bridge.relay.intakes.http.routes import (
    Closing,
    IdempotencyKey,
    StrictRoute,
    read_idempotency_key,
    wait_for_end,
)
from c2jy_bridge.relay.problems import say
from c2jy_bridge.relay.request import KeyReused, QueueFull
from c2jy_bridge.relay.service import RequestService
from c2jy_bridge.relay.worker import BRIDGE_EXECUTE

PREFIX: Final = "/coze"
STATUS_TOOL: Final = "bridge_request_status"
PATIENCE_S: Final = 25.0
"""Seconds that an answer is held back. How long Coze's plugin node waits is not documented; 30 s is usual."""

Arguments = Annotated[dict[str, Any], Body()]

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
    """The OpenAPI 3.0 document.

    Args:
        tools: What Coze may call.
        server: Where Coze reaches the bridge: https and a domain, for the importer takes no address.
    """
    document = copy.deepcopy(openapi(tool for tool in tools if tool.name != BRIDGE_EXECUTE))
    paths: dict[str, Any] = {}
    for path, item in document["paths"].items():
        operation = item["post"]
        operation.pop("x-functionName", None)
        output = _content(operation["responses"]["200"])["schema"]
        operation["responses"] = _answers(output)
        paths[PREFIX + path] = {"post": operation}
    paths[f"{PREFIX}/{STATUS_TOOL}"] = {"post": _status_operation()}
    return {**document, "servers": [{"url": server.rstrip("/")}], "paths": paths}


def routes(service: RequestService, closing: Closing, registry: ToolRegistry) -> APIRouter:
    """The calls; they are described by `description`, not in the API's own document."""
    router = APIRouter(prefix=PREFIX, route_class=StrictRoute, include_in_schema=False)

    @router.post(f"/{STATUS_TOOL}")
    async def status(arguments: Arguments) -> JSONResponse:
        found = await service.get(str(arguments.get("request_id", "")))
        if found is None:
            return _failed(say("http.unknown_request"))
        return _answer(await wait_for_end(service, closing, found, PATIENCE_S))

    @router.post("/{name}")
    async def call(name: str, arguments: Arguments, key: IdempotencyKey = None) -> JSONResponse:
        if name == BRIDGE_EXECUTE or registry.get(name) is None:
            return _failed(say("http.unknown_tool"))
        try:
            accepted = await service.submit(
                name, arguments, source="http", idempotency_key=read_idempotency_key(key)
            )
        except KeyReused:
            return _failed(say("http.key_reused"))
        except QueueFull:
            return _failed(say("http.full"))
        return _answer(await wait_for_end(service, closing, accepted.request, PATIENCE_S))

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
    wanted = {"request_id": {"type": "string", "description": "The request_id of an answer before."}}
    schema = {"type": "object", "properties": wanted, "required": ["request_id"]}
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
        "default": {"description": "Not let in, or not understood."},
    }


def _content(response: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = response["content"]["application/json"]
    return content


def as_text(document: dict[str, Any]) -> str:
    """The document as it is served and as it can be pasted into Coze's form."""
    return json.dumps(document, ensure_ascii=False, indent=2)
