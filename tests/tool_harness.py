"""What the tools' tests share: real media over real HTTP, a real builder, a real runner."""

from __future__ import annotations

import io
import itertools
import json
import threading
import wave
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from c2jy_bridge.compat.coze2jianying import read_document
from c2jy_bridge.core.events import Decision, Event, ToolCall, ToolCallAwaitingApproval, ToolCallFinished
from c2jy_bridge.core.settings import DraftSettings, MaterialSettings, ToolSettings
from c2jy_bridge.drafts import DraftBuilder, Library
from c2jy_bridge.plugin import Receipt, ToolRegistry, ToolRunner


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(out, "PNG")
    return out.getvalue()


def wav(seconds: float) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x00\x01" * int(8000 * seconds))
    return out.getvalue()


VIDEO = resources.files("coze_emulator.media") / "tea.mp4"


class MediaServer:
    """Serves a picture, a video and sounds; everything else is a 404."""

    def __init__(self) -> None:
        files = {
            "/a.png": png(64, 48),
            "/b.wav": wav(2.0),
            "/c.wav": wav(0.5),
            "/clip.mp4": VIDEO.read_bytes(),
            "/page": b"<html>no media</html>",
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = files.get(self.path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://{self.address}/{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class NoReceipts:
    """Every call is new."""

    def receipt(self, call: ToolCall) -> Receipt | None:
        return None

    def write_receipt(self, call: ToolCall, receipt: Receipt) -> None: ...

    def begin_run(self, call: ToolCall) -> int:
        return 0

    def withdraw_run(self, call: ToolCall) -> None: ...


class Yes:
    """Says yes and remembers the questions."""

    def __init__(self) -> None:
        self.asked: list[ToolCallAwaitingApproval] = []

    async def decide(self, ask: ToolCallAwaitingApproval) -> Decision:
        self.asked.append(ask)
        return Decision.ONCE


class Bot:
    """Calls tools as Coze does, through the runner, and reads what Coze would be told."""

    def __init__(self, settings: ToolSettings | None = None) -> None:
        self.registry = ToolRegistry()
        self.person = Yes()
        self.runner = ToolRunner(
            self.registry, settings=settings or ToolSettings(), receipts=NoReceipts(), approver=self.person
        )
        self.events: list[Event] = []
        self._ids = itertools.count(1)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return await self.call_as(f"call-{next(self._ids)}", tool, **arguments)

    async def call_as(self, call_id: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """A call with an id of its own: Coze sends one again with the id that it had."""
        call = ToolCall(call_id=call_id, tool=tool, arguments=json.dumps(arguments))
        self.events = [event async for event in self.runner.run([call])]
        finished = self.events[-1]
        assert isinstance(finished, ToolCallFinished)
        told = json.loads(finished.output)
        assert isinstance(told, dict)
        return told


@pytest.fixture
def bot() -> Bot:
    return Bot()


@pytest.fixture(scope="session")
def media() -> Iterator[MediaServer]:
    server = MediaServer()
    yield server
    server.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "drafts"
    made.mkdir()
    return made


@pytest.fixture
async def builder(root: Path, tmp_path: Path, media: MediaServer) -> AsyncIterator[DraftBuilder]:
    made = DraftBuilder(
        root=root,
        cache_dir=tmp_path / "cache",
        settings=DraftSettings(),
        materials=MaterialSettings(allow_private_hosts=[media.address], retries=0),
        reader=read_document,
    )
    yield made
    await made.aclose()


@pytest.fixture
def library(root: Path, tmp_path: Path) -> Library:
    return Library(root, tmp_path / "trash")
