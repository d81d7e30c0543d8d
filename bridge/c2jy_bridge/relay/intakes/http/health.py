"""/healthz, /readyz, /metrics: is it there, can it work, how much did it do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, Response

from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.intakes.http.metrics import MEDIA_TYPE, HttpCounts, exposition
from c2jy_bridge.relay.intakes.http.models import HealthBody
from c2jy_bridge.relay.intakes.http.problems import HttpProblem, documented
from c2jy_bridge.relay.status import BridgeStatus

Ready = Callable[[], Awaitable[Sequence[Problem]]]
"""What keeps the bridge from working; empty when nothing does."""


def routes(status: Callable[[], Awaitable[BridgeStatus]], ready: Ready, counts: HttpCounts) -> APIRouter:
    """The calls about the bridge itself."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Is it there?", openapi_extra={"security": []})
    async def healthz() -> HealthBody:
        """The process answers. Needs no token."""
        return HealthBody(status="ok")

    @router.get("/readyz", summary="Can it work?", responses=documented("not_ready"))
    async def readyz() -> HealthBody:
        """Journal writable, room on the disk and in the queue, and the last chat with the Bot went well."""
        hindrances = await ready()
        if hindrances:
            why = [{"kind": p.kind, "message": p.message, "hint": p.hint} for p in hindrances]
            raise HttpProblem("not_ready", headers={"Retry-After": "10"}, more={"hindrances": why})
        return HealthBody(status="ready")

    @router.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=Response,
        responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "Text."}},
    )
    async def metrics() -> Response:
        """Requests by state, answers by route, the intakes' signs of life."""
        return Response(exposition(counts, await status()), media_type=MEDIA_TYPE)

    return router
