"""Who the token belongs to, and which bots it may use (both versions of the lists)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from coze_emulator.routes.answers import success
from coze_emulator.world import SPACE_ID, USER_ID, World

PageNumber = Annotated[int, Query(ge=1)]
PageSize = Annotated[int, Query(ge=1, le=50)]


def routes(world: World) -> APIRouter:
    """The calls about the user and the bots."""
    router = APIRouter()
    born = world.now()
    icon = f"{world.origin}/_media/hotpot.png"

    def description(bot_id: str) -> dict[str, Any]:
        world.known_bot(bot_id, listed=True)
        profile = world.bots[bot_id]
        return {
            "bot_id": bot_id,
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
    async def published(request: Request, page_index: PageNumber = 1, page_size: PageSize = 20) -> Response:
        listed = [
            {
                "bot_id": bot_id,
                "bot_name": profile.name,
                "description": profile.description,
                "icon_url": icon,
                "publish_time": str(born),
            }
            for bot_id, profile in world.bots.items()
        ]
        first = (page_index - 1) * page_size
        return success(request, {"space_bots": listed[first : first + page_size], "total": len(listed)})

    @router.get("/v1/bots")
    async def bots(
        request: Request, page_num: PageNumber = 1, page_index: PageNumber = 1, page_size: PageSize = 20
    ) -> Response:
        listed = [
            {
                "id": bot_id,
                "name": profile.name,
                "description": profile.description,
                "icon_url": icon,
                "is_published": True,
                "updated_at": born,
                "owner_user_id": USER_ID,
                "published_at": born,
                "folder_id": "",
            }
            for bot_id, profile in world.bots.items()
        ]
        # The docs say page_num, cozepy sends page_index.
        first = (max(page_num, page_index) - 1) * page_size
        return success(request, {"items": listed[first : first + page_size], "total": len(listed)})

    @router.get("/v1/bot/get_online_info")
    async def bot_v1(request: Request, bot_id: str = "") -> Response:
        return success(request, description(bot_id))

    @router.get("/v1/bots/{bot_id}")
    async def bot_v2(request: Request, bot_id: str) -> Response:
        more = {"owner_user_id": USER_ID, "folder_id": "", "space_id": SPACE_ID}
        return success(request, {**description(bot_id), **more})

    return router
