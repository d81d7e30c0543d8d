"""A gateway and machines in one studio: real server, real HTTP, real emulator."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from c2jy_bridge.core.bridge_requests import State
from c2jy_bridge.core.events import Outcome
from c2jy_bridge.core.ports import Receipt
from c2jy_bridge.core.settings import BridgeSettings, Settings, StudioSettings, ToolSettings
from c2jy_bridge.core.vault import Vault
from c2jy_bridge.relay.calls import tool_call_of
from c2jy_bridge.relay.intakes.http import Tokens
from c2jy_bridge.relay.request import Ending, LeaseLost
from c2jy_bridge.relay.studio.artifacts import CHUNK_BYTES
from c2jy_bridge.relay.studio.connection import open_studio
from c2jy_bridge.relay.studio.gateway import Gateway
from c2jy_bridge.relay.studio.workers import set_draining, workers_of
from coze_emulator import Emulator, Script
from nats_server import needs_nats
from relay_harness import OBEDIENT, RelayHarness, eventually
from unit.relay.studio.conftest import MakeQueue

pytestmark = [pytest.mark.slow, needs_nats]
Start = Callable[..., Awaitable[Any]]


@pytest.fixture
async def gateway(studio: StudioSettings, tmp_path: Path) -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    settings = Settings(
        studio=studio, bridge=BridgeSettings(port=0, queue_limit=50), data_dir=folder, config_dir=folder
    )
    tokens = Tokens(Vault(folder / "secrets"))

    async def emit(_: object) -> None: ...

    made = Gateway(settings, tokens=tokens, emit=emit)
    await made.start()
    headers = {"Authorization": f"Bearer {tokens.current()}"}
    address = (await made.status()).address
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
        yield made, client
    await made.stop()


@pytest.fixture
async def join(studio: StudioSettings, tmp_path: Path) -> AsyncIterator[Start]:
    """`await join("a")`: a machine with a Bot of its own joins the studio."""
    emulator = Emulator(script=Script.parse(OBEDIENT)).start()
    await asyncio.to_thread(emulator.wait_ready)
    async with AsyncExitStack() as opened:

        async def make(name: str, *, labels: list[str] | None = None, **bridge: Any) -> RelayHarness:
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            its = studio.model_copy(update={"machine": name, "labels": labels or [], "lease_s": 2.0})
            harness = RelayHarness(folder, api_base=emulator.base_url, studio=its, queue_limit=50, **bridge)
            await harness.bridge.start()
            opened.push_async_callback(harness.close)
            return harness

        yield make
    emulator.stop()


async def tools_known(client: httpx.AsyncClient) -> bool:
    return bool((await client.get("/v1/tools")).json()["items"])


async def test_a_request_at_the_gateway_is_run_by_a_machine_through_its_bot(
    gateway: Any, join: Start
) -> None:
    _, client = gateway
    machine = await join("a")
    await eventually(lambda: tools_known(client))
    body = {"tool": "note", "arguments": {"text": "hello"}}
    answer = await client.post("/v1/requests", json=body, headers={"Prefer": "wait=20"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["result"]["noted"]) == ("succeeded", "hello")
    assert machine.tools.done == {"hello": 1}
    events = await client.get(f"/v1/requests/{answer.json()['id']}/events")
    assert "event: ended" in events.text

    async def figures() -> dict[str, float] | None:
        await machine.bridge._machine.announcer._beat()  # the next one would come within ten seconds
        await asyncio.sleep(0.5)  # the gateway counts requests of /metrics too
        text = (await client.get("/metrics")).text
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
        found = {one.name: one.value for one in samples if one.labels.get("machine") == "a"}
        return found if "c2jy_studio_machine_requests_total" in found else None

    found = await eventually(figures)
    assert found["c2jy_studio_machine_requests_total"] == 1
    assert found["c2jy_studio_machine_parallel"] == 2
    assert abs(found["c2jy_studio_machine_heartbeat_seconds"] - time.time()) < 60


async def test_the_gateway_refuses_at_once_what_no_machine_can_do(gateway: Any, join: Start) -> None:
    _, client = gateway
    await join("a")
    await eventually(lambda: tools_known(client))

    async def refused(tool: str, arguments: dict[str, Any]) -> tuple[int, str]:
        answer = await client.post("/v1/requests", json={"tool": tool, "arguments": arguments})
        return answer.status_code, answer.json().get("type", "").rpartition(":")[2]

    assert await refused("nothing", {}) == (404, "unknown-tool")
    assert await refused("note", {}) == (422, "bad-arguments")
    assert await refused("note", {"text": "a", "size": "many"}) == (422, "bad-arguments")
    assert await refused("note", {"text": "a", "size": "3"}) == (202, "")  # a machine takes the 3


async def test_a_gateway_without_machines_is_not_ready(gateway: Any, join: Start) -> None:
    _, client = gateway
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert [why["kind"] for why in answer.json()["hindrances"]] == ["no_workers"]
    await join("a")

    async def ready() -> bool:
        return (await client.get("/readyz")).status_code == 200

    await eventually(ready)


async def test_a_request_with_a_known_key_is_not_run_again_and_another_body_is_422(
    gateway: Any, join: Start
) -> None:
    _, client = gateway
    machine = await join("a")
    await eventually(lambda: tools_known(client))
    key = {"Idempotency-Key": "order-7", "Prefer": "wait=20"}
    body = {"tool": "note", "arguments": {"text": "once"}}
    first = await client.post("/v1/requests", json=body, headers=key)
    again = await client.post("/v1/requests", json=body, headers=key)
    assert first.json() == again.json()
    other = await client.post("/v1/requests", json={**body, "arguments": {"text": "two"}}, headers=key)
    assert other.status_code == 422
    assert machine.tools.done == {"once": 1}


async def test_a_request_may_ask_for_a_label_or_a_machine(gateway: Any, join: Start) -> None:
    _, client = gateway
    plain, gpu = await join("plain"), await join("gpu-1", labels=["gpu"])
    await eventually(lambda: tools_known(client))

    async def run_at(target: str, text: str) -> None:
        body = {"tool": "note", "arguments": {"text": text}, "target": target}
        answer = await client.post("/v1/requests", json=body, headers={"Prefer": "wait=20"})
        assert answer.json()["state"] == "succeeded", answer.text

    for number in range(3):
        await run_at("label:gpu", f"gpu {number}")
        await run_at("machine:plain", f"plain {number}")
    assert sorted(gpu.tools.done) == ["gpu 0", "gpu 1", "gpu 2"]
    assert sorted(plain.tools.done) == ["plain 0", "plain 1", "plain 2"]


async def test_what_a_machine_packed_is_downloaded_from_the_gateway(gateway: Any, join: Start) -> None:
    _, client = gateway
    machine = await join("a", relay="direct")
    await eventually(lambda: tools_known(client))
    body = {"tool": "note", "arguments": {"text": "画布"}, "deliver": "zip"}
    answer = await client.post("/v1/requests", json=body, headers={"Prefer": "wait=20"})
    (artifact,) = answer.json()["artifacts"]
    assert (artifact["name"], answer.json()["machine"]) == ("画布.zip", "a")
    where = f"{answer.headers['Location']}/artifacts/画布.zip"
    whole = await client.get(where)
    assert hashlib.sha256(whole.content).hexdigest() == artifact["sha256"]
    assert len(whole.content) == artifact["size_bytes"] > 2 * CHUNK_BYTES
    for begin in (1, CHUNK_BYTES, CHUNK_BYTES + 5, artifact["size_bytes"] - 1):
        part = await client.get(where, headers={"Range": f"bytes={begin}-"})
        assert (part.status_code, part.content == whole.content[begin:]) == (206, True)
    studio = machine.bridge._machine.studio
    await studio.stream.purge_stream(studio.objects._stream)  # as the store's limit of age does
    assert (await client.get(where)).status_code == 410


async def test_a_long_result_is_read_whole_and_downloaded(gateway: Any, join: Start) -> None:
    _, client = gateway
    await join("a", relay="direct", limits=ToolSettings(max_output_bytes=2**20))
    await eventually(lambda: tools_known(client))
    body = {"tool": "note", "arguments": {"text": "a", "size": 900_000}}
    answer = await client.post("/v1/requests", json=body, headers={"Prefer": "wait=20"})
    result = await client.get(f"{answer.headers['Location']}/artifacts/result.json")
    assert result.json() == answer.json()["result"]
    assert len(result.json()["padding"]) == 900_000


async def test_cancelling_at_the_gateway_stops_the_tool_on_its_machine(gateway: Any, join: Start) -> None:
    _, client = gateway
    machine = await join("a", relay="direct")
    machine.tools.go_on.clear()
    await eventually(lambda: tools_known(client))
    accepted = await client.post("/v1/requests", json={"tool": "wait", "arguments": {"text": "a"}})
    await asyncio.to_thread(machine.tools.started.wait, 20)
    where = accepted.headers["Location"]
    assert (await client.delete(where)).status_code == 202
    ended = await client.get(where, headers={"Prefer": "wait=20"})
    assert ended.json()["state"] == "cancelled"
    assert machine.tools.done == {}


async def test_machines_announce_themselves_and_drain_when_ordered(
    join: Start, studio: StudioSettings
) -> None:
    await join("a", labels=["gpu"])
    await join("b")
    connection = await open_studio(studio, limit=50, retention_s=7 * 86_400.0, who="operator")
    found = await workers_of(connection)
    assert [(one.name, one.labels) for one in found] == [("a", ("gpu",)), ("b", ())]
    await set_draining(connection, "a", True)
    third = await join("a2")
    assert not third.bridge._draining
    await set_draining(connection, "b2", True)
    assert (await join("b2")).bridge._draining
    await connection.aclose()


async def test_a_receipt_that_was_written_decides_though_its_machine_died_before_it_answered(
    gateway: Any, join: Start, machine: MakeQueue, tmp_path: Path
) -> None:
    _, client = gateway
    other = await join("b")
    await eventually(lambda: tools_known(client))
    dead = await machine("a")
    body = {"tool": "note", "arguments": {"text": "x"}, "target": "machine:a", "deliver": "zip"}
    where = (await client.post("/v1/requests", json=body)).headers["Location"]
    lease = await eventually(lambda: dead.claim("w", 2))
    await dead.asking(lease, "digest")
    running = await dead.running(lease, "call-1")
    (tmp_path / "a").mkdir()
    left = RelayHarness(tmp_path / "a")
    output = '{"status":"success","noted":"before"}'
    left.journal.write_receipt(tool_call_of(running, "call-1"), Receipt(Outcome.OK, output, finished_at=5.0))
    left.journal.close()
    await dead.aclose()  # it dies here: nothing is answered, its lease runs out
    late = await client.get(where, headers={"Prefer": "wait=4"})
    assert late.json()["state"] == "running"
    back = await join("a")
    ended = (await client.get(where, headers={"Prefer": "wait=20"})).json()
    assert (ended["state"], ended["result"]["noted"]) == ("succeeded", "before"), ended
    assert [artifact["name"] for artifact in ended["artifacts"]] == ["before.zip"]
    assert (other.tools.done, back.tools.done) == ({}, {})
    with pytest.raises(LeaseLost):
        await dead.finish(lease, Ending(State.SUCCEEDED, "late"))
