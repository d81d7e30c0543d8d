"""The bridge's worker: claims requests, carries several out at once, keeps their leases and their time."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.ports import ReceiptStore
from c2jy_bridge.coze import CozeProblem
from c2jy_bridge.relay.problems import LOGIN, PASSING, ending_of, ours
from c2jy_bridge.relay.queue import LeaseLost, WorkQueue
from c2jy_bridge.relay.request import BridgeRequest, ChatRef, Ending, State
from c2jy_bridge.relay.worker.calls import wanted_call
from c2jy_bridge.relay.worker.close_abandoned_chat import settle
from c2jy_bridge.relay.worker.conversations import WorkConversations
from c2jy_bridge.relay.worker.job import Job, Told
from c2jy_bridge.relay.worker.keep_lease import LEASE_S, keep
from c2jy_bridge.relay.worker.login import Login
from c2jy_bridge.relay.worker.relays import CarryFailed, Direct, Relay, RelayContext, TakenUp, ThroughBot

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""Seconds between two looks into the queue when nobody says that there is something."""
SWEEP_S: Final = 300.0
MOST_ATTEMPTS: Final = 8
"""Questions to the Bot about one request, over all tries."""
MOST_TAKEOVERS: Final = 3
"""A request that was left in the middle more often has a part in it."""
LONGEST_PAUSE_S: Final = 60.0


