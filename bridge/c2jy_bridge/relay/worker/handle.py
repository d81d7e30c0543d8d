"""Handles: what the Bot is given in place of a tool's name and arguments."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

from c2jy_bridge.relay.canonical import NotPlainJson, read_object

BRIDGE_EXECUTE: Final = "bridge_execute"
"""The tool that takes a handle."""
_NONCE_BYTES: Final = 12  # 96 bits: not to be guessed, and short enough for a model to copy without a slip
_WRAPPING: Final = " \t\r\n`'\"“”‘’<>「」"
"""What models put around a value that they copy out of a text."""


def mint(request_id: str, nonce: Callable[[int], str] = secrets.token_hex) -> str:
    """A new handle for a request; only its digest is kept."""
    return f"{request_id}-{nonce(_NONCE_BYTES)}"


def digest(handle: str) -> str:
    """What is kept of a handle."""
    return hashlib.sha256(handle.encode("utf-8", "replace")).hexdigest()


def handle_in(arguments: str) -> str:
    """The handle that a call of `bridge_execute` gives; empty when it gives none."""
    try:
        value = read_object(arguments).get("handle")
    except NotPlainJson:
        return ""
    return value.strip(_WRAPPING) if isinstance(value, str) else ""


def fits(handle: str, kept: str) -> bool:
    """Whether it is the handle of that digest; takes the same time for every wrong one."""
    return bool(kept) and hmac.compare_digest(digest(handle), kept)
