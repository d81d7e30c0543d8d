"""`c2jy-tui serve`: the app in a browser on this machine, an app of its own for each tab.

textual-serve runs the apps and brings the terminal for the page. Its own server is not used: it lets
everybody in, its page loads a font from elsewhere, and it hands on any address and file that an app names.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import html
import importlib.util
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.i18n import language
from c2jy_bridge.core.places import install_command
from c2jy_tui.commands import say
from c2jy_tui.commands.ending import Ending
from c2jy_tui.commands.running import print_stderr

if TYPE_CHECKING:
    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOST: Final = "127.0.0.1"
APP_ENDS_S: Final = 3.0
"""Seconds that an app gets to end by itself; less than this process has after a signal."""
_MOST_CELLS: Final = 1000
"""Columns or rows of the largest screen that a page gets."""
_MESSAGE_BYTES: Final = 4 * 1024**2
"""The largest message of a page: a paste."""

_PAGE: Final = """<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<title>c2jy-tui</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/css/xterm.css">
<style>
@font-face {{ font-family: "Roboto Mono"; font-weight: 100 700;
  src: url("/static/fonts/RobotoMono-VariableFont_wght.ttf"); }}
@font-face {{ font-family: "Roboto Mono"; font-weight: 100 700; font-style: italic;
  src: url("/static/fonts/RobotoMono-Italic-VariableFont_wght.ttf"); }}
