"""Bridge mode as the engine holds it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.coze import CozeClient
from c2jy_bridge.engine.bridging import BridgeSwitch
from coze_emulator import Emulator, Script
from relay_harness import OBEDIENT, RelayHarness, eventually

Hold = Callable[..., BridgeSwitch]


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[RelayHarness]:
    with Emulator(script=Script.parse(OBEDIENT)) as emulator:
        made = RelayHarness(tmp_path, api_base=emulator.base_url, intakes=["http"], port=0, relay="direct")
        yield made
        await made.close()


@pytest.fixture
async def hold(harness: RelayHarness) -> AsyncIterator[Hold]:
    held: list[BridgeSwitch] = []

    def make(**more: Any) -> BridgeSwitch:
        parts = {"registry": harness.registry, "runner": harness.runner, "journal": harness.journal}
        parts |= {"client": harness.client, "answer": harness.approver.answer, "emit": harness.emit}
        parts |= {"pack": harness.pack}
        bridging = BridgeSwitch(
            harness.settings, **{**parts, **more}, clock=time.time, new_id=lambda: uuid.uuid4().hex
        )
        held.append(bridging)
        return bridging

    yield make
    for bridging in held:
        await bridging.close()


async def test_a_request_that_is_run_again_answers_whoever_waits_for_the_first(hold: Hold) -> None:
    bridging = hold()
    assert await bridging.switch(True) is None
    service = bridging._bridge.service  # it is on
    assert service is not None
    first = await service.submit("fail", {}, source="mailbox", requester="box", idempotency_key="run-1")
    await service.ended(first.request.request_id, 20)
    again = await service.get(await bridging.retry(first.request.request_id))
    assert again is not None
    assert (again.source, again.requester, again.rid) == ("mailbox", "box", "run-1")
    await service.ended(again.request_id, 20)
    third = await service.get(await bridging.retry(again.request_id))
    assert third is not None
    assert third.rid == "run-1"
    assert await bridging.retry("nothing") == ""


async def test_the_web_app_is_not_built_while_cozepy_is_still_coming_in(
    hold: Hold, harness: RelayHarness
) -> None:
    there = asyncio.Event()

    async def slowly() -> CozeClient:
        await there.wait()
        return await harness.client()

    bridging = hold(client=slowly)
    switching = asyncio.create_task(bridging.switch(True))
    await asyncio.sleep(0.3)
    assert not (await bridging.view()).on
    there.set()
    assert await switching is None

    async def listens() -> str:
        return (await bridging.view()).address

    assert (await eventually(listens)).startswith("http://")
