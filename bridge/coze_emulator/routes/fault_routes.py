"""/_emulator: orders of faults over HTTP, for clients in other processes and other languages."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from coze_emulator.faults import Fault
from coze_emulator.routes.answers import success
from coze_emulator.world import World


def routes(world: World) -> APIRouter:
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
