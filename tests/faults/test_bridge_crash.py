"""The process is killed at every point of a bridge request; the next one brings it to its end, once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.bridge_requests import State
from coze_emulator import Emulator, Script
from faults.bridge_child import KILLED, POINTS, OnDisk
from mailbox_workflow import Workflow, quick
from relay_harness import OBEDIENT, RelayHarness

__all__ = ["quick"]

CHILD = Path(__file__).with_name("bridge_child.py")
# Between a tool's work and its receipt it is not known that it was done: our tools clean up after themselves
# (drafts are built in a staging folder); this one writes its line again.
DOUBLE = {"tool:after", "receipt:before"}


CALLS_ITSELF = """  - name: own
    match: write it
    steps:
      - call: write
        arguments: {text: once}
      - say: written
fallback:"""


@pytest.fixture(scope="module")
def obedient() -> Iterator[Emulator]:
    with Emulator(script=Script.parse(OBEDIENT.replace("fallback:", CALLS_ITSELF))) as emulator:
        yield emulator


async def killed(folder: Path, emulator: Emulator, relay: str, point: str, *mailbox: str) -> None:
    arguments = (str(CHILD), str(folder), emulator.base_url, relay, point, *mailbox)
    child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
    _, errors = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == KILLED, errors.decode()


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_at_any_point_loses_nothing_and_does_nothing_twice(
    obedient: Emulator, tmp_path: Path, point: str
) -> None:
    await killed(tmp_path, obedient, "bot", point)
    tools = OnDisk(tmp_path)
    harness = RelayHarness(tmp_path, api_base=obedient.base_url, tools=tools)
    await harness.bridge.start()
    try:
        # The caller does not know the outcome and repeats the request with the same key.
        request = await harness.result(await harness.ask("write", {"text": "once"}, idempotency_key="k"))
        assert request.state is State.SUCCEEDED
        assert request.result == '{"status":"success","wrote":"once"}'
        assert tools.effects() == ["once"] * (2 if point in DOUBLE else 1)
        assert len(await harness.service.page()) == 1
    finally:
        await harness.close()


@pytest.mark.parametrize("point", ["running:after", pytest.param("receipt:after", marks=pytest.mark.slow)])
async def test_a_kill_loses_nothing_without_a_bot_either(
    obedient: Emulator, tmp_path: Path, point: str
) -> None:
    await killed(tmp_path, obedient, "direct", point)
    tools = OnDisk(tmp_path)
    harness = RelayHarness(tmp_path, api_base=obedient.base_url, tools=tools, relay="direct")
    await harness.bridge.start()
    try:
        request = await harness.result(await harness.ask("write", {"text": "once"}, idempotency_key="k"))
        assert request.state is State.SUCCEEDED
        assert tools.effects() == ["once"]
    finally:
        await harness.close()


LETTERS = [
    *[("tool", point) for point in ("accept:after", "receipt:after", "post:before", "post:after")],
    *[("chat", point) for point in ("running:after", "receipt:after", "finish:after", "delivered:after")],
]


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "point"), LETTERS)
async def test_a_kill_answers_every_letter_once(
    obedient: Emulator, tmp_path: Path, quick: None, variant: str, point: str
) -> None:
    cloud = RelayHarness(tmp_path / "cloud", api_base=obedient.base_url)
    cloud.emulator = obedient
    workflow = Workflow(cloud, "")
    made = await workflow.api("/v1/conversation/create")
    workflow.conversation_id = made["data"]["id"]
    if variant == "tool":
        await workflow.request("r", "write", text="once")
    else:
        await workflow.begin_chat("r", "write it")
    await killed(tmp_path, obedient, "bot", point, workflow.conversation_id)
    intakes: dict[str, Any] = {"intakes": ["mailbox"], "mailbox_conversation_id": workflow.conversation_id}
    tools = OnDisk(tmp_path)
    harness = RelayHarness(tmp_path, api_base=obedient.base_url, tools=tools, **intakes)
    await harness.bridge.start()
    try:
        assert (await workflow.answer("r"))["state"] == "succeeded"
        await workflow.request("later", "write", text="later")
        await workflow.answer("later")
        assert tools.effects() == ["once", "later"]
        assert len(await workflow.letters("r")) == 1
        assert len(await harness.service.page()) == 2
    finally:
        await harness.close()
        await workflow.aclose()
        await cloud.close()
