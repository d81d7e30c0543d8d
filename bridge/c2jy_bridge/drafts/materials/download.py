"""Downloads one link to one file: redirects, resume, retries, decompression, size caps."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final, TypeVar

import httpcore
import httpx

from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.settings import MaterialSettings
from c2jy_bridge.drafts.materials.cache import BUFFER_BYTES, PartialFile, Validators, check_head
from c2jy_bridge.drafts.materials.local import decode
from c2jy_bridge.drafts.materials.material import MaterialFailure, Passing, Refused
from c2jy_bridge.drafts.materials.probe import HEAD_BYTES, Foreign, identify
from c2jy_bridge.drafts.materials.transport import (
    AllowedHosts,
    GuardedBackend,
    SpeedGauge,
    checked_link,
    is_certificate_fault,
    joined,
    retry_after,
    wait_before,
)

if TYPE_CHECKING:
    from c2jy_bridge.drafts.materials.store import Meter, Patience, Threads

_PIECE: Final = 1 << 20
# zlib's window bits, with 16 more for a gzip header (zlib manual, inflateInit2).
_CODINGS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


async def unpacked(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in pieces; an empty one for bytes that unpack to nothing, so that time is looked at then too.

    Raises:
        Passing: It is damaged, or ends too early.
    """
    codings = _codings(response)
    if len(codings) != 1 or codings[0] not in _CODINGS:
        async for chunk in response.aiter_raw():
            yield chunk
        return
    host = response.request.url.host
    unpack = zlib.decompressobj(_CODINGS[codings[0]])
    begun = False
    async for chunk in response.aiter_raw():
        if not begun and codings[0] == "deflate" and not _has_zlib_header(chunk):
            unpack = zlib.decompressobj(-15)  # some servers leave the header out (RFC 9110, 8.4.1.2)
        begun = True
        while True:
            try:
                piece = unpack.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise Passing("incomplete", host=host) from error
            yield piece
            if len(piece) < _PIECE:
                break
            chunk = unpack.unconsumed_tail
    if not unpack.eof:
        raise Passing("incomplete", host=host)


def _codings(response: httpx.Response) -> list[str]:
    names = response.headers.get("content-encoding", "").lower().split(",")
    return [name.strip() for name in names if name.strip() not in ("", "identity")]


def _has_zlib_header(chunk: bytes) -> bool:
    return len(chunk) > 1 and chunk[0] & 15 == 8 and (chunk[0] << 8 | chunk[1]) % 31 == 0


T = TypeVar("T")

_HEADERS: Final = {
    # Some picture hosts turn programs without a browser's first word away.
    "User-Agent": "Mozilla/5.0 (compatible; c2jy-tui)",
    # Hosts that choose by Accept should choose what JianYing can read; WebP comes when there is nothing else.
    "Accept": "image/png,image/jpeg,video/mp4,video/*;q=0.9,audio/*;q=0.9,*/*;q=0.5",
    # A compressed body has no byte ranges to resume by.
    "Accept-Encoding": "identity",
}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_CODES: Final = {401: "forbidden", 403: "forbidden", 404: "not_found", 410: "not_found", 429: "busy"}
_STEADY_BYTES: Final = 1 << 20
"""A try that brought this much is not counted against the retries: the line is poor, not dead."""
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-\d+/(\d{1,18}|\*)")


