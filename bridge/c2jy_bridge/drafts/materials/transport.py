"""The network below downloads: allowed hosts, checked links, time limits, and a stream with large reads."""

from __future__ import annotations

import asyncio
import email.utils
import ipaddress
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from c2jy_bridge.drafts.materials.material import Passing, Refused

if TYPE_CHECKING:
    from c2jy_bridge.drafts.materials.store import Patience


class SpeedGauge:
    """Raises when bytes come in too slowly, which a limit on the silence between two reads cannot see."""

    def __init__(self, patience: Patience, now: Callable[[], float], host: str) -> None:
        self._patience = patience
        self._now = now
        self._host = host
        self._since = now()
        self._bytes = 0

    def add(self, count: int) -> None:
        """Count what arrived.

        Raises:
            Passing: A whole window was slower than the least speed.
        """
        self._bytes += count
        elapsed = self._now() - self._since
        if elapsed < self._patience.window_s:
            return
        if self._bytes < self._patience.least_bytes_per_s * elapsed:
            raise Passing("too_slow", host=self._host)
        self._since, self._bytes = self._now(), 0


def wait_before(attempt: int, patience: Patience, rng: Callable[[], float], asked_s: float | None) -> float:
    """Seconds to wait before try number `attempt` (1 is the first repeat).

    Exponential with full jitter, so that many clients do not come back together; a server's Retry-After is
    kept, with jitter on top of it and never below.
    """
    ceiling = min(patience.longest_wait_s, patience.first_wait_s * float(2 ** (attempt - 1)))
    return (asked_s or 0.0) + rng() * ceiling


def retry_after(header: str | None, unix_now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number of seconds or an HTTP date (RFC 9110, 10.2.3)."""
    if not header:
        return None
    try:
        return max(0.0, float(int(header)))
    except OverflowError:
        return None  # hundreds of digits
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - unix_now)
    except (TypeError, ValueError):
        return None


_PIECE: Final = 256 * 1024
"""What asyncio reads at once (asyncio.selector_events, max_size); httpcore would take a quarter of it."""

_SURELY_GOOD_S: Final = 0.1
"""A connection that brought bytes this lately is not asked; if it is gone after all, the try is repeated."""


class MediaStream(httpcore.AsyncNetworkStream):
    """Wraps httpcore's own stream.

    Its pool asks every idle connection before every request whether the host has hung up. Through anyio's
    typed attributes that costs a getpeername and some sixty calls a time, as much as a small picture itself.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._socket = inner.get_extra_info("socket")
        self._busy_at = time.monotonic()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes, more than asked for when more are there: h11 takes any amount."""
        data = await self._inner.read(max(max_bytes, _PIECE), timeout)
        self._busy_at = time.monotonic()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Hang up."""
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """The same connection, encrypted."""
        return MediaStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about a connection."""
        return self._is_readable() if info == "is_readable" else self._inner.get_extra_info(info)

    def _is_readable(self) -> bool:
        """Whether bytes, or the end, wait to be read: on an idle connection the host has hung up."""
        if time.monotonic() - self._busy_at < _SURELY_GOOD_S:
            return False
        handle = -1 if self._socket is None else self._socket.fileno()
        if handle < 0:
            return True
        if sys.platform == "win32":
            return bool(select.select([handle], [], [], 0)[0])
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(0))


def checked_link(url: str, before: httpx.URL | None = None) -> httpx.URL:
    """`url` parsed; raises `Refused` for anything but http(s), and for a step back from https to http."""
    try:
        parsed = httpx.URL(url)
        host = parsed.host  # decodes an international name, and may fail at it
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused("bad_link") from error
    if parsed.scheme not in ("http", "https") or not host:
        raise Refused("bad_link")
    if before is not None and before.scheme == "https" and parsed.scheme == "http":
        raise Refused("downgrade", host=parsed.host)
    return parsed.copy_with(fragment=None)


def joined(url: httpx.URL, target: str) -> httpx.URL:
    """Where a redirect from `url` leads; raises `Refused` when that is no link."""
    try:
        return url.join(target)
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused("bad_link") from error


def is_certificate_fault(error: BaseException) -> bool:
    """Whether a connection failed because the host's certificate was not good."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
# What Python 3.11's tables take for global and is not: site-local (RFC 3879; old networks still use it), the
# protocol assignments (RFC 6890), documentation (RFC 9637), NAT64 inside a network (RFC 8215).
_NOT_GLOBAL: Final = tuple(
    map(ipaddress.ip_network, ("fec0::/10", "192.0.0.0/24", "3fff::/20", "64:ff9b:1::/48"))
)


def is_global(address: Address) -> bool:
    """True for an address of the public internet, looking through every way to dress up an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_global(address.ipv4_mapped)
        if address in _NAT64:
            return is_global(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        tunnelled = [address.sixtofour, *(address.teredo or ())]
        if not all(is_global(v4) for v4 in tunnelled if v4 is not None):
            return False
    if any(address in network for network in _NOT_GLOBAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


class AllowedHosts:
    """The hosts that may be private: `host` for all its ports, or `host:port`; case does not matter."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._entries = frozenset(entry.strip().lower() for entry in entries)

    def __contains__(self, host_and_port: tuple[str, int]) -> bool:
        host, port = host_and_port[0].lower().strip("[]"), host_and_port[1]
        names = (host, f"[{host}]") if ":" in host else (host,)
        return any(name in self._entries or f"{name}:{port}" in self._entries for name in names)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """httpcore's way to the network, with the judgement in `connect_tcp`."""

    def __init__(self, allowed: AllowedHosts) -> None:
        self._allowed = allowed
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of the host's addresses that answers.

        Raises:
            Refused: The host does not exist, or one of its addresses is not global.
            Passing: The name service is out of order.
        """
        addresses = await _resolve(host, port, timeout)
        if (host, port) not in self._allowed:
            for address in addresses:
                # One private address among global ones is no accident either.
                if not is_global(ipaddress.ip_address(address.partition("%")[0])):
                    where = host if host == address else f"{host} ({address})"
                    raise Refused("private_address", host=host, where=where)
        failure: Exception | None = None
        for address in addresses:
            try:
                return MediaStream(
                    await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or Refused("unknown_host", host=host)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def _resolve(host: str, port: int, timeout: float | None) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise Passing("unreachable", host=host) from None
    except (socket.gaierror, UnicodeError) as error:
        if getattr(error, "errno", None) == socket.EAI_AGAIN:
            raise Passing("unreachable", host=host) from error
        raise Refused("unknown_host", host=host) from error
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
