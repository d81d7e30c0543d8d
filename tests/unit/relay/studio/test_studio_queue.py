"""What only a queue of several machines has to do: crashes in between, long texts, a busy day."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from c2jy_bridge.core.bridge_requests import BridgeRequest, State
from c2jy_bridge.relay.request import (
    Ending,
    KeyReused,
    Lease,
    LeaseLost,
    QueueFull,
    QueueUnavailable,
    Submission,
)
from c2jy_bridge.relay.studio import submissions
from c2jy_bridge.relay.studio.connection import patiently
from nats_server import needs_nats
from relay_harness import eventually
from unit.relay.studio.conftest import MakeQueue

pytestmark = [pytest.mark.slow, needs_nats]
DONE = Ending(State.SUCCEEDED, '{"status":"success"}')


class Crash(Exception):
    """The process ends here."""


async def crash(*_: Any, **__: Any) -> Any:
    raise Crash


def wanted(number: int = 1, key: str = "", **more: Any) -> Submission:
    return Submission("note", {"number": number}, "http", idempotency_key=key, **more)


async def claimed(queue: Any, worker: str = "w") -> Lease:
    for _ in range(100):
        if lease := await queue.claim(worker, 10):
            return lease
    raise AssertionError("nothing to claim")


async def test_a_submission_that_crashed_after_its_key_is_completed_by_its_repetition(
    machine: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, worker = await machine(), await machine("a")
    with monkeypatch.context() as patch:
        patch.setattr(gateway.submissions, "_offer", crash)
        with pytest.raises(Crash):
            await gateway.accept(wanted(key="k"))
    assert await worker.claim("w", 10) is None
    with pytest.raises(KeyReused):
        await gateway.accept(wanted(2, key="k"))
    request = (await gateway.accept(wanted(key="k"))).request
    assert (await claimed(worker)).request.request_id == request.request_id
    assert await worker.claim("w", 10) is None


async def test_a_submission_that_crashed_after_its_message_runs_once(
    machine: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, worker = await machine(), await machine("a")
    with monkeypatch.context() as patch:
        patch.setattr(gateway._records, "create", crash)
        with pytest.raises(Crash):
            await gateway.accept(wanted(key="k"))
    lease = await claimed(worker)
    repeated = await gateway.accept(wanted(key="k"))
    assert repeated.request.request_id == lease.request.request_id
    await worker.finish(lease, DONE)
    assert await worker.claim("w", 10) is None
    assert (await gateway.accept(wanted(key="k"))).request.state is State.SUCCEEDED


async def test_long_arguments_and_results_go_through_the_object_store(machine: MakeQueue) -> None:
    gateway, worker = await machine(), await machine("a")
    text = "画布" * 400_000  # 2.4 MB: a message of NATS holds 1 MiB
    request = (await gateway.accept(Submission("note", {"text": text}, "http"))).request
    lease = await claimed(worker)
    assert lease.request.arguments == request.arguments
    assert text in (await worker.running(lease, "call")).arguments
    result = f'{{"noted":"{text}"}}'
    await worker.finish(lease, Ending(State.SUCCEEDED, result))
    found = await gateway.get(request.request_id)
    assert (found.arguments, found.result) == (request.arguments, result)


async def test_a_request_is_sent_to_another_machine_until_its_tool_begins(machine: MakeQueue) -> None:
    gateway, a, b = await machine(), await machine("a"), await machine("b")
    request_id = (await gateway.accept(wanted())).request.request_id
    asked = await claimed(a)
    await a.asking(asked, "digest")
    assert await a.send(request_id, "b")
    with pytest.raises(LeaseLost):  # the Bot of `a` may still call: its tool does not run
        await a.running(asked, "call")
    lease = await claimed(b)
    assert (lease.request.request_id, (await gateway.get(request_id)).machine) == (request_id, "b")
    await b.running(lease, "call")
    assert not await gateway.send(request_id, "a")
    await b.finish(lease, DONE)
    assert not await gateway.send(request_id, "a")
    assert await a.claim("w", 10) is None
    assert (await gateway._studio.stream.stream_info(gateway._studio.work)).state.messages == 0
    assert not await gateway.send("0" * 16, "a")


async def test_the_last_bytes_are_for_requests_that_are_open(
    machine: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, worker = await machine(), await machine("a")
    known = await gateway.accept(wanted(key="k"))
    lease = await claimed(worker)
    monkeypatch.setattr(submissions, "ROOM_FOR_NEW", 0.0)
    await gateway.submissions.look_for_room()
    with pytest.raises(QueueFull):
        await gateway.accept(wanted(2, key="other"))
    assert (await gateway.accept(wanted(key="k"))).request.request_id == known.request.request_id
    await worker.finish(lease, DONE)
    monkeypatch.undo()
    await gateway.submissions.look_for_room()
    assert (await gateway.accept(wanted(2, key="other"))).created


async def test_a_gateway_hears_of_every_change_that_a_worker_makes(machine: MakeQueue) -> None:
    heard: list[BridgeRequest] = []

    async def changed(request: BridgeRequest) -> None:
        heard.append(request)

    gateway, worker = await machine(changed=changed), await machine("a")
    await gateway.accept(wanted())
    lease = await claimed(worker)
    await worker.running(lease, "call")
    await worker.finish(lease, DONE)

    async def ended() -> bool:
        return (await gateway.counts())[State.SUCCEEDED] == 1

    await eventually(ended)
    assert [request.state for request in heard][-2:] == [State.RUNNING, State.SUCCEEDED]
    assert [change.state for change in await gateway.changes()] == ["queued", "running", "succeeded"]


async def test_the_late_answer_of_a_worker_that_was_thought_dead_is_refused(machine: MakeQueue) -> None:
    gateway, slow, quick = await machine(), await machine("slow"), await machine("quick")
    request = (await gateway.accept(wanted())).request
    late = await claimed(slow)
    await slow.asking(late, "digest")
    newer = await claimed(quick)
    assert newer.claim > late.claim
    await quick.finish(newer, DONE)
    with pytest.raises(LeaseLost):
        await slow.finish(late, Ending(State.FAILED))
    assert (await gateway.get(request.request_id)).state is State.SUCCEEDED


async def test_each_of_many_requests_is_claimed_once_by_many_machines(machine: MakeQueue) -> None:
    gateway = await machine()
    workers = [await machine(name, lease_s=60.0) for name in ("a", "b", "c")]
    accepted = await asyncio.gather(*(gateway.accept(wanted(n)) for n in range(40)))
    claims: Counter[str] = Counter()

    async def work(queue: Any) -> None:
        idle = 0
        while idle < 3:
            if lease := await queue.claim("w", 60):
                claims[lease.request.request_id] += 1
                await queue.finish(lease, DONE)
            else:
                idle += 1

    await asyncio.gather(*(work(worker) for worker in workers))
    assert claims == Counter(one.request.request_id for one in accepted)


async def test_an_operation_waits_for_servers_that_are_away_and_then_says_so() -> None:
    async def away() -> None:
        raise TimeoutError

    with pytest.raises(QueueUnavailable):
        await patiently(away, patience_s=0.3)
