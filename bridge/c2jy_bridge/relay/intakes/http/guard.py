"""Bounds connections, checks every HTTP request (Host, Origin, token, rate, body) and counts answers."""

from __future__ import annotations

import asyncio
import codecs
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from c2jy_bridge.relay.intakes.http.http_problems import HttpProblem

BODY_S: Final = 30.0
"""Seconds that a body may take to arrive."""
DISCARD_S: Final = 1.0
"""Seconds for which the rest of a refused body is read."""
OPEN_PATHS: Final = frozenset({"/healthz"})
"""Answered without a token: it only shows that the process is alive."""
_NO_TYPE: Final = frozenset({"", "application/x-www-form-urlencoded"})
"""Content types that say nothing of the body: none, and the one that `curl -d` always sends."""
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_WINDOW_BITS: Final = {"gzip": 31, "deflate": 15}
"""What zlib calls the accepted Content-Encodings."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Which requests are let in."""

    hosts: Collection[str]
    """Allowed names in Host, without port, in lower case."""
    origins: Collection[str]
    """Web pages that may call, `scheme://host[:port]`."""
    accepts: Callable[[str], bool]
    """Whether a bearer token is valid."""
    max_body_bytes: int


class Guard:
    """ASGI middleware; answers refused requests with a problem."""

    def __init__(self, app: ASGIApp, *, rules: Rules, limit: RateLimit, answered: AnswerCounts) -> None:
        self._app = app
        self._rules = rules
        self._limit = limit
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def counting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._pass(scope, receive, counting)
        except HttpProblem as problem:
            await problem.response()(scope, receive, counting)
        finally:
            self._answered.add(scope["method"], _route(scope), status, time.monotonic() - began)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = scope["path"].rstrip("/") or "/"
        headers = Headers(scope=scope)
        if host_name(headers.get("host", "")) not in self._rules.hosts:
            raise HttpProblem("host")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._rules.origins:
            raise HttpProblem("origin")
        if scope["path"] not in OPEN_PATHS:
            await self._let_in(scope, headers)
        if scope["method"] in _WITH_BODY:
            receive = await self._body(scope, headers, receive)
        await self._app(scope, receive, send)

    async def _let_in(self, scope: Scope, headers: Headers) -> None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        known = scheme.lower() == "bearer" and self._rules.accepts(token.strip())
        client = scope.get("client") or ("?", 0)
        wait_s = self._limit.take("token" if known else f"stranger {client[0]}")
        if wait_s > 0:
            raise HttpProblem("rate", headers={"Retry-After": str(ceil(wait_s))})
        if not known:
            raise HttpProblem("no_token", headers={"WWW-Authenticate": 'Bearer realm="c2jy"'})

    async def _body(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """Read the whole body, up to the limit; the app then gets it in one piece."""
        most = self._rules.max_body_bytes
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > most:
            await _discard(receive)
            raise HttpProblem("too_long", headers={"Connection": "close"})
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_S):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        break
                    body += message.get("body", b"")
                    if len(body) > most:
                        await _discard(receive)
                        raise HttpProblem("too_long", headers={"Connection": "close"})
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise HttpProblem("slow_body", headers={"Connection": "close"}) from None
        if encoding := headers.get("content-encoding", "").strip().lower():
            body = await asyncio.to_thread(_decompressed, bytes(body), encoding, most)
        body = body.removeprefix(codecs.BOM_UTF8).strip(b" \t\r\n")
        if body and not (_is_json(headers.get("content-type", "")) or _is_untyped_object(headers, body)):
            raise HttpProblem("content_type")
        MutableHeaders(scope=scope)["content-type"] = "application/json"
        pending = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def again() -> Message:
            return pending.pop() if pending else await receive()

        return again


def _decompressed(body: bytes, encoding: str, most: int) -> bytearray:
    """The content of a compressed body, up to the limit."""
    accepted = {"Accept-Encoding": ", ".join(_WINDOW_BITS)}
    if encoding == "identity":
        return bytearray(body)
    if encoding not in _WINDOW_BITS:
        raise HttpProblem("content_encoding", headers=accepted)
    reader = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        content = reader.decompress(body, most + 1)
    except zlib.error:
        raise HttpProblem("content_encoding", headers=accepted) from None
    if len(content) > most:
        raise HttpProblem("too_long")
    if not reader.eof:
        raise HttpProblem("content_encoding", headers=accepted)
    return bytearray(content)


