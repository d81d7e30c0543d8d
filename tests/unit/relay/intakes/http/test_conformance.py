"""Thousands of odd requests, made from the API's own description: every answer is one that it documents."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import schemathesis.specs.openapi.checks as checks
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from relay_harness import RelayHarness

# Not `use_after_free`: DELETE cancels and keeps the request, so that it can still be looked at.
CHECKS = [
    not_a_server_error,
    checks.allow_header_conformance,
    checks.content_type_conformance,
    checks.ignored_auth,
    checks.missing_required_header,
    checks.negative_data_rejection,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.status_code_conformance,
    checks.unsupported_method,
]


class Running:
    """A bridge in a thread of its own, as the app has it in its loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Running:
        self._thread.start()
        self.address, token = self._call(self._start())
        self.headers = {"Authorization": f"Bearer {token}"}
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._shop.close(0.1))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _start(self) -> tuple[str, str]:
        limits = {"rate_per_minute": 1_000_000, "queue_limit": 1_000_000}
        self._shop = RelayHarness(self._folder, intakes=["http"], port=0, relay="direct", **limits)
        await self._shop.bridge.start()
        return (await self._shop.bridge.status()).address, self._shop.tokens.current()


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("bridge")) as running:
        yield running


@pytest.fixture(scope="module")
def api(bridge: Running) -> Any:
    return schemathesis.openapi.from_url(f"{bridge.address}/openapi.json", headers=bridge.headers)


schema = schemathesis.pytest.from_fixture("api")


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented(bridge: Running, case: Any) -> None:
    case.call_and_validate(headers=bridge.headers, checks=CHECKS, timeout=130)
