"""The bridge's worker: claims requests, runs several at once, retries, parks and ends them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

from c2jy_bridge.core.bridge_requests import BridgeRequest, ChatRef, State
from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.ports import ReceiptStore
from c2jy_bridge.coze import CozeClient, CozeProblem
from c2jy_bridge.relay.calls import tool_call_of
from c2jy_bridge.relay.relays import (
    LEASE_S,
    AttachedChatRelay,
    BotRelay,
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
    LOGIN,
    TRANSIENT,
    Ending,
    LeaseLost,
    bridge_problem,
    ending_of,
    needs_login,
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
        parallel: int = 2,
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
            parallel: Requests that run at once.
            retention_s: Seconds that ended requests are kept.
            chance: Jitter of pauses, from 0 to 1.
        """
        self.name = name
        self.last_problem: Problem | None = None
        """Why the last question to the Bot failed; None since one succeeded."""
        self._queue = queue
        self._context = context
        self._receipts = receipts
        self._on_change = on_change
        self._parallel = parallel
        self._retention_s = retention_s
        self._chance = chance
        self._conversations = WorkConversations()
        self._login = LoginWatch(context.client, self._unpark)
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._relays: dict[str, Relay] = {}
        self._closing_chats: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._stopping = False

    @property
    def at_work(self) -> int:
        """How many requests are running."""
        return len(self._jobs)

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
        await self._unpark()
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
                if (now := self._context.clock()) >= next_sweep:
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
        await self._login.stop()
        left = [*self._jobs.values(), *self._closing_chats]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _claim_due(self) -> None:
        while not self._stopping and len(self._jobs) < self._parallel:
            lease = await self._queue.claim(self.name, LEASE_S)
            if lease is None:
                return
            request_id = lease.request.request_id
            if before := self._jobs.get(request_id):
                # The machine slept and the lease ran out while we held it: the first claim is void now.
                before.cancel()
                await asyncio.wait({before})
            task = asyncio.create_task(self._work(Job(lease, self._queue, self._on_change)))
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
                if self._login.problem is not None and job.request.relay != "direct":
                    await self._park(job, self._login.problem)
                else:
                    await self._run_relay(job)
        except LeaseLost:
            log.info("request %s is no longer ours", request_id)
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

    async def _give_back(self, job: Job) -> None:
        if job.overdue or job.request.cancel_wanted:
            await job.finish(Ending(State.CANCELLED))
        else:
            await job.release(self._context.clock(), None)

    async def _ended_before(self, job: Job) -> bool:
        """Record the end of a request that an earlier worker left, if it needs no more work."""
        lease, request = job.lease, job.request
        if lease.takeovers:
            call = tool_call_of(request, request.call_id)
            receipt = await asyncio.to_thread(self._receipts.receipt, call)
            if receipt is not None:
                await job.finish(ending_of(call.tool, receipt.outcome, receipt.output, receipt.error))
            elif self._context.clock() >= request.expires_at:
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
        keeping: asyncio.Task[None] | None = None
        try:
            with self._conversations.one() as conversation:
                if job.request.relay == "direct":
                    relay: Relay = DirectRelay(job, self._context)
                elif job.request.relay == "chat":
                    relay = AttachedChatRelay(job, self._context, await self._context.client())
                else:
                    relay = BotRelay(job, self._context, await self._context.client(), conversation)
                self._relays[job.request.request_id] = relay
                keeping = asyncio.create_task(
                    keep_lease(job, relay.stop, asyncio.current_task(), self._context.clock)
                )
                await relay.run()
            self.last_problem = None
            if not job.request.ended:
                await job.finish(Ending(State.CANCELLED))
        except (CozeProblem, RelayFailed) as error:
            await self._failed(job, error.problem)
        finally:
            if keeping is not None:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)

    async def _failed(self, job: Job, problem: Problem) -> None:
        self.last_problem = problem
        now, request = self._context.clock(), job.request
        pause_s = min(LONGEST_PAUSE_S, 2.0 ** max(1, request.attempts)) * (0.5 + self._chance() / 2)
        worth_it = problem.kind in TRANSIENT and request.attempts < MOST_ATTEMPTS
        if job.overdue or request.cancel_wanted:
            await job.finish(Ending(State.CANCELLED))
        elif problem.kind in LOGIN:
            self.last_problem = self._login.lost(problem)
            await self._park(job, self.last_problem)
        elif worth_it and now + pause_s < request.expires_at:
            await job.release(now + pause_s, problem)
        else:
            await job.finish(Ending(State.FAILED, problem=problem))

    async def _park(self, job: Job, problem: Problem) -> None:
        await job.park(problem)
        if self._login.problem is None:  # found while this was written
            await self._unpark()

    async def _unpark(self) -> None:
        self.last_problem = None
        for request in await self._queue.unpark():
            await self._on_change(request)
        self.wake()

    def _close_chat(self, request: BridgeRequest, chat: ChatRef) -> None:
        task = asyncio.create_task(close_abandoned_chat(self._queue, self._context, request, chat))
        self._closing_chats.add(task)
        task.add_done_callback(self._closing_chats.discard)


FIRST_LOOK_S: Final = 15.0
"""Seconds until Coze is first asked whether it accepts the token again."""
LONGEST_LOOK_S: Final = 300.0


class LoginWatch:
    """Whether Coze accepts the token; while it does not, requests are parked and Coze is polled."""

    def __init__(
        self, client: Callable[[], Awaitable[CozeClient]], on_login: Callable[[], Awaitable[None]]
    ) -> None:
        """`on_login` is awaited when Coze accepts the token again."""
        self.problem: Problem | None = None
        """Why requests are parked; None while Coze accepts the token."""
        self._client = client
        self._on_login = on_login
        self._looking: asyncio.Task[None] | None = None

    def lost(self, why: Problem) -> Problem:
        """Coze rejected the token: start polling; returns the problem for parked requests."""
        if self.problem is None:
            self.problem = needs_login(why)
            self._looking = asyncio.create_task(self._look())
        return self.problem

    async def stop(self) -> None:
        """Stop polling."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        pause_s = FIRST_LOOK_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                problem = await (await self._client()).check()
            except CozeProblem as error:
                problem = error.problem
            if problem is None or problem.kind not in LOGIN | TRANSIENT:
                self.problem = None
                await self._on_login()
                return
            pause_s = min(LONGEST_LOOK_S, pause_s * 2)
