"""The HTTP intake's ASGI app, its description, health and metrics, and the server that it runs in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from prometheus_client import Metric, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp
from typing_extensions import override

from c2jy_bridge import __version__
from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.views import BridgeView, WorkerView
from c2jy_bridge.plugin import Tool, ToolRegistry
from c2jy_bridge.relay.intakes.http.guard import (
    IDLE_S,
    AnswerCounts,
    BoundedProtocol,
    Guard,
    RateLimit,
    Rules,
)
from c2jy_bridge.relay.intakes.http.http_problems import HttpProblem, ProblemBody, documented
from c2jy_bridge.relay.intakes.http.request_routes import Closing, HttpModel, request_routes
from c2jy_bridge.relay.intakes.http.tool_routes import (
    as_text,
    describe_tools,
    description,
    facade_routes,
    tool_routes,
    without_null,
)
from c2jy_bridge.relay.request import QueueUnavailable, say
from c2jy_bridge.relay.request_queue import RequestService

log = logging.getLogger(__name__)

Ready = Callable[[], Awaitable[Sequence[Problem]]]
"""Problems that keep the bridge from working."""

_EVERYWHERE: Final = ("no_token", "origin", "host", "rate", "internal", "storage")
_WITH_BODY: Final = ("slow_body", "too_long", "content_type", "content_encoding")
_ABOUT: Final = """Submit a local tool call; it is run through a Bot chat, once, and its result is kept.

A body is a JSON object, `application/json` or another type that ends in `+json`, in UTF-8, plain or with
`Content-Encoding: gzip` or `deflate`. Without a Content-Type, or with the one that `curl -d` sends by itself
(`application/x-www-form-urlencoded`), an object is accepted too, unless the request has an Origin; every
other type is 415."""


def build(
    settings: Settings,
    *,
    service: RequestService,
    registry: ToolRegistry,
    status: Callable[[], Awaitable[BridgeView]],
    ready: Ready,
    closing: Closing,
    address: str,
    rules: Rules,
) -> ASGIApp:
    """Build the app behind its guard; `address` is where it listens."""
    answered = AnswerCounts()
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.routers = [
        request_routes(service, closing),
        tool_routes(service, closing, lambda: registry.views(settings.tools.policy)),
        health_routes(status, ready, answered),
        facade_routes(service, closing),
    ]
    for router in app.state.routers:
        app.include_router(router)
    _describe(app, registry, address, settings.bridge.public_url or address)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(sqlite3.Error, _no_storage)
    app.add_exception_handler(QueueUnavailable, _no_storage)
    app.add_exception_handler(Exception, _broken)
    limit = RateLimit(settings.bridge.rate_per_minute)
    return Guard(app, rules=rules, limit=limit, answered=answered)


def openapi(app: FastAPI, address: str, tools: Iterable[Tool]) -> dict[str, Any]:
    """The OpenAPI 3.1 document: every route with all its possible answers, every tool with its arguments."""
    document = get_openapi(
        title="c2jy bridge",
        version=__version__,
        description=_ABOUT,
        routes=app.routes,
        servers=[{"url": address}],
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    components.setdefault("schemas", {})["Problem"] = ProblemBody.model_json_schema()
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    document["security"] = [{"token": []}]
    for item in document["paths"].values():
        for operation in item.values():
            kinds = _EVERYWHERE + (_WITH_BODY if "requestBody" in operation else ())
            answers = operation["responses"]
            if "HTTPValidationError" in str(answers.get("422", "")):
                answers.pop("422")
            for status, answer in documented(*kinds).items():
                answers.setdefault(str(status), answer)
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = without_null(parameter["schema"])
    describe_tools(document, tools)
    return document


def _describe(app: FastAPI, registry: ToolRegistry, address: str, public_url: str) -> None:
    known: list[Tool] = []
    text = ""

    @app.get("/openapi.json", include_in_schema=False)
    async def described() -> Response:
        nonlocal known, text
        tools = list(registry)  # at a gateway they come and go with the machines
        if not text or [id(tool) for tool in tools] != [id(tool) for tool in known]:
            known, text = tools, as_text(openapi(app, address, tools))
        return Response(text, media_type="application/json")

    @app.get("/openapi-coze.json", include_in_schema=False)
    async def described_for_coze() -> Response:
        return Response(as_text(description(registry, public_url)), media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, HttpProblem):
        return error.response()
    status = error.status_code if isinstance(error, HTTPException) else 500
    kind = {400: "bad_json", 404: "unknown_path", 405: "method"}.get(status, "internal")
    headers = {"Allow": ", ".join(sorted(_methods(request)))} if kind == "method" else None
    return HttpProblem(kind, headers=headers).response()


def _methods(request: Request) -> set[str]:
    """Methods that the path allows; Starlette names only those of its first matching route."""
    app = request.app
    routes = [*app.routes, *(route for router in app.state.routers for route in router.routes)]
    matching = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in matching for method in getattr(route, "methods", ())}


async def _invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    return HttpProblem("invalid", more={"faults": [_fault(fault) for fault in faults[:20]]}).response()


def _fault(fault: Mapping[str, Any]) -> dict[str, str]:
    """The place of the error and what is valid there; names from the request are not repeated."""
    unknown = fault["type"] == "extra_forbidden"
    place = [str(step) for step in fault["loc"]]
    where = ".".join(place[:-1] if unknown else place)
    return {"where": where, "message": say("fault.unknown_field") if unknown else str(fault["msg"])}


async def _no_storage(request: Request, error: Exception) -> Response:
    log.error("the queue's storage: %s", error)
    return HttpProblem("storage", headers={"Retry-After": "30"}).response()


async def _broken(request: Request, error: Exception) -> Response:
    log.exception("an HTTP request failed", exc_info=error)
    return HttpProblem("internal").response()


class HealthBody(HttpModel):
    """The process is alive."""

    status: str


METRICS_MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""What `generate_latest` writes."""


