"""/v1/files: upload and look up."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response, UploadFile

from coze_emulator.errors import bad_parameter
from coze_emulator.routes.answers import success
from coze_emulator.world import StoredFile, World


def routes(world: World) -> APIRouter:
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
