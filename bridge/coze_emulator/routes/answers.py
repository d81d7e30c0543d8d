"""Answers in Coze's envelope, and a stream as an HTTP response."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from coze_emulator.connections import Connections
from coze_emulator.sse import Hangup, Stream
from coze_emulator.wire import CozeError


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
    """A `Stream` over HTTP. It stops when the client goes, and hangs up when a fault says so."""

    media_type = "text/event-stream"

    def __init__(self, stream: Stream, connections: Connections) -> None:
        super().__init__(headers={"cache-control": "no-cache"})
        del self.headers["content-length"]
        self._stream = stream
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all there is."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        watch = asyncio.create_task(self._watch(receive))
        try:
            async for chunk in self._stream.chunks():
                if isinstance(chunk, Hangup):
                    await self._connections.hang_up(scope, reset=chunk.reset)
                    return
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watch.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stream.abandon()