class Downloader:
    """A pool of guarded connections; one per store.

    Args:
        settings: Caps, retries, hosts that may be private.
        patience: Limits on time.
        threads: Where blocking work goes.
        clock: Unix seconds, for a Retry-After that is a date.
        rng: Uniform in [0, 1), for the jitter.
        room_for: Raises `Refused` when the disk has no room for so many bytes more.
    """

    def __init__(
        self,
        settings: MaterialSettings,
        patience: Patience,
        threads: Threads,
        *,
        clock: Callable[[], float],
        rng: Callable[[], float],
        room_for: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._patience = patience
        self._threads = threads
        self._clock = clock
        self._rng = rng
        self._room_for = room_for
        self._allowed = AllowedHosts(settings.allow_private_hosts)
        self._client = _guarded_client(self._allowed, settings.concurrency, patience)

    async def fetch(
        self, url: str, part: PartialFile, known: Validators | None, meter: Meter, deadline: float
    ) -> bool:
        """Bring the file behind `url` into `part`, in as many tries as it takes.

        Args:
            url: http or https.
            part: Where the bytes go; what it holds already is resumed.
            known: Validators of a copy that we have: the server may say that it still holds.
            meter: Counts every byte.
            deadline: Loop time after which no further try begins.

        Returns:
            False when the server confirms the known copy (304).

        Raises:
            Refused: For good, or with the last try's reason when no try is left.
        """
        address = checked_link(url)
        return await self._patiently(
            lambda: self._try(address, part, known, meter), deadline, lambda: part.size
        )

    async def fetch_small(self, url: str, limit: int, deadline: float) -> bytes:
        """The body behind `url`, when it is small enough to be held in memory.

        Args:
            url: http or https.
            limit: Most bytes, after any compression of the way is undone.
            deadline: Loop time after which no further try begins.

        Raises:
            Refused: As with `fetch`.
        """
        address = checked_link(url)
        return await self._patiently(lambda: self._try_small(address, limit), deadline, lambda: 0)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _patiently(
        self, attempt: Callable[[], Awaitable[T]], deadline: float, brought: Callable[[], int]
    ) -> T:
        """Try until it works or no try is left; a try that brought much of the file is not counted."""
        failures = 0
        while True:
            before = brought()
            try:
                return await attempt()
            except Passing as failure:
                failures = 1 if brought() - before >= _STEADY_BYTES else failures + 1
                wait_s = wait_before(failures, self._patience, self._rng, failure.retry_after_s)
                if failures > self._settings.retries or asyncio.get_running_loop().time() + wait_s > deadline:
                    raise
                await asyncio.sleep(wait_s)

    async def _try(self, url: httpx.URL, part: PartialFile, known: Validators | None, meter: Meter) -> bool:
        async with self._answer(url, _conditions(part, known)) as response:
            if response.status_code == 304 and known:
                return False
            if response.status_code == 416 and part.size:
                meter.add(-part.size)
                part.restart()
                raise Passing("incomplete", host=response.request.url.host)
            self._check_status(response)
            await self._receive(response, part, meter)
            return True

    async def _try_small(self, url: httpx.URL, limit: int) -> bytes:
        async with self._answer(url, {}) as response:
            self._check_status(response)
            gauge = SpeedGauge(self._patience, asyncio.get_running_loop().time, response.request.url.host)
            body = bytearray()
            async for chunk in unpacked(response):
                body += chunk
                if len(body) > limit:
                    raise Refused("text_too_large", limit=byte_size(limit))
                gauge.add(len(chunk))
            return bytes(body)

    @asynccontextmanager
    async def _answer(self, url: httpx.URL, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer at the end of the redirects, its body unread; faults of the network are `Passing`."""
        host = url.host
        try:
            async with self._redirected(url, headers) as response:
                host = response.request.url.host
                yield response
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if is_certificate_fault(error):
                raise Refused("certificate", host=host) from error
            raise Passing("unreachable", host=host) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise Passing("timed_out", host=host) from error
        except httpx.HTTPError as error:
            raise Passing("incomplete", host=host) from error

    @asynccontextmanager
    async def _redirected(self, url: httpx.URL, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        for _ in range(self._patience.redirects + 1):
            response = await self._head(url, headers)
            try:
                target = response.headers.get("location")
                if response.status_code not in _REDIRECTS or not target:
                    yield response
                    return
            finally:
                await response.aclose()
            url = checked_link(str(joined(url, target)), before=url)
        raise Refused("too_many_redirects", limit=self._patience.redirects)

    async def _head(self, url: httpx.URL, headers: dict[str, str]) -> httpx.Response:
        """The answer to one request. Its head has one window of time, however steadily its bytes drip."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as limit:

            async def follow(step: str, _: object) -> None:
                # Only from here: before it, the request may wait for a free connection as long as it takes.
                if step == "http11.receive_response_headers.started":
                    limit.reschedule(loop.time() + self._patience.window_s)

            request = self._client.build_request("GET", url, headers=headers, extensions={"trace": follow})
            try:
                return await self._client.send(request, stream=True)
            except (httpx.InvalidURL, UnicodeError) as error:  # httpx looks at a redirect's target by itself
                raise Refused("bad_link") from error

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in (200, 206):
            return
        code = _CODES.get(status, "server_error" if status >= 500 else "http_status")
        values = {"status": status, "host": response.request.url.host}
        if status in _PASSING:
            asked_s = retry_after(response.headers.get("retry-after"), self._clock())
            raise Passing(code, asked_s, **values)
        raise Refused(code, **values)

    async def _receive(self, response: httpx.Response, part: PartialFile, meter: Meter) -> None:
        total = self._begin(response, part, meter)
        host = response.request.url.host
        gauge = SpeedGauge(self._patience, asyncio.get_running_loop().time, host)
        checked = part.size >= HEAD_BYTES
        async for chunk in unpacked(response):
            part.append(chunk)
            meter.add(len(chunk))
            if part.size > self._settings.max_bytes:
                raise Refused("too_large", limit=byte_size(self._settings.max_bytes))
            if not checked and part.size >= HEAD_BYTES:
                check_head(part.head(HEAD_BYTES))  # a web page is refused now, not after the last byte
                checked = True
            if part.pending >= BUFFER_BYTES:
                self._room_for(part.pending)
                await self._threads.run(part.flush)
            gauge.add(len(chunk))
        if total is not None and part.size < total:
            raise Passing("incomplete", host=host)

    def _begin(self, response: httpx.Response, part: PartialFile, meter: Meter) -> int | None:
        """Bring `part` to where this answer begins; returns the size of the whole file where it is known."""
        headers = response.headers
        plain = not _codings(response)  # the lengths of a compressed body are not the file's
        length = int(headers["content-length"]) if headers.get("content-length", "").isdigit() else None
        total = length if plain else None
        if response.status_code == 206:
            found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
            if not found or int(found[1]) != part.size:
                meter.add(-part.size)
                part.restart()
                raise Passing("incomplete", host=response.request.url.host)
            total = int(found[2]) if found[2].isdigit() else None
        elif part.size:
            meter.add(-part.size)
            part.restart()
        # Of a packed body they are the packed form's: its ranges are not ours.
        part.validators = (
            Validators(headers.get("etag", ""), headers.get("last-modified", "")) if plain else Validators()
        )
        if total is not None:
            if total > self._settings.max_bytes:
                raise Refused("too_large", limit=byte_size(self._settings.max_bytes))
            self._room_for(total - part.size)
            meter.expect(total)
        return total


def _guarded_client(allowed: AllowedHosts, concurrency: int, patience: Patience) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport()
    # httpx 0.28 has no public way to hand its transport a network backend; httpcore's pool has.
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=httpx.create_ssl_context(),
        max_connections=concurrency,
        max_keepalive_connections=concurrency,
        keepalive_expiry=15.0,
        network_backend=GuardedBackend(allowed),
    )
    return httpx.AsyncClient(
        transport=transport,
        headers=_HEADERS,
        timeout=httpx.Timeout(patience.window_s, connect=patience.connect_s, pool=None),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # no host learns of another visit
    )


def _conditions(part: PartialFile, known: Validators | None) -> dict[str, str]:
    if part.size and part.validators.if_range:
        return {"Range": f"bytes={part.size}-", "If-Range": part.validators.if_range}
    if known and known.etag:
        return {"If-None-Match": known.etag}
    if known and known.last_modified:
        return {"If-Modified-Since": known.last_modified}
    return {}


_AT_ONCE: Final = 8
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_TEXT: Final = frozenset({"plain_text", "xml_text", "unknown"})
"""GBK is no printable ASCII, so it is `unknown`."""


async def fetch_texts(
    sources: Sequence[str], limit: int, longest_s: float, connected: Callable[[], Awaitable[Downloader]]
) -> dict[str, bytes | MaterialFailure]:
    """The bytes behind every distinct source, or why they cannot be had.

    Args:
        sources: http(s) or data: URLs.
        limit: Most bytes of one.
        longest_s: Seconds for all of them together.
        connected: Gives the downloader.
    """
    distinct = list(dict.fromkeys(sources))
    deadline = asyncio.get_running_loop().time() + longest_s
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(source: str) -> bytes | MaterialFailure:
        try:
            async with asyncio.timeout_at(deadline), places:
                if source[:5].lower() == "data:":
                    return _checked(decode(source), limit)
                if not source[:8].lower().startswith(("http://", "https://")):
                    raise Refused("bad_link")
                return _checked(await (await connected()).fetch_small(source, limit, deadline), limit)
        except Refused as refused:
            return refused.failure(source)
        except TimeoutError:
            return Refused("deadline", limit=f"{longest_s:g}").failure(source)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(source)) for source in distinct]
    return dict(zip(distinct, (task.result() for task in tasks), strict=True))


def _checked(body: bytes, limit: int) -> bytes:
    if not body.strip():
        raise Refused("empty")
    if len(body) > limit:
        raise Refused("text_too_large", limit=byte_size(limit))
    if body[:2] in _UTF16:
        return body  # before the magic bytes: the mark looks like the sync of an MP3
    found = identify(body[:HEAD_BYTES])
    # A list in brackets may be lyrics or a note above the first caption; an object is a service's answer.
    a_list = isinstance(found, Foreign) and found.what == "json_text" and body.lstrip()[:1] == b"["
    if not isinstance(found, Foreign) or not (a_list or found.what in _TEXT):
        raise Refused("not_text")
    return body
