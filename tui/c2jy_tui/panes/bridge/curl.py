"""A request as a command for a POSIX shell; the token is left for the shell to fill in."""

from __future__ import annotations

import json
import shlex
from typing import Final

from c2jy_bridge.core.safety import visible
from c2jy_tui.formatting import pastable_json

PATH: Final = "/v1/requests"
"""Where the bridge's HTTP intake takes requests (design.md 6)."""
WAIT_S: Final = 20
"""Seconds that the command waits for the result."""


def command_line(address: str, tool: str, arguments: str) -> str:
    """`curl` that asks the bridge at `address` for a tool; `$TOKEN` stands for its token.

    Args:
        address: `http://127.0.0.1:8765`.
        tool: Name of the tool.
        arguments: A JSON object as text.
    """
    body = pastable_json({"tool": tool, "arguments": json.loads(arguments)})
    headers = ["Content-Type: application/json", f"Prefer: wait={WAIT_S}"]
    words = ["curl", "-sS", '-H "Authorization: Bearer $TOKEN"']
    words += [f"-H {shlex.quote(header)}" for header in headers]
    words += [f"-d {shlex.quote(body)}", shlex.quote(visible(address, newlines=False) + PATH)]
    return " ".join(words)


def first_request(address: str) -> str:
    """The command that a newcomer can try: it changes nothing and needs no arguments."""
    return command_line(address, "list_drafts", "{}")
