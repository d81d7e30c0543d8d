"""Thousands of odd requests, made from the API's own description: every answer is one that it documents."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import schemathesis
import schemathesis.checks as schemathesis_checks
import schemathesis.specs.openapi.checks as checks
from hypothesis import HealthCheck, settings
from pydantic import Field

from c2jy_bridge.plugin import tool
from relay_harness import RelayHarness


def negative_data_rejection(ctx: Any, response: Any, case: Any) -> bool | None:
    """Wrong data is refused, but for what is taken on purpose: JSON in text, null for an omitted argument."""
    body = case.body if isinstance(case.body, dict) else {}
    arguments = body.get("arguments", body)
    values = arguments.values() if isinstance(arguments, dict) else [arguments]
    if any(value is None or (isinstance(value, str) and _is_json(value)) for value in values):
        return None
    checked: bool | None = checks.negative_data_rejection(ctx, response, case)
    return checked


def _is_json(text: str) -> bool:
    try:
        json.loads(text or "{}")
    except ValueError:
        return False
    return True


class Tools:
    """Tools that succeed with all arguments that fit."""

    @tool
    def nothing(self) -> dict[str, Any]:
        """Take nothing."""
        return {}

    @tool
    def everything(
        self,
        text: str,
        count: int = 0,
        few: Annotated[int, Field(ge=0, le=9)] = 0,
        ratio: float = 1.0,
        sure: bool = False,
        names: list[str] | None = None,
        fit: Literal["fit", "fill"] = "fit",
    ) -> dict[str, Any]:
        """Take one of each type."""
        return {"text": text}


# Not `use_after_free`: DELETE cancels and keeps the request, so that it can still be looked at.
CHECKS = [
    negative_data_rejection if check is checks.negative_data_rejection else check
    for check in schemathesis_checks.CHECKS.get_all()
    if check is not checks.use_after_free
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
        limits: dict[str, Any] = {"rate_per_minute": 1_000_000, "queue_limit": 1_000_000}
        tools: Any = Tools()
        self._shop = RelayHarness(
            self._folder, tools=tools, intakes=["http"], port=0, relay="direct", **limits
        )
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
    if re.fullmatch("[!-~]{1,255}", str((case.headers or {}).get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex  # a key belongs to one request: 422 for the next
    case.call_and_validate(headers=bridge.headers, checks=CHECKS, timeout=130)
