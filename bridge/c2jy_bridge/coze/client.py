"""Client for Coze: cozepy's AsyncCoze over the stream guard, with the calls that this app makes."""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
import logging
import ssl
import urllib.request
import warnings
from collections.abc import AsyncIterator, Awaitable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final, TypeVar, cast
from urllib.parse import urlsplit

from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.coze.errors import CozeProblem, bot_missing, local_problem, problem_of, site_of

if TYPE_CHECKING:
    import httpx
    from cozepy import AsyncCoze, Chat, ChatEvent, Message
    from cozepy.request import AsyncHTTPClient


T = TypeVar("T")

_NEWEST: Final = 20
"""Messages looked through when a chat must be found by its question; a turn adds few."""


def missing(settings: CozeSettings) -> Problem | None:
    """What has to be filled in before Coze can be reached, with where to get it; None when all is there."""
    token = settings.token.get_secret_value().strip() if settings.token else ""
    if not token:
        return local_problem("token_missing", site=site_of(settings.api_base))
    if not token.isascii() or not token.isprintable() or " " in token:
        return local_problem("token_malformed", site=site_of(settings.api_base))
    return None if settings.bot_id.strip() else bot_missing(settings.api_base)


def connect(settings: CozeSettings) -> CozeClient:
    """Set up the client; nothing is sent yet.

    The first call imports cozepy and reads the certificates, about 0.3 s: call it in a thread
    (`await asyncio.to_thread(connect, settings.coze)`), after the first paint.

    Args:
        settings: Address, token and timeouts. A missing Bot is no hindrance here, a missing token is.

    Raises:
        CozeProblem: The token is missing, or token or address cannot be right; `problem` says what to do.
    """
    hindrance = missing(settings)
    if hindrance is not None and hindrance.kind != "bot_missing":
        raise CozeProblem(hindrance)
    base = urlsplit(settings.api_base)
    if base.scheme not in ("http", "https") or not base.hostname:
        raise CozeProblem(local_problem("bad_address", address=settings.api_base))
    assert settings.token is not None  # `missing` has looked

    quiet_cozepy()
    import httpx
    from cozepy import AsyncCoze, AsyncTokenAuth
    from cozepy.config import DEFAULT_CONNECTION_LIMITS
    from cozepy.request import AsyncHTTPClient

    from c2jy_bridge.coze.guard import StreamGuard

    try:
        transport = httpx.AsyncHTTPTransport(
            # An http address needs no certificates (17 ms to read); an empty store still refuses a
            # redirect to https rather than trusting it blindly.
            verify=base.scheme == "https" or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            limits=DEFAULT_CONNECTION_LIMITS,
            proxy=proxy_for(base.scheme, base.hostname),
        )
    except (ImportError, ValueError) as error:  # a SOCKS proxy without socksio, or an address that is none
        raise CozeProblem(local_problem("network", "proxy", host=base.hostname)) from error
    http: AsyncHTTPClient = AsyncHTTPClient(  # type: ignore[no-untyped-call]  # cozepy leaves it untyped
        timeout=httpx.Timeout(settings.stall_timeout_s, connect=settings.connect_timeout_s),
        transport=StreamGuard(transport),
        trust_env=False,
    )
    auth = AsyncTokenAuth(settings.token.get_secret_value().strip())
    return CozeClient(AsyncCoze(auth, settings.api_base.rstrip("/"), http), http, base.hostname)


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy that the environment or the system names for this host; never one for loopback."""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    address = proxies.get(scheme) or proxies.get("all")
    return f"http://{address}" if address and "://" not in address else address


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class CozeClient:
    """Coze as this app uses it. One for the whole process; sessions share its connections."""

    def __init__(self, coze: AsyncCoze, http: AsyncHTTPClient, host: str) -> None:
        self.coze = coze
        """cozepy's client, for what has no method here (workflows)."""
        self.host = host
        self._http: httpx.AsyncClient = http

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    # --- a chat turn; errors come as cozepy, httpx and the guard raise them, the session sorts them ---

    def ask(self, bot_id: str, user_id: str, conversation_id: str, text: str) -> AsyncIterator[ChatEvent]:
        """Start a chat and read its stream; the request is sent with the first step of the iteration."""
        from cozepy import Message

        return self.coze.chat.stream(
            bot_id=bot_id,
            user_id=user_id,
            conversation_id=conversation_id or None,
            additional_messages=[Message.build_user_question_text(text)],
            auto_save_history=True,  # without it Coze refuses tool outputs (5000)
        )

    def submit(
        self, conversation_id: str, chat_id: str, outputs: Sequence[tuple[str, str]]
    ) -> AsyncIterator[ChatEvent]:
        """Answer tool calls, pairs of tool_call_id and output, and read the stream that goes on."""
        from cozepy import ToolOutput

        return self.coze.chat.submit_tool_outputs_stream(
            conversation_id=conversation_id,
            chat_id=chat_id,
            tool_outputs=[ToolOutput(tool_call_id=call, output=output) for call, output in outputs],
        )

    async def submit_unread(
        self, conversation_id: str, chat_id: str, outputs: Sequence[tuple[str, str]]
    ) -> None:
        """Answer tool calls without waiting for what the Bot says to it."""
        from cozepy import ToolOutput

        await self.coze.chat.submit_tool_outputs(
            conversation_id=conversation_id,
            chat_id=chat_id,
            tool_outputs=[ToolOutput(tool_call_id=call, output=output) for call, output in outputs],
        )

    async def retrieve(self, conversation_id: str, chat_id: str) -> Chat:
        """The chat as Coze has it now. Coze allows one look a second."""
        return await self.coze.chat.retrieve(conversation_id=conversation_id, chat_id=chat_id)

    async def cancel(self, conversation_id: str, chat_id: str) -> None:
        """Stop a running chat; 4104 when it has ended or waits for tool outputs."""
        await self.coze.chat.cancel(conversation_id=conversation_id, chat_id=chat_id)

    async def replies(self, conversation_id: str, chat_id: str) -> Sequence[Message]:
        """Everything that one chat said."""
        found = await self.coze.chat.messages.list(conversation_id=conversation_id, chat_id=chat_id)
        return found.data

    async def newest(self, conversation_id: str) -> Sequence[Message]:
        """The newest messages of a conversation, newest first."""
        page = await self.coze.conversations.messages.list(
            conversation_id=conversation_id, order="desc", limit=_NEWEST
        )
        return cast("Sequence[Message]", page.items)

    # --- beside a turn; these raise CozeProblem and nothing else ---

    async def bot_name(self, bot_id: str) -> str:
        """What the Bot is called; the id when it has no name."""
        bot = await self._call(self.coze.bots.retrieve(bot_id=bot_id))
        return bot.name or bot_id

    async def whoami(self) -> str:
        """The name of the account that the token belongs to."""
        user = await self._call(self.coze.users.me())
        return user.nick_name or user.user_name or user.user_id

    async def upload(self, path: Path) -> str:
        """Upload a file; returns the id under which a tool output may name it.

        Raises:
            CozeProblem: Coze refused it or cannot be reached.
            OSError: The file cannot be read.
        """
        content = await asyncio.to_thread(path.read_bytes)
        file = await self._call(self.coze.files.upload(file=(path.name, content)))
        return file.id

    async def check(self, bot_id: str = "") -> Problem | None:
        """Try the address, the token and, when named, the Bot; None when all answer."""
        try:
            await self.whoami()
            if bot_id:
                await self.bot_name(bot_id)
        except CozeProblem as error:
            return error.problem
        return None

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except Exception as error:  # whatever cozepy makes of a strange answer
            raise CozeProblem(problem_of(error, self.host)) from error


