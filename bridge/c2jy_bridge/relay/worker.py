"""The bridge's worker: claims requests, runs several at once, retries, parks and ends them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

from c2jy_bridge.core.bridge_requests import BridgeRequest, ChatRef, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.ports import ReceiptStore
from c2jy_bridge.coze import CozeProblem
from c2jy_bridge.relay.calls import tool_call_of
from c2jy_bridge.relay.relays import (
    LEASE_S,
    AttachedChatRelay,
    BotRelay,
    Deliver,
    DirectRelay,
    Job,
    OnChange,
    Relay,
    RelayContext,
    RelayFailed,
    WorkConversations,
    close_abandoned_chat,
    keep_lease,
)
from c2jy_bridge.relay.request import (
    OUTAGE,
    PARKED_BY,
    TRANSIENT,
    UNREACHABLE,
    Ending,
    LeaseLost,
    QueueUnavailable,
    bridge_problem,
    ending_of,
    parked_problem,
)
from c2jy_bridge.relay.request_queue import RequestQueue

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""Seconds between two polls of the queue without a wake-up."""
SWEEP_S: Final = 300.0
MOST_ATTEMPTS: Final = 8
"""Times that the Bot is asked about one request, over all tries."""
MOST_TAKEOVERS: Final = 3
"""A request that was left unfinished more often probably crashes its process."""
LONGEST_PAUSE_S: Final = 60.0
OUTAGE_FAILURES: Final = 3
"""Consecutive failures, of any requests, after which Coze counts as unreachable for all of them."""


