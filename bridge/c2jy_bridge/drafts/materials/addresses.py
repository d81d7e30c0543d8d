"""Which network addresses a download may reach: global ones, and the hosts that the settings name.

A model writes the links, so a link may point at the maker's router, cloud metadata or another program on
this machine. The check stands below HTTP, where the connection is made: a name is resolved once, its
addresses are judged, and the connection goes to the address that was judged, so a name that changes its mind
(DNS rebinding) gains nothing. TLS still verifies the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

import httpcore

from c2jy_bridge.drafts.materials.failure import Passing, Refused
from c2jy_bridge.drafts.materials.stream import MediaStream

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