def quiet_cozepy() -> ModuleType:
    """Import cozepy 0.20 with its own stderr handler gone and its import warning silenced.

    Only filters for warnings raised inside cozepy are added; everybody else's stay as they are. Its records
    go on to the app's log from WARNING up: below that it logs whole request and response bodies.
    """
    try:
        # Imported first because it puts a filter of its own in front ("always"); ours must come after it.
        deprecation = importlib.import_module("authlib.deprecate").AuthlibDeprecationWarning
    except (ImportError, AttributeError):
        pass  # another authlib, without that warning
    else:
        warnings.filterwarnings("ignore", category=deprecation, module=r"cozepy\b")
    # Its enums warn about every value that they do not list, such as the message type `knowledge`.
    warnings.filterwarnings("ignore", r"Unknown \w+ value", UserWarning, module=r"cozepy\.model")
    cozepy = importlib.import_module("cozepy")

    logger = logging.getLogger("cozepy")
    for handler in logger.handlers[:]:
        if type(handler) is logging.StreamHandler:
            logger.removeHandler(handler)
    if not logger.handlers:
        # With no handler anywhere Python's last resort would print to stderr.
        logger.addHandler(logging.NullHandler())
        logger.addFilter(_no_bodies)
    logger.propagate = True
    return cozepy


def _no_bodies(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
