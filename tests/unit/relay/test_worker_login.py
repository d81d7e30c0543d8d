"""A token that Coze takes no more stops requests and loses none of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from c2jy_bridge.core.bridge_requests import BridgeRequest, State
from c2jy_bridge.relay import worker as login
from relay_harness import RelayHarness, eventually
from unit.relay.conftest import Clock

Make = Callable[..., Any]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coze is asked again at once."""
    monkeypatch.setattr(login, "FIRST_LOOK_S", 0.05)
    monkeypatch.setattr(login, "LONGEST_LOOK_S", 0.2)


def revoke(harness: RelayHarness) -> None:
    assert harness.emulator is not None
    harness.emulator.add_fault("refuse", on="any", code=4100, msg="the token has expired", times=100_000)


async def rests(harness: RelayHarness, request_id: str) -> BridgeRequest:
    async def look() -> BridgeRequest | None:
        request = await harness.service.get(request_id)
        return request if request is not None and request.state is State.NEEDS_LOGIN else None

    return await eventually(look)


async def test_a_refused_token_lets_requests_rest_until_coze_takes_it_again(
    start_bridge: Make, soon: None
) -> None:
    harness = await start_bridge(parallel=1)
    revoke(harness)
    ids = [await harness.ask("note", {"text": text}) for text in "abc"]
    resting = [await rests(harness, request_id) for request_id in ids]
    assert {r.problem.kind for r in resting if r.problem} == {"needs_login"}
    assert (resting[0].problem.code, bool(resting[0].problem.logid)) == (4100, True)
    assert "the token has expired" in resting[0].problem.message
    # One question is enough to know: the others are not tried in vain.
    assert len(harness.emulator.requests_to("/v3/chat")) == 1
    status = await harness.bridge.status()
    assert (status.parked, status.waiting, status.problem) == (3, 3, resting[0].problem)
    harness.emulator.clear_faults()
    assert {(await harness.result(request_id)).state for request_id in ids} == {State.SUCCEEDED}
    assert harness.tools.done == {"a": 1, "b": 1, "c": 1}
    assert (await harness.bridge.status()).problem is None


async def test_a_restart_with_a_token_that_works_takes_up_what_rested_with_the_time_it_had_left(
    start_bridge: Make,
) -> None:
    clock = Clock(time.time())
    harness = await start_bridge(clock=clock, request_timeout_s=60)
    revoke(harness)
    request_id = await harness.ask()
    await rests(harness, request_id)
    await harness.bridge.stop()
    clock.advance(3 * 86_400)  # the user was away
    harness.emulator.clear_faults()
    await harness.bridge.start()
    request = await harness.result(request_id)
    assert (request.state, harness.tools.done) == (State.SUCCEEDED, {"a": 1})


async def test_what_needs_no_bot_goes_on_without_a_login_and_what_rests_can_be_cancelled(
    start_bridge: Make,
) -> None:
    harness = await start_bridge()
    revoke(harness)
    request_id = await harness.ask()
    await rests(harness, request_id)
    direct = await harness.result(await harness.ask("note", {"text": "b"}, relay="direct"))
    assert direct.state is State.SUCCEEDED
    assert (await harness.service.cancel(request_id)).state is State.CANCELLED
    assert (await harness.bridge.status()).parked == 0


async def test_a_network_that_fails_is_no_login(start_bridge: Make, soon: None) -> None:
    harness = await start_bridge()
    revoke(harness)
    request_id = await harness.ask()
    await rests(harness, request_id)
    looks = len(harness.emulator.requests_to("/v1/users/me"))
    harness.emulator.clear_faults()
    harness.emulator.add_fault("refuse", on="any", code=4013, msg="slow down", times=100_000)

    async def asked_twice_more() -> bool:
        return len(harness.emulator.requests_to("/v1/users/me")) > looks + 2

    await eventually(asked_twice_more)
    assert (await harness.service.get(request_id)).state is State.NEEDS_LOGIN
