"""What a dead process left is looked at before anything is done again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from c2jy_bridge.core.bridge_requests import BridgeRequest, ChatRef, Delivery, State
from c2jy_bridge.core.events import Outcome, ToolCallFinished
from c2jy_bridge.core.ports import Receipt
from c2jy_bridge.relay.calls import tool_call_of
from c2jy_bridge.relay.embedded_queue import EmbeddedQueue
from c2jy_bridge.relay.request import Ending, Lease, Submission
from c2jy_bridge.relay.storage import Storage
from coze_emulator import Emulator, Script
from relay_harness import OBEDIENT, RelayHarness, eventually
from unit.relay.conftest import Clock

Left = Callable[[EmbeddedQueue, Lease], Coroutine[Any, Any, None]]
SUBMISSION = Submission("note", {"text": "a"}, "http", timeout_s=60)


class Dead:
    """A process that has begun a request and is gone; `next()` is the one after it."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.clock = Clock()
        self.emulator = emulator
        self._folder = folder
        self.harness: RelayHarness | None = None

    async def leaves(self, left: Left, submission: Submission = SUBMISSION) -> str:
        storage = Storage(self._folder / "journal.db")
        queue = EmbeddedQueue(storage, clock=self.clock)
        request = (await queue.accept(submission)).request
        lease = await queue.claim("dead", 60)
        assert lease is not None
        await left(queue, lease)
        await storage.aclose()
        return request.request_id

    async def next(self) -> RelayHarness:
        self.harness = RelayHarness(self._folder, api_base=self.emulator.base_url, clock=self.clock)
        await self.harness.bridge.start()
        return self.harness


@pytest.fixture
async def dead(tmp_path: Path) -> AsyncIterator[Dead]:
    with Emulator(script=Script.parse(OBEDIENT)) as emulator:
        process = Dead(tmp_path, emulator)
        yield process
        if process.harness is not None:
            await process.harness.close()


async def begun(queue: EmbeddedQueue, lease: Lease) -> None:
    await queue.asking(lease, "digest")
    await queue.running(lease, "call-1", "chat/call")


@pytest.mark.parametrize("deliver", ["", "zip"])
async def test_a_tool_that_had_ended_is_not_asked_for_again(dead: Dead, deliver: Delivery) -> None:
    request_id = await dead.leaves(begun, replace(SUBMISSION, deliver=deliver))
    harness = RelayHarness(dead._folder)
    kept = BridgeRequest(
        seq=1,
        request_id=request_id,
        tool="note",
        arguments=SUBMISSION.arguments_json,
        source="http",
        relay="bot",
        state=State.RUNNING,
        accepted_at=0,
        expires_at=0,
        changed_at=0,
    )
    output = '{"status":"success","noted":"before"}'
    harness.journal.write_receipt(tool_call_of(kept, "call-1"), Receipt(Outcome.OK, output, finished_at=5.0))
    harness.journal.close()
    request = await (await dead.next()).result(request_id)
    assert (request.state, request.result) == (State.SUCCEEDED, output)
    assert [artifact.name for artifact in request.artifacts] == (["before.zip"] if deliver else [])
    assert dead.emulator.requests_to("/v3/chat") == []


async def test_a_request_whose_time_is_over_has_failed_of_that(dead: Dead) -> None:
    request_id = await dead.leaves(begun)
    dead.clock.advance(61)
    request = await (await dead.next()).result(request_id)
    assert (request.state, request.problem.kind) == (State.FAILED, "expired")


async def test_a_request_that_somebody_wanted_cancelled_is(dead: Dead) -> None:
    async def cancelled(queue: EmbeddedQueue, lease: Lease) -> None:
        await begun(queue, lease)
        await queue.cancel(lease.request.request_id)

    request_id = await dead.leaves(cancelled)
    request = await (await dead.next()).result(request_id)
    assert request.state is State.CANCELLED


async def test_a_request_that_kills_its_process_every_time_is_given_up(dead: Dead) -> None:
    async def again_and_again(queue: EmbeddedQueue, lease: Lease) -> None:
        await begun(queue, lease)
        for number in range(3):
            await queue.void_leases("another")
            assert await queue.claim(f"dead{number}", 60)

    request_id = await dead.leaves(again_and_again)
    request = await (await dead.next()).result(request_id)
    assert (request.state, request.problem.kind) == (State.FAILED, "gave_up")


async def test_a_chat_that_waits_for_nobody_any_more_is_answered_and_nothing_run(dead: Dead) -> None:
    token = {"Authorization": "Bearer pat"}
    async with httpx.AsyncClient(base_url=dead.emulator.base_url, headers=token) as http:

        async def status(ids: dict[str, str]) -> str:
            return str((await http.get("/v3/chat/retrieve", params=ids)).json()["data"]["status"])

        async def ended_without_it(queue: EmbeddedQueue, lease: Lease) -> None:
            await queue.asking(lease, "digest")
            handle = f"{lease.request.request_id}-{'0' * 24}"
            question = {"role": "user", "content_type": "text", "content": handle}
            body = {"bot_id": "7", "user_id": "w", "stream": False, "additional_messages": [question]}
            chat = (await http.post("/v3/chat", json=body)).json()["data"]
            ids.update(conversation_id=chat["conversation_id"], chat_id=chat["id"])
            await queue.in_chat(lease, ChatRef("turn", chat["conversation_id"], chat["id"]))
            await queue.finish(lease, Ending(State.FAILED))

        ids: dict[str, str] = {}
        await dead.leaves(ended_without_it)

        async def waits() -> bool:
            return await status(ids) == "requires_action"

        await eventually(waits)
        harness = await dead.next()

        async def is_over() -> bool:
            return await status(ids) == "completed"

        await eventually(is_over)
    assert harness.tools.done == {}
    (refused,) = harness.seen(ToolCallFinished)
    assert refused.outcome is Outcome.DENIED


async def test_a_worker_whose_lease_was_taken_writes_nothing_more(dead: Dead) -> None:
    harness = await dead.next()
    harness.tools.go_on.clear()
    request_id = await harness.ask("wait")
    await harness.until(lambda: "running" in harness.states(request_id))
    storage = Storage(dead._folder / "journal.db")
    other = EmbeddedQueue(storage, clock=dead.clock)
    await other.void_leases("other")
    lease = await other.claim("other", 3600)
    assert lease is not None
    await other.finish(lease, Ending(State.SUCCEEDED, json.dumps({"by": "other"})))
    await storage.aclose()
    harness.tools.go_on.set()
    await asyncio.sleep(0.5)
    request = await harness.result(request_id)
    assert (request.state, request.result) == (State.SUCCEEDED, '{"by": "other"}')
