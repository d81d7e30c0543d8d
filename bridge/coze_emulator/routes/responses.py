"""Responses in Coze's envelope, and a `Stream` as an HTTP response."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from coze_emulator.connections import Connections
from coze_emulator.errors import CozeError
from coze_emulator.sse import HangUp, Stream


def success(request: Request, data: Any = None, **top_level: Any) -> JSONResponse:
    """`{"code":0,"msg":"","data":...,"detail":{"logid":...}}`; without data there is no such key."""
    body: dict[str, Any] = {"code": 0, "msg": ""}
    if data is not None:
        body["data"] = data
    return JSONResponse({**body, **top_level, "detail": {"logid": request.state.logid}})


def refusal(error: CozeError, logid: str) -> JSONResponse:
    """`{"code":4000,"msg":"...","detail":{"logid":...}}`."""
    body = {"code": error.code, "msg": error.msg, "detail": {"logid": logid}}
    return JSONResponse(body, status_code=error.status)


class StreamResponse(Response):
    """A `Stream` over HTTP; ends when the client disconnects or a fault hangs up."""

    media_type = "text/event-stream"

    def __init__(self, stream: Stream, connections: Connections) -> None:
        super().__init__(headers={"cache-control": "no-cache"})
        del self.headers["content-length"]
        self._stream = stream
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        disconnect = asyncio.create_task(self._abandon_on_disconnect(receive))
        try:
            async for chunk in self._stream.chunks():
                if isinstance(chunk, HangUp):
                    await self._connections.hang_up(scope, reset=chunk.reset)
                    return
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            disconnect.cancel()

    async def _abandon_on_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stream.abandon()