body {{ background: #121212; color: #e0e0e0; overflow: hidden; font-family: "Roboto Mono", monospace; }}
.message {{ position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; }}
.message div {{ padding: 2em; max-width: 40em; text-align: center; line-height: 1.6; }}
.message a {{ color: inherit; }}
#over {{ display: none; z-index: 10; background: rgba(0, 0, 0, 0.8); }}
body.-first-byte #opening {{ display: none; }}
body.-closed #over {{ display: flex; }}
</style>
<script src="/static/js/textual.js"></script>
<script>{script}</script>
</head>
<body>
<div id="opening" class="message"><div>c2jy-tui<i>…</i> <b>{opening}</b></div></div>
<div id="over" class="message"><div>{over}<br><br><a href="/">{again}</a></div></div>
<div id="terminal" class="textual-terminal" data-font-size="15"
  data-session-websocket-url="ws://{host}/ws"></div>
</body>
</html>
"""
# Text in the font, upright and italic, makes the browser load it before the terminal measures it.

_SCRIPT: Final = "addEventListener('load', () => document.querySelector('.xterm-helper-textarea').focus());"
_SCRIPT_HASH: Final = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()

_TO_PAGE: Final = (
    '<!DOCTYPE html><link rel="icon" href="data:,"><meta http-equiv="refresh" content="0; url=/">'
)
"""Goes on to the page. A redirect that a link in another page began would not carry a strict cookie."""


def run(options: argparse.Namespace) -> int:
    """Serve until a signal; 1 when the port cannot be had or the extra is missing."""
    if importlib.util.find_spec("textual_serve") is None:
        print_stderr(say("serve.extra", command=install_command("serve")))
        return 1
    with Ending() as ending:
        return asyncio.run(_serve(options, ending))


async def _serve(options: argparse.Namespace, ending: Ending) -> int:
    ended = asyncio.Event()
    ending.closing(ended.set)
    pages = Pages(app_command(options), options.port)
    try:
        address = await pages.start()
    except OSError as error:
        where = f"{HOST}:{options.port}"
        print_stderr(say("emulator.busy", where=where, why=os_reason(error)))
        return 1
    try:
        print_stderr(say("serve.ready"))
        print(address, flush=True)
        await ended.wait()
    finally:
        await pages.stop()
    return ending.status


def app_command(options: argparse.Namespace) -> list[str]:
    """The command that starts an app with the options that `serve` got."""
    given = vars(options)
    command = [sys.executable, "-P", "-m", "c2jy_tui"]
    for name in ("demo", "bridge", "no_mouse"):
        if given.get(name):
            command.append(f"--{name.replace('_', '-')}")
    for name in ("profile", "config", "data_dir", "drafts_root", "theme", "lang"):
        if given.get(name) is not None:
            command.append(f"--{name.replace('_', '-')}={given[name]}")
    return command


class Pages:
    """The server: one page, what it loads, and a WebSocket for each tab. Only who has the token gets in."""

    def __init__(self, command: list[str], port: int) -> None:
        """Args:
        command: Starts an app.
        port: On loopback; 0 takes a free one.
        """
        self._command = command
        self._port = port
        self._token = secrets.token_urlsafe(32)
        self._cookie = secrets.token_urlsafe(32)
        """Not the token, so that a page's cookie opens no other browser."""
        self._runner: web.AppRunner | None = None
        self._open: set[web.WebSocketResponse] = set()
        self._closing: set[asyncio.Future[object]] = set()
        """Apps whose tab is gone and that have not ended yet."""

    async def start(self) -> str:
        """Listen; returns the address with the token. Raises OSError when the port cannot be had."""
        import textual_serve
        from aiohttp import web

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._guarded(request, handler)

        app = web.Application(middlewares=[guarded])
        app.router.add_get("/", self._page)
        app.router.add_get("/ws", self._tab)
        app.router.add_static("/static", Path(textual_serve.__file__).parent / "static")
        app.on_shutdown.append(self._close_tabs)
        # No access log: it would keep the token.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=APP_ENDS_S + 0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return f"http://{HOST}:{self._port}/?token={self._token}"

    async def stop(self) -> None:
        """Close every tab, end every app and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _close_tabs(self, _app: web.Application) -> None:
        await asyncio.gather(*(tab.close(code=1001) for tab in self._open), return_exceptions=True)

    # --- who gets in -------------------------------------------------------------------------------

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what does not come from our own page; say what a browser must not do with an answer."""
        from aiohttp import web

        hosts = {f"{name}:{self._port}" for name in (HOST, "localhost", "[::1]")}
        origin = request.headers.get("Origin", "" if request.path == "/ws" else f"http://{request.host}")
        answer: web.StreamResponse
        if request.host not in hosts or origin != f"http://{request.host}":
            answer = web.Response(status=403, text=say("serve.foreign"))
        elif request.path == "/" and _same(request.query.get("token", ""), self._token):
            answer = web.Response(text=_TO_PAGE, content_type="text/html")
            answer.set_cookie(self._cookie_name, self._cookie, httponly=True, samesite="Strict", path="/")
        elif not _same(request.cookies.get(self._cookie_name, ""), self._cookie):
            answer = web.Response(status=403, text=say("serve.no_token"))
        else:
            answer = await handler(request)
        if not answer.prepared:
            answer.headers.update(
                {
                    "Content-Security-Policy": "default-src 'none'; font-src 'self'; "
                    f"script-src 'self' 'sha256-{_SCRIPT_HASH}'; style-src 'self' 'unsafe-inline'; "
                    f"img-src 'self' data:; connect-src ws://{request.host}; frame-ancestors 'none'; "
                    "base-uri 'none'; form-action 'none'",
                    "Cache-Control": "no-store",
                    "Referrer-Policy": "no-referrer",
                    "X-Content-Type-Options": "nosniff",
                }
            )
        return answer

    @property
    def _cookie_name(self) -> str:
        # Cookies know no ports: two servers on this machine must not take each other's.
        return f"c2jy-tui-{self._port}"

    # --- the page and its tabs ---------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.Response:
        from aiohttp import web

        words = {name: html.escape(say(f"serve.{name}")) for name in ("opening", "over", "again")}
        page = _PAGE.format(script=_SCRIPT, lang=language(), host=html.escape(request.host), **words)
        return web.Response(text=page, content_type="text/html")

    async def _tab(self, request: web.Request) -> web.WebSocketResponse:
        """Run an app as long as the tab is open."""
        from aiohttp import web

        tab = web.WebSocketResponse(heartbeat=15, max_msg_size=_MESSAGE_BYTES)
        await tab.prepare(request)
        self._open.add(tab)
        try:
            if self._closing:  # a page loaded anew must not find the app that it just left
                await asyncio.wait(self._closing, timeout=APP_ENDS_S)
            app = _tab_app(self._command, tab)
            await app.start(_cells(request.query.get("width"), 80), _cells(request.query.get("height"), 24))
            try:
                async for message in tab:
                    if message.type is web.WSMsgType.TEXT:
                        await _handle(message.data, tab, app)
            finally:
                ending = asyncio.ensure_future(app.stop())
                self._closing.add(ending)
                ending.add_done_callback(self._closing.discard)
                await asyncio.shield(ending)
        finally:
            self._open.discard(tab)
        return tab


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _cells(given: object, otherwise: int) -> int:
    """A number of columns or rows that an app can be given."""
    try:
        return max(1, min(int(str(given)), _MOST_CELLS))
    except ValueError:
        return otherwise


async def _handle(text: str, tab: web.WebSocketResponse, app: Any) -> None:
    """Pass on what the page sends; what is not as textual.js writes it is ignored."""
    match _json(text):
        case ["stdin", str(keys)]:
            await app.send_bytes(keys.encode("utf-8", "replace"))
        case ["resize", {"width": width, "height": height}]:
            await app.set_terminal_size(_cells(width, 80), _cells(height, 24))
        case ["ping", data]:
            with suppress(ConnectionError):
                await tab.send_json(["pong", data])
        case ["focus" | "blur" as what]:
            await app.send_meta({"type": what})


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _tab_app(command: list[str], tab: web.WebSocketResponse) -> Any:
    """The app of one tab. textual-serve is an extra: its class can only be derived from when it is used."""
    from textual_serve.app_service import AppService
    from textual_serve.download_manager import DownloadManager

    async def close() -> None:
        await tab.close()

    class TabApp(AppService):
        """A process that ends with its tab."""

        async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
            environment = self._build_environment(width, height)
            for name in ("TMUX", "STY"):  # the page is no window of the terminal that serves it
                environment.pop(name, None)
            pipe = asyncio.subprocess.PIPE
            # A session of its own: Ctrl+C is for this process, which ends the apps one after the other.
            self._process = process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, stderr=pipe,
                env=environment | {"TERM": "xterm-256color"}, start_new_session=os.name == "posix",
            )  # fmt: skip
            self._stdin = process.stdin
            return process

        async def run(self) -> None:
            await super().run()
            await close()  # also when the app has ended without a word

        async def stop(self) -> None:
            stopping = asyncio.ensure_future(super().stop())
            await asyncio.wait({stopping}, timeout=APP_ENDS_S)
            process = self._process
            if process is not None:
                if not stopping.done() and process.returncode is None:
                    process.kill()
                await process.wait()
            await stopping

        async def on_data(self, payload: bytes) -> None:
            with suppress(ConnectionError):  # a tab that is gone must not block the app's last words
                await tab.send_bytes(payload)

        async def on_meta(self, data: bytes) -> None:
            """Hand on addresses of the web only, which get nothing of ours, and no file."""
            match _json(data):
                case {"type": "exit"}:
                    await close()
                case {"type": "open_url", "url": str(url)} if urlsplit(url).scheme in ("http", "https"):
                    with suppress(ConnectionError):
                        await tab.send_json(["open_url", {"url": url, "new_tab": True}])

    return TabApp(
        subprocess.list2cmdline(command),
        write_bytes=tab.send_bytes,
        write_str=tab.send_str,
        close=close,
        download_manager=DownloadManager(),
    )
