"""/v1/conversation: create, list, rename, delete, and the messages in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from coze_emulator.routes.answers import success
from coze_emulator.routes.chat import EnterMessage
from coze_emulator.wire import bad_parameter
from coze_emulator.world import Conversation, Message, World

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


def message_routes(world: World) -> APIRouter:
    """The calls about messages."""
    router = APIRouter(prefix="/v1/conversation/message")

    @router.post("/create")
    async def create(request: Request, body: CreateBody, conversation_id: str = "") -> Response:
        conversation = world.conversation(conversation_id)
        made = insert(world, conversation, body.role, body.content, body.content_type, body.meta_data)
        return success(request, _inserted(made))

    @router.post("/list")
    async def list_messages(
        request: Request, body: ListBody | None = None, conversation_id: str = ""
    ) -> Response:
        conversation = world.conversation(conversation_id)
        body = body or ListBody()  # @coze/api sends none when it has nothing to say
        found = [m for m in conversation.messages if not body.chat_id or m.chat_id == body.chat_id]
        if (body.order or "desc") == "desc":
            found.reverse()
        page, has_more = _page(found, body.before_id or "", body.after_id or "", body.limit or 50)
        return success(
            request,
            [_inserted(message) for message in page],
            first_id=page[0].id if page else "",
            last_id=page[-1].id if page else "",
            has_more=has_more,
        )

    @router.get("/retrieve")
    async def retrieve(request: Request, conversation_id: str = "", message_id: str = "") -> Response:
        return success(request, _inserted(world.conversation(conversation_id).message(message_id)))

    @router.post("/modify")
    async def modify(
        request: Request, body: ModifyBody, conversation_id: str = "", message_id: str = ""
    ) -> Response:
        message = world.conversation(conversation_id).message(message_id)
        if body.content is not None:
            message.content = body.content
        message.content_type = body.content_type or message.content_type
        if body.meta_data is not None:
            message.meta_data = body.meta_data
        message.updated_at = world.now()
        return success(request, message=_inserted(message))  # `message`, not `data`: Coze's own exception

    @router.post("/delete")
    async def delete(request: Request, conversation_id: str = "", message_id: str = "") -> Response:
        conversation = world.conversation(conversation_id)
        message = conversation.message(message_id)
        conversation.messages.remove(message)
        return success(request, _inserted(message))

    return router


def insert(
    world: World,
    conversation: Conversation,
    role: str,
    content: str,
    content_type: str | None,
    meta_data: Mapping[str, str] | None,
) -> Message:
    """Put a message into a conversation without a chat; it belongs to no bot and has no type."""
    now = world.now()
    made = Message(
        id=world.ids.next(),
        conversation_id=conversation.id,
        section_id=conversation.section_id,
        role=role,
        content=content,
        content_type=content_type or "text",
        meta_data=dict(meta_data or {}),
        created_at=now,
        updated_at=now,
    )
    conversation.messages.append(made)
    conversation.updated_at = now
    return made


def _inserted(message: Message) -> dict[str, object]:
    """The form of this part of the API, where `meta_data` is always there."""
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
    messages: list[EnterMessage] | None = Field(default=None, max_length=16)


class RenameBody(BaseModel):
    """PUT /v1/conversations/{id}."""

    name: str = Field(default="", max_length=100)


def routes(world: World) -> APIRouter:
    """The calls about conversations."""
    router = APIRouter()

    @router.post("/v1/conversation/create")
    async def create(request: Request, body: CreateConversationBody | None = None) -> Response:
        body = body or CreateConversationBody()
        made = world.new_conversation(bot_id=body.bot_id or "")
        made.name, made.meta_data = body.name or "", body.meta_data or {}
        for message in body.messages or ():
            insert(world, made, message.role, message.content or "", message.content_type, message.meta_data)
        return success(request, made.json())

    @router.get("/v1/conversation/retrieve")
    async def retrieve(request: Request, conversation_id: str = "") -> Response:
        return success(request, world.conversation(conversation_id).json())

    @router.get("/v1/conversations")
    async def list_conversations(
        request: Request,
        bot_id: str = "",
        page_num: Annotated[int, Query(ge=1)] = 1,
        page_size: Annotated[int, Query(ge=1, le=50)] = 50,
        sort_order: Literal["ASC", "DESC", ""] = "DESC",
    ) -> Response:
        own = [c for c in world.conversations.values() if not bot_id or c.bot_id in ("", bot_id)]
        if sort_order != "ASC":
            own.reverse()  # they stand in the order of their making
        first = (page_num - 1) * page_size
        page = own[first : first + page_size]
        return success(
            request,
            {"has_more": len(own) > first + page_size, "conversations": [item.json() for item in page]},
        )

    @router.put("/v1/conversations/{conversation_id}")
    async def rename(request: Request, conversation_id: str, body: RenameBody) -> Response:
        found = world.conversation(conversation_id)
        found.name, found.updated_at = body.name, world.now()
        return success(request, found.json())

    @router.delete("/v1/conversations/{conversation_id}")
    async def delete(request: Request, conversation_id: str) -> Response:
        del world.conversations[world.conversation(conversation_id).id]
        return success(request)

    @router.post("/v1/conversations/{conversation_id}/clear")
    async def clear(request: Request, conversation_id: str) -> Response:
        found = world.conversation(conversation_id)
        found.section_id, found.updated_at = world.ids.next(), world.now()
        return success(request, {"id": found.section_id, "conversation_id": found.id})

    return router
