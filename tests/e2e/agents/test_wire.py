"""What is on the wire: nothing but the protocol on stdout, and nothing over HTTP without the token."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.agents.conftest import PATIENCE_S, Place, served

_HELLO: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}


@pytest.mark.slow
def test_every_line_of_stdout_is_the_protocol_s_whatever_a_tool_prints(
    place: Place, command: Path, environment: dict[str, str]
) -> None:
    process = subprocess.Popen(
        [command, "mcp", *place.options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stdin
    assert process.stdout

    def send(**message: Any) -> None:
        assert process.stdin
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        process.stdin.flush()

    def receive() -> dict[str, Any]:
        assert process.stdout
        line: dict[str, Any] = json.loads(process.stdout.readline())
        return line

    send(**_HELLO)
    assert receive()["id"] == 1
    send(method="notifications/initialized")
    send(id=2, method="tools/call", params={"name": "slow", "arguments": {"steps": 2}})
    answer = receive()
    assert (answer["id"], json.loads(answer["result"]["content"][0]["text"])["counted"]) == (2, 2)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (0, b"")
    for printed in ("by a tool", "to descriptor 1", "by a child", "by a thread"):
        assert printed in err.decode()


async def test_http_wants_the_token_of_the_bridge_and_a_host_of_this_machine(
    place: Place, command: Path, environment: dict[str, str]
) -> None:
    hello: dict[str, Any] = {"json": _HELLO, "timeout": PATIENCE_S}
    accept = {"Accept": "application/json, text/event-stream"}
    async with served(command, place, environment) as (url, token), httpx.AsyncClient() as http:
        stranger = await http.post(url, headers=accept, **hello)
        known = {**accept, "Authorization": f"Bearer {token}"}
        elsewhere = await http.post(url, headers={**known, "Host": "evil.example"}, **hello)
        page = await http.post(url, headers={**known, "Origin": "https://evil.example"}, **hello)
        welcome = await http.post(url, headers=known, **hello)

    assert (stranger.status_code, stranger.headers["www-authenticate"]) == (401, 'Bearer realm="c2jy"')
    assert (elsewhere.status_code, page.status_code) == (421, 403)
    assert welcome.status_code == 200
    assert "c2jy-tui" in welcome.text
