"""Reads and posts messages of a conversation that is used as a mailbox."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from c2jy_bridge.coze.client import CozeClient

if TYPE_CHECKING:
    from cozepy import Message

PAGE: Final = 50
"""Letters per page, Coze's maximum (Coze docs, list_message)."""
_MILLISECONDS: Final = 10**11
"""Times above this are in milliseconds, as coze-studio has them."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of the mailbox; `at` is Unix seconds by Coze's clock, `role` is `user` or `assistant`."""

    message_id: str
    content: str
    at: float
    meta: Mapping[str, str] = field(default_factory=dict)
    role: str = "user"


class Mailbox:
    """The letters of one conversation. Calls raise only CozeProblem."""

    def __init__(self, client: CozeClient, conversation_id: str) -> None:
        self.conversation_id = conversation_id
        self._client = client

    @classmethod
    async def make(cls, client: CozeClient, name: str) -> Mailbox:
        """Create a conversation for letters; its name has at most 100 characters."""
        with client.translated_errors():
            conversation = await client.coze.conversations.create(name=name)
        return cls(client, conversation.id)

    def age_s(self, letter: Letter) -> float:
        """Seconds since a letter that was just read was posted, by Coze's clock alone."""
        now = self._client.now()
        return max(0.0, now - letter.at) if now is not None else 0.0

    async def pages(self) -> AsyncGenerator[list[Letter], None]:
        """Newest letters first, page by page, without duplicates.

        Only backwards from the newest page, because neither `before_id` nor the order is reliable with every
        server (coze-studio dal/message.go: after_id means older).
        """
        seen: set[str] = set()
        with self._client.translated_errors():
            found = await self._client.coze.conversations.messages.list(
                conversation_id=self.conversation_id, order="desc", limit=PAGE
            )
            async for page in found.iter_pages():
                letters = [_letter(message) for message in page.items or [] if message.id not in seen]
                seen.update(letter.message_id for letter in letters)
                if not letters:
                    return
                yield letters

    async def post(self, content: str, meta: Mapping[str, str]) -> str:
        """Post a letter and return its id; the maximum length of `content` is not documented.

        Args:
            content: Any text.
            meta: At most 16 pairs, keys up to 64 characters, values 1 to 512 (Coze docs, create_message).
        """
        from cozepy import MessageContentType, MessageRole

        with self._client.translated_errors():
            message = await self._client.coze.conversations.messages.create(
                conversation_id=self.conversation_id,
                role=MessageRole.ASSISTANT,
                content=content,
                content_type=MessageContentType.TEXT,
                meta_data=dict(meta),
            )
        return message.id or ""


def _letter(message: Message) -> Letter:
    at = float(message.created_at or 0)
    at = at / 1000 if at > _MILLISECONDS else at
    role = message.role.value if message.role else ""
    return Letter(message.id or "", message.content, at, message.meta_data or {}, role)
