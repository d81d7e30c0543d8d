"""httpx transport below cozepy that rewrites answers into a form cozepy can read, or raises their error.

    AsyncCoze(auth, http_client=AsyncHTTPClient(transport=StreamGuard(AsyncHTTPTransport())))

Exceptions raised while the body is read pass through httpx and cozepy unchanged, so that the session receives
an `error` event and a stream without `done` as exceptions of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import orjson

from c2jy_bridge.coze.frames import Dialect, EventCleaner, fitted

_DIALECTS: Final[dict[str, Dialect]] = {
    "/v3/chat": "chat",
    "/v3/chat/submit_tool_outputs": "chat",
    "/v1/workflows/chat": "chat",
    "/v1/workflow/stream_run": "workflow",
    "/v1/workflow/stream_resume": "workflow",
}

LINGER_S: Final = 1.0
"""Seconds to wait for `done`, or for the end after it, once the final event was read."""


class StreamDropped(Exception):
    """A stream ended without its final event."""


class StreamGuard(httpx.AsyncBaseTransport):
    """Wraps a transport: cleans event streams of chats and workflows, fits JSON answers to cozepy."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Forward the request and rewrite its response."""
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        kind = response.headers.get("content-type", "").lower()
        path = request.url.path
        dialect = next((d for end, d in _DIALECTS.items() if path.endswith(end)), None)
        if "event-stream" in kind and dialect is not None:
            body = _GuardedBody(response, EventCleaner(dialect))
            guarded = httpx.Response(response.status_code, stream=body, extensions=response.extensions)
            guarded.headers = _FewHeaders(response.headers)
            return guarded
        if "json" in kind or not kind:
            return await _fitted_answer(response)
        return response

    async def aclose(self) -> None:
        """Close the wrapped transport."""
        await self._inner.aclose()


class _FewHeaders(httpx.Headers):
    """The two headers that cozepy reads, without httpx's search through all headers.

    cozepy looks up the log id twice per event, which would be a sixth of an event's cost.
    """

    def __init__(self, full: httpx.Headers) -> None:
        self._few = {name: full[name] for name in ("content-type", "x-tt-logid") if name in full}
        super().__init__(self._few)

    def get(self, key: str, default: Any = None) -> Any:
        return self._few.get(key, default)


class _GuardedBody(httpx.AsyncByteStream):
    def __init__(self, response: httpx.Response, cleaner: EventCleaner) -> None:
        self._response = response
        self._cleaner = cleaner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        cleaner = self._cleaner
        try:
            # aiter_bytes, not the raw stream: a proxy may compress unasked.
            chunks = self._response.aiter_bytes()
            async for chunk in chunks:
                if fit := cleaner.feed(chunk):
                    yield fit
                if cleaner.settled or cleaner.refusal is not None:
                    break
            if cleaner.settled:
                async for fit in self._rest(chunks):
                    yield fit
            elif fit := cleaner.close():
                yield fit
        finally:
            await self._response.aclose()
        if cleaner.refusal is not None:
            refusal = cleaner.refusal
            refusal.logid = refusal.logid or self._response.headers.get("x-tt-logid", "")
            raise refusal
        if not cleaner.settled:
            raise StreamDropped("the stream ended without done")

    async def _rest(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        # The connection can be reused only when the response was read to its end.
        until = asyncio.get_running_loop().time() + LINGER_S
        while True:
            try:
                async with asyncio.timeout_at(until):
                    chunk = await anext(chunks, None)
            except (TimeoutError, httpx.TransportError):
                return
            if chunk is None:
                return
            if fit := self._cleaner.feed(chunk):
                yield fit

    async def aclose(self) -> None:
        await self._response.aclose()


async def _fitted_answer(response: httpx.Response) -> httpx.Response:
    try:
        content = await response.aread()
    finally:
        await response.aclose()
    if b'"meta_data"' in content or b'"tool_calls"' in content or b'"content":null' in content:
        content = fitted(content)
    status = response.status_code
    if status >= 400 and b'"code"' not in content and b'"error_code"' not in content:
        # cozepy reads only the body and would take one without a code for a success.
        content = orjson.dumps({"code": status, "msg": content.decode(errors="replace")[:500]})
    headers = {"content-type": response.headers.get("content-type", "application/json")}
    headers |= {
        name: response.headers[name] for name in ("x-tt-logid", "location") if response.headers.get(name)
    }
    return httpx.Response(status, headers=headers, content=content, extensions=response.extensions)