class Worker:
    """Works on the queue until it is stopped. One for each data folder."""

    def __init__(
        self,
        queue: WorkQueue,
        means: RelayContext,
        *,
        name: str,
        receipts: ReceiptStore,
        told: Told,
        parallel: int = 2,
        retention_s: float = 7 * 86_400.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Put the parts together.

        Args:
            queue: Where requests come from.
            means: What they are carried out with.
            name: Of this worker, never used before.
            receipts: The journal: what a tool had already done.
            told: Hears of every change of a request.
            parallel: Requests at work at once.
            retention_s: Seconds that ended requests are kept.
            chance: A number from 0 to 1, for pauses that do not fall together.
        """
        self.name = name
        self.last_problem: Problem | None = None
        """Why the last question to the Bot failed; None since one went well."""
        self._queue = queue
        self._means = means
        self._receipts = receipts
        self._told = told
        self._parallel = parallel
        self._retention_s = retention_s
        self._chance = chance
        self._conversations = WorkConversations()
        self._login = Login(means.client, self._unpark)
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._carriers: dict[str, Relay] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._stopping = False

    @property
    def at_work(self) -> int:
        """How many requests are being carried out."""
        return len(self._jobs)

    def wake(self) -> None:
        """There is something in the queue."""
        self._woken.set()

    async def cancel(self, request_id: str) -> None:
        """Stop a request at work; that the queue knows of it is the caller's part."""
        if carrier := self._carriers.get(request_id):
            await carrier.stop()

    async def take_over(self) -> None:
        """Make what other workers held free, for they are dead, and settle the chats that they left.

        What rested for want of a login is tried again: whoever starts the program may have brought one.
        """
        await self._queue.void_leases(self.name)
        await self._unpark()
        for request, chat in await self._queue.open_chats():
            self._settle(request, chat)

    async def run(self) -> None:
        """Work until `stop`; a fault in the queue is logged and tried again."""
        next_sweep = 0.0
        while not self._stopping:
            self._woken.clear()
            try:
                for request in await self._queue.expire(ours("expired")):
                    await self._told(request)
                if (now := self._means.clock()) >= next_sweep:
                    next_sweep = now + SWEEP_S
                    await self._queue.forget(now - self._retention_s)
                await self._take_on()
            except Exception:
                log.exception("the bridge's queue failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_S)

    async def stop(self, grace_s: float = 0.0) -> None:
        """Take nothing on any more; give what runs `grace_s` seconds, then put it back into the queue."""
        self._stopping = True
        self._woken.set()
        if self._jobs and grace_s > 0:
            await asyncio.wait(self._jobs.values(), timeout=grace_s)
        await self._login.stop()
        left = [*self._jobs.values(), *self._settling]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    # --- one request -----------------------------------------------------------------------------------

    async def _take_on(self) -> None:
        while not self._stopping and len(self._jobs) < self._parallel:
            lease = await self._queue.claim(self.name, LEASE_S)
            if lease is None:
                return
            request_id = lease.request.request_id
            if before := self._jobs.get(request_id):
                # The machine slept and the lease ran out while we held it: the first claim is void now.
                before.cancel()
                await asyncio.wait({before})
            task = asyncio.create_task(self._work(Job(lease, self._queue, self._told)))
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
                    await self._carry(job)
        except LeaseLost:
            log.info("request %s is no longer ours", request_id)
        except asyncio.CancelledError:
            if not job.ended:
                with suppress(LeaseLost):
                    await asyncio.shield(self._put_down(job))
            raise
        except Exception as error:
            log.exception("request %s: %s in the bridge", request_id, type(error).__name__)
            if not job.ended:
                problem = ours("internal", why=type(error).__name__)
                with suppress(LeaseLost):
                    await job.finish(Ending(State.FAILED, problem=problem))
        finally:
            self._carriers.pop(request_id, None)

    async def _put_down(self, job: Job) -> None:
        if job.overdue or job.request.cancel_wanted:
            await job.finish(Ending(State.CANCELLED))
        else:
            await job.release(self._means.clock(), None)

    async def _ended_before(self, job: Job) -> bool:
        """Whether a request that was left in the middle needs nothing but its end written."""
        lease, request = job.lease, job.request
        if lease.takeovers:
            call = wanted_call(request, request.call_id)
            receipt = await asyncio.to_thread(self._receipts.receipt, call)
            if receipt is not None:
                await job.finish(ending_of(call.tool, receipt.outcome, receipt.output, receipt.error))
            elif self._means.clock() >= request.expires_at:
                await job.finish(Ending(State.FAILED, problem=ours("expired")))
            elif lease.takeovers > MOST_TAKEOVERS:
                await job.finish(Ending(State.FAILED, problem=ours("gave_up", times=lease.takeovers)))
        if request.cancel_wanted and not job.ended:
            await job.finish(Ending(State.CANCELLED))
        if job.ended:
            for chat in request.chats:
                if chat.is_open:
                    self._settle(request, chat)
        return job.ended

    async def _carry(self, job: Job) -> None:
        keeping: asyncio.Task[None] | None = None
        try:
            with self._conversations.one() as conversation:
                if job.request.relay == "direct":
                    carrier: Relay = Direct(job, self._means)
                elif job.request.relay == "chat":
                    carrier = TakenUp(job, self._means, await self._means.client())
                else:
                    carrier = ThroughBot(job, self._means, await self._means.client(), conversation)
                self._carriers[job.request.request_id] = carrier
                keeping = asyncio.create_task(keep(job, carrier, asyncio.current_task(), self._means.clock))
                await carrier.carry()
            self.last_problem = None
            if not job.ended:
                await job.finish(Ending(State.CANCELLED))
        except CozeProblem as error:
            await self._failed(job, error.problem)
        except CarryFailed as error:
            await self._failed(job, error.problem)
        finally:
            if keeping is not None:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)

    async def _failed(self, job: Job, problem: Problem) -> None:
        self.last_problem = problem
        now, request = self._means.clock(), job.request
        pause_s = min(LONGEST_PAUSE_S, 2.0 ** max(1, request.attempts)) * (0.5 + self._chance() / 2)
        worth_it = problem.kind in PASSING and request.attempts < MOST_ATTEMPTS
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
            await self._told(request)
        self.wake()

    def _settle(self, request: BridgeRequest, chat: ChatRef) -> None:
        task = asyncio.create_task(settle(self._queue, self._means, request, chat))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
