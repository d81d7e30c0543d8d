"""httpx transport below cozepy that rewrites answers into a form cozepy can read, or raises their error.

    AsyncCoze(auth, http_client=AsyncHTTPClient(transport=StreamGuard(AsyncHTTPTransport())))

Exceptions raised while the body is read pass through httpx and cozepy unchanged, so that the session receives
an `error` event and a stream without `done` as exceptions of their own.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson

from c2jy_bridge.core.steady_clock import uptime
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


_BOM: Final = b"\xef\xbb\xbf"
_STREAM: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:event|data|id|retry)?:")
_TELLING: Final = len(b"event:")
_LOGIN_NEEDED: Final = 511  # RFC 6585: the network wants a login


class StreamDropped(Exception):
    """A stream ended without its final event."""


class NotCoze(Exception):
    """Another server answered for Coze: the login page of a network, or a redirect to one."""

    def __init__(self, target: str = "") -> None:
        super().__init__("redirected" if target else "a web page")
        self.target = target
        """The host that a redirect names; empty for a page."""


class ProxyUnreachable(httpx.ProxyError):
    """The connection to the proxy failed; no request has left this machine."""

    def __init__(self, proxy: str, *, plain: bool) -> None:
        super().__init__("the proxy cannot be reached")
        self.proxy = proxy
        """Its host and port, without a password."""
        self.plain = plain
        """It does not speak TLS, although its address begins with https."""


class StreamGuard(httpx.AsyncBaseTransport):
    """Wraps a transport: cleans event streams of chats and workflows, fits JSON answers to cozepy."""

    def __init__(self, inner: httpx.AsyncBaseTransport, proxy: str | None = None) -> None:
        """`proxy` is the address that `inner` connects through."""
        self._inner = inner
        self._proxy = urlsplit(proxy) if proxy else None
        self._date: tuple[str, float] | None = None

    def now(self) -> float | None:
        """Unix seconds by Coze's clock, from the Date of its last answer; None where it names none."""
        if self._date is None:
            return None
        date, at = self._date
        try:
            return parsedate_to_datetime(date).timestamp() + uptime() - at
        except (ValueError, OverflowError):
            return None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Forward the request and rewrite its response.

        Raises:
            NotCoze: A web page or a redirect to another host came instead of an answer.
            ProxyUnreachable: The proxy cannot be reached.
        """
        request.headers["accept-encoding"] = "identity"
        response = await self._sent(request)
        kind = response.headers.get("content-type", "").lower()
        path = request.url.path
        dialect = next((d for end, d in _DIALECTS.items() if path.endswith(end)), None)
        target = _target(request, response)
        if target or ("html" in kind and response.status_code < 300) or response.status_code == _LOGIN_NEEDED:
            await response.aclose()
            raise NotCoze(target)
        if date := response.headers.get("date"):
            self._date = date, uptime()
        if dialect is None:
            if "json" in kind or not kind:
                return await _fitted_answer(response, response.aiter_bytes())
            return response
        chunks = response.aiter_bytes()
        if "event-stream" not in kind:
            head = await _head(chunks) if response.status_code < 300 else b""
            chunks = _after(head, chunks)
            if not _STREAM.match(head):
                return await _fitted_answer(response, chunks)
        body = _GuardedBody(response, chunks, EventCleaner(dialect))
        guarded = httpx.Response(response.status_code, stream=body, extensions=response.extensions)
        guarded.headers = _FewHeaders(response.headers)
        return guarded

    async def aclose(self) -> None:
        """Close the wrapped transport."""
        await self._inner.aclose()

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._inner.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if self._proxy is None:
                raise
            place = self._proxy.netloc.rpartition("@")[2]
            if not _is_tls(error):
                raise ProxyUnreachable(place, plain=False) from error
            if self._proxy.scheme == "https" and not _is_tls(error, ssl.SSLCertVerificationError):
                raise ProxyUnreachable(place, plain=True) from error
            raise


def _target(request: httpx.Request, response: httpx.Response) -> str:
    """The other host that a redirect leads to; empty for any other response."""
    location = response.headers.get("location", "")
    if not 300 <= response.status_code < 400 or not location:
        return ""
    try:
        host = request.url.join(location).host
    except httpx.InvalidURL:
        return ""
    return host if host != request.url.host else ""


def _is_tls(error: BaseException, kind: type[BaseException] = ssl.SSLError) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kind):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


async def _head(chunks: AsyncIterator[bytes]) -> bytes:
    """The beginning of a body, long enough to tell a stream; read from `chunks`."""
    head = b""
    while len(head.removeprefix(_BOM).lstrip()) < _TELLING:
        chunk = await anext(chunks, None)
        if chunk is None:
            break
        head += chunk
    return head


async def _after(head: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if head:
        yield head
    async for chunk in chunks:
        yield chunk


class _FewHeaders(httpx.Headers):
    """The two headers that cozepy reads, without httpx's search through all headers.

    cozepy looks up the log id twice per event, which would be a sixth of an event's cost.
    """

    def __init__(self, full: httpx.Headers) -> None:
        self._few = {"content-type": "text/event-stream"}  # whatever the header says, the bytes are one
        if "x-tt-logid" in full:
            self._few["x-tt-logid"] = full["x-tt-logid"]
        super().__init__(self._few)

    def get(self, key: str, default: Any = None) -> Any:
        return self._few.get(key, default)


class _GuardedBody(httpx.AsyncByteStream):
    def __init__(self, response: httpx.Response, chunks: AsyncIterator[bytes], cleaner: EventCleaner) -> None:
        # aiter_bytes, not the raw stream: a proxy may compress unasked.
        self._chunks = chunks
        self._response = response
        self._cleaner = cleaner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        cleaner = self._cleaner
        try:
            chunks = self._chunks
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


async def _fitted_answer(response: httpx.Response, chunks: AsyncIterator[bytes]) -> httpx.Response:
    try:
        content = b"".join([chunk async for chunk in chunks])
    finally:
        await response.aclose()
    if response.status_code < 300 and content.lstrip().startswith(b"<"):
        raise NotCoze
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
