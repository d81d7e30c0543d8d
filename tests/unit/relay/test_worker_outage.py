"""An outage of Coze or of the network costs requests time, not their lives, and Coze no storm of tries."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from c2jy_bridge.core.bridge_requests import State
from c2jy_bridge.relay import worker
from coze_emulator import Emulator, Script
from relay_harness import OBEDIENT, eventually

Make = Callable[..., Any]
REFUSAL = {"code": 5000, "msg": "internal error"}


@pytest.mark.slow
async def test_in_an_outage_one_request_is_tried_at_a_time_and_what_needs_no_bot_goes_on(
    start_bridge: Make,
) -> None:
    harness = await start_bridge(parallel=2)
    harness.emulator.add_fault("refuse", on="chat", times=100_000, **REFUSAL)
    ids = [await harness.ask("note", {"text": f"n{number}"}) for number in range(30)]

    async def known() -> bool:
        return len(harness.emulator.requests_to("/v3/chat")) >= worker.OUTAGE_FAILURES

    await eventually(known)
    for text in "abc":
        direct = await harness.result(await harness.ask("note", {"text": text}, relay="direct"))
        assert direct.state is State.SUCCEEDED
    tried = [request_id for request_id in ids if "relaying" in harness.states(request_id)]
    assert len(tried) <= worker.OUTAGE_FAILURES + 2  # those at work when it became known, and one trial
    harness.emulator.clear_faults()
    ended = [await harness.result(request_id, 40) for request_id in ids]
    assert {request.state for request in ended} == {State.SUCCEEDED}
    assert sum(harness.tools.done.values()) == 33
    assert (await harness.bridge.status()).problem is None


async def test_a_network_that_is_gone_for_long_uses_up_no_attempts(
    start_bridge: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(worker, "LOOK_S", 0.02)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    emulator = Emulator(port=port, script=Script.parse(OBEDIENT))
    harness = await start_bridge(emulator, api_base=f"http://127.0.0.1:{port}")
    request_id = await harness.ask()
    tries = worker.MOST_ATTEMPTS + 3
    await harness.until(lambda: harness.states(request_id).count("queued") > tries, 60)
    waiting = await harness.service.get(request_id)
    assert waiting is not None
    assert (waiting.attempts, waiting.problem and waiting.problem.kind) in [(0, "network"), (1, "network")]
    with emulator:
        request = await harness.result(request_id, 40)
        assert (request.state, harness.tools.done) == (State.SUCCEEDED, {"a": 1})
        await harness.close()
