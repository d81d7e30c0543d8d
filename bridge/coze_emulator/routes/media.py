"""The emulator's own media, as Bots name them: plain, behind a short link, with a long signed query."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse

from coze_emulator.media import FOLDER, TYPES, short_links, signed
from coze_emulator.world import World

_DAY_S: Final = 24 * 60 * 60


def routes(world: World) -> APIRouter:
    """Files with Range, ETag and their right type; short links without a suffix, as s.coze.cn makes them."""
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
        return RedirectResponse(world.origin + signed(links[link], world.now() + _DAY_S), status_code=302)

    return router
