"""How many of our files a reader crosses to follow one thing, counted while it happens.

Counted is each file of ours with a function that runs between two moments. Reading a settings model, drawing
widgets and generated code (`<string>`) do not count: they are not read to follow the code.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pytest

from c2jy_bridge.core.events import ToolCallFinished
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.vault import Vault
from c2jy_bridge.engine import Engine
from c2jy_bridge.relay.intakes.http.tokens import Tokens
from coze_emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
OURS = (str(ROOT / "bridge" / "c2jy_bridge"), str(ROOT / "tui" / "c2jy_tui"))
DRAWING = (
    "render",
    "get_content",
    "compose",
    "_render",
    "watch_",
    "validate_",
    "get_line",
    "on_resize",
    "_tick",
)
KEY_BAR = ("active_bindings", "check_action", "translated", "label", "catalogue.<locals>.say")
"""Names of the keys, drawn anew after each key; and texts, wherever they are said."""

BESIDE = (
    "bridge/c2jy_bridge/engine/event_sink.py",
    "bridge/c2jy_bridge/engine/journal_follower.py",
    "bridge/c2jy_bridge/journal/",
    "tui/c2jy_tui/terminal/",
)
"""Beside any way: one task records every event, one looks once a second for what other processes recorded.

The journal is on a way only as the receipts; `terminal/` passes the bytes and the keys of every screen.
"""

DRAFT, QUESTION, REQUEST = 40, 12, 20
"""Most files of each way. A draft crosses 38; when it is slow, the watch of its folder wakes too."""

pytestmark = pytest.mark.skipif(sys.gettrace() is not None, reason="a tracer is at work")


class Crossings:
    """Files of ours that run, in the order in which they first do.

    Args:
        begin: The function with which the way begins; None counts from now.
        end: The function with whose return it ends; None is the request to Coze for a chat.
    """

    def __init__(self, begin: str | None = None, end: str | None = None) -> None:
        self.files: dict[str, list[str]] = {}
        self.ended = threading.Event()
        self._begin, self._end = begin, end

    def see(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "return" and code.co_qualname == self._end:
            self.ended.set()
        if event != "call" or self.ended.is_set():
            return
        if not code.co_filename.startswith(OURS):
            if self._end is None and code.co_name == "send" and code.co_filename.endswith("httpx/_client.py"):
                request = frame.f_locals.get("request")
                if isinstance(request, httpx.Request) and request.url.path == "/v3/chat":
                    self.ended.set()
            return
        name = code.co_qualname
        if code.co_name.startswith(DRAWING) or code.co_name in ("<module>", "<lambda>", *KEY_BAR):
            return
        if name in KEY_BAR or any(f".{key}." in name for key in KEY_BAR):
            return
        if "__module__" in code.co_names and "__qualname__" in code.co_names:
            return  # the body of a class
        if self._begin is not None and name != self._begin:
            return
        self._begin = None
        file = str(Path(code.co_filename).relative_to(ROOT))
        if file.startswith(BESIDE):
            return
        names = self.files.setdefault(file, [])
        if name not in names:
            names.append(name)

    def __str__(self) -> str:
        lines = (f"{file}: {', '.join(names)}" for file, names in self.files.items())
        return f"{len(self.files)} files\n" + "\n".join(lines)


@contextmanager
def crossings(begin: str | None = None, end: str | None = None) -> Iterator[Crossings]:
    seen = Crossings(begin, end)
    threading.setprofile(seen.see)
    # threads that are already there are not profiled
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
    sys.setprofile(seen.see)
    try:
        yield seen
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    served = Emulator().start()
    served.wait_ready()
    yield served
    served.stop()


@pytest.fixture
def settings(emulator: Emulator, tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "coze": {"api_base": emulator.base_url, "token": "demo", "bot_id": emulator.bot_id},
            "data_dir": tmp_path / "data",
            "config_dir": tmp_path / "config",
            "drafts": {"root": tmp_path / "drafts"},
            "materials": {"allow_private_hosts": [emulator.base_url.removeprefix("http://")]},
            "bridge": {"intakes": ["http"], "port": 0, "relay": "bot"},
        }
    )


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Engine]:
    engine = Engine(settings)
    await engine.start()
    yield engine
    await engine.close()


async def test_a_draft_of_two_clips_crosses_few_files(
    emulator: Emulator, settings: Settings, tmp_path: Path
) -> None:
    picture = f"{emulator.base_url}/_media/hotpot.png"
    document = {
        "schema": "c2jy/1",
        "name": "two",
        "tracks": [
            {"type": "video", "clips": [{"type": "image", "media": picture, "duration": 2}]},
            {"type": "text", "clips": [{"text": "hello", "start": 0, "duration": 2}]},
        ],
    }
    async with started(settings) as engine:
        with crossings("DraftTools.generate_draft", "Staging.publish") as seen:
            await engine.call_tool("generate_draft", {"content": document})
            async with asyncio.timeout(30):
                async for event in engine.events():
                    if isinstance(event, ToolCallFinished):
                        break
    print(seen)
    assert seen.ended.is_set()
    assert isinstance(event, ToolCallFinished)
    assert event.outcome == "ok", event
    assert (tmp_path / "drafts" / "two" / "draft_content.json").is_file()
    assert len(seen.files) <= DRAFT, str(seen)


async def test_a_question_crosses_few_files_from_enter_to_the_request(settings: Settings) -> None:
    from c2jy_tui.app import C2jyApp

    engine = Engine(settings)

    async def start() -> Any:
        await engine.start(reopen=True)
        return engine

    app = C2jyApp(start)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(lambda: app.screen.query("Composer"))
        app.screen.query_one("Composer").focus()
        await pilot.press(*"hello")
        await pilot.pause(0.3)
        with crossings() as seen:
            await pilot.press("enter")
            await until(seen.ended.is_set)
    await engine.close()
    print(seen)
    assert len(seen.files) <= QUESTION, str(seen)


async def test_a_bridge_request_crosses_few_files_to_the_bots_chat(settings: Settings) -> None:
    async with started(settings) as engine:
        assert await engine.switch_bridge(True) is None
        view = await engine.bridge()
        token = Tokens(Vault(settings.data_dir / "secrets")).current()
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=view.address, headers=headers) as client:
            with crossings() as seen:
                answer = await client.post("/v1/requests", json={"tool": "list_drafts", "arguments": {}})
                assert answer.is_success, answer.text
                await until(seen.ended.is_set)
    print(seen)
    assert len(seen.files) <= REQUEST, str(seen)


async def until(happened: Callable[[], object], wait_s: float = 15) -> None:
    for _ in range(int(wait_s / 0.02)):
        if happened():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError
