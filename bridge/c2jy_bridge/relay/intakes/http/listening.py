"""A socket of our own: what cannot be listened on is a problem with words, not the end of the app."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from typing import Final

from c2jy_bridge.relay.problems import ours
from c2jy_bridge.relay.status import BridgeProblem

BACKLOG: Final = 128


def listen(host: str, port: int, *, allow_remote: bool) -> socket.socket:
    """A listening socket.

    Args:
        host: Name or address.
        port: 0 takes a free one.
        allow_remote: Whether it may be reached from other machines.

    Raises:
        BridgeProblem: The address is taken, is none of this machine, needs a permission, or is not loopback.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise BridgeProblem(ours("bad_address", host=host)) from None
    family, kind, protocol, _, address = found[0]
    if not allow_remote and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise BridgeProblem(ours("remote", host=host))
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere the option would let two apps share one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        kinds = {errno.EADDRINUSE: "port_taken", errno.EACCES: "port_denied"}
        name = kinds.get(error.errno or 0, "bad_address")
        raise BridgeProblem(ours(name, host=host, port=port)) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """`http://host:port` of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
