"""The web application: Coze's routes, and the middleware for log id, token, errors and faults."""

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
from coze_emulator.errors import FORBIDDEN, INTERNAL, PARAMETER, CozeError
from coze_emulator.routes import account, chat, conversations, files, oauth, workflows
from coze_emulator.routes.responses import refusal
from coze_emulator.server_state import ReceivedRequest, ServerState

_log = logging.getLogger(__name__)

_CONTROL: Final = "/_emulator"
"""Routes of the emulator itself (faults), not of Coze."""
_OPEN: Final = ("/_media", "/t/", "/api/permission/", _CONTROL)
"""Paths without a token."""


def build(state: ServerState, connections: Connections) -> ASGIApp:
    """Build the application for one emulator."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    for kind in (RequestValidationError, HTTPException, CozeError, Exception):
        app.add_exception_handler(kind, _error_response)
    app.include_router(chat.routes(state, Chats(state), connections))
    app.include_router(workflows.routes(state, connections))
    for routes in (
        account.routes,
        account.fault_routes,
        files.routes,
        files.media_routes,
        conversations.routes,
        conversations.message_routes,
        oauth.routes,
    ):
        app.include_router(routes(state))
    return RequestMiddleware(app, state, connections)


class RequestMiddleware:
    """Records each request, assigns its log id, checks host and token, applies faults, logs crashes."""

    def __init__(self, app: ASGIApp, state: ServerState, connections: Connections) -> None:
        self._app = app
        self._state = state
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return
        logid = self._state.ids.log()
        scope.setdefault("state", {})["logid"] = logid
        path, operation = scope["path"], operation_of(scope["path"])
        body = await _read_body(receive)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not path.startswith(_CONTROL):
            self._state.requests.append(_received(scope, headers, body))

        async def send_logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                if await self._hung_up(scope, operation, "response"):
                    raise _ConnectionClosed
                message = {**message, "headers": [*message["headers"], (b"x-tt-logid", logid.encode())]}
            await send(message)

        answer: Response | None = None
        try:
            if await self._hung_up(scope, operation, "request"):
                return
            if not host_allowed(headers.get("host", ""), self._state.origin):
                raise CozeError(FORBIDDEN, "this emulator is host_allowed by the IP address it listens on")
            if not path.startswith(_OPEN):
                self._state.authorize(headers.get("authorization", ""), path)
            await self._app(scope, _replay(body, receive), send_logged)
        except _ConnectionClosed:
            return
        except CozeError as error:
            answer = refusal(error, logid)
        except asyncio.CancelledError:
            if not self._connections.aborted:
                raise
            return  # the emulator is stopping; uvicorn would log an error
        except Exception:  # Starlette has sent a response and re-raises for the log
            _log.exception("the emulator failed at %s %s", scope["method"], path)
        if answer is not None:
            with contextlib.suppress(_ConnectionClosed):
                await answer(scope, receive, send_logged)

    async def _hung_up(self, scope: Scope, operation: str, place: Literal["request", "response"]) -> bool:
        """Apply the fault for this request, if any; True when it closed the connection."""
        if scope["path"].startswith(_CONTROL):
            return False  # faults must stay removable
        fault = self._state.faults.at_request(operation, place)
        if fault is None:
            return False
        if fault.kind == "refuse":
            raise CozeError(fault.code, fault.msg)
        if fault.kind in ("slow", "stall"):
            await asyncio.sleep(fault.seconds)
            return False
        await self._connections.hang_up(scope, reset=fault.kind == "reset")
        return True


class _ConnectionClosed(BaseException):
    """A fault closed the connection; not an Exception, so that Starlette sends no error response."""


def host_allowed(host: str, origin: str) -> bool:
    """Whether a Host header is valid for an emulator at this origin.

    On loopback it must be an address or localhost: otherwise a web page whose name resolves to 127.0.0.1 (DNS
    rebinding) could have workflows make requests for it.
    """
    return not _is_loopback(origin.partition("://")[2]) or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    name = ""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def operation_of(path: str) -> str:
    """The operation of a path, as `Fault.on` names it."""
    known = {
        "/v3/chat": "chat",
        "/v3/chat/submit_tool_outputs": "submit",
        "/v3/chat/retrieve": "retrieve",
        "/v3/chat/cancel": "cancel",
        "/v3/chat/message/list": "messages",
    }
    if path in known:
        return known[path]
    if path.startswith("/v1/conversation/message/"):
        return "messages"
    if path.startswith("/v1/conversation"):
        return "conversations"
    if path.startswith("/v1/workflow"):
        return "workflows"
    if path.startswith("/v1/files"):
        return "files"
    return "media" if path.startswith(("/_media", "/t/")) else "account"


def _received(scope: Scope, headers: dict[str, str], body: bytes) -> ReceivedRequest:
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    parsed: Any = body
    if body and "json" in headers.get("content-type", ""):
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = body
    return ReceivedRequest(scope["method"], scope["path"], query, parsed, headers)


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body again, then what follows (the disconnect)."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


async def _error_response(request: Request, error: Exception) -> Response:
    """Any error in Coze's envelope."""
    match error:
        case CozeError():
            answer = error
        case RequestValidationError():
            first = error.errors()[0]
            where = ".".join(str(step) for step in first["loc"] if step not in ("body", "query"))
            prefix = f"{where}: " if where else ""
            answer = CozeError(PARAMETER, f"Request parameter error: {prefix}{first['msg']}", status=400)
        case HTTPException():
            text = f"{error.detail}: {request.method} {request.url.path}"
            answer = CozeError(PARAMETER, text, status=error.status_code)
        case _:
            answer = CozeError(INTERNAL, status=500)
    return refusal(answer, request.state.logid)
