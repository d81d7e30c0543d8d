"""Shared by the routes: strict bodies, idempotency keys, waiting for the end, and responses of requests."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import Header, Request, Response
from fastapi.routing import APIRoute
from typing_extensions import override

from c2jy_bridge.core.bridge_requests import BridgeRequest
from c2jy_bridge.relay.canonical import NotPlainJson, read_object
from c2jy_bridge.relay.intakes.http.models import HttpProblem, RequestBody
from c2jy_bridge.relay.problems import say
from c2jy_bridge.relay.service import RequestService

LONGEST_WAIT_S: Final = 120.0
"""Most seconds that an answer is held back; callers and proxies give up at about that (Coze: 120 s)."""
RETRY_AFTER_S: Final = 2
_BIG_BODY: Final = 100_000
"""Bytes from which a body is read in a thread."""
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=$|[,;])", re.IGNORECASE)


class StrictRequest(Request):
    """A request whose JSON is read as `canonical.read_object` reads it."""

    async def json(self) -> Any:
        """The body as an object.

        Raises:
            HttpProblem: It is refused.
        """
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
    """A route that reads its body strictly."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


class Closing:
    """Set when the server is about to stop: waiting callers get their answer at once, so that it can stop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Release everybody who waits."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Whether the server is stopping."""
        return self._event.is_set()

    async def unless(self, waiting: Coroutine[Any, Any, Any]) -> Any:
        """The result of `waiting`, or None when the server stops first."""
        task = asyncio.create_task(waiting)
        closing = asyncio.create_task(self._event.wait())
        try:
            await asyncio.wait({task, closing}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            for one in (task, closing):
                one.cancel()
            await asyncio.gather(task, closing, return_exceptions=True)


# Plain headers and no dependencies: those cost as much again as all else that FastAPI does for a request.
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", description="A repetition with the same key and body is the same request."
    ),
]
Prefer = Annotated[
    str | None,
    Header(alias="Prefer", description="`wait=N`: hold the answer back for up to N seconds (RFC 7240)."),
]


def read_idempotency_key(header: str | None) -> str:
    """Read the Idempotency-Key header; empty when there is none.

    Raises:
        HttpProblem: It is malformed.
    """
    if header is None:
        return ""
    if not _KEY.fullmatch(header):
        raise HttpProblem("bad_key")
    return header


def read_wait_s(header: str | None) -> float | None:
    """Read the seconds to wait from the Prefer header; None when it names none."""
    found = _WAIT.search(header or "")
    return min(float(found[1]), LONGEST_WAIT_S) if found else None


async def wait_for_end(
    service: RequestService, closing: Closing, request: BridgeRequest, wait_s: float
) -> BridgeRequest:
    """The request when it has ended, or as it is after `wait_s` seconds or when the server stops."""
    if request.ended or wait_s <= 0 or closing.is_set:
        return request
    return await closing.unless(service.ended(request.request_id, wait_s)) or request


def to_response(request: BridgeRequest, headers: dict[str, str], *, open_status: int = 202) -> Response:
    """200 with a request that has ended, `open_status` with one that has not."""
    where = f"/v1/requests/{request.request_id}"
    headers = {"Location": where, **headers}
    if not request.ended:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    body = RequestBody.model_validate(request).model_dump_json().encode("utf-8")
    return Response(body, 200 if request.ended else open_status, headers, "application/json")


def cursor_of(request: BridgeRequest) -> str:
    """Make the opaque cursor of the page that begins after this request."""
    return base64.urlsafe_b64encode(f"r{request.seq}".encode()).decode().rstrip("=")


def seq_of_cursor(cursor: str | None) -> int | None:
    """Decode a cursor made by `cursor_of`.

    Raises:
        HttpProblem: It is not valid.
    """
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if not re.fullmatch(r"r[0-9]{1,18}", text):
        raise HttpProblem("bad_cursor")
    return int(text[1:])
