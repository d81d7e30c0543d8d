"""The web application: Coze's routes, and what holds for all of them (log id, token, errors, faults)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coze_emulator.chats import Chats
from coze_emulator.connections import Connections
from coze_emulator.routes import account, chat, conversations, media, oauth, workflows
from coze_emulator.routes.answers import refusal
from coze_emulator.wire import FORBIDDEN, INTERNAL, PARAMETER, CozeError
from coze_emulator.world import Seen, World

_log = logging.getLogger(__name__)

_ORDERS: Final = "/_emulator"
"""Not Coze's own: where faults are ordered."""
_OPEN: Final = ("/_media", "/t/", "/api/permission/", _ORDERS)
"""Paths without a token."""


def build(world: World, connections: Connections) -> ASGIApp:
    """The whole application for one world."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(CozeError, _refused)
    app.add_exception_handler(Exception, _crashed)
    app.include_router(chat.routes(world, Chats(world), connections))
    app.include_router(workflows.routes(world, connections))
    for routes in (
        account.routes,
        account.file_routes,
        account.fault_routes,
        conversations.routes,
        conversations.message_routes,
        media.routes,
        oauth.routes,
    ):
        app.include_router(routes(world))
    return Gate(app, world, connections)


class Gate:
    """Outermost: notes the request, gives a log id, checks the token, lets faults strike, catches crashes."""

    def __init__(self, app: ASGIApp, world: World, connections: Connections) -> None:
        self._app = app
        self._world = world
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        logid = self._world.ids.log()
        scope.setdefault("state", {})["logid"] = logid
        path, operation = scope["path"], operation_of(scope["path"])
        body = await _whole(receive)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not path.startswith(_ORDERS):
            self._world.journal.append(_seen(scope, headers, body))

        async def send_logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                if await self._strikes(scope, operation, "response"):
                    raise _HungUp
                message = {**message, "headers": [*message["headers"], (b"x-tt-logid", logid.encode())]}
            await send(message)

        answer: Response | None = None
        try:
            if await self._strikes(scope, operation, "request"):
                return
            if not addressed(headers.get("host", ""), self._world.origin):
                raise CozeError(FORBIDDEN, "this emulator is addressed by the IP address it listens on")
            if not path.startswith(_OPEN):
                self._world.authorize(headers.get("authorization", ""), path)
            await self._app(scope, _replay(body, receive), send_logged)
        except _HungUp:
            return
        except CozeError as error:
            answer = refusal(error, logid)
        except asyncio.CancelledError:
            if not self._connections.aborted:
                raise
            return  # the emulator stops; uvicorn would log it as a failure
        except Exception:  # Starlette has answered by now and hands the error on for the log
            _log.exception("the emulator failed at %s %s", scope["method"], path)
        if answer is not None:
            with contextlib.suppress(_HungUp):
                await answer(scope, receive, send_logged)

    async def _strikes(self, scope: Scope, operation: str, place: Literal["request", "response"]) -> bool:
        """Let a fault strike this request; True when the connection is gone."""
        if scope["path"].startswith(_ORDERS):
            return False  # whoever ordered a fault must be able to end it
        fault = self._world.faults.at_request(operation, place)
        if fault is None:
            return False
        if fault.kind == "refuse":
            raise CozeError(fault.code, fault.msg)
        if fault.kind in ("slow", "stall"):
            await asyncio.sleep(fault.seconds)
            return False
        await self._connections.hang_up(scope, reset=fault.kind == "reset")
        return True


class _HungUp(BaseException):
    """A fault closed the connection before the answer; no exception, so that Starlette answers nothing."""


def addressed(host: str, origin: str) -> bool:
    """Whether a Host header may name an emulator of this origin.

    On loopback it has to be an address or localhost: a web page whose own name turns into 127.0.0.1 (DNS
    rebinding) would else have workflows make requests for it.
    """
    return not _is_here(origin.partition("://")[2]) or _is_here(host)


def _is_here(host: str) -> bool:
    name = ""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def operation_of(path: str) -> str:
    """The sort of call, in the words of `Fault.on`."""
    known = {
        "/v3/chat": "chat",
        "/v3/chat/submit_tool_outputs": "submit",
        "/v3/chat/retrieve": "retrieve",
        "/v3/chat/cancel": "cancel",
        "/v3/chat/message/list": "messages",
    }
    if path in known:
        return known[path]
    if path.startswith(("/v1/conversation/message/",)):
        return "messages"
    if path.startswith("/v1/conversation"):
        return "conversations"
    if path.startswith("/v1/workflow"):
        return "workflows"
    if path.startswith("/v1/files"):
        return "files"
    return "media" if path.startswith(("/_media", "/t/")) else "account"


def _seen(scope: Scope, headers: dict[str, str], body: bytes) -> Seen:
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    parsed: Any = body
    if body and "json" in headers.get("content-type", ""):
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = body
    return Seen(scope["method"], scope["path"], query, parsed, headers)


async def _whole(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever comes (the client's leaving)."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"] if step not in ("body", "query"))
    msg = (
        f"Request parameter error: {where}: {first['msg']}"
        if where
        else f"Request parameter error: {first['msg']}"
    )
    return refusal(CozeError(PARAMETER, msg, status=400), request.state.logid)


async def _no_route(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    msg = f"{error.detail}: {request.method} {request.url.path}"
    return refusal(CozeError(PARAMETER, msg, status=error.status_code), request.state.logid)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, CozeError):
        raise error
    return refusal(error, request.state.logid)


async def _crashed(request: Request, error: Exception) -> Response:
    return refusal(CozeError(INTERNAL, status=500), request.state.logid)