class Worker:
    """Works on the queue until it is stopped; one for each data folder."""

    def __init__(
        self,
        queue: RequestQueue,
        context: RelayContext,
        *,
        name: str,
        receipts: ReceiptStore,
        on_change: OnChange,
        deliver: Deliver | None = None,
        parallel: int = 2,
        lease_s: float = LEASE_S,
        retention_s: float = 7 * 86_400.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Nothing runs before `take_over` and `run`.

        Args:
            queue: Where requests come from.
            context: Dependencies of the relays.
            name: A name that no worker had before.
            receipts: The journal.
            on_change: Awaited for every change of a request.
            deliver: Delivers what a request has made, before its end is recorded.
            parallel: Requests that run at once.
            lease_s: Seconds of a lease.
            retention_s: Seconds that ended requests are kept.
            chance: Jitter of pauses, from 0 to 1.
        """
        self.name = name
        self._queue = queue
        self._context = context
        self._receipts = receipts
        self._hears_of_changes = on_change
        self.ended: Counter[State] = Counter()
        """Requests that have ended here, by state."""
        self._deliver = deliver
        self._parallel = parallel
        self._lease_s = lease_s
        self.draining = False
        """Whether it claims nothing more."""
        self._retention_s = retention_s
        self._chance = chance
        self._conversations = WorkConversations()
        self._last_problem: Problem | None = None
        self._failures = 0
        """Failures of `OUTAGE` kinds since Coze last answered."""
        self._bots_from = 0.0
        """When the Bot may be asked again in an outage, about one request."""
        self._parkings = {
            State.NEEDS_LOGIN: Parking(self._token_is_accepted, partial(self._unpark, State.NEEDS_LOGIN)),
            State.NEEDS_QUOTA: Parking(self._try_quota, partial(self._unpark, State.NEEDS_QUOTA)),
        }
        self._probe = ""
        """The id of the request that is tried to see whether there is quota again."""
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._relays: dict[str, Relay] = {}
        self._closing_chats: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._stopping = False

    @property
    def at_work(self) -> int:
        """How many requests are running."""
        return len(self._jobs)

    @property
    def last_problem(self) -> Problem | None:
        """Why requests are parked, or why the last question to the Bot failed; None since one succeeded."""
        parked = (parking.problem for parking in self._parkings.values())
        return next(filter(None, parked), self._last_problem)

    async def _on_change(self, request: BridgeRequest) -> None:
        if request.ended:
            self.ended[request.state] += 1
        await self._hears_of_changes(request)

    def wake(self) -> None:
        """Look into the queue now."""
        self._woken.set()

    async def cancel(self, request_id: str) -> None:
        """Stop a running request; the caller records it in the queue."""
        if relay := self._relays.get(request_id):
            await relay.stop()

    async def take_over(self) -> None:
        """Release the leases of dead workers, close their chats, and retry parked requests."""
        await self._queue.void_leases(self.name)
        for state in self._parkings:
            await self._unpark(state)
        for request, chat in await self._queue.open_chats():
            self._close_chat(request, chat)

    async def run(self) -> None:
        """Work until `stop`; a failure of the queue is logged and retried."""
        next_sweep = 0.0
        while not self._stopping:
            self._woken.clear()
            try:
                for request in await self._queue.expire(bridge_problem("expired")):
                    await self._on_change(request)
                if (now := self._context.steady()) >= next_sweep:
                    next_sweep = now + SWEEP_S
                    await self._queue.forget(now - self._retention_s)
                await self._claim_due()
            except Exception:
                log.exception("the bridge's queue failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_S)

    async def stop(self, grace_s: float = 0.0) -> None:
        """Stop claiming; give running requests `grace_s` seconds, then requeue them."""
        self._stopping = True
        self._woken.set()
        if self._jobs and grace_s > 0:
            await asyncio.wait(self._jobs.values(), timeout=grace_s)
        for parking in self._parkings.values():
            await parking.stop()
        left = [*self._jobs.values(), *self._closing_chats]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _claim_due(self) -> None:
        while not (self._stopping or self.draining) and len(self._jobs) < self._parallel:
            outage = self._failures >= OUTAGE_FAILURES
            direct = outage and self._context.steady() < self._bots_from
            lease = await self._queue.claim(self.name, self._lease_s, self._jobs.keys(), direct=direct)
            if lease is None:
                return
            request_id = lease.request.request_id
            if outage and lease.request.relay != "direct":  # the others wait for the outcome of this one
                self._bots_from = self._context.steady() + LONGEST_PAUSE_S
            job = Job(lease, self._queue, self._on_change, self._lease_s, self._deliver)
            task = asyncio.create_task(self._work(job))
            self._jobs[request_id] = task
            task.add_done_callback(partial(self._done, request_id))

    def _done(self, request_id: str, task: asyncio.Task[None]) -> None:
        if self._jobs.get(request_id) is task:
            del self._jobs[request_id]
        self._woken.set()

    async def _work(self, job: Job) -> None:
        request_id = job.request.request_id
        try:
            if not await self._ended_before(job):
                if parked := self._parked(job.request):
                    await self._park(job, *parked)
                else:
                    await self._run_relay(job)
        except LeaseLost:
            log.info("request %s is no longer ours", request_id)
        except QueueUnavailable as error:  # it is offered again once the lease has run out
            log.warning("request %s is left: the queue's servers: %s", request_id, error)
        except asyncio.CancelledError:
            if not job.request.ended:
                with suppress(LeaseLost):
                    await asyncio.shield(self._give_back(job))
            raise
        except Exception as error:
            log.exception("request %s: %s in the bridge", request_id, type(error).__name__)
            if not job.request.ended:
                problem = bridge_problem("internal", why=type(error).__name__)
                with suppress(LeaseLost):
                    await job.finish(Ending(State.FAILED, problem=problem))
        finally:
            self._relays.pop(request_id, None)

    def _parked(self, request: BridgeRequest) -> tuple[State, Problem] | None:
        """In which state, and why, a request has to be parked before it is tried."""
        if request.relay == "direct" or request.request_id == self._probe:
            return None
        parked = ((state, parking.problem) for state, parking in self._parkings.items())
        return next(((state, problem) for state, problem in parked if problem is not None), None)

    async def _give_back(self, job: Job) -> None:
        if job.overdue or job.request.cancel_wanted:
            await job.finish(Ending(State.CANCELLED))
        else:
            await job.release(self._context.steady(), None)

    async def _ended_before(self, job: Job) -> bool:
        """Record the end of a request that an earlier worker left, if it needs no more work."""
        lease, request = job.lease, job.request
        if lease.takeovers:
            call = tool_call_of(request, request.call_id)
            receipt = await asyncio.to_thread(self._receipts.receipt, call)
            if receipt is not None:
                ending = ending_of(call.tool, receipt.outcome, receipt.output, receipt.error)
                async with self._lease_kept(job, _nothing_to_stop):  # delivering may take longer than a lease
                    await job.finish(ending)
            elif self._context.steady() >= request.expires_at:
                await job.finish(Ending(State.FAILED, problem=bridge_problem("expired")))
            elif lease.takeovers > MOST_TAKEOVERS:
                gave_up = bridge_problem("gave_up", times=lease.takeovers)
                await job.finish(Ending(State.FAILED, problem=gave_up))
        if request.cancel_wanted and not job.request.ended:
            await job.finish(Ending(State.CANCELLED))
        if job.request.ended:
            for chat in request.chats:
                if chat.is_open:
                    self._close_chat(request, chat)
        return job.request.ended

    async def _run_relay(self, job: Job) -> None:
        try:
            with self._conversations.one() as conversation:
                if job.request.relay == "direct":
                    relay: Relay = DirectRelay(job, self._context)
                elif job.request.relay == "chat":
                    relay = AttachedChatRelay(job, self._context, await self._context.client())
                else:
                    relay = BotRelay(job, self._context, await self._context.client(), conversation)
                self._relays[job.request.request_id] = relay
                async with self._lease_kept(job, relay.stop):
                    await relay.run()
            if not job.request.ended:
                await job.finish(Ending(State.CANCELLED))
            elif job.request.relay != "direct":  # Coze has answered
                self._last_problem, self._failures, self._bots_from = None, 0, 0.0
                await self._parkings[State.NEEDS_QUOTA].end()
        except (CozeProblem, RelayFailed) as error:
            await self._failed(job, error.problem)

    @asynccontextmanager
    async def _lease_kept(self, job: Job, stop: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        keeping = asyncio.create_task(keep_lease(job, stop, asyncio.current_task(), self._context.steady))
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _failed(self, job: Job, problem: Problem) -> None:
        self._last_problem = problem
        now, request = self._context.steady(), job.request
        pause_s = self._pause_s(request.attempts)
        asked = problem.kind not in UNREACHABLE
        worth_it = problem.kind in TRANSIENT and (request.attempts < MOST_ATTEMPTS or not asked)
        if problem.kind in OUTAGE:
            self._failures += 1
            if self._failures >= OUTAGE_FAILURES:
                pause_s = self._pause_s(self._failures)
                self._bots_from = now + pause_s
        if job.overdue or request.cancel_wanted:
            await job.finish(Ending(State.CANCELLED))
        elif state := PARKED_BY.get(problem.kind):
            await self._park(job, state, self._parkings[state].begin(parked_problem(state, problem)))
        elif worth_it and now + pause_s < request.expires_at:
            await job.release(now + pause_s, problem, asked=asked)
        else:
            await job.finish(Ending(State.FAILED, problem=problem))

    def _pause_s(self, failures: int) -> float:
        """A pause before the next try, doubled each time, with jitter so that tries do not come together."""
        return min(LONGEST_PAUSE_S, 2.0 ** max(1, min(failures, 30))) * (0.5 + self._chance() / 2)

    async def _park(self, job: Job, state: State, problem: Problem) -> None:
        await job.park(state, problem)
        if self._parkings[state].problem is None:  # ended while this was written
            await self._unpark(state)

    async def _unpark(self, state: State) -> None:
        self._last_problem = None
        for request in await self._queue.unpark(state):
            await self._on_change(request)
        self.wake()

    async def _token_is_accepted(self) -> bool:
        try:
            problem = await (await self._context.client()).check()
        except CozeProblem as error:
            problem = error.problem
        return problem is None or not (
            problem.kind in TRANSIENT or PARKED_BY.get(problem.kind) is State.NEEDS_LOGIN
        )

    async def _try_quota(self) -> bool:
        """Try the oldest parked request: its end shows whether there is quota. True when none is parked."""
        found = await self._queue.unpark(State.NEEDS_QUOTA, limit=1)
        for request in found:
            self._probe = request.request_id
            await self._on_change(request)
        self.wake()
        return not found

    def _close_chat(self, request: BridgeRequest, chat: ChatRef) -> None:
        task = asyncio.create_task(close_abandoned_chat(self._queue, self._context, request, chat))
        self._closing_chats.add(task)
        task.add_done_callback(self._closing_chats.discard)


async def _nothing_to_stop() -> None:
    """The tool has ended."""


FIRST_LOOK_S: Final = 15.0
"""Seconds until it is first looked whether parked requests can go on."""
LONGEST_LOOK_S: Final = 300.0


class Parking:
    """Why requests are parked, and the polling for the end of that."""

    def __init__(self, look: Callable[[], Awaitable[bool]], on_end: Callable[[], Awaitable[object]]) -> None:
        """`look` says whether it has ended; `on_end` is awaited then."""
        self.problem: Problem | None = None
        """Why requests are parked; None while they are not."""
        self._look = look
        self._on_end = on_end
        self._looking: asyncio.Task[None] | None = None

    def begin(self, problem: Problem) -> Problem:
        """Park requests for that problem and begin to look; returns the problem that they are parked for."""
        if self.problem is None:
            self.problem = problem
            self._looking = asyncio.create_task(self._look_again_and_again())
        return self.problem

    async def end(self) -> None:
        """Unpark the requests, if any are parked."""
        if self.problem is not None:
            await self.stop()
            self.problem = None
            await self._on_end()

    async def stop(self) -> None:
        """Stop polling."""
        if self._looking is not None and self._looking is not asyncio.current_task():
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look_again_and_again(self) -> None:
        pause_s = FIRST_LOOK_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                ended = await self._look()
            except Exception:
                log.exception("parked requests: the look failed")
                ended = False
            if ended:
                await self.end()
                return
            pause_s = min(LONGEST_LOOK_S, pause_s * 2)
