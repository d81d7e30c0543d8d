"""The chat operations of the API: start, submit, cancel; which state allows which.

created -> in_progress -> completed | failed | canceled
              ^   v
         requires_action      (left only by `submit_tool_outputs`)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from coze_emulator import media
from coze_emulator.bot import tokens
from coze_emulator.chat import Chat, ChatRun
from coze_emulator.errors import INTERNAL, NOT_CANCELLABLE, OCCUPIED, CozeError, bad_parameter
from coze_emulator.server_state import Conversation, Message, ServerState
from coze_emulator.sse import Stream

_ORPHANED: Final = "the emulator that played this chat has ended, and the chat with it; ask again"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request to /v3/chat, with Coze's defaults filled in."""

    bot_id: str
    conversation_id: str
    messages: Sequence[Mapping[str, Any]]
    """role, content, content_type, type, meta_data; the last one is the query."""
    stream: bool
    saved: bool
    meta_data: dict[str, str]


class Chats:
    """All chats of one emulator, and the tasks that play them."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._chats: dict[str, Chat] = {}
        self._runs: dict[str, ChatRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._media = {name.partition(".")[0]: name for name in media.names()}
        self._links = {stem: media.short_link(name) for stem, name in self._media.items()}

    async def start(self, request: ChatRequest) -> tuple[Chat, Stream | None]:
        """Start a chat.

        Returns:
            The chat, and its stream when one was requested.

        Raises:
            CozeError: 4000 for a bad parameter, 4200 for an unknown Bot, 4016 in an occupied conversation.
        """
        state = self._state
        if not request.bot_id:
            raise bad_parameter("bot_id is required")
        state.known_bot(request.bot_id)
        if not request.stream and not request.saved:
            raise bad_parameter("auto_save_history must be true when stream is false")
        conversation = (
            state.conversation(request.conversation_id)
            if request.conversation_id
            else state.new_conversation(bot_id=request.bot_id)
        )
        self._reject_if_occupied(conversation)
        conversation.bot_id = conversation.bot_id or request.bot_id
        chat = Chat(
            id=state.ids.next(),
            conversation_id=conversation.id,
            bot_id=request.bot_id,
            section_id=conversation.section_id,
            created_at=state.now(),
            saved=request.saved,
            meta_data=request.meta_data,
        )
        context = self._context(request, conversation, chat)
        text = plain_text(context[-1])
        rule, groups = state.script.rule_for(text, chat.bot_id)
        if fault := state.faults.at_chat(rule.name, text):
            if fault.kind == "refuse":
                raise CozeError(fault.code, fault.msg)
            await asyncio.sleep(fault.seconds)
        chat.input_tokens = sum(tokens(message.content) for message in context)
        variables = {
            **groups,
            "text": text,
            "origin": state.origin,
            "media": f"{state.origin}/_media",
            "links": self._links,
            "signed": {stem: media.signed(name, state.now()) for stem, name in self._media.items()},
            "bot_id": chat.bot_id,
            "chat_id": chat.id,
            "conversation_id": conversation.id,
        }
        run = ChatRun(state, chat, conversation, rule, variables)
        self._chats[chat.id], self._runs[chat.id] = chat, run
        conversation.chat_ids.append(chat.id)
        stream = Stream() if request.stream else None
        if not request.stream:
            chat.status = "in_progress"
        self._play(run, stream, "chat", None)
        return chat, stream

    def submit(
        self, conversation_id: str, chat_id: str, outputs: Sequence[tuple[str, str]], *, stream: bool
    ) -> tuple[Chat, Stream | None]:
        """Answer a required action; the chat continues.

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
        submitted = dict(outputs)
        if unknown := [identity for identity in submitted if identity not in chat.open_calls]:
            raise bad_parameter(f"tool_call_id {unknown[0] or '(empty)'} is not among the required ones")
        if missing := [identity for identity in chat.open_calls if identity not in submitted]:
            raise bad_parameter(f"tool_outputs lacks tool_call_id {missing[0]}")
        if len(submitted) != len(outputs):
            raise bad_parameter("tool_outputs names a tool_call_id twice")
        ordered = [submitted[identity] for identity in chat.open_calls]
        chat.open_calls = {}
        chat.status = "in_progress"
        chat.completed_at = self._state.now()
        chat.input_tokens += sum(tokens(output) for output in ordered)
        into = Stream() if stream else None
        self._play(self._runs[chat_id], into, "submit", ordered)
        return chat, into

    def find(self, conversation_id: str, chat_id: str) -> Chat:
        """One chat by its ids.

        Raises:
            CozeError: 4000, there is none in that conversation.
        """
        chat = self._chats.get(chat_id)
        if chat is not None and chat.conversation_id == conversation_id:
            return chat
        if self._state.adopt_conversations and chat is None and chat_id and conversation_id:
            return self._adopt(self._state.conversation(conversation_id), chat_id)
        raise bad_parameter(f"chat {chat_id or '(empty)'} does not exist in this conversation")

    def _adopt(self, conversation: Conversation, chat_id: str) -> Chat:
        """Register a chat of an earlier emulator as failed: its run ended with that emulator."""
        now = self._state.now()
        chat = Chat(chat_id, conversation.id, conversation.bot_id, conversation.section_id, now, saved=True)
        chat.status, chat.failed_at, chat.error = "failed", now, (INTERNAL, _ORPHANED)
        self._chats[chat_id] = chat
        return chat

    def cancel(self, conversation_id: str, chat_id: str) -> Chat:
        """Set a running chat to canceled. Its open stream continues, as on Coze.

        Raises:
            CozeError: 4104 when the chat has ended or requires an action.
        """
        chat = self.find(conversation_id, chat_id)
        if chat.status not in ("created", "in_progress"):
            raise CozeError(NOT_CANCELLABLE, f"The chat cannot be cancelled: its status is {chat.status}.")
        chat.status = "canceled"
        conversation = self._state.conversation(conversation_id)
        conversation.messages = [m for m in conversation.messages if m.chat_id != chat_id]
        return chat

    def _play(
        self, run: ChatRun, stream: Stream | None, operation: str, outputs: Sequence[str] | None
    ) -> None:
        task = asyncio.create_task(run.run(stream, operation, outputs))
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)

    def _reject_if_occupied(self, conversation: Conversation) -> None:
        for chat_id in conversation.chat_ids:
            chat = self._chats[chat_id]
            if chat.status in ("created", "in_progress"):
                raise CozeError(OCCUPIED)
            if chat.status == "requires_action":
                if chat.wants_reply_message:  # this message is the reply
                    chat.open_calls, chat.status = {}, "completed"
                elif self._state.waiting_occupies:
                    raise CozeError(OCCUPIED)

    def _context(self, request: ChatRequest, conversation: Conversation, chat: Chat) -> list[Message]:
        """The messages that the Bot reads, the query last; new ones are saved if the chat is."""
        now = self._state.now()
        added = [
            Message(
                id=self._state.ids.next(),
                conversation_id=conversation.id,
                section_id=conversation.section_id,
                bot_id=chat.bot_id,
                chat_id=chat.id,
                role=str(message["role"]),
                type=str(message["type"] or ("question" if message["role"] == "user" else "answer")),
                content=str(message["content"]),
                content_type=str(message["content_type"] or "text"),
                meta_data=message["meta_data"] or {},
                created_at=now,
                updated_at=now,
            )
            for message in request.messages
        ]
        earlier = [m for m in conversation.messages if m.section_id == conversation.section_id]
        if not added and not earlier:
            raise bad_parameter("additional_messages is empty and the conversation has no message")
        if chat.saved:
            conversation.messages.extend(added)
        return earlier + added


def plain_text(message: Message) -> str:
    """The text of a message, or the text parts of an object_string."""
    if message.content_type != "object_string":
        return message.content
    try:
        parts = json.loads(message.content)
        return "\n".join(part["text"] for part in parts if part.get("type") == "text")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise bad_parameter("content is not an object_string") from None
