"""Reads and posts messages of a conversation that is used as a mailbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from c2jy_bridge.coze.client import CozeClient
from c2jy_bridge.coze.errors import CozeProblem, problem_of

if TYPE_CHECKING:
    from cozepy import Message

PAGE: Final = 50
"""Letters in one page, Coze's largest (Coze docs, list_message)."""
_MILLISECONDS: Final = 10**11
"""Times above this are not seconds; coze-studio keeps milliseconds."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of the mailbox; `at` is Unix seconds by Coze's clock."""

    message_id: str
    content: str
    at: float
    meta: Mapping[str, str] = field(default_factory=dict)


class Mailbox:
    """The letters of one conversation. Every call may raise CozeProblem and nothing else."""

    def __init__(self, client: CozeClient, conversation_id: str) -> None:
        self.conversation_id = conversation_id
        self._client = client

    @classmethod
    async def make(cls, client: CozeClient, name: str) -> Mailbox:
        """Begin a conversation of this name (at most 100 characters) for letters."""
        try:
            made = await client.coze.conversations.create(name=name)
        except Exception as error:  # whatever cozepy makes of a strange answer
            raise CozeProblem(problem_of(error, client.host)) from error
        return cls(client, made.id)

    async def pages(self) -> AsyncIterator[list[Letter]]:
        """Newest letters first, a page at a time; no letter comes twice.

        Neither `before_id` nor the order can be relied on with every server, so this goes only from the
        newest page backwards (coze-studio dal/message.go: after_id means older).
        """
        seen: set[str] = set()
        try:
            found = await self._client.coze.conversations.messages.list(
                conversation_id=self.conversation_id, order="desc", limit=PAGE
            )
            async for page in found.iter_pages():
                letters = [_letter(message) for message in page.items or [] if message.id not in seen]
                seen.update(letter.message_id for letter in letters)
                if not letters:
                    return
                yield letters
        except Exception as error:
            raise CozeProblem(problem_of(error, self._client.host)) from error

    async def post(self, content: str, meta: Mapping[str, str]) -> str:
        """Put a letter in; returns its id.

        Args:
            content: Any text. How long Coze lets it be is not documented.
            meta: At most 16 pairs, keys up to 64 characters, values 1 to 512 (Coze docs, create_message).
        """
        from cozepy import MessageContentType, MessageRole

        try:
            made = await self._client.coze.conversations.messages.create(
                conversation_id=self.conversation_id,
                role=MessageRole.ASSISTANT,
                content=content,
                content_type=MessageContentType.TEXT,
                meta_data=dict(meta),
            )
        except Exception as error:
            raise CozeProblem(problem_of(error, self._client.host)) from error
        return made.id or ""


def _letter(message: Message) -> Letter:
    at = float(message.created_at or 0)
    return Letter(
        message_id=message.id or "",
        content=message.content,
        at=at / 1000 if at > _MILLISECONDS else at,
        meta=message.meta_data or {},
    )
