"""`c2jy-tui mcp` as a real process, and the SDK's own client over both transports and both protocol eras."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitRequestParams, ElicitResult
from PIL import Image

from c2jy_bridge.core.settings import load
from c2jy_bridge.engine import bridge_token

SLOW = '''
import os, subprocess, sys, threading
from pathlib import Path
from c2jy_bridge.plugin import ToolContext, tool

@tool(policy="allow")
def slow(steps: int, context: ToolContext) -> dict:
    """Count slowly, and print wherever a tool can.

    Args:
        steps: How far.
    """
    print("printed by a tool")
    os.write(1, b"written to descriptor 1\\\\n")
    subprocess.run([sys.executable, "-c", "print('printed by a child')"])
    threading.Thread(target=print, args=("printed by a thread",)).start()
    for step in range(steps):
        context.progress("counting", step + 1, steps)
        if context.cancelled.wait(0.05):
            Path(__file__).with_name("stopped").touch()
            return {"stopped": step}
    return {"counted": steps}
'''
CONFIG = """
[tools]
folders = [{folder}]
[tools.policy]
generate_draft = "ask"
read_file = "deny"
[materials]
folders = [{folder}]
"""
PATIENCE_S = 30.0


@dataclass
class Asked:
    """Answers elicitations, and keeps what was asked."""

    decision: str = "yes"
    messages: list[str] = field(default_factory=list)

    async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        self.messages.append(params.message)
        return ElicitResult(action="accept", content={"decision": self.decision})


@dataclass(frozen=True)
class Place:
    """Where the server keeps its things."""

    config: Path
    data: Path
    drafts: Path
    media: Path

    @property
    def options(self) -> list[str]:
        return [
            *("--config", str(self.config)),
            *("--data-dir", str(self.data)),
            *("--drafts-root", str(self.drafts)),
        ]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    media = tmp_path / "media"
    (tmp_path / "settings" / "tools").mkdir(parents=True)
    media.mkdir()
    Image.new("RGB", (320, 180), (200, 30, 30)).save(media / "red.png")
    (tmp_path / "settings" / "tools" / "slow.py").write_text(SLOW)
    config = tmp_path / "settings" / "config.toml"
    config.write_text(CONFIG.format(folder=json.dumps(str(media))))
    return Place(config, tmp_path / "data", tmp_path / "drafts", media)


@pytest.fixture
def document(place: Place) -> dict[str, Any]:
    """A draft of one red picture under a title."""
    return {
        "name": "红",
        "tracks": [
            {
                "type": "video",
                "clips": [{"type": "image", "media": {"path": str(place.media / "red.png")}, "duration": 2}],
            },
            {"type": "text", "clips": [{"type": "text", "text": "Hello", "start": 0, "duration": 2}]},
        ],
    }


Connect = Callable[..., AbstractAsyncContextManager[Client]]


def way(transport: str, era: str, *marks: pytest.MarkDecorator) -> Any:
    """A transport, and an era: in the older the server asks, in the newer the client brings its answers."""
    return pytest.param((transport, era), id=f"{transport}-{era}", marks=marks)


BOTH_WAYS = [way("stdio", "auto"), way("http", "legacy")]
EVERY_WAY = [*BOTH_WAYS, way("stdio", "legacy", pytest.mark.slow), way("http", "auto", pytest.mark.slow)]


@pytest.fixture
def connect(
    request: pytest.FixtureRequest, place: Place, command: Path, environment: dict[str, str]
) -> Connect:
    """Connects the SDK's client to a server process; `asked` answers its questions."""
    transport, mode = request.param

    @asynccontextmanager
    async def over_pipes(asked: Asked | None = None) -> AsyncIterator[Client]:
        server = StdioServerParameters(command=str(command), args=["mcp", *place.options], env=environment)
        async with Client(server, mode=mode, elicitation_callback=asked) as client:
            yield client

    @asynccontextmanager
    async def over_http(asked: Asked | None = None) -> AsyncIterator[Client]:
        async with served(command, place, environment) as (url, token):
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as http:
                wire = streamable_http_client(url, http_client=http)
                async with Client(wire, mode=mode, elicitation_callback=asked) as client:
                    yield client

    return over_pipes if transport == "stdio" else over_http


@asynccontextmanager
async def served(command: Path, place: Place, environment: dict[str, str]) -> AsyncIterator[tuple[str, str]]:
    """An HTTP server process: its URL and its token."""
    settings = load(place.config, overrides={"data_dir": place.data, "drafts": {"root": place.drafts}})
    token = await asyncio.to_thread(bridge_token, settings)
    process = await asyncio.create_subprocess_exec(
        *(str(command), "mcp", "--http", "--port", "0", *place.options),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    drain: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = (await process.stderr.readline()).decode()
                assert line, "the server ended"
                if "http://" in line:
                    break
        drain = asyncio.create_task(process.stderr.read())
        url = next(word for word in line.split() if word.startswith("http://"))
        yield url, token
    finally:
        process.terminate()
        await process.wait()
        if drain is not None:
            await drain
