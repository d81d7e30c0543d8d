"""What the emulated Coze remembers, in memory: conversations, messages, files, tokens, requests seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from coze_emulator.errors import NOT_FOUND, UNAUTHENTICATED, CozeError, bad_parameter
from coze_emulator.faults import Faults
from coze_emulator.ids import Ids
from coze_emulator.script import BotProfile, Script

USER_ID: Final = "7313001233127030812"
SPACE_ID: Final = "7313848611045900290"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that arrived, for tests to look at."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    """Parsed JSON, else the raw bytes."""
    headers: dict[str, str]


@dataclass(slots=True)
class Message:
    """One message of a conversation or of a chat, with the names that the wire has for it."""

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
    """One conversation; the messages are what a model would see, and what the message list shows."""

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
class World:
    """Everything one emulator knows. Only the serving thread changes it, apart from faults and journal."""

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
    faults: Faults = field(default_factory=Faults)
    journal: list[Seen] = field(default_factory=list)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    files: dict[str, StoredFile] = field(default_factory=dict)
    issued_tokens: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ids = Ids(self.clock)
        for rule in self.script.rules:
            for fault in rule.faults:
                self.faults.order(fault, rule.name)
        if self.script.mailbox:
            self.new_conversation(bot_id="0", conversation_id=self.script.mailbox)  # no Bot's own

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def new_conversation(self, *, bot_id: str = "", conversation_id: str = "") -> Conversation:
        """Begin a conversation."""
        identity = conversation_id or self.ids.next()
        made = Conversation(identity, self.ids.next(), self.now(), self.now(), bot_id=bot_id)
        self.conversations[identity] = made
        return made

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
        """Refuse a Bot that is not there; `listed` refuses everything that is not in the Bot lists.

        Raises:
            CozeError: 4200.
        """
        if bot_id not in self.bots and (listed or self.script.account.looks_up(bot_id)):
            raise CozeError(NOT_FOUND, f"bot {bot_id or '(empty)'} does not exist or is not published")

    def authorize(self, header: str, path: str) -> None:
        """Let a bearer token in.

        Raises:
            CozeError: 4100; 4101 when the token may not make this call.
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
