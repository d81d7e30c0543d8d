"""Routes /v1/requests: submit, look, follow, cancel, list; their bodies; how every body is read."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import override

from c2jy_bridge.core.bridge_requests import BridgeRequest, Delivery, RelayMode, RequestSource, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.plugin import arguments
from c2jy_bridge.relay.intakes.http.downloads import (
    ARTIFACT_ANSWERS,
    ARTIFACT_HEADERS,
    ArtifactName,
    artifact_response,
)
from c2jy_bridge.relay.intakes.http.http_problems import (
    PROBLEM_TYPE,
    HttpProblem,
    ProblemBody,
    documented,
)
from c2jy_bridge.relay.request import (
    Accepted,
    Change,
    KeyReused,
    NotPlainJson,
    QueueFull,
    RequestRefused,
    read_object,
    say,
)
from c2jy_bridge.relay.request_queue import RequestService

ToolName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


def output_of(result: str) -> dict[str, Any] | None:
    """Parse a request's `result`, which is the tool's output, into an object."""
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


class HttpModel(BaseModel):
    """A body of the HTTP API."""

    model_config = ConfigDict(extra="forbid", from_attributes=True, use_attribute_docstrings=True)


def arguments_of(value: object) -> object:
    """Read arguments that were sent as JSON text: a node's template can only put text into text."""
    return arguments.read(value) if isinstance(value, str) else value


class NewRequest(HttpModel):
    """A requested tool call."""

    tool: ToolName
    """The tool, as GET /v1/tools names it."""
    arguments: Annotated[dict[str, Any], BeforeValidator(arguments_of)] = Field(default_factory=dict)
    """Its arguments, as GET /v1/tools describes them; their JSON text is accepted too."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Seconds until it fails if it has not ended; by default, and at most, as the bridge's settings say."""
    target: Annotated[str, Field(pattern=r"^(label|machine):[A-Za-z0-9_-]{1,64}$")] | None = None
    """In a studio, where it may run: `label:` and what a machine offers, or `machine:` and its name."""
    deliver: Delivery = ""
    """`zip`: keep the drafts that it makes, packed, for download; see `artifacts`."""


class ChatBody(HttpModel):
    """A Bot chat in which the request was relayed."""

    conversation_id: str
    """Coze's id of the conversation."""
    chat_id: str
    """Coze's id of the chat in it."""


class ArtifactBody(HttpModel):
    """A file to download: GET /v1/requests/{id}/artifacts/{name}."""

    name: str
    """Its name, unique in this request."""
    media_type: str
    """What it is."""
    size_bytes: int
    """How long it is."""
    sha256: str
    """Its SHA-256, as hexadecimal digits."""


class RequestBody(HttpModel):
    """A request as it is now."""

    id: str = Field(validation_alias="request_id")
    """The request's own id, for the other routes."""
    tool: str
    """The tool to run."""
    state: State
    """How far it is; `succeeded`, `failed` and `cancelled` are final."""
    relay: RelayMode
    """`bot`: through a Bot chat; `direct`: without one."""
    source: RequestSource
    """The intake that it came through."""
    attempts: int
    """How often the Bot was asked."""
    accepted_at: datetime
    """When it was stored (UTC)."""
    expires_at: datetime
    """When it fails if it has not ended (UTC); moves on while it waits for a login or a quota."""
    finished_at: datetime | None
    """When it ended (UTC); null while it is open."""
    cancel_wanted: bool
    """It was cancelled while it ran and will end soon."""
    chats: list[ChatBody]
    """The Bot chats in which it was relayed, oldest first."""
    result: Annotated[dict[str, Any] | None, BeforeValidator(output_of)]
    """The tool's output, once there is one."""
    problem: Annotated[ProblemBody | None, BeforeValidator(problem_members)]
    """Why it failed; of an open request, what went wrong last."""
    artifacts: list[ArtifactBody]
    """What can be downloaded, besides `result.json`."""
    machine: str
    """In a studio, the machine that has it or had it last; else empty."""


class PageBody(HttpModel):
    """A page of requests, newest first."""

    items: list[RequestBody]
    """At most `limit` requests."""
    next_cursor: str | None
    """The `cursor` of the next, older page; null on the last one."""


LONGEST_WAIT_S: Final = 120.0
"""Longest wait for a result; callers and proxies time out at about that (Coze: 120 s)."""
RETRY_AFTER_S: Final = 2
_BIG_BODY: Final = 100_000  # bytes from which a body is parsed in a thread
_CURSOR: Final = "^r[0-9]{1,18}$"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=$|[,;])", re.IGNORECASE)


class StrictRequest(Request):
    """A request whose JSON body is parsed by `read_object`."""

    @override
    async def json(self) -> Any:
        if not hasattr(self, "_strict"):
            body = await self.body()
            try:
                big = len(body) > _BIG_BODY
                self._strict = await asyncio.to_thread(read_object, body) if big else read_object(body)
            except NotPlainJson as error:
                more = {"reason": error.reason, "why": say(f"json.{error.reason}")}
                raise HttpProblem("bad_json", more=more) from None
        return self._strict


