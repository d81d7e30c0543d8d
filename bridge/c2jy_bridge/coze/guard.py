"""httpx transport below cozepy that passes on only what cozepy can read, and raises what is wrong.

    AsyncCoze(auth, http_client=AsyncHTTPClient(transport=StreamGuard(AsyncHTTPTransport())))

An exception raised while the body is read goes through httpx and cozepy untouched; that is how an `error`
event and a stream without `done` reach the session as what they are.
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
"""Seconds to wait for `done`, or for the end after it, once everything that matters was said."""


class StreamDropped(Exception):
    """A stream ended though it had not said that it ends."""


class StreamGuard(httpx.AsyncBaseTransport):
    """Wraps another transport; event streams of chats and workflows are cleaned, JSON answers fitted."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on; the response is one that cozepy survives."""
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
        """Close the transport below."""
        await self._inner.aclose()


class _FewHeaders(httpx.Headers):
    """The two headers that cozepy reads, found without a search.

    cozepy looks the log id up twice an event, and httpx walks all headers each time: a sixth of the cost of
    an event.
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
            # aiter_bytes, not the raw stream: a proxy may compress although nobody asked for it.
            pieces = self._response.aiter_bytes()
            async for piece in pieces:
                if fit := cleaner.feed(piece):
                    yield fit
                if cleaner.settled or cleaner.refusal is not None:
                    break
            if cleaner.settled:
                async for fit in self._rest(pieces):
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

    async def _rest(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        # Read to the true end if it comes soon: only then can the connection be used again.
        until = asyncio.get_running_loop().time() + LINGER_S
        while True:
            try:
                async with asyncio.timeout_at(until):
                    piece = await anext(pieces, None)
            except (TimeoutError, httpx.TransportError):
                return
            if piece is None:
                return
            if fit := self._cleaner.feed(piece):
                yield fit

    async def aclose(self) -> None:
        await self._response.aclose()


async def _fitted_answer(response: httpx.Response) -> httpx.Response:
    try:
        content = await response.aread()
    finally:
        await response.aclose()
    logid = response.headers.get("x-tt-logid")
    headers = {"content-type": response.headers.get("content-type", "application/json")}
    if logid:
        headers["x-tt-logid"] = logid
    if location := response.headers.get("location"):
        headers["location"] = location
    return httpx.Response(
        response.status_code,
        headers=headers,
        content=_fitted_body(response.status_code, content),
        extensions=response.extensions,
    )


def _fitted_body(status: int, content: bytes) -> bytes:
    if b'"meta_data"' in content or b'"tool_calls"' in content or b'"content":null' in content:
        content = fitted(content)
    if status >= 400 and b'"code"' not in content and b'"error_code"' not in content:
        # cozepy looks at the body alone: without a code it would take this for an answer.
        return orjson.dumps({"code": status, "msg": content.decode(errors="replace")[:500]})
    return content
