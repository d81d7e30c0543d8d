"""What every connection to Coze needs first: the proxy for its address, and cozepy without its noise."""

from __future__ import annotations

import importlib
import ipaddress
import logging
import urllib.request
import warnings
from types import ModuleType
from urllib.parse import quote, urlsplit

from c2jy_bridge.coze.errors import CozeProblem, local_problem


def proxy_or_problem(api_base: str) -> str | None:
    """The proxy for Coze's address, as httpx takes it; None for a direct connection.

    Raises:
        CozeProblem: Coze's address or the proxy's is malformed.
    """
    import httpx

    base = urlsplit(api_base)  # the settings have made sure that it can be parsed
    if base.scheme not in ("http", "https") or not base.hostname:
        raise CozeProblem(local_problem("bad_address", address=api_base))
    try:
        proxy = proxy_for(base.scheme, base.hostname)
        if proxy is not None:
            httpx.Proxy(proxy)
    except (ValueError, httpx.InvalidURL):  # without its cause, which quotes the address and its password
        raise CozeProblem(local_problem("network", "proxy_address", host=base.hostname)) from None
    return proxy


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy configured in the environment or the system for this host; None for loopback."""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    address = proxies.get(scheme) or proxies.get("all")
    return proxy_url(address) if address else None


def proxy_url(address: str) -> str:
    """A proxy's address as httpx takes it.

    Clash and GNOME write `socks://` for SOCKS 5; a password may hold characters that divide a URL.

    Raises:
        ValueError: It has no host or no such port.
    """
    scheme, separator, rest = address.strip().partition("://")
    if not separator:
        scheme, rest = "http", scheme
    scheme = "socks5" if scheme.lower() == "socks" else scheme.lower()
    user, at, place = rest.rpartition("@")
    # `%`: what is written in its percent form already stays so.
    credentials = ":".join(quote(part, safe="%") for part in user.split(":", 1))
    url = f"{scheme}://{credentials}{at}{place}"
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0:  # a port above 65535 raises by itself; httpx would take it
        raise ValueError("not an address")
    return url


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def quiet_cozepy() -> ModuleType:
    """Import cozepy 0.20 without its stderr handler and its import warnings.

    Only warnings raised inside cozepy are filtered. Its records reach the app's log from WARNING up: below
    that it logs whole request and response bodies.
    """
    try:
        # authlib installs a filter of its own ("always") on import; ours must be added after it.
        deprecation = importlib.import_module("authlib.deprecate").AuthlibDeprecationWarning
    except (ImportError, AttributeError):
        pass  # another authlib, without that warning
    else:
        warnings.filterwarnings("ignore", category=deprecation, module=r"cozepy\b")
    # Its enums warn about unlisted values, such as the message type `knowledge`.
    warnings.filterwarnings("ignore", r"Unknown \w+ value", UserWarning, module=r"cozepy\.model")
    cozepy = importlib.import_module("cozepy")

    logger = logging.getLogger("cozepy")
    for handler in logger.handlers[:]:
        if type(handler) is logging.StreamHandler:
            logger.removeHandler(handler)
    if not logger.handlers:
        # Without a handler Python's last resort would print to stderr.
        logger.addHandler(logging.NullHandler())
        logger.addFilter(lambda record: record.levelno >= logging.WARNING)
    logger.propagate = True
    return cozepy
