"""Who the token belongs to, and which bots it may use (both versions of the lists)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from c2jy_bridge.emulator.errors import NOT_FOUND, CozeError
from c2jy_bridge.emulator.routes.answers import success
from c2jy_bridge.emulator.world import SPACE_ID, USER_ID, World


def routes(world: World) -> APIRouter:
    """The calls about the user and the bots."""
    router = APIRouter()
    profile = world.script.bot
    born = world.now()
    icon = f"{world.origin}/_media/hotpot.png"

    def known(bot_id: str) -> None:
        if bot_id != world.bot_id:
            raise CozeError(NOT_FOUND, f"bot {bot_id or '(empty)'} does not exist or is not published")

    def description() -> dict[str, Any]:
        return {
            "bot_id": world.bot_id,
            "name": profile.name,
            "description": profile.description,
            "icon_url": icon,
            "create_time": born,
            "update_time": born,
            "version": str(born),
            "prompt_info": {"prompt": ""},
            "onboarding_info": {"prologue": "", "suggested_questions": []},
            "bot_mode": 0,
            "plugin_info_list": [
                {
                    "plugin_id": "7374787648269074486",
                    "name": profile.plugin,
                    "description": "",
                    "icon_url": icon,
                    "api_info_list": [],
                }
            ],
            "model_info": {"model_id": "0", "model_name": "script"},
        }

    @router.get("/v1/users/me")
    async def me(request: Request) -> Response:
        return success(
            request,
            {"user_id": USER_ID, "user_name": "emulator", "nick_name": "emulator", "avatar_url": icon},
        )

    @router.get("/v1/space/published_bots_list")
    async def published(request: Request, page_index: int = 1) -> Response:
        listed = {
            "bot_id": world.bot_id,
            "bot_name": profile.name,
            "description": profile.description,
            "icon_url": icon,
            "publish_time": str(born),
        }
        return success(request, {"space_bots": [listed] if page_index <= 1 else [], "total": 1})

    @router.get("/v1/bots")
    async def bots(request: Request, page_num: int = 1) -> Response:
        listed = {
            "id": world.bot_id,
            "name": profile.name,
            "description": profile.description,
            "icon_url": icon,
            "is_published": True,
            "updated_at": born,
            "owner_user_id": USER_ID,
            "published_at": born,
            "folder_id": "",
        }
        return success(request, {"items": [listed] if page_num <= 1 else [], "total": 1})

    @router.get("/v1/bot/get_online_info")
    async def bot_v1(request: Request, bot_id: str = "") -> Response:
        known(bot_id)
        return success(request, description())

    @router.get("/v1/bots/{bot_id}")
    async def bot_v2(request: Request, bot_id: str) -> Response:
        known(bot_id)
        return success(
            request, {**description(), "owner_user_id": USER_ID, "folder_id": "", "space_id": SPACE_ID}
        )

    return router
