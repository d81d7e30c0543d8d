"""Who gets into the app in a browser: requests to the server, with a small program as the app."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from c2jy_bridge.core import i18n
from c2jy_tui import cli
from c2jy_tui.commands.serve import Pages, app_command

APP = """
import json, os, struct, sys, time
def packet(kind, data):
    sys.stdout.buffer.write(kind + struct.pack(">I", len(data)) + data); sys.stdout.buffer.flush()
print("__GANGLION__", flush=True)
open(f"{sys.argv[1]}/{os.getpid()}", "w").write(os.environ.get("COLUMNS", ""))
for url in ("javascript:alert(1)", "file:///etc/passwd", "https://example.com/"):
    packet(b"M", json.dumps({"type": "open_url", "url": url, "new_tab": True}).encode())
file = {"key": "k", "path": "/x.html", "open_method": "browser", "mime_type": "text/html", "encoding": ""}
packet(b"M", json.dumps({"type": "deliver_file_start", **file}).encode())
while head := sys.stdin.buffer.read(5):
    data = sys.stdin.buffer.read(struct.unpack(">I", head[1:])[0])
    if head[:1] == b"D":
        packet(b"D", data.upper())
    elif json.loads(data)["type"] == "quit" and "stubborn" not in sys.argv:
        break
    elif json.loads(data)["type"] == "quit":
        time.sleep(60)
"""
"""Speaks the protocol of textual's WebDriver: answers in capitals."""


@asynccontextmanager
async def served(folder: Path, *more: str) -> AsyncIterator[tuple[Pages, str, str]]:
    """The server, its address and its token; an app leaves a file named by its process."""
    i18n.use("en")
    pages = Pages([sys.executable, "-c", APP, str(folder), *more], 0)
    address = urlsplit(await pages.start())
    try:
        yield pages, f"http://{address.netloc}", parse_qs(address.query)["token"][0]
    finally:
        await pages.stop()


@asynccontextmanager
async def browser(address: str, token: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps cookies, also those of an address, and has opened the page."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        async with client.get(f"{address}/", params={"token": token}) as answer:
            assert answer.status == 200
        yield client


async def status(address: str, path: str, headers: dict[str, str] | None = None) -> int:
    async with (
        aiohttp.ClientSession() as client,
        client.get(address + path, headers=headers, allow_redirects=False) as got,
    ):
        return got.status


def started(folder: Path) -> dict[int, str]:
    """The apps that were started: process and columns."""
    return {int(file.name): file.read_text() for file in folder.iterdir()}


async def ended(process: int) -> None:
    async with asyncio.timeout(5):
        while alive(process):  # noqa: ASYNC110  # nothing tells: it is the child of another object
            await asyncio.sleep(0.02)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_without_the_token_nothing_is_given_away(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, address, token):
        paths = (
            "/",
            "/ws",
            "/static/js/textual.js",
            "/elsewhere",
            "/?token=",
            f"/?token={token[:-1]}",
            "/?token=é",
        )
        answers = [await status(address, path, {"Origin": address}) for path in paths]
        assert answers == [403] * len(paths)
    assert not started(tmp_path)


async def test_the_token_becomes_a_cookie_that_opens_the_page(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, address, token), aiohttp.ClientSession() as client:
        async with client.get(f"{address}/", params={"token": token}) as answer:
            (cookie,) = answer.headers.getall("Set-Cookie")
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert token not in cookie
            assert token not in await answer.text()
        kept = {"Cookie": cookie.partition(";")[0]}
        async with client.get(f"{address}/", headers=kept) as answer:
            page = await answer.text()
            assert answer.status == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert token not in page
        assert "http" not in page.replace("http-equiv", ""), "nothing from elsewhere"
        for part in ("js/textual.js", "css/xterm.css", "fonts/RobotoMono-VariableFont_wght.ttf"):
            assert part in page
            assert await status(address, f"/static/{part}", kept) == 200
        assert await status(address, "/static/", kept) == 403, "no listing"
        assert await status(address, "/download/k", kept) == 404


async def test_another_host_or_page_is_refused_although_it_has_the_cookie(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, address, token), browser(address, token) as client:
        port = urlsplit(address).port
        wrong = [
            {"Host": f"evil.example:{port}"},
            {"Host": "127.0.0.1:1"},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": f"http://localhost:{port}"},
            {"Origin": f"http://127.0.0.1:{port + 1}"},
        ]
        for headers in wrong:
            async with client.get(f"{address}/", headers=headers) as answer:
                assert answer.status == 403, headers
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(f"{address}/ws", headers={"Origin": address, **headers})
            assert refused.value.status == 403, headers
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.ws_connect(f"{address}/ws")  # a browser always names the page
    assert not started(tmp_path)


async def test_each_tab_is_an_app_that_ends_with_it(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, address, token), browser(address, token) as client:
        ways = [f"{address}/ws?width={width}&height=30" for width in (101, 999_999_999)]
        first, second = [await client.ws_connect(way, headers={"Origin": address}) for way in ways]
        await first.send_str("nonsense")
        await first.send_str('["resize", {"width": "x"}]')
        await first.send_str('["stdin", "饭 ok"]')
        assert json.loads(await first.receive_str()) == [
            "open_url",
            {"url": "https://example.com/", "new_tab": True},
        ]
        assert (await first.receive_bytes()).decode() == "饭 OK", "no file, no other address before it"
        assert (await second.receive_str()).count("example") == 1
        apps = {columns: process for process, columns in started(tmp_path).items()}
        assert sorted(apps) == ["1000", "101"]
        await first.close()
        await ended(apps["101"])
        assert alive(apps["1000"])
        os.kill(apps["1000"], signal.SIGTERM)  # an app that ends without a word closes its tab
        async with asyncio.timeout(5):
            assert (await second.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_the_end_of_the_server_is_the_end_of_an_app_that_does_not_want_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2jy_tui.commands.serve.APP_ENDS_S", 0.3)
    async with served(tmp_path, "stubborn") as (pages, address, token), browser(address, token) as client:
        tab = await client.ws_connect(f"{address}/ws", headers={"Origin": address})
        await tab.receive_str()
        (process,) = started(tmp_path)
        async with asyncio.timeout(5):
            await pages.stop()
        assert not alive(process)


def test_a_taken_port_and_a_missing_extra_are_sentences(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert cli.main(["--lang", "en", "serve", "--port", port]) == 1
    assert f"127.0.0.1:{port}" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["--lang", "en", "serve", "--port", "0"]) == 1
    assert 'pip install "c2jy-tui[serve]"' in capsys.readouterr().err


def test_the_apps_get_the_options_that_serve_got() -> None:
    given = ["--demo", "--theme", "nord", "--data-dir", "a b", "serve", "--port", "0", "--profile", "work"]
    command = app_command(cli._parser().parse_args(given))
    assert command[command.index("c2jy_tui") + 1 :] == [
        "--demo",
        "--profile=work",
        "--data-dir=a b",
        "--theme=nord",
    ]
