"""The demo in a real browser: headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pyte
import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_S = 30.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium; `make test-slow` installs it on Debian"),
]


class Tab:
    """One tab: what is sent to it, what it asks for, and the terminal that it draws."""

    def __init__(self, wire: aiohttp.ClientWebSocketResponse) -> None:
        self._wire = wire
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._screen = pyte.Screen(200, 60)
        self._terminal = pyte.ByteStream(self._screen)
        self.bytes = 0
        self.requests: list[str] = []
        self.faults: list[str] = []

    async def listen(self) -> None:
        """Take what the browser sends, until it is gone."""
        async for message in self._wire:
            match json.loads(message.data):
                case {"id": number, "result": result}:
                    self._waiting.pop(number).set_result(result)
                case {"method": "Network.webSocketFrameReceived", "params": {"response": frame}}:
                    if frame["opcode"] == 2:
                        data = base64.b64decode(frame["payloadData"])
                        self.bytes += len(data)
                        self._terminal.feed(data)
                case {"method": "Network.requestWillBeSent", "params": {"request": {"url": url}}}:
                    self.requests.append(url)
                case {"method": "Log.entryAdded", "params": {"entry": {"level": "error", "text": text}}}:
                    self.faults.append(text)
                case {"method": "Runtime.exceptionThrown", "params": thrown}:
                    self.faults.append(str(thrown))

    async def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._waiting[number] = done = asyncio.get_running_loop().create_future()
        await self._wire.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(done, PATIENCE_S)

    async def value(self, script: str) -> Any:
        return (await self.do("Runtime.evaluate", expression=script))["result"].get("value")

    async def press(self, key: str, code: int, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            what = {"key": key, "code": key, "windowsVirtualKeyCode": code}
            await self.do("Input.dispatchKeyEvent", type=kind, **what, text=text if kind == "keyDown" else "")

    async def wait_for(self, *texts: str) -> None:
        """Until the terminal, from the bytes that the browser got, shows all of `texts`."""
        shown = ""
        for _ in range(int(PATIENCE_S / 0.1)):
            shown = "\n".join(self._screen.display)
            if all(text in shown for text in texts):
                return
            await asyncio.sleep(0.1)
        pytest.fail(f"not on the screen: {[text for text in texts if text not in shown]}\n{shown}")

    async def picture(self) -> Image.Image:
        data = (await self.do("Page.captureScreenshot"))["data"]
        return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Callable[[], Any]]:
    """A browser; yields what opens a tab."""
    assert CHROMIUM is not None
    # As root, as in a container, its sandbox does not work; nothing but our own page is opened.
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,800")
    process = await asyncio.create_subprocess_exec(
        *(CHROMIUM, *flags, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"),
        stderr=subprocess.DEVNULL,
    )
    port_file = folder / "DevToolsActivePort"
    try:
        async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as client:
            while not await asyncio.to_thread(port_file.is_file):  # noqa: ASYNC110  # another process writes it
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.2)
            port = (await asyncio.to_thread(port_file.read_text)).split()[0]

        async def open_tab() -> Tab:
            async with client.put(f"http://127.0.0.1:{port}/json/new?about:blank") as made:
                address = (await made.json())["webSocketDebuggerUrl"]
            tab = Tab(await client.ws_connect(address, max_msg_size=0))
            listening.append(asyncio.create_task(tab.listen()))
            for room in ("Network", "Page", "Log", "Runtime"):
                await tab.do(f"{room}.enable")
            return tab

        listening: list[asyncio.Task[None]] = []
        async with aiohttp.ClientSession() as client:
            yield open_tab
        for task in listening:
            task.cancel()
    finally:
        process.terminate()
        await process.wait()


def children(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def runs(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


async def gone(processes: list[int]) -> None:
    async with asyncio.timeout(10):
        while any(runs(process) for process in processes):  # noqa: ASYNC110  # of another parent
            await asyncio.sleep(0.05)


async def test_the_demo_answers_in_a_browser_in_two_tabs(
    command: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    serving = await asyncio.create_subprocess_exec(
        *(command, "--demo", "--lang", "en", "serve", "--port", "0"),
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert serving.stdout is not None
    try:
        address = (await asyncio.wait_for(serving.stdout.readline(), PATIENCE_S)).decode().strip()
        page = address.partition("?")[0]
        async with chromium(tmp_path / "browser") as open_tab:
            tab = await open_tab()
            await tab.do("Page.navigate", url=address)
            await tab.wait_for("Describe the video you want", "ready")
            await tab.do("Input.insertText", text="帮我生成一个介绍中国美食的视频")
            await tab.press("Enter", 13, "\r")
            await tab.wait_for("generate_draft", "Drafts: 1")
            picture = await tab.picture()
            picture.save(tmp_path / "browser.png")
            colours = picture.getcolors(2**24) or []
            assert len(colours) > 50, "a terminal is drawn"
            assert max(count for count, _ in colours) > 0.5 * picture.width * picture.height
            assert await tab.value("document.fonts.check('15px \"Roboto Mono\"')")
            assert await tab.value("location.href + '|' + document.cookie") == f"{page}|"
            second = await open_tab()
            await second.do("Page.navigate", url=page)
            await second.wait_for("Describe the video you want", "Another c2jy-tui")
            for one in (tab, second):
                assert one.faults == []
                assert {url.partition("?")[0].startswith(page) for url in one.requests} == {True}
            first, other = await asyncio.to_thread(children, serving.pid)
            await tab.press("F1", 112)
            await tab.wait_for("Binding id")
            await tab.do("Page.navigate", url="about:blank")
            await gone([first])
            assert runs(other)
            print(f"{tab.bytes:,} bytes to the first tab; picture: {tmp_path / 'browser.png'}")
            serving.send_signal(signal.SIGKILL)  # the worst end: the apps have to notice
            await gone([other])
            await asyncio.sleep(0.2)
            assert await second.value("document.body.className.includes('-closed')")
    finally:
        if serving.returncode is None:
            serving.kill()
        await serving.wait()


def test_ctrl_c_ends_the_server_and_its_apps(command: Path, environment: dict[str, str]) -> None:
    serving = subprocess.Popen(
        [command, "--demo", "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert serving.stdout is not None
    serving.stdout.readline()
    os.kill(serving.pid, signal.SIGINT)
    assert serving.wait(PATIENCE_S) == 128 + signal.SIGINT
