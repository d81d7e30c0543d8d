"""Links as httpx takes them: which may be followed, and what a failed connection was about."""

from __future__ import annotations

import ssl

import httpx

from c2jy_bridge.drafts.materials.failure import Refused


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