class BridgeMetrics(Collector):
    """All metrics: of HTTP answers, and of the bridge as it is now."""

    def __init__(self, answered: AnswerCounts, bridge: BridgeView) -> None:
        self._answered, self._bridge = answered, bridge

    @override
    def collect(self) -> Iterator[Metric]:
        bridge = self._bridge
        requests = GaugeMetricFamily(
            "c2jy_bridge_requests", "Bridge requests that are kept, by state.", labels=["state"]
        )
        for state, count in sorted(bridge.counts.items()):
            requests.add_metric([state], count)
        alive = GaugeMetricFamily(
            "c2jy_bridge_intake_alive_seconds", "Unix time of the last sign of life.", labels=["intake"]
        )
        for intake in bridge.intakes:
            alive.add_metric([intake.name], intake.alive_at)
        answers = CounterMetricFamily(
            "c2jy_bridge_http_responses_total", "HTTP answers.", labels=["method", "route", "code"]
        )
        for labels, count in sorted(self._answered.answers.items()):
            answers.add_metric(labels, count)
        seconds = CounterMetricFamily(
            "c2jy_bridge_http_seconds_total", "Seconds spent on HTTP answers.", labels=["method", "route"]
        )
        for route, value in sorted(self._answered.seconds.items()):
            seconds.add_metric(route, value)
        at_work = GaugeMetricFamily(
            "c2jy_bridge_at_work", "Requests being carried out.", value=bridge.at_work
        )
        yield from (requests, at_work, alive, answers, seconds)
        if bridge.machines:
            yield from _of_machines(bridge.machines)


def _of_machines(machines: Iterable[WorkerView]) -> Iterator[Metric]:
    """At a gateway: machines stand behind NAT, where no Prometheus reaches them."""
    figures: dict[str, tuple[str, Callable[[WorkerView], float]]] = {
        "at_work": ("Requests that the machine runs.", lambda one: one.at_work),
        "parallel": ("Requests that it runs at most.", lambda one: one.parallel),
        "draining": ("1: it takes no more requests.", lambda one: int(one.draining)),
        "free_bytes": ("Free on the disk of its drafts.", lambda one: one.free_bytes),
        "heartbeat_seconds": ("Unix time of its last heartbeat.", lambda one: one.alive_at),
    }
    for name, (about, figure) in figures.items():
        gauge = GaugeMetricFamily(f"c2jy_studio_machine_{name}", about, labels=["machine"])
        for machine in machines:
            gauge.add_metric([machine.name], figure(machine))
        yield gauge
    known = GaugeMetricFamily("c2jy_studio_machine_info", "1.", labels=["machine", "version", "labels"])
    ended = CounterMetricFamily(
        "c2jy_studio_machine_requests_total",
        "Requests that ended on the machine since its start.",
        labels=["machine", "state"],
    )
    for machine in machines:
        known.add_metric([machine.name, machine.version, ",".join(machine.labels)], 1)
        for state, count in sorted(machine.ended.items()):
            ended.add_metric([machine.name, state], count)
    yield from (known, ended)


def health_routes(
    status: Callable[[], Awaitable[BridgeView]], ready: Ready, answered: AnswerCounts
) -> APIRouter:
    """Make the routes about the bridge itself."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Is it there?", openapi_extra={"security": []})
    async def healthz() -> HealthBody:
        """The process answers. Needs no token."""
        return HealthBody(status="ok")

    @router.get("/readyz", summary="Can it work?", responses=documented("not_ready"))
    async def readyz() -> HealthBody:
        """Journal writable, room on the disk and in the queue, and the last chat with the Bot succeeded."""
        hindrances = await ready()
        if hindrances:
            why = [{"kind": p.kind, "message": p.message, "hint": p.hint} for p in hindrances]
            raise HttpProblem("not_ready", headers={"Retry-After": "10"}, more={"hindrances": why})
        return HealthBody(status="ready")

    @router.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=Response,
        responses={
            200: {"content": {METRICS_MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "Text."}
        },
    )
    async def exposition() -> Response:
        """Requests by state, answers by route, when each intake was last alive."""
        text = generate_latest(BridgeMetrics(answered, await status()))
        return Response(text, media_type=METRICS_MEDIA_TYPE)

    return router


class EmbeddedServer(uvicorn.Server):
    """uvicorn inside a running event loop: no signal handlers, no log on the screen."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        """Set when connections are answered."""

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.listening.set()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: Ctrl+C belongs to the app."""
        yield


def embedded_server(app: ASGIApp, grace_s: int) -> EmbeddedServer:
    """Make a server for bound sockets: one that binds itself exits the process on failure."""
    return EmbeddedServer(
        uvicorn.Config(
            app,
            loop="none",
            http=BoundedProtocol,
            timeout_keep_alive=IDLE_S,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=grace_s,
        )
    )
