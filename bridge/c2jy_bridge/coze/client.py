"""Client for Coze's API: cozepy's AsyncCoze over the stream guard, with the calls that this app makes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast
from urllib.parse import urlsplit

from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.core.views import BotView, PublishedWorkflow, UploadedFile
from c2jy_bridge.coze.errors import CozeProblem, local_problem, problem_of, site_of
from c2jy_bridge.coze.login import Login
from c2jy_bridge.coze.reaching import proxy_or_problem, quiet_cozepy

if TYPE_CHECKING:
    import httpx
    from cozepy import AsyncCoze, Chat, ChatEvent, Message, ToolOutput
    from cozepy.request import AsyncHTTPClient


T = TypeVar("T")

_MOST_AT_CREATION: Final = 16
"""Messages that a conversation can be created with (Coze docs, create_conversation)."""
LONGEST_NAME: Final = 100
"""Characters of a conversation's name (Coze docs, create_conversation)."""
_PAGE: Final = 50
"""Most entries of a page (Coze docs, list_workspace)."""
MOST_BOTS: Final = 500
"""Bots that are listed; a person chooses from them."""
_NEWEST: Final = 20
"""Messages searched for a question; a turn adds few."""


def missing(settings: CozeSettings, *, logged_in: bool = False) -> Problem | None:
    """The first setting that is missing or malformed, with where to get it; None when Coze can be reached.

    `logged_in`: a stored login stands for the token.
    """
    token = settings.token.get_secret_value().strip() if settings.token else ""
    if not token and logged_in:
        kind = "" if settings.bot_id.strip() else "bot_missing"
    elif not token:
        kind = "token_missing"
    elif not token.isascii() or not token.isprintable() or " " in token:
        kind = "token_malformed"
    elif not settings.bot_id.strip():
        kind = "bot_missing"
    else:
        kind = ""
    return local_problem(kind, site=site_of(settings.api_base)) if kind else None


def connect(settings: CozeSettings, login: Login | None = None) -> CozeClient:
    """Set up the client without sending anything; a Bot is not needed yet.

    The first call imports cozepy and reads the certificates, about 0.3 s: call it in a thread.

    Args:
        settings: A token in them goes before the stored login.
        login: The stored login.

    Raises:
        CozeProblem: The token is missing, or the token or the address is malformed.
    """
    own = settings.token.get_secret_value().strip() if settings.token else ""
    stored = login if login is not None and not own and login.fresh() else None
    problem = missing(settings, logged_in=stored is not None)
    if problem is not None and problem.kind != "bot_missing":
        raise CozeProblem(problem)
    proxy = proxy_or_problem(settings.api_base)
    base = urlsplit(settings.api_base)
    assert base.hostname  # checked by `proxy_or_problem`

    quiet_cozepy()
    import httpx
    from cozepy import AsyncCoze, AsyncTokenAuth
    from cozepy.config import DEFAULT_CONNECTION_LIMITS
    from cozepy.request import AsyncHTTPClient

    from c2jy_bridge.coze.guard import StreamGuard

    transport = httpx.AsyncHTTPTransport(
        # http needs no certificates (17 ms to read); an empty store still refuses redirects to https.
        verify=base.scheme == "https" or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        limits=DEFAULT_CONNECTION_LIMITS,
        proxy=proxy,
    )
    guard = StreamGuard(transport, proxy)
    http: AsyncHTTPClient = AsyncHTTPClient(  # type: ignore[no-untyped-call]  # cozepy leaves it untyped
        timeout=httpx.Timeout(settings.stall_timeout_s, connect=settings.connect_timeout_s),
        transport=guard,
        trust_env=False,
    )
    auth = AsyncTokenAuth(own) if stored is None else stored.auth()
    return CozeClient(AsyncCoze(auth, settings.api_base.rstrip("/"), http), http, guard.now, base.hostname)


