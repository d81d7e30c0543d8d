"""/v1/conversation(s): create, retrieve, list, rename, delete, clear."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from coze_emulator.routes.answers import success
from coze_emulator.routes.chat import EnterMessage
from coze_emulator.routes.messages import MetaData, insert
from coze_emulator.world import World


class CreateBody(BaseModel):
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
    async def create(request: Request, body: CreateBody | None = None) -> Response:
        body = body or CreateBody()
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
