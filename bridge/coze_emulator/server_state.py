"""The emulator's state: conversations, messages, files, tokens, ids."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from coze_emulator.errors import NOT_FOUND, UNAUTHENTICATED, CozeError, bad_parameter
from coze_emulator.faults import FaultInjector
from coze_emulator.script import BotProfile, Script


class Ids:
    """A source of strictly increasing ids, whatever the clock does.

    A Coze id holds Unix seconds in its upper 32 bits (7382159487131697202 >> 32 is the `created_at` of the
    chat that carries it, coze-py tests/testdata); the lower half is a counter here.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0
        self._logs = 0

    def next(self) -> str:
        """A fresh 19-digit id, greater than every earlier one."""
        self._last = max(self._last + 1, int(self._clock()) << 32)
        return str(self._last)

    def log(self) -> str:
        """A fresh log id: the time in 14 digits, then 20 hexadecimal ones."""
        self._logs += 1
        digest = hashlib.sha256(f"log {self._logs} {self._clock()}".encode()).hexdigest()
        return time.strftime("%Y%m%d%H%M%S", time.gmtime(self._clock())) + digest[:20].upper()

    def tool_call(self) -> str:
        """A fresh tool call id: 56 characters of base64, as in the guide's capture."""
        digest = hashlib.sha512(f"tool call {self.next()}".encode()).digest()
        return base64.b64encode(digest[:41]).decode("ascii")


USER_ID: Final = "7313001233127030812"
SPACE_ID: Final = "7313848611045900290"


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One received request, for tests to inspect."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    """Parsed JSON, else the raw bytes."""
    headers: dict[str, str]


@dataclass(slots=True)
class Message:
    """One message of a conversation or a chat, with the field names of the wire."""

    id: str
    conversation_id: str
    role: str
    content: str
    content_type: str = "text"
    type: str = ""
    bot_id: str = ""
    chat_id: str = ""
    section_id: str = ""
    reasoning_content: str = ""
    meta_data: dict[str, str] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0

    def json(self) -> dict[str, Any]:
        """The wire's form."""
        body: dict[str, Any] = {
            "id": self.id,
            "conversation_id": self.conversation_id,
            "bot_id": self.bot_id,
            "role": self.role,
            "type": self.type,
            "content": self.content,
            "content_type": self.content_type,
            "chat_id": self.chat_id,
            "section_id": self.section_id,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        if self.reasoning_content:
            body["reasoning_content"] = self.reasoning_content
        if self.meta_data:
            body["meta_data"] = self.meta_data
        return body


@dataclass(slots=True)
class Conversation:
    """One conversation; its messages are the model's context and the message list."""

    id: str
    section_id: str
    created_at: int
    updated_at: int
    name: str = ""
    bot_id: str = ""
    meta_data: dict[str, str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    chat_ids: list[str] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """The wire's form; `meta_data` is never null."""
        return {
            "id": self.id,
            "name": self.name,
            "meta_data": self.meta_data,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "creator_id": USER_ID,
            "connector_id": "1024",
            "last_section_id": self.section_id,
        }

    def message(self, message_id: str) -> Message:
        """One message by its id."""
        for message in self.messages:
            if message.id == message_id:
                return message
        raise bad_parameter(f"message {message_id or '(empty)'} does not exist in this conversation")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An uploaded file."""

    id: str
    name: str
    content: bytes
    created_at: int

    def json(self) -> dict[str, Any]:
        """The wire's form."""
        return {
            "id": self.id,
            "bytes": len(self.content),
            "created_at": self.created_at,
            "file_name": self.name,
        }


@dataclass(slots=True)
class ServerState:
    """All state of one emulator. Only the serving thread changes it, except for the faults."""

    script: Script
    clock: Callable[[], float]
    token: str | None
    pace_s: float
    waiting_occupies: bool
    adopt_conversations: bool
    device_polls: int
    bot_id: str = ""
    origin: str = ""
    ids: Ids = field(init=False)
    faults: FaultInjector = field(default_factory=FaultInjector)
    requests: list[ReceivedRequest] = field(default_factory=list)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    files: dict[str, StoredFile] = field(default_factory=dict)
    issued_tokens: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ids = Ids(self.clock)
        for rule in self.script.rules:
            for fault in rule.faults:
                self.faults.add(fault, rule.name)
        if self.script.mailbox:
            self.new_conversation(bot_id="0", conversation_id=self.script.mailbox)  # belongs to no Bot

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def new_conversation(self, *, bot_id: str = "", conversation_id: str = "") -> Conversation:
        """Create a conversation."""
        identity = conversation_id or self.ids.next()
        conversation = Conversation(identity, self.ids.next(), self.now(), self.now(), bot_id=bot_id)
        self.conversations[identity] = conversation
        return conversation

    def conversation(self, conversation_id: str) -> Conversation:
        """One conversation by its id.

        Raises:
            CozeError: 4000, there is none.
        """
        found = self.conversations.get(conversation_id)
        if found is not None:
            return found
        if self.adopt_conversations and conversation_id:
            return self.new_conversation(conversation_id=conversation_id)
        raise bad_parameter(f"conversation {conversation_id or '(empty)'} does not exist")

    @property
    def bots(self) -> dict[str, BotProfile]:
        """Every Bot by its id, the first one first."""
        return {self.bot_id: self.script.bot, **{bot.id: bot for bot in self.script.bots}}

    def known_bot(self, bot_id: str, *, listed: bool = False) -> None:
        """Refuse an unknown Bot; `listed` refuses every one that is not in the Bot lists.

        Raises:
            CozeError: 4200.
        """
        if bot_id not in self.bots and (listed or self.script.account.looks_up(bot_id)):
            raise CozeError(NOT_FOUND, f"bot {bot_id or '(empty)'} does not exist or is not published")

    def authorize(self, header: str, path: str) -> None:
        """Check a bearer token.

        Raises:
            CozeError: 4100; 4101 when the token lacks the permission.
        """
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise CozeError(UNAUTHENTICATED)
        if token in self.issued_tokens or token == self.token:
            return
        if self.token is not None:
            raise CozeError(UNAUTHENTICATED)
        if code := self.script.account.refusal(token, path):
            raise CozeError(code)
