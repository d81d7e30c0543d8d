"""/v1/users, /v1/bots, /v1/files and the routes that order faults."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, UploadFile

from coze_emulator.faults import Fault
from coze_emulator.routes.answers import success
from coze_emulator.wire import bad_parameter
from coze_emulator.world import SPACE_ID, USER_ID, StoredFile, World

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


def file_routes(world: World) -> APIRouter:
    """The calls about files."""
    router = APIRouter(prefix="/v1/files")

    @router.post("/upload")
    async def upload(request: Request, file: UploadFile) -> Response:
        stored = StoredFile(world.ids.next(), file.filename or "upload", await file.read(), world.now())
        world.files[stored.id] = stored
        return success(request, stored.json())

    @router.get("/retrieve")
    async def retrieve(request: Request, file_id: str = "") -> Response:
        if file_id not in world.files:
            raise bad_parameter(f"file {file_id or '(empty)'} does not exist")
        return success(request, world.files[file_id].json())

    return router


def fault_routes(world: World) -> APIRouter:
    """POST a fault, DELETE all."""
    router = APIRouter(prefix="/_emulator")

    @router.post("/faults")
    async def order(request: Request, fault: Fault) -> Response:
        world.faults.order(fault)
        return success(request)

    @router.delete("/faults")
    async def clear(request: Request) -> Response:
        world.faults.clear()
        return success(request)

    return router
