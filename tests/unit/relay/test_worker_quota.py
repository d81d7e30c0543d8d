"""A used-up quota stops requests and loses none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from c2jy_bridge.core.bridge_requests import BridgeRequest, State
from c2jy_bridge.relay import worker
from relay_harness import RelayHarness, eventually

Make = Callable[..., Any]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again at once."""
    monkeypatch.setattr(worker, "FIRST_LOOK_S", 0.05)
    monkeypatch.setattr(worker, "LONGEST_LOOK_S", 0.2)


def use_up(harness: RelayHarness, **how: Any) -> None:
    assert harness.emulator is not None
    what = {"code": 4028, "msg": "the free quota is used up", **how}
    harness.emulator.add_fault("refuse", on="chat", times=100_000, **what)


async def rests(harness: RelayHarness, request_id: str) -> BridgeRequest:
    async def look() -> BridgeRequest | None:
        request = await harness.service.get(request_id)
        return request if request is not None and request.state is State.NEEDS_QUOTA else None

    return await eventually(look)  # it is found or times out


@pytest.mark.parametrize(
    "refusal",
    [
        {},
        {"code": 402, "msg": "payment required"},
        {"code": 720701013, "msg": "your credits are insufficient"},
    ],
)
async def test_requests_rest_until_there_is_quota_again(
    start_bridge: Make, soon: None, refusal: dict[str, Any]
) -> None:
    harness = await start_bridge(parallel=1)
    use_up(harness, **refusal)
    ids = [await harness.ask("note", {"text": text}) for text in "abc"]
    for request_id in ids:
        resting = await rests(harness, request_id)
        assert resting.problem is not None
        assert (resting.problem.kind, resting.attempts) == ("needs_quota", 0)
        assert resting.problem.code == refusal.get("code", 4028)

    async def tried() -> bool:
        return len(harness.emulator.requests_to("/v3/chat")) > worker.MOST_ATTEMPTS

    await eventually(tried)
    # Only the oldest is tried, and however often, that is none of its attempts.
    assert {"relaying"}.isdisjoint(harness.states(ids[1]) + harness.states(ids[2]))
    status = await harness.bridge.status()
    assert status.parked in (2, 3)  # one may be on trial
    assert status.problem is not None
    assert status.problem.kind == "needs_quota"
    harness.emulator.clear_faults()
    ended = [await harness.result(request_id) for request_id in ids]
    assert {request.state for request in ended} == {State.SUCCEEDED}
    assert harness.tools.done == {"a": 1, "b": 1, "c": 1}
    assert (await harness.bridge.status()).problem is None


async def test_a_quota_that_ends_in_the_middle_of_a_chat_is_one_too(start_bridge: Make, soon: None) -> None:
    harness = await start_bridge()
    what = {"code": 4028, "msg": "the free quota is used up"}
    harness.emulator.add_fault("chat_failed", at="requires_action", times=3, **what)
    request = await harness.result(await harness.ask())
    assert (request.state, harness.tools.done) == (State.SUCCEEDED, {"a": 1})
    assert harness.states(request.request_id).count("needs_quota") == 3


async def test_switching_bridge_mode_off_and_on_tries_at_once(start_bridge: Make) -> None:
    harness = await start_bridge()
    use_up(harness)
    request_id = await harness.ask()
    await rests(harness, request_id)
    direct = await harness.result(await harness.ask("note", {"text": "b"}, relay="direct"))
    assert direct.state is State.SUCCEEDED
    # What needs no Bot says nothing about the quota.
    assert (await harness.bridge.status()).problem is not None
    await harness.bridge.stop()
    harness.emulator.clear_faults()
    await harness.bridge.start()
    assert (await harness.result(request_id)).state is State.SUCCEEDED


async def test_the_state_is_told_over_http(start_bridge: Make) -> None:
    harness = await start_bridge(intakes=["http"], port=0)
    use_up(harness)
    request_id = await harness.ask()
    await rests(harness, request_id)
    address = (await harness.bridge.status()).address
    headers = {"Authorization": f"Bearer {harness.tokens.current()}"}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        body = (await client.get(f"/v1/requests/{request_id}")).json()
        ready = await client.get("/readyz")
        metrics = (await client.get("/metrics")).text
        listed = (await client.get("/v1/requests?state=needs_quota")).json()["items"]
    assert (body["state"], body["problem"]["code"]) == ("needs_quota", 4028)
    assert (ready.status_code, ready.json()["hindrances"][0]["kind"]) == (503, "needs_quota")
    assert 'c2jy_bridge_requests{state="needs_quota"} 1.0' in metrics
    assert [one["id"] for one in listed] == [request_id]