class StrictRoute(APIRoute):
    """A route that parses its body strictly."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


class Closing(asyncio.Event):
    """Set when the server is about to stop: waiting callers get their answer at once."""

    async def unless(self, waiting: Coroutine[Any, Any, Any]) -> Any:
        """The result of `waiting`, or None when the server stops first."""
        task = asyncio.create_task(waiting)
        closing = asyncio.create_task(self.wait())
        try:
            await asyncio.wait({task, closing}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            for one in (task, closing):
                one.cancel()
            await asyncio.gather(task, closing, return_exceptions=True)


# Read from the request and described here: as parameters of the routes they would take FastAPI 0.1 ms.
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repetition with the same key and body is the same request.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N`: hold the answer back for up to N seconds (RFC 7240).",
    "schema": {"type": "string"},
}


def read_idempotency_key(request: Request) -> str:
    """Read the Idempotency-Key header; empty when there is none. Raises HttpProblem if it is malformed."""
    header = request.headers.get("idempotency-key")
    if header is not None and not _KEY.fullmatch(header):
        raise HttpProblem("bad_key")
    return header or ""


def read_wait_s(request: Request) -> float | None:
    """Read the seconds to wait from the Prefer header; None when it names none."""
    found = _WAIT.search(request.headers.get("prefer", ""))
    return min(float(found[1]), LONGEST_WAIT_S) if found else None


async def accept(service: RequestService, tool: str, arguments: dict[str, Any], **more: Any) -> Accepted:
    """Submit a request; raises HttpProblem when it is refused."""
    try:
        return await service.submit(tool, arguments, source="http", **more)
    except RequestRefused as error:
        faults = {"faults": [{"where": "arguments", "message": fault} for fault in error.faults]}
        raise HttpProblem(error.problem.kind, more=faults if error.faults else None) from None
    except KeyReused as error:
        where = f"/v1/requests/{error.request_id}"
        raise HttpProblem("key_reused", headers={"Location": where}, more={"instance": where}) from None
    except QueueFull:
        raise HttpProblem("full", headers={"Retry-After": "10"}) from None


async def wait_for_end(
    service: RequestService, closing: Closing, request: BridgeRequest, wait_s: float
) -> BridgeRequest:
    """The request once it has ended, or as it is after `wait_s` seconds or when the server stops."""
    if request.ended or wait_s <= 0 or closing.is_set():
        return request
    return await closing.unless(service.ended(request.request_id, wait_s)) or request


def to_response(request: BridgeRequest, headers: dict[str, str], *, open_status: int = 202) -> Response:
    """Respond with a request: 200 when it has ended, `open_status` when it has not."""
    where = f"/v1/requests/{request.request_id}"
    headers = {"Location": where, **headers}
    if not request.ended:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    body = RequestBody.model_validate(request).model_dump_json().encode("utf-8")
    return Response(body, 200 if request.ended else open_status, headers, "application/json")


def cursor_of(request: BridgeRequest) -> str:
    """Make the opaque cursor of the page that begins after this request."""
    return f"r{request.seq}"


def seq_of_cursor(cursor: str | None) -> int | None:
    """Decode a cursor made by `cursor_of`; raises HttpProblem if it is malformed."""
    if cursor is None:
        return None
    if not re.fullmatch(_CURSOR, cursor):
        raise HttpProblem("bad_cursor")
    return int(cursor[1:])


REFUSED: Final = (
    "tool_denied",
    "unknown_tool",
    "bad_arguments",
    "no_studio",
    "key_reused",
    "invalid",
    "full",
)
"""Problems of a submission."""
BEAT_S: Final = 15.0
"""Seconds of silence after which an event stream sends a comment; proxies cut at 30 to 60."""
RequestId = Annotated[str, Path(pattern="^[0-9a-f]{1,64}$", description="A request's `id`.")]
_ACCEPTED: Final = {
    "description": "It is stored and will be run; look again at `Location`.",
    "model": RequestBody,
    "headers": {
        "Location": {"schema": {"type": "string"}},
        "Retry-After": {"schema": {"type": "integer"}},
    },
}


def request_routes(service: RequestService, closing: Closing) -> APIRouter:
    """Make the routes about requests."""
    router = APIRouter(prefix="/v1/requests", tags=["requests"], route_class=StrictRoute)

    @router.post(
        "",
        summary="Ask for a tool call",
        response_model=RequestBody,
        responses={
            200: {"description": "It has ended, well or not: see `state`."},
            202: _ACCEPTED,
            **documented("bad_json", "bad_key", *REFUSED),
        },
        openapi_extra={"parameters": [IDEMPOTENCY_KEY, PREFER]},
    )
    async def submit(new: NewRequest, request: Request) -> Response:
        """Submit a tool call. Once answered with 200 or 202 it is durable and will come to an end."""
        idempotency_key, wait_s = read_idempotency_key(request), read_wait_s(request)
        accepted = await accept(
            service,
            new.tool,
            new.arguments,
            idempotency_key=idempotency_key,
            timeout_s=new.timeout_s,
            target=new.target or "",
            deliver=new.deliver,
        )
        ended = await wait_for_end(service, closing, accepted.request, wait_s or 0.0)
        headers = {} if accepted.created else {"Idempotency-Replayed": "true"}
        if wait_s is not None:
            headers["Preference-Applied"] = f"wait={wait_s:g}"
        return to_response(ended, headers)

    @router.get("", summary="List requests", responses=documented("bad_cursor", "invalid"))
    async def page(
        limit: Annotated[int, Query(ge=1, le=100, description="Most requests on a page.")] = 50,
        cursor: Annotated[
            str | None,
            Query(json_schema_extra={"pattern": _CURSOR}, description="`next_cursor` of the page before."),
        ] = None,
        state: Annotated[State | None, Query(description="Only requests in this state.")] = None,
    ) -> PageBody:
        """Newest first."""
        found = await service.page(before=seq_of_cursor(cursor), limit=limit + 1, state=state)
        more = cursor_of(found[limit - 1]) if len(found) > limit else None
        items = [RequestBody.model_validate(request) for request in found[:limit]]
        return PageBody(items=items, next_cursor=more)

    @router.get(
        "/{request_id}",
        summary="Look at a request",
        response_model=RequestBody,
        responses={
            200: {"description": "As it is: see `state`."},
            **documented("unknown_request", "invalid"),
        },
        openapi_extra={"parameters": [PREFER]},
    )
    async def look(request_id: RequestId, request: Request) -> Response:
        """The request as it is, or with `Prefer: wait=N` once it has ended."""
        wait_s = read_wait_s(request) or 0.0
        found = await wait_for_end(service, closing, await _known(service, request_id), wait_s)
        return to_response(found, {}, open_status=200)

    @router.delete(
        "/{request_id}",
        summary="Cancel a request",
        response_model=RequestBody,
        responses={
            200: {"description": "It has ended: cancelled now, or in another way before."},
            202: {**_ACCEPTED, "description": "It is being stopped."},
            **documented("unknown_request", "invalid"),
        },
    )
    async def cancel(request_id: RequestId) -> Response:
        """Stop a request. What its tool had already done stays done; the request itself is kept."""
        request = await service.cancel(request_id)
        if request is None:
            raise HttpProblem("unknown_request")
        return to_response(request, {})

    @router.get(
        "/{request_id}/artifacts/{name}",
        summary="Download what a request has made",
        response_class=StreamingResponse,
        responses=ARTIFACT_ANSWERS,
        openapi_extra={"parameters": ARTIFACT_HEADERS},
    )
    async def download(request_id: RequestId, name: ArtifactName, request: Request) -> Response:
        """One of `artifacts`, or `result.json`: the tool's output as it is."""
        return await artifact_response(service, await _known(service, request_id), name, request.headers)

    @router.get(
        "/{request_id}/events",
        summary="Follow a request",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "Server-sent events: `state` for each change, `ended` with the request last.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **documented("unknown_request", "invalid"),
        },
    )
    async def follow(
        request_id: RequestId,
        last_event_id: Annotated[
            str | None, Header(pattern="^[0-9]{0,18}$", description="Go on after this event.")
        ] = None,
    ) -> StreamingResponse:
        """A stream that can be resumed with Last-Event-ID; comments keep it alive."""
        await _known(service, request_id)
        stream = _stream(service, closing, request_id, int(last_event_id or 0))
        fresh = {"Cache-Control": "no-store"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=fresh)

    return router


async def _known(service: RequestService, request_id: str) -> BridgeRequest:
    request = await service.get(request_id)
    if request is None:
        raise HttpProblem("unknown_request")
    return request


async def _stream(
    service: RequestService, closing: Closing, request_id: str, after: int
) -> AsyncIterator[str]:
    changes = service.follow(request_id, after=after, beat_s=BEAT_S)
    seq = after
    while not closing.is_set():
        change = await closing.unless(_next(changes))
        if isinstance(change, Change):
            seq = change.seq
            data = {"id": request_id, "state": change.state, "attempts": change.attempts, "at": change.at}
            yield _event("state", seq, json.dumps(data))
        elif change is _END:
            request = await service.get(request_id)
            if request is not None:
                yield _event("ended", seq, RequestBody.model_validate(request).model_dump_json())
            return
        elif not closing.is_set():
            yield ": still here\n\n"


_END: Final = object()


async def _next(changes: AsyncIterator[Change | None]) -> object:
    return await anext(changes, _END)


def _event(name: str, seq: int, data: str) -> str:
    return f"id: {seq}\nevent: {name}\ndata: {data}\n\n"
