"""Routes of /v1/conversation(s): create, list, rename, delete, clear, and their messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from coze_emulator.errors import bad_parameter
from coze_emulator.routes.chat import MessageBody
from coze_emulator.routes.responses import success
from coze_emulator.server_state import Conversation, Message, ServerState

MetaData = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[str, StringConstraints(min_length=1, max_length=512)],
    ],
    Field(max_length=16),
]
"""At most 16 pairs, keys of 1 to 64 characters, values of 1 to 512 (Coze docs, create_message)."""


class CreateBody(BaseModel):
    """POST /v1/conversation/message/create."""

    role: Literal["user", "assistant"]
    content: str
    content_type: str | None = "text"
    meta_data: MetaData | None = None


class ListBody(BaseModel):
    """POST /v1/conversation/message/list."""

    order: Literal["asc", "desc", ""] | None = "desc"
    chat_id: str | None = None
    before_id: str | None = None
    after_id: str | None = None
    limit: Annotated[int, Field(ge=1, le=50)] | None = 50


class ModifyBody(BaseModel):
    """POST /v1/conversation/message/modify."""

    content: str | None = None
    content_type: str | None = None
    meta_data: MetaData | None = None


def message_routes(state: ServerState) -> APIRouter:
    """The routes for messages."""
    router = APIRouter(prefix="/v1/conversation/message")

    @router.post("/create")
    async def create(request: Request, body: CreateBody, conversation_id: str = "") -> Response:
        conversation = state.conversation(conversation_id)
        message = _insert(state, conversation, body.role, body.content, body.content_type, body.meta_data)
        return success(request, _wire_form(message))

    @router.post("/list")
    async def list_messages(
        request: Request, body: ListBody | None = None, conversation_id: str = ""
    ) -> Response:
        conversation = state.conversation(conversation_id)
        body = body or ListBody()  # @coze/api may send no body
        found = [m for m in conversation.messages if not body.chat_id or m.chat_id == body.chat_id]
        if (body.order or "desc") == "desc":
            found.reverse()
        page, has_more = _page(found, body.before_id or "", body.after_id or "", body.limit or 50)
        return success(
            request,
            [_wire_form(message) for message in page],
            first_id=page[0].id if page else "",
            last_id=page[-1].id if page else "",
            has_more=has_more,
        )

    @router.get("/retrieve")
    async def retrieve(request: Request, conversation_id: str = "", message_id: str = "") -> Response:
        return success(request, _wire_form(state.conversation(conversation_id).message(message_id)))

    @router.post("/modify")
    async def modify(
        request: Request, body: ModifyBody, conversation_id: str = "", message_id: str = ""
    ) -> Response:
        message = state.conversation(conversation_id).message(message_id)
        if body.content is not None:
            message.content = body.content
        message.content_type = body.content_type or message.content_type
        if body.meta_data is not None:
            message.meta_data = body.meta_data
        message.updated_at = state.now()
        return success(request, message=_wire_form(message))  # `message` instead of `data`, as Coze does here

    @router.post("/delete")
    async def delete(request: Request, conversation_id: str = "", message_id: str = "") -> Response:
        conversation = state.conversation(conversation_id)
        message = conversation.message(message_id)
        conversation.messages.remove(message)
        return success(request, _wire_form(message))

    return router


def _insert(
    state: ServerState,
    conversation: Conversation,
    role: str,
    content: str,
    content_type: str | None,
    meta_data: Mapping[str, str] | None,
) -> Message:
    """Add a message without a chat; it has no Bot and no type."""
    now = state.now()
    message = Message(
        id=state.ids.next(),
        conversation_id=conversation.id,
        section_id=conversation.section_id,
        role=role,
        content=content,
        content_type=content_type or "text",
        meta_data=dict(meta_data or {}),
        created_at=now,
        updated_at=now,
    )
    conversation.messages.append(message)
    conversation.updated_at = now
    return message


def _wire_form(message: Message) -> dict[str, object]:
    """The wire form in this part of the API, which always has `meta_data`."""
    return {**message.json(), "meta_data": message.meta_data}


def _page(messages: list[Message], before_id: str, after_id: str, limit: int) -> tuple[list[Message], bool]:
    """One page, relative to the order asked for (Coze docs, list_message), and whether more follow."""
    ids = [message.id for message in messages]
    for cursor in (before_id, after_id):
        if cursor and cursor not in ids:
            raise bad_parameter(f"message {cursor} does not exist in this conversation")
    if after_id:
        rest = messages[ids.index(after_id) + 1 :]
        return rest[:limit], len(rest) > limit
    if before_id:
        rest = messages[: ids.index(before_id)]
        return rest[-limit:], len(rest) > limit
    return messages[:limit], len(messages) > limit


class CreateConversationBody(BaseModel):
    """POST /v1/conversation/create."""

    bot_id: str | None = None
    name: str | None = Field(default=None, max_length=100)
    meta_data: MetaData | None = None
    messages: list[MessageBody] | None = Field(default=None, max_length=16)


class RenameBody(BaseModel):
    """PUT /v1/conversations/{id}."""

    name: str = Field(default="", max_length=100)


def routes(state: ServerState) -> APIRouter:
    """The routes for conversations."""
    router = APIRouter()

    @router.post("/v1/conversation/create")
    async def create(request: Request, body: CreateConversationBody | None = None) -> Response:
        body = body or CreateConversationBody()
        conversation = state.new_conversation(bot_id=body.bot_id or "")
        conversation.name, conversation.meta_data = body.name or "", body.meta_data or {}
        for message in body.messages or ():
            _insert(
                state,
                conversation,
                message.role,
                message.content or "",
                message.content_type,
                message.meta_data,
            )
        return success(request, conversation.json())

    @router.get("/v1/conversation/retrieve")
    async def retrieve(request: Request, conversation_id: str = "") -> Response:
        return success(request, state.conversation(conversation_id).json())

    @router.get("/v1/conversations")
    async def list_conversations(
        request: Request,
        bot_id: str = "",
        page_num: Annotated[int, Query(ge=1)] = 1,
        page_size: Annotated[int, Query(ge=1, le=50)] = 50,
        sort_order: Literal["ASC", "DESC", ""] = "DESC",
    ) -> Response:
        own = [c for c in state.conversations.values() if not bot_id or c.bot_id in ("", bot_id)]
        if sort_order != "ASC":
            own.reverse()  # stored oldest first
        first = (page_num - 1) * page_size
        page = own[first : first + page_size]
        return success(
            request,
            {"has_more": len(own) > first + page_size, "conversations": [item.json() for item in page]},
        )

    @router.put("/v1/conversations/{conversation_id}")
    async def rename(request: Request, conversation_id: str, body: RenameBody) -> Response:
        found = state.conversation(conversation_id)
        found.name, found.updated_at = body.name, state.now()
        return success(request, found.json())

    @router.delete("/v1/conversations/{conversation_id}")
    async def delete(request: Request, conversation_id: str) -> Response:
        del state.conversations[state.conversation(conversation_id).id]
        return success(request)

    @router.post("/v1/conversations/{conversation_id}/clear")
    async def clear(request: Request, conversation_id: str) -> Response:
        found = state.conversation(conversation_id)
        found.section_id, found.updated_at = state.ids.next(), state.now()
        return success(request, {"id": found.section_id, "conversation_id": found.id})

    return router