async def _discard(receive: Receive) -> None:
    """Read the rest of a body for a moment: a client that is still sending would not read the answer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_S):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass


def host_name(value: str) -> str:
    """The name or address in a Host header, without port and brackets; empty when it is none."""
    try:
        return (urlsplit(f"//{value}").hostname or "") if "@" not in value and "/" not in value else ""
    except ValueError:
        return ""


def _is_json(content_type: str) -> bool:
    media, _, parameters = content_type.partition(";")
    charset = parameters.partition("charset=")[2].strip(' "').lower()
    media = media.strip().lower()
    typed = media == "application/json" or (media.startswith("application/") and media.endswith("+json"))
    return typed and charset in ("", "utf-8", "utf8")


def _is_untyped_object(headers: Headers, body: bytearray) -> bool:
    """An object without a content type. A web page has to name one: forms must not pass as JSON."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    return media in _NO_TYPE and "origin" not in headers and body.lstrip().startswith(b"{")


def _route(scope: Scope) -> str:
    """The route's path template, so that ids do not make a metric each."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "other"


_MOST_BUCKETS: Final = 1000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class RateLimit:
    """A token bucket: `per_minute` on average, in bursts of up to a quarter of it."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_minute / 60
        self._burst = max(1.0, per_minute / 4)
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, who: str) -> float:
        """Count a request of `who`; returns 0 when it may pass, else seconds until the next one may."""
        now = self._clock()
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets = {key: b for key, b in self._buckets.items() if self._filled(b, now) < self._burst}
        bucket = self._buckets.setdefault(who, _Bucket(self._burst, now))
        bucket.left, bucket.at = self._filled(bucket, now), now
        if bucket.left < 1:
            return (1 - bucket.left) / self._per_s
        bucket.left -= 1
        return 0.0

    def _filled(self, bucket: _Bucket, now: float) -> float:
        return min(self._burst, bucket.left + max(0.0, now - bucket.at) * self._per_s)


class AnswerCounts:
    """Counts HTTP answers and the time they took."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str, str]] = Counter()
        self.seconds: defaultdict[tuple[str, str], float] = defaultdict(float)

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.answers[method, route, str(status)] += 1
        self.seconds[method, route] += seconds


HEAD_S: Final = 15.0
"""Seconds in which a connection has to send the head of a request, from its start or from its last answer."""
IDLE_S: Final = 5
"""Seconds that a connection may be idle after an answer."""
UNREAD_S: Final = 30.0
"""Seconds without a byte read, of an answer that is larger than the buffers of the system."""
MOST_CONNECTIONS: Final = 200
"""Connections open at once. Of 256 descriptors, the lowest usual limit, some remain for all other work."""


class BoundedProtocol(H11Protocol):
    """A connection with deadlines for sending each head and for reading the answers.

    Over the limit of connections, the one that waits longest is closed.
    """

    _head_deadline: asyncio.TimerHandle | None = None
    _reading_deadline: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> bool:
        """Whether no request of it is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > MOST_CONNECTIONS:
            waiting = [one for one in self.connections if isinstance(one, BoundedProtocol) and one.waiting]
            # `when` of the deadline grows with the time at which the wait began.
            min(waiting, key=lambda one: one.waits_until, default=self).give_up()

    @property
    def waits_until(self) -> float:
        """Loop time at which it is given up while it waits."""
        return float("inf") if self._head_deadline is None else self._head_deadline.when()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        # Also behind a whole answer: no other head can be expected before all of it is sent.
        self._unwatch()
        self._expect_reads()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_waiting_for_reads()
        self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        self._stop_waiting_for_reads()
        super().connection_lost(exc)

    def give_up(self) -> None:
        """Close it at once."""
        self._unwatch()
        self.transport.abort()

    def _watch(self) -> None:
        if not self.waiting or self._reading_deadline is not None:
            self._unwatch()
        elif self._head_deadline is None and not self.transport.is_closing():
            self._head_deadline = self.loop.call_later(HEAD_S, self.give_up)

    def _expect_reads(self, unread: int | None = None) -> None:
        """Give up when the client has read nothing since the last check."""
        left = self.transport.get_write_buffer_size()
        if unread is not None and left >= unread:
            self.give_up()
        else:
            self._reading_deadline = self.loop.call_later(UNREAD_S, self._expect_reads, left)

    def _stop_waiting_for_reads(self) -> None:
        if self._reading_deadline is not None:
            self._reading_deadline.cancel()
            self._reading_deadline = None

    def _unwatch(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None
