"""The screenshot tool."""

from __future__ import annotations

import asyncio
import io
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from c2jy_bridge.tools.screen import Picture, ScreenTools

if TYPE_CHECKING:
    from tool_harness import Bot


class Coze:
    """Takes uploads."""

    def __init__(self) -> None:
        self.path = Path()
        self.data = b""
        self.broken = False

    async def upload(self, path: Path) -> str:
        if self.broken:
            raise ConnectionError("no network")
        self.path, self.data = path, await asyncio.to_thread(path.read_bytes)
        return "73694959811"


@pytest.fixture
def coze(bot: Bot) -> Coze:
    made = Coze()
    bot.registry.register(ScreenTools(made.upload, clock=lambda: 1_700_000_000.0))
    return made


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
async def test_without_a_display_it_is_said_what_to_do(
    bot: Bot, coze: Coze, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    told = await bot.call("screenshot")
    assert told["status"] == "error"
    assert "SSH" in told["message"]
    assert coze.data == b""


async def test_it_asks_first(bot: Bot, coze: Coze, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    await bot.call("screenshot", monitor=1)
    assert [(ask.tool, ask.arguments) for ask in bot.person.asked] == [("screenshot", {"monitor": 1})]


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A real X server without a screen."""
    if shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb")
    name = ":87"
    server = subprocess.Popen(["Xvfb", name, "-screen", "0", "320x200x24"], stderr=subprocess.DEVNULL)
    socket = Path("/tmp/.X11-unix/X87")
    until = time.monotonic() + 10
    while not socket.exists() and time.monotonic() < until:
        time.sleep(0.05)
    monkeypatch.setenv("DISPLAY", name)
    yield
    server.terminate()
    server.wait()


async def test_a_real_screen_is_uploaded_as_png(bot: Bot, coze: Coze, display: None) -> None:
    told = await bot.call("screenshot", monitor=1)
    assert told["status"] == "success"
    with Image.open(io.BytesIO(coze.data)) as picture:
        assert (picture.format, picture.size) == ("PNG", (320, 200))
    assert (told["width"], told["height"]) == (320, 200)
    assert "There is no monitor 7" in (await bot.call("screenshot", monitor=7))["message"]


@pytest.fixture
def photographed(bot: Bot) -> Coze:
    """A screen that is always there."""

    def grab(monitor: int) -> Picture:
        out = io.BytesIO()
        Image.new("RGB", (40, 30)).save(out, "PNG")
        return Picture(out.getvalue(), 40, 30)

    made = Coze()
    bot.registry.register(ScreenTools(made.upload, clock=lambda: 1_700_000_000.0, grab=grab))
    return made


async def test_the_file_id_is_returned_and_the_picture_does_not_stay_on_the_disk(
    bot: Bot, photographed: Coze
) -> None:
    told = await bot.call("screenshot")
    assert told["status"] == "success"
    assert (told["file_id"], told["image"]) == ("73694959811", "73694959811")
    assert photographed.data.startswith(b"\x89PNG")
    assert photographed.path.name.startswith("screenshot-202311")
    assert not await asyncio.to_thread(photographed.path.parent.exists)


async def test_an_upload_that_fails_is_told(bot: Bot, photographed: Coze) -> None:
    photographed.broken = True
    told = await bot.call("screenshot")
    assert told["status"] == "error"
    assert "no network" in told["message"]
