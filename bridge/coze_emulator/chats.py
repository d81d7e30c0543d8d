"""Chats as Coze has them: which state allows what, and who may answer a required action.

created -> in_progress -> completed | failed | canceled
              ^   v
         requires_action      (only `submit_tool_outputs` leads out of it)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from coze_emulator import media
from coze_emulator.bot import apply_faults, play, tokens
from coze_emulator.chat import Chat
from coze_emulator.sse import Stream
from coze_emulator.turn import Turn
from coze_emulator.wire import INTERNAL, NOT_CANCELLABLE, OCCUPIED, CozeError, bad_parameter
from coze_emulator.world import Conversation, Message, World

_DAY_S: Final = 24 * 60 * 60
_GONE: Final = "the emulator that played this chat has ended, and the chat with it; ask again"


@dataclass(frozen=True, slots=True)
class Question:
    """What a request to /v3/chat asks for, with Coze's defaults filled in."""

    bot_id: str
    conversation_id: str
    messages: Sequence[Mapping[str, Any]]
    """role, content, content_type, type, meta_data; the last one is the query."""
    stream: bool
    saved: bool
    meta_data: dict[str, str]


class Chats:
    """All chats of one emulator, and the tasks in which they are played."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chats: dict[str, Chat] = {}
        self._turns: dict[str, Turn] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._media = {name.partition(".")[0]: name for name in media.names()}
        self._links = {stem: media.short_link(name) for stem, name in self._media.items()}

    async def start(self, question: Question) -> tuple[Chat, Stream | None]:
        """Begin a chat.

        Returns:
            The chat, and what it streams when that was asked for.

        Raises:
            CozeError: 4000 for a bad parameter, 4200 for an unknown Bot, 4016 in an occupied conversation.
        """
        world = self._world
        if not question.bot_id:
            raise bad_parameter("bot_id is required")
        world.known_bot(question.bot_id)
        if not question.stream and not question.saved:
            raise bad_parameter("auto_save_history must be true when stream is false")
        conversation = (
            world.conversation(question.conversation_id)
            if question.conversation_id
            else world.new_conversation(bot_id=question.bot_id)
        )
        self._refuse_occupied(conversation)
        conversation.bot_id = conversation.bot_id or question.bot_id
        chat = Chat(
            id=world.ids.next(),
            conversation_id=conversation.id,
            bot_id=question.bot_id,
            section_id=conversation.section_id,
            created_at=world.now(),
            saved=question.saved,
            meta_data=question.meta_data,
        )
        context = self._context(question, conversation, chat)
        text = plain_text(context[-1])
        rule, groups = world.script.rule_for(text, chat.bot_id)
        if fault := world.faults.at_chat(rule.name, text):
            if fault.kind == "refuse":
                raise CozeError(fault.code, fault.msg)
            await asyncio.sleep(fault.seconds)
        chat.input_tokens = sum(tokens(message.content) for message in context)
        given = {
            **groups,
            "text": text,
            "origin": world.origin,
            "media": f"{world.origin}/_media",
            "links": self._links,
            "signed": {stem: media.signed(name, world.now() + _DAY_S) for stem, name in self._media.items()},
            "bot_id": chat.bot_id,
            "chat_id": chat.id,
            "conversation_id": conversation.id,
        }
        turn = Turn(world, chat, conversation, rule.name, text)
        turn.perform(apply_faults(play(rule, given), turn.misbehaves))
        self._chats[chat.id], self._turns[chat.id] = chat, turn
        conversation.chat_ids.append(chat.id)
        stream = Stream() if question.stream else None
        if not question.stream:
            chat.status = "in_progress"
        self._play(turn, stream, "chat", None)
        return chat, stream

    def submit(
        self, conversation_id: str, chat_id: str, outputs: Sequence[tuple[str, str]], *, stream: bool
    ) -> tuple[Chat, Stream | None]:
        """Answer a required action; the chat goes on.

        Args:
            conversation_id: Of the chat.
            chat_id: Of the chat.
            outputs: tool_call_id and output; each open call exactly once.
            stream: Whether the rest is streamed.

        Raises:
            CozeError: 4000 when an id, the state or the set of outputs is wrong; 5000 for an unsaved chat.
        """
        chat = self.find(conversation_id, chat_id)
        if chat.status != "requires_action":
            raise bad_parameter(f"chat {chat_id} is {chat.status}, it requires no action")
        if not chat.saved:
            raise CozeError(INTERNAL, "internal error: the chat was not saved (auto_save_history is false)")
        given = dict(outputs)
        if unknown := [identity for identity in given if identity not in chat.waiting]:
            raise bad_parameter(f"tool_call_id {unknown[0] or '(empty)'} is not among the required ones")
        if missing := [identity for identity in chat.waiting if identity not in given]:
            raise bad_parameter(f"tool_outputs lacks tool_call_id {missing[0]}")
        if len(given) != len(outputs):
            raise bad_parameter("tool_outputs names a tool_call_id twice")
        ordered = [given[identity] for identity in chat.waiting]
        chat.waiting = {}
        chat.status = "in_progress"
        chat.completed_at = self._world.now()
        chat.input_tokens += sum(tokens(output) for output in ordered)
        into = Stream() if stream else None
        self._play(self._turns[chat_id], into, "submit", ordered)
        return chat, into

    def find(self, conversation_id: str, chat_id: str) -> Chat:
        """One chat by its ids.

        Raises:
            CozeError: 4000, there is none in that conversation.
        """
        chat = self._chats.get(chat_id)
        if chat is not None and chat.conversation_id == conversation_id:
            return chat
        if self._world.adopt_conversations and chat is None and chat_id and conversation_id:
            return self._adopted(self._world.conversation(conversation_id), chat_id)
        raise bad_parameter(f"chat {chat_id or '(empty)'} does not exist in this conversation")

    def _adopted(self, conversation: Conversation, chat_id: str) -> Chat:
        """A chat of an emulator that is gone: nobody plays it any more, and that is what its client hears."""
        now = self._world.now()
        chat = Chat(chat_id, conversation.id, conversation.bot_id, conversation.section_id, now, saved=True)
        chat.status, chat.failed_at, chat.error = "failed", now, (INTERNAL, _GONE)
        self._chats[chat_id] = chat
        return chat

    def cancel(self, conversation_id: str, chat_id: str) -> Chat:
        """Switch a running chat to canceled. Its open stream goes on, as on Coze.

        Raises:
            CozeError: 4104 when the chat has ended or requires an action.
        """
        chat = self.find(conversation_id, chat_id)
        if chat.status not in ("created", "in_progress"):
            raise CozeError(NOT_CANCELLABLE, f"The chat cannot be cancelled: its status is {chat.status}.")
        chat.status = "canceled"
        conversation = self._world.conversation(conversation_id)
        conversation.messages = [m for m in conversation.messages if m.chat_id != chat_id]
        return chat

    def _play(self, turn: Turn, stream: Stream | None, operation: str, outputs: Sequence[str] | None) -> None:
        task = asyncio.create_task(turn.run(stream, operation, outputs))
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)

    def _refuse_occupied(self, conversation: Conversation) -> None:
        for chat_id in conversation.chat_ids:
            chat = self._chats[chat_id]
            if chat.status in ("created", "in_progress"):
                raise CozeError(OCCUPIED)
            if chat.status == "requires_action":
                if chat.wants_reply_message:  # this message is the reply
                    chat.waiting, chat.status = {}, "completed"
                elif self._world.waiting_occupies:
                    raise CozeError(OCCUPIED)

    def _context(self, question: Question, conversation: Conversation, chat: Chat) -> list[Message]:
        """The messages that the Bot sees, the query last; new ones are saved when the chat is."""
        now = self._world.now()
        added = [
            Message(
                id=self._world.ids.next(),
                conversation_id=conversation.id,
                section_id=conversation.section_id,
                bot_id=chat.bot_id,
                chat_id=chat.id,
                role=str(given["role"]),
                type=str(given["type"] or ("question" if given["role"] == "user" else "answer")),
                content=str(given["content"]),
                content_type=str(given["content_type"] or "text"),
                meta_data=given["meta_data"] or {},
                created_at=now,
                updated_at=now,
            )
            for given in question.messages
        ]
        earlier = [m for m in conversation.messages if m.section_id == conversation.section_id]
        if not added and not earlier:
            raise bad_parameter("additional_messages is empty and the conversation has no message")
        if chat.saved:
            conversation.messages.extend(added)
        return earlier + added


def plain_text(message: Message) -> str:
    """What a user wrote: the text itself, or the text parts of an object_string."""
    if message.content_type != "object_string":
        return message.content
    try:
        parts = json.loads(message.content)
        return "\n".join(part["text"] for part in parts if part.get("type") == "text")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise bad_parameter("content is no object_string") from None