class CozeConnection:
    """One client for turns, uploads and the bridge, made on first use: importing cozepy takes long."""

    def __init__(self, settings: CozeSettings, login: Login | None = None) -> None:
        self._settings = settings
        self._login = login
        self._client: CozeClient | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> CozeClient:
        """The client; raises CozeProblem without a token."""
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(connect, self._settings, self._login)
            return self._client

    async def bot_name(self) -> str:
        """The Bot's name; raises CozeProblem when a setting is missing or Coze fails."""
        client = await self.client()
        if problem := missing(self._settings, logged_in=True):
            raise CozeProblem(problem)
        return await client.bot_name(self._settings.bot_id)

    async def upload(self, path: Path) -> str:
        """Upload a file to Coze and return its id; raises CozeProblem without a token or when Coze fails."""
        return await (await self.client()).upload(path)

    async def aclose(self) -> None:
        """Close the client, if there is one."""
        if self._client is not None:
            await self._client.aclose()


class CozeClient:
    """The calls to Coze; one instance per process, whose connections all sessions share."""

    def __init__(
        self, coze: AsyncCoze, http: AsyncHTTPClient, now: Callable[[], float | None], host: str
    ) -> None:
        self.coze = coze
        """cozepy's client, for calls without a method here."""
        self.now = now
        """Unix seconds by Coze's clock; None before its first answer. This computer's may be hours off."""
        self.host = host
        self._http: httpx.AsyncClient = http

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    # --- chat turns: errors of cozepy, httpx and the guard pass through; the session classifies them ---

    def ask(
        self,
        bot_id: str,
        user_id: str,
        conversation_id: str,
        text: str,
        files: Sequence[UploadedFile] = (),
    ) -> AsyncIterator[ChatEvent]:
        """Start a chat; the request is sent when the iteration starts."""
        from cozepy import Message, MessageObjectString

        question = Message.build_user_question_text(text)
        if files:
            build = {
                "image": MessageObjectString.build_image,
                "audio": MessageObjectString.build_audio,
                "file": MessageObjectString.build_file,
            }
            parts = [build[file.kind](file_id=file.file_id) for file in files]
            question = Message.build_user_question_objects([MessageObjectString.build_text(text), *parts])
        return self.coze.chat.stream(
            bot_id=bot_id,
            user_id=user_id,
            conversation_id=conversation_id or None,
            additional_messages=[question],
            auto_save_history=True,  # without it Coze refuses tool outputs (5000)
        )

    def submit(
        self, conversation_id: str, chat_id: str, outputs: Sequence[tuple[str, str]]
    ) -> AsyncIterator[ChatEvent]:
        """Submit tool outputs, pairs of tool_call_id and output, and read the stream that follows."""
        return self.coze.chat.submit_tool_outputs_stream(
            conversation_id=conversation_id, chat_id=chat_id, tool_outputs=_tool_outputs(outputs)
        )

    async def submit_unread(
        self, conversation_id: str, chat_id: str, outputs: Sequence[tuple[str, str]]
    ) -> None:
        """Submit tool outputs without reading the answer."""
        await self.coze.chat.submit_tool_outputs(
            conversation_id=conversation_id, chat_id=chat_id, tool_outputs=_tool_outputs(outputs)
        )

    async def retrieve(self, conversation_id: str, chat_id: str) -> Chat:
        """The current state of a chat. Coze allows one request per second."""
        return await self.coze.chat.retrieve(conversation_id=conversation_id, chat_id=chat_id)

    async def cancel(self, conversation_id: str, chat_id: str) -> None:
        """Stop a running chat; error 4104 when it has ended or waits for tool outputs."""
        await self.coze.chat.cancel(conversation_id=conversation_id, chat_id=chat_id)

    async def replies(self, conversation_id: str, chat_id: str) -> Sequence[Message]:
        """The messages of one chat."""
        found = await self.coze.chat.messages.list(conversation_id=conversation_id, chat_id=chat_id)
        return found.data

    async def newest(self, conversation_id: str) -> Sequence[Message]:
        """The newest messages of a conversation, newest first."""
        page = await self.coze.conversations.messages.list(
            conversation_id=conversation_id, order="desc", limit=_NEWEST
        )
        return cast("Sequence[Message]", page.items)

    # --- other calls: they raise only CozeProblem ---

    async def bot_name(self, bot_id: str) -> str:
        """The Bot's name, or its id when it has none."""
        bot = await self._call(self.coze.bots.retrieve(bot_id=bot_id))
        return bot.name or bot_id

    async def bots(self) -> Sequence[BotView]:
        """The Bots that the token's account can talk with, by workspace: those published to the API channel.

        Needs the permissions listWorkspace and getPublishedBot.
        """
        with self.translated_errors():
            found: list[BotView] = []
            async for space in await self.coze.workspaces.list(page_size=_PAGE):
                async for bot in await self.coze.bots.list(space_id=space.id, page_size=_PAGE):
                    about = bot.description or ""
                    found.append(BotView(bot.id, bot.name or bot.id, space.name, about))
                    if len(found) >= MOST_BOTS:
                        return found
            return found

    async def whoami(self) -> str:
        """The name of the token's account."""
        user = await self._call(self.coze.users.me())
        return user.nick_name or user.user_name or user.user_id

    async def workflows(self) -> list[PublishedWorkflow]:
        """The published workflows of every workspace of the account."""
        with self.translated_errors():
            return [
                PublishedWorkflow(one.workflow_id, one.workflow_name, space.name, one.description or "")
                async for space in await self.coze.workspaces.list()
                async for one in await self.coze.workflows.list(workspace_id=space.id, page_size=30)
            ]

    async def upload(self, path: Path) -> str:
        """Upload a file and return its id; raises OSError when it cannot be read."""
        content = await asyncio.to_thread(path.read_bytes)
        file = await self._call(self.coze.files.upload(file=(path.name, content)))
        return file.id

    async def create_conversation(self, bot_id: str, name: str, messages: Sequence[tuple[str, str]]) -> str:
        """Create a conversation that begins with `messages`, pairs of role and text; returns its id."""
        from cozepy import Message, MessageContentType, MessageRole

        build = {"user": Message.build_user_question_text, "assistant": Message.build_assistant_answer}
        first = [build[role](text) for role, text in messages[:_MOST_AT_CREATION]]
        made = await self._call(
            self.coze.conversations.create(messages=first, bot_id=bot_id, name=name[:LONGEST_NAME])
        )
        for role, text in messages[_MOST_AT_CREATION:]:
            await self._call(
                self.coze.conversations.messages.create(
                    conversation_id=made.id,
                    role=MessageRole(role),
                    content=text,
                    content_type=MessageContentType.TEXT,
                )
            )
        return made.id

    async def rename_conversation(self, conversation_id: str, name: str) -> None:
        """Rename a conversation; Coze takes 100 characters."""
        await self._call(
            self.coze.conversations.update(conversation_id=conversation_id, name=name[:LONGEST_NAME])
        )

    async def delete_conversation(self, conversation_id: str) -> None:
        """Delete a conversation at Coze, for ever."""
        await self._call(self.coze.conversations.delete(conversation_id=conversation_id))

    async def check(self, bot_id: str = "") -> Problem | None:
        """Check the address, the token and, unless empty, the Bot; None when all of them work."""
        try:
            await self.whoami()
            if bot_id:
                await self.bot_name(bot_id)
        except CozeProblem as error:
            return error.problem
        return None

    async def _call(self, call: Awaitable[T]) -> T:
        with self.translated_errors():
            return await call

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Turn any exception, whatever cozepy raises on an unexpected answer, into a CozeProblem."""
        try:
            yield
        except CozeProblem:
            raise
        except Exception as error:
            raise CozeProblem(problem_of(error, self.host)) from error


def _tool_outputs(pairs: Sequence[tuple[str, str]]) -> list[ToolOutput]:
    from cozepy import ToolOutput

    return [ToolOutput(tool_call_id=call, output=output) for call, output in pairs]
