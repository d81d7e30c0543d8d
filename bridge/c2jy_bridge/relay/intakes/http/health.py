"""Routes /healthz, /readyz and /metrics, and the Prometheus metrics of the bridge."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import Metric, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.views import BridgeView
from c2jy_bridge.relay.intakes.http.models import HealthBody, HttpProblem, documented

METRICS_MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""What `generate_latest` writes."""

Ready = Callable[[], Awaitable[Sequence[Problem]]]
"""Problems that keep the bridge from working."""


class HttpMetrics:
    """Counts HTTP answers and the time they took."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, str, str]] = Counter()
        self._seconds: defaultdict[tuple[str, str], float] = defaultdict(float)

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._answers[method, route, str(status)] += 1
        self._seconds[method, route] += seconds

    def families(self, bridge: BridgeView) -> Iterator[Metric]:
        """All metrics, with those of the bridge as it is now."""
        requests = GaugeMetricFamily(
            "c2jy_bridge_requests", "Bridge requests that are kept, by state.", labels=["state"]
        )
        for state, count in sorted(bridge.counts.items()):
            requests.add_metric([state], count)
        yield requests
        yield GaugeMetricFamily("c2jy_bridge_at_work", "Requests being carried out.", value=bridge.at_work)
        alive = GaugeMetricFamily(
            "c2jy_bridge_intake_alive_seconds", "Unix time of the last sign of life.", labels=["intake"]
        )
        for intake in bridge.intakes:
            alive.add_metric([intake.name], intake.alive_at)
        yield alive
        answers = CounterMetricFamily(
            "c2jy_bridge_http_responses_total", "HTTP answers.", labels=["method", "route", "code"]
        )
        for labels, count in sorted(self._answers.items()):
            answers.add_metric(labels, count)
        yield answers
        seconds = CounterMetricFamily(
            "c2jy_bridge_http_seconds_total", "Seconds spent on HTTP answers.", labels=["method", "route"]
        )
        for route, value in sorted(self._seconds.items()):
            seconds.add_metric(route, value)
        yield seconds


class _Snapshot(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def routes(status: Callable[[], Awaitable[BridgeView]], ready: Ready, metrics: HttpMetrics) -> APIRouter:
    """Make the routes about the bridge itself."""
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
        responses={
            200: {"content": {METRICS_MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "Text."}
        },
    )
    async def exposition() -> Response:
        """Requests by state, answers by route, the intakes' signs of life."""
        text = generate_latest(_Snapshot(metrics.families(await status())))
        return Response(text, media_type=METRICS_MEDIA_TYPE)

    return router
