"""What every queue does: the one in SQLite, the one on NATS, and their model in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from c2jy_bridge.core.bridge_requests import ENDED, ChatRef, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.relay.embedded_queue import EmbeddedQueue
from c2jy_bridge.relay.request import Accepted, Ending, KeyReused, Lease, LeaseLost, QueueFull, Submission
from unit.relay.conftest import Clock
from unit.relay.memory_queue import MemoryQueue

Passes = Callable[[float], Coroutine[Any, Any, None]]

CHAT = ChatRef("t1", "conv1", "chat1")
PROBLEM = Problem(kind="expired", message="too late", hint="ask again")
DONE = Ending(State.SUCCEEDED, '{"status":"success"}')


def wanted(key: str = "", **fields: Any) -> Submission:
    given: dict[str, Any] = {
        "tool": "list_drafts",
        "arguments": {"limit": 3},
        "source": "http",
        "timeout_s": 60,
    }
    return Submission(**{**given, "idempotency_key": key, **fields})


async def claimed(queue: Any, worker: str = "w1", lease_s: float = 10) -> Lease:
    for _ in range(100):  # NATS offers what was put back after a moment; a claim waits for an offer there
        if lease := await queue.claim(worker, lease_s):
            return lease
    raise AssertionError("nothing to claim")


async def test_a_request_goes_from_queued_to_its_end_and_every_step_is_kept(queue: Any, clock: Clock) -> None:
    accepted = await queue.accept(wanted())
    assert accepted.created
    assert accepted.request.state is State.QUEUED
    lease = await claimed(queue)
    assert (await queue.asking(lease, "digest")).attempts == 1
    assert (await queue.in_chat(lease, CHAT)).chats == (CHAT,)
    clock.advance(2)
    assert (await queue.running(lease, "call1", "chat1/x")).call_id == "call1"
    ended = await queue.finish(lease, DONE)
    assert (ended.state, ended.result, ended.finished_at) == (State.SUCCEEDED, DONE.result, clock.now)
    assert await queue.get(ended.request_id) == ended
    states = [change.state for change in await queue.changes(request_id=ended.request_id)]
    assert states == ["queued", "relaying", "relaying", "running", "succeeded"]


async def test_the_same_key_and_body_bring_the_same_request(queue: Any) -> None:
    first = await queue.accept(wanted("k", arguments={"a": 1, "b": [1.0]}))
    again = await queue.accept(wanted("k", arguments={"b": [1], "a": 1.0}))
    assert not again.created
    assert again.request == first.request


async def test_a_key_used_for_another_body_is_refused_and_names_the_first(queue: Any) -> None:
    first = await queue.accept(wanted("k"))
    with pytest.raises(KeyReused) as refused:
        await queue.accept(wanted("k", arguments={"limit": 4}))
    assert refused.value.request_id == first.request.request_id
    with pytest.raises(KeyReused):
        await queue.accept(wanted("k", tool="get_draft"))


async def test_keys_of_two_requesters_or_intakes_do_not_meet(queue: Any) -> None:
    mine = await queue.accept(wanted("k", requester="mine"))
    theirs = await queue.accept(wanted("k", requester="theirs"))
    other_way = await queue.accept(wanted("k", requester="mine", source="mailbox"))
    assert len({a.request.request_id for a in (mine, theirs, other_way)}) == 3


async def test_requests_without_a_key_are_never_taken_for_one(queue: Any) -> None:
    assert (await queue.accept(wanted())).created
    assert (await queue.accept(wanted())).created


async def test_a_full_queue_takes_nothing_more_until_something_ends(queue: Any) -> None:
    for number in range(5):
        await queue.accept(wanted(f"k{number}"))
    with pytest.raises(QueueFull):
        await queue.accept(wanted("k9"))
    assert not (await queue.accept(wanted("k0"))).created  # a known key needs no place
    await queue.finish(await claimed(queue), DONE)
    assert (await queue.accept(wanted("k9"))).created


async def test_the_oldest_request_is_claimed_first_and_only_once(queue: Any) -> None:
    ids = [(await queue.accept(wanted())).request.request_id for _ in range(3)]
    claims = [(await claimed(queue, f"w{n}")).request.request_id for n in range(3)]
    assert claims == ids
    assert await queue.claim("w9", 10) is None


async def test_a_lease_that_ran_out_is_given_to_another_and_the_first_can_write_no_more(
    queue: Any, passes: Passes
) -> None:
    await queue.accept(wanted())
    slow = await claimed(queue, "slow")
    await queue.asking(slow, "digest1")
    await passes(10.5)
    quick = await claimed(queue, "quick")
    assert (quick.takeovers, quick.handle_digest) == (1, "digest1")
    with pytest.raises(LeaseLost):
        await queue.finish(slow, Ending(State.FAILED))
    with pytest.raises(LeaseLost):
        await queue.running(slow, "call")
    with pytest.raises(LeaseLost):
        await queue.renew(slow, 10)
    assert (await queue.finish(quick, DONE)).state is State.SUCCEEDED


async def test_a_renewed_lease_holds(queue: Any, passes: Passes) -> None:
    await queue.accept(wanted())
    lease = await claimed(queue)
    await passes(6)
    await queue.renew(lease, 10)
    await passes(6)
    assert await queue.claim("other", 10) is None


async def test_a_request_ends_once(queue: Any) -> None:
    await queue.accept(wanted())
    lease = await claimed(queue)
    await queue.finish(lease, DONE)
    with pytest.raises(LeaseLost):
        await queue.finish(lease, Ending(State.FAILED))
    assert await queue.claim("other", 10) is None


async def test_a_try_that_did_not_reach_the_bot_is_no_attempt(queue: Any, clock: Clock) -> None:
    await queue.accept(wanted())
    lease = await claimed(queue)
    await queue.asking(lease, "digest")
    back = await queue.release(lease, not_before=clock.now, problem=PROBLEM, asked=False)
    assert (back.state, back.attempts) == (State.QUEUED, 0)


async def test_what_needs_no_bot_can_be_claimed_alone(queue: Any) -> None:
    await queue.accept(wanted())
    assert await queue.claim("w", 10, direct=True) is None
    direct = (await queue.accept(wanted(relay="direct"))).request
    lease = await queue.claim("w", 10, direct=True)
    assert lease.request.request_id == direct.request_id


async def test_a_released_request_waits_its_time_and_says_why(queue: Any, clock: Clock) -> None:
    await queue.accept(wanted())
    lease = await claimed(queue)
    await queue.asking(lease, "digest")
    back = await queue.release(lease, not_before=clock.now + 5, problem=PROBLEM)
    assert (back.state, back.problem) == (State.QUEUED, PROBLEM)
    assert await queue.claim("w", 10) is None
    clock.advance(5)
    again = await claimed(queue)
    assert again.takeovers == 0  # it was given back, not left
    with pytest.raises(LeaseLost):
        await queue.finish(lease, DONE)


async def test_a_restart_takes_up_what_the_dead_worker_had_begun_before_anything_new(queue: Any) -> None:
    if not isinstance(queue, EmbeddedQueue | MemoryQueue):
        pytest.skip("with several workers only the servers know who is dead")
    first = await queue.accept(wanted())
    lease = await claimed(queue, "dead")
    await queue.asking(lease, "digest")
    second = await queue.accept(wanted())
    assert await queue.void_leases("alive") == 1
    taken_up, new = await claimed(queue, "alive"), await claimed(queue, "alive")
    assert taken_up.request.request_id == first.request.request_id
    assert new.request.request_id == second.request.request_id
    assert await queue.void_leases("alive") == 0


async def test_cancelling_a_waiting_request_ends_it_at_once(queue: Any) -> None:
    request = (await queue.accept(wanted())).request
    assert (await queue.cancel(request.request_id)).state is State.CANCELLED
    assert await queue.claim("w", 10) is None


async def test_cancelling_between_claim_and_question_stops_the_worker(queue: Any) -> None:
    request = (await queue.accept(wanted())).request
    lease = await claimed(queue)
    assert (await queue.cancel(request.request_id)).state is State.CANCELLED
    with pytest.raises(LeaseLost):
        await queue.asking(lease, "digest")


async def test_cancelling_what_is_at_work_tells_its_worker(queue: Any) -> None:
    request = (await queue.accept(wanted())).request
    lease = await claimed(queue)
    await queue.asking(lease, "digest")
    asked = await queue.cancel(request.request_id)
    assert (asked.state, asked.cancel_wanted) == (State.RELAYING, True)
    assert (await queue.renew(lease, 10)).cancel_wanted
    assert (await queue.cancel(request.request_id)) == asked
    ended = await queue.finish(lease, DONE)  # the tool had already done it: what happened, happened
    assert (await queue.cancel(request.request_id)) == ended
    assert await queue.cancel("unknown") is None


async def test_time_runs_out_for_what_was_never_begun_and_only_for_that(
    queue: Any, clock: Clock, passes: Passes
) -> None:
    begun = await queue.accept(wanted(timeout_s=20))
    lease = await claimed(queue)
    await queue.asking(lease, "digest")
    waiting = await queue.accept(wanted(timeout_s=20))
    later = await queue.accept(wanted(timeout_s=100))
    await passes(10.5)
    clock.advance(19.5)
    assert [r.request_id for r in await queue.expire(PROBLEM)] == [waiting.request.request_id]
    failed = await queue.get(waiting.request.request_id)
    assert (failed.state, failed.problem) == (State.FAILED, PROBLEM)
    # The one that was begun is still leased: its outcome has to be checked.
    assert (await claimed(queue)).request.request_id == begun.request.request_id
    assert (await claimed(queue)).request.request_id == later.request.request_id


async def test_the_timeout_of_a_request_that_arrived_late_counts_from_when_it_was_sent(
    queue: Any, clock: Clock
) -> None:
    request = (await queue.accept(wanted(timeout_s=60, submitted_at=clock.now - 50))).request
    assert request.expires_at == clock.now + 10


async def test_ended_requests_and_their_keys_are_forgotten_after_a_time(queue: Any, clock: Clock) -> None:
    old = (await queue.accept(wanted("k"))).request
    lease = await claimed(queue)
    await queue.in_chat(lease, CHAT)
    await queue.finish(lease, DONE)
    still_open = (await queue.accept(wanted("open"))).request
    clock.advance(100)
    assert await queue.forget(before=clock.now - 100) == 0
    assert await queue.forget(before=clock.now - 50) == 1
    assert await queue.get(old.request_id) is None
    assert await queue.changes(request_id=old.request_id) == []
    assert await queue.get(still_open.request_id) is not None
    assert (await queue.accept(wanted("k"))).created


async def test_pages_come_newest_first_without_gap_or_repetition(queue: Any) -> None:
    ids = [(await queue.accept(wanted())).request.request_id for _ in range(5)]
    first = await queue.page(limit=2)
    second = await queue.page(limit=2, before=first[-1].seq)
    third = await queue.page(limit=2, before=second[-1].seq)
    assert [r.request_id for r in (*first, *second, *third)] == ids[::-1]
    await queue.finish(await claimed(queue), DONE)
    assert [r.request_id for r in await queue.page(state=State.SUCCEEDED)] == ids[:1]


async def test_changes_are_read_on_from_the_last_one_seen(queue: Any) -> None:
    await queue.accept(wanted())
    await queue.accept(wanted())
    lease = await claimed(queue)
    await queue.asking(lease, "digest")
    seen = await queue.changes(limit=2)
    rest = await queue.changes(after=seen[-1].seq)
    assert [c.state for c in (*seen, *rest)] == ["queued", "queued", "relaying"]


async def test_counts_know_every_state(queue: Any) -> None:
    await queue.accept(wanted())
    await queue.accept(wanted())
    await queue.finish(await claimed(queue), DONE)
    counts = await queue.counts()
    assert counts == {state: int(state in (State.QUEUED, State.SUCCEEDED)) for state in State}


async def test_an_answer_is_owed_until_it_was_delivered(queue: Any) -> None:
    request = (await queue.accept(wanted("k", source="mailbox"))).request
    await queue.accept(wanted("k2"))
    assert await queue.undelivered("mailbox") == []
    await queue.finish(await claimed(queue), DONE)
    assert [r.request_id for r in await queue.undelivered("mailbox")] == [request.request_id]
    await queue.delivered(request.request_id)
    assert await queue.undelivered("mailbox") == []


async def test_a_chat_left_open_by_an_ended_request_is_known_until_it_ends(queue: Any) -> None:
    await queue.accept(wanted())
    lease = await claimed(queue)
    await queue.in_chat(lease, CHAT)
    await queue.in_chat(lease, CHAT)  # taken up again after a restart: still one chat
    assert await queue.open_chats() == []
    ended = await queue.finish(lease, DONE)
    assert await queue.open_chats() == [(ended, CHAT)]
    await queue.chat_ended(CHAT.turn_id)
    assert await queue.open_chats() == []
    assert (await queue.get(ended.request_id)).chats[0].is_open is False


def test_the_ended_states_are_those_without_a_way_out() -> None:
    assert {"succeeded", "failed", "cancelled"} == ENDED


async def test_a_request_that_rests_is_nobodys_and_keeps_the_time_that_it_had_left(
    queue: Any, clock: Clock
) -> None:
    request = (await queue.accept(wanted())).request
    lease = await claimed(queue)
    await queue.asking(lease, "digest")
    assert (await queue.asking(lease, "digest")).attempts == 2
    parked = await queue.park(lease, State.NEEDS_LOGIN, PROBLEM)
    assert parked.attempts == 0  # Coze did not let the Bot be asked
    assert (parked.state, parked.problem, parked.ended) == (State.NEEDS_LOGIN, PROBLEM, False)
    with pytest.raises(LeaseLost):
        await queue.finish(lease, DONE)
    clock.advance(10_000)
    assert await queue.claim("w2", 10) is None
    assert await queue.expire(PROBLEM) == []
    assert await queue.unpark(State.NEEDS_QUOTA) == []
    (freed,) = await queue.unpark(State.NEEDS_LOGIN)
    assert (freed.state, freed.expires_at) == (State.QUEUED, request.expires_at + 10_000)
    assert (await claimed(queue, "w2")).takeovers == 0
    assert await queue.unpark(State.NEEDS_LOGIN) == []


async def test_a_request_that_rests_takes_a_place_and_can_be_cancelled(queue: Any) -> None:
    for _ in range(5):
        await queue.accept(wanted())
        await queue.park(await claimed(queue), State.NEEDS_QUOTA, PROBLEM)
    with pytest.raises(QueueFull):
        await queue.accept(wanted())
    newest, *_, oldest = await queue.page(state=State.NEEDS_QUOTA)
    assert (await queue.cancel(newest.request_id)).state is State.CANCELLED
    (freed,) = await queue.unpark(State.NEEDS_QUOTA, limit=1)
    assert freed.request_id == oldest.request_id
    assert len(await queue.unpark(State.NEEDS_QUOTA)) == 3


async def test_submissions_that_come_together_are_judged_one_by_one(queue: Any) -> None:
    submissions = [wanted("k"), wanted("k"), wanted("k", tool="other"), *(wanted(f"k{n}") for n in range(5))]
    taken = await asyncio.gather(*(queue.accept(one) for one in submissions), return_exceptions=True)
    first, again, reused, *others = taken
    assert (first.created, again.created, again.request) == (True, False, first.request)
    assert isinstance(reused, KeyReused)
    assert [type(one) for one in others] == [Accepted] * 4 + [QueueFull]
    assert await queue.get(first.request.request_id) == first.request
    assert [r.seq for r in await queue.page()] == [5, 4, 3, 2, 1]
