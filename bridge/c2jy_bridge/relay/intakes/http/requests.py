"""/v1/requests: ask, look, follow, cancel, list."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from c2jy_bridge.relay.intakes.http.models import NewRequest, PageBody, RequestBody, request_body
from c2jy_bridge.relay.intakes.http.problems import HttpProblem, documented
from c2jy_bridge.relay.intakes.http.responses import (
    Closing,
    IdempotencyKey,
    Prefer,
    StrictRoute,
    cursor_of,
    key_in,
    position,
    told,
    wait_in,
    waited,
)
from c2jy_bridge.relay.queue import KeyReused, QueueFull
from c2jy_bridge.relay.request import BridgeRequest, Change, State
from c2jy_bridge.relay.service import RequestService

BEAT_S: Final = 15.0
"""Seconds of silence after which an event stream shows that it lives; proxies cut at 30 to 60."""
RequestId = Annotated[str, Path(pattern="^[0-9a-f]{1,64}$", description="A request's `id`.")]
_ACCEPTED: Final = {
    "description": "It is kept and will be done; look again at `Location`.",
    "model": RequestBody,
    "headers": {
        "Location": {"schema": {"type": "string"}},
        "Retry-After": {"schema": {"type": "integer"}},
    },
}


def routes(desk: RequestService, closing: Closing) -> APIRouter:
    """The calls about requests."""
    router = APIRouter(prefix="/v1/requests", tags=["requests"], route_class=StrictRoute)

    @router.post(
        "",
        summary="Ask for a tool call",
        response_model=RequestBody,
        responses={
            200: {"description": "It has ended, well or not: see `state`."},
            202: _ACCEPTED,
            **documented("bad_json", "bad_key", "key_reused", "invalid", "full"),
        },
    )
    async def ask(new: NewRequest, key: IdempotencyKey = None, prefer: Prefer = None) -> Response:
        """Take a wish in. When this is answered with 200 or 202 it is on disk and will come to an end."""
        idempotency_key, wait_s = key_in(key), wait_in(prefer)
        try:
            accepted = await desk.ask(
                new.tool,
                new.arguments,
                source="http",
                idempotency_key=idempotency_key,
                timeout_s=new.timeout_s,
            )
        except KeyReused as error:
            where = f"/v1/requests/{error.request_id}"
            raise HttpProblem("key_reused", headers={"Location": where}, more={"instance": where}) from None
        except QueueFull:
            raise HttpProblem("full", headers={"Retry-After": "10"}) from None
        request = await waited(desk, closing, accepted.request, wait_s or 0.0)
        headers = {} if accepted.created else {"Idempotency-Replayed": "true"}
        if wait_s is not None:
            headers["Preference-Applied"] = f"wait={wait_s:g}"
        return told(request, headers)

    @router.get("", summary="List requests", responses=documented("bad_cursor", "invalid"))
    async def page(
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, Query(max_length=64)] = None,
        state: State | None = None,
    ) -> PageBody:
        """Newest first."""
        found = await desk.page(before=position(cursor), limit=limit + 1, state=state)
        more = cursor_of(found[limit - 1]) if len(found) > limit else None
        return PageBody(items=[request_body(request) for request in found[:limit]], next_cursor=more)

    @router.get(
        "/{request_id}",
        summary="Look at a request",
        response_model=RequestBody,
        responses={
            200: {"description": "As it is: see `state`."},
            **documented("unknown_request", "invalid"),
        },
    )
    async def look(request_id: RequestId, prefer: Prefer = None) -> Response:
        """The request as it is, or with `Prefer: wait=N` as it is when it has ended."""
        request = await waited(desk, closing, await _known(desk, request_id), wait_in(prefer) or 0.0)
        return told(request, {}, open_status=200)

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
        request = await desk.cancel(request_id)
        if request is None:
            raise HttpProblem("unknown_request")
        return told(request, {})

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
        """A stream that can be taken up again with Last-Event-ID; a comment shows that it lives."""
        await _known(desk, request_id)
        stream = _stream(desk, closing, request_id, int(last_event_id or 0))
        fresh = {"Cache-Control": "no-store"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=fresh)

    return router


async def _known(desk: RequestService, request_id: str) -> BridgeRequest:
    request = await desk.get(request_id)
    if request is None:
        raise HttpProblem("unknown_request")
    return request


async def _stream(desk: RequestService, closing: Closing, request_id: str, after: int) -> AsyncIterator[str]:
    changes = desk.follow(request_id, after=after, beat_s=BEAT_S)
    seq = after
    while not closing.is_set:
        step = await closing.unless(_next(changes))
        if step is None:
            return
        (change,) = step
        if isinstance(change, Change):
            seq = change.seq
            data = {"id": request_id, "state": change.state, "attempts": change.attempts, "at": change.at}
            yield _event("state", seq, json.dumps(data))
        elif change is _END:
            request = await desk.get(request_id)
            if request is not None:
                yield _event("ended", seq, request_body(request).model_dump_json())
            return
        else:
            yield ": still here\n\n"


_END: Final = object()


async def _next(changes: AsyncIterator[Change | None]) -> tuple[object]:
    try:
        return (await anext(changes),)
    except StopAsyncIteration:
        return (_END,)


def _event(name: str, seq: int, data: str) -> str:
    return f"id: {seq}\nevent: {name}\ndata: {data}\n\n"
