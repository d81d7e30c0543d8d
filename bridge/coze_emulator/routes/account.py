"""Routes of /v1/users and /v1/bots, and the routes that inject faults."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from coze_emulator.faults import Fault
from coze_emulator.routes.responses import success
from coze_emulator.server_state import SPACE_ID, USER_ID, ServerState

PageNumber = Annotated[int, Query(ge=1)]
PageSize = Annotated[int, Query(ge=1, le=50)]


def routes(state: ServerState) -> APIRouter:
    """The routes for the user and the Bots."""
    router = APIRouter()
    created_at = state.now()
    icon = f"{state.origin}/_media/hotpot.png"

    def description(bot_id: str) -> dict[str, Any]:
        state.known_bot(bot_id, listed=True)
        profile = state.bots[bot_id]
        return {
            "bot_id": bot_id,
            "name": profile.name,
            "description": profile.description,
            "icon_url": icon,
            "create_time": created_at,
            "update_time": created_at,
            "version": str(created_at),
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

    @router.get("/v1/workspaces")
    async def workspaces(request: Request, page_num: PageNumber = 1, page_size: PageSize = 20) -> Response:
        space = {
            "id": SPACE_ID,
            "name": "emulator",
            "icon_url": icon,
            "role_type": "owner",
            "workspace_type": "personal",
            "enterprise_id": "",
            "joined_status": "joined",
        }
        shown = [space] if page_num == 1 else []
        return success(request, {"total_count": 1, "workspaces": shown})

    @router.get("/v1/space/published_bots_list")
    async def published(
        request: Request, space_id: str = "", page_index: PageNumber = 1, page_size: PageSize = 20
    ) -> Response:
        entries = [
            {
                "bot_id": bot_id,
                "bot_name": profile.name,
                "description": profile.description,
                "icon_url": icon,
                "publish_time": str(created_at),
            }
            for bot_id, profile in state.bots.items()
        ]
        first = (page_index - 1) * page_size
        return success(request, {"space_bots": entries[first : first + page_size], "total": len(entries)})

    @router.get("/v1/bots")
    async def bots(
        request: Request, page_num: PageNumber = 1, page_index: PageNumber = 1, page_size: PageSize = 20
    ) -> Response:
        entries = [
            {
                "id": bot_id,
                "name": profile.name,
                "description": profile.description,
                "icon_url": icon,
                "is_published": True,
                "updated_at": created_at,
                "owner_user_id": USER_ID,
                "published_at": created_at,
                "folder_id": "",
            }
            for bot_id, profile in state.bots.items()
        ]
        # The docs say page_num, cozepy sends page_index.
        first = (max(page_num, page_index) - 1) * page_size
        return success(request, {"items": entries[first : first + page_size], "total": len(entries)})

    @router.get("/v1/bot/get_online_info")
    async def bot_v1(request: Request, bot_id: str = "") -> Response:
        return success(request, description(bot_id))

    @router.get("/v1/bots/{bot_id}")
    async def bot_v2(request: Request, bot_id: str) -> Response:
        more = {"owner_user_id": USER_ID, "folder_id": "", "space_id": SPACE_ID}
        return success(request, {**description(bot_id), **more})

    return router


def fault_routes(state: ServerState) -> APIRouter:
    """The routes to add a fault and to remove all."""
    router = APIRouter(prefix="/_emulator")

    @router.post("/faults")
    async def add(request: Request, fault: Fault) -> Response:
        state.faults.add(fault)
        return success(request)

    @router.delete("/faults")
    async def clear(request: Request) -> Response:
        state.faults.clear()
        return success(request)

    return router
