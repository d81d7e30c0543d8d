"""The Bot conversations in which requests are relayed: one chat at a time in each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

MOST_CHATS: Final = 20
"""Chats in one conversation before a new one is begun: what was said before is context that costs tokens."""


@dataclass(slots=True)
class WorkConversation:
    """A conversation lent to one request at a time; a new one has no id until Coze made it."""

    conversation_id: str = ""
    chats: int = 0
    spoiled: bool = False
    """A chat in it did not end well; it may be occupied (4016), and is not used again."""

    def entered(self, conversation_id: str) -> None:
        """A chat began in it."""
        self.conversation_id = conversation_id
        self.chats += 1


class WorkConversations:
    """Lends conversations; as many exist as requests were at work at once."""

    def __init__(self) -> None:
        self._free: list[WorkConversation] = []

    @contextmanager
    def one(self) -> Iterator[WorkConversation]:
        """A conversation that nobody else uses meanwhile."""
        conversation = self._free.pop() if self._free else WorkConversation()
        whole = False
        try:
            yield conversation
            whole = True
        finally:
            if whole and not conversation.spoiled and 0 < conversation.chats < MOST_CHATS:
                self._free.append(conversation)
