"""Routes of /v1/files, and of the emulator's own media: plain, behind a short link, with a signed query."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse

from coze_emulator.errors import bad_parameter
from coze_emulator.media import FOLDER, TYPES, short_links, signed
from coze_emulator.routes.responses import success
from coze_emulator.server_state import ServerState, StoredFile


def routes(state: ServerState) -> APIRouter:
    """The routes for uploaded files."""
    router = APIRouter(prefix="/v1/files")

    @router.post("/upload")
    async def upload(request: Request, file: UploadFile) -> Response:
        stored = StoredFile(state.ids.next(), file.filename or "upload", await file.read(), state.now())
        state.files[stored.id] = stored
        return success(request, stored.json())

    @router.get("/retrieve")
    async def retrieve(request: Request, file_id: str = "") -> Response:
        if file_id not in state.files:
            raise bad_parameter(f"file {file_id or '(empty)'} does not exist")
        return success(request, state.files[file_id].json())

    return router


def media_routes(state: ServerState) -> APIRouter:
    """The routes for media; short links have no suffix, like those of s.coze.cn."""
    router = APIRouter()
    links = short_links()

    @router.api_route("/_media/{name}", methods=["GET", "HEAD"])
    async def file(request: Request, name: str) -> Response:
        path = FOLDER / name
        if path.suffix not in TYPES or not path.is_file():
            raise HTTPException(404, "Not Found")
        return FileResponse(path, media_type=TYPES[path.suffix])

    @router.api_route("/t/{link}", methods=["GET", "HEAD"])
    @router.api_route("/t/{link}/", methods=["GET", "HEAD"])
    async def short(request: Request, link: str) -> Response:
        if link not in links:
            raise HTTPException(404, "Not Found")
        return RedirectResponse(state.origin + signed(links[link], state.now()), status_code=302)

    return router
