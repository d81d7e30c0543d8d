"""The tool `bridge_execute`, and the handles that the Bot passes to it instead of a tool's arguments."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any, Final

from c2jy_bridge.plugin import ToolError, tool
from c2jy_bridge.relay.canonical import NotPlainJson, read_object
from c2jy_bridge.relay.problems import say

BRIDGE_EXECUTE: Final = "bridge_execute"
"""The tool that takes a handle."""
_NONCE_BYTES: Final = 12  # 96 bits: not to be guessed, and short enough for a model to copy without a slip
_WRAPPING: Final = " \t\r\n`'\"“”‘’<>「」"
"""What models put around a value that they copy out of a text."""


def new_handle(request_id: str, nonce: Callable[[int], str] = secrets.token_hex) -> str:
    """A new handle for a request; only its digest is kept."""
    return f"{request_id}-{nonce(_NONCE_BYTES)}"


def digest_of(handle: str) -> str:
    """The part of a handle that is stored."""
    return hashlib.sha256(handle.encode("utf-8", "replace")).hexdigest()


def handle_in(arguments: str) -> str:
    """The handle that a call of `bridge_execute` gives; empty when it gives none."""
    try:
        value = read_object(arguments).get("handle")
    except NotPlainJson:
        return ""
    return value.strip(_WRAPPING) if isinstance(value, str) else ""


def handle_matches(handle: str, stored: str) -> bool:
    """Whether the handle has that digest; compares in constant time."""
    return bool(stored) and hmac.compare_digest(digest_of(handle), stored)


class BridgeTool:
    """Declares the tool. In a chat of the bridge its calls are intercepted by `RelayedCalls`."""

    @tool(policy="allow", name=BRIDGE_EXECUTE)
    def bridge_execute(self, handle: str) -> dict[str, Any]:
        """Run the one local tool call that a bridge message names by its handle.

        Call it once, as soon as a message asks for it, and change nothing in the handle.

        Args:
            handle: The handle exactly as it stands in the message.
        """
        raise ToolError(say("refused.no_bridge", execute=BRIDGE_EXECUTE))
