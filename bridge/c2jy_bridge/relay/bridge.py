"""Bridge mode as one thing that is on or off: lock, queue, worker, intakes."""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from filelock import FileLock, Timeout

from c2jy_bridge.core.events import BridgeStarted, BridgeStopped, Event
from c2jy_bridge.core.ports import ReceiptStore
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.coze import CozeClient
from c2jy_bridge.relay.changes import Changes
from c2jy_bridge.relay.problems import ours
from c2jy_bridge.relay.queue import SqliteQueue
from c2jy_bridge.relay.service import RequestService
from c2jy_bridge.relay.status import BridgeProblem, BridgeStatus, IntakeStatus
from c2jy_bridge.relay.storage import Storage
from c2jy_bridge.relay.worker import ApprovalTimeoutRunner, RelayContext, Worker
from c2jy_bridge.relay.worker.calls import Runner

log = logging.getLogger(__name__)

GRACE_S: Final = 5.0
"""Seconds that requests at work get to end by themselves when bridge mode is switched off."""


class Intake(Protocol):
    """A way in. It is made for one `start`."""

    async def start(self) -> None:
        """Begin to take requests in.

        Raises:
            BridgeProblem: It cannot; nothing is left running.
        """

    async def stop(self) -> None:
        """Take nothing in any more, and let go of everything."""

    def status(self) -> IntakeStatus:
        """How it is."""


MakeIntakes = Callable[[RequestService, Storage], Sequence[Intake]]


class Bridge:
    """Switched on and off as often as one likes; `desk` is there while it is on."""

    def __init__(
        self,
        settings: Settings,
        *,
        runner: Runner,
        receipts: ReceiptStore,
        client: Callable[[], Awaitable[CozeClient]],
        deny: Callable[[str], object],
        saw: Callable[[Event], Awaitable[None]],
        intakes: MakeIntakes,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        """Nothing is opened before `start`.

        Args:
            settings: Limits, addresses, the Bot.
            runner: Runs the tools.
            receipts: The journal.
            client: The way to Coze, made at first use; may raise CozeProblem.
            deny: Answers the question of a tool call with no; called when nobody did in time.
            saw: Awaited for every event of requests and of their chats.
            intakes: Makes the ways in for one time of being on.
            clock: Unix seconds.
            new_id: Ids of turns and calls.
        """
        self._settings = settings
        self._receipts = receipts
        self._saw = saw
        self._make_intakes = intakes
        self._clock = clock
        deadline_s = settings.bridge.approval_timeout_s
        self._means = RelayContext(
            client=client,
            bot_id=settings.coze.bot_id,
            user_id=settings.coze.user_id,
            runner=ApprovalTimeoutRunner(runner, deny=deny, deadline_s=deadline_s),
            saw=saw,
            clock=clock,
            new_id=new_id,
        )
        self._lock = FileLock(settings.data_dir / "run" / "bridge", thread_local=False)
        self._holder = settings.data_dir / "run" / "bridge.holder"
        self._storage: Storage | None = None
        self._desk: RequestService | None = None
        self._worker: Worker | None = None
        self._working: asyncio.Task[None] | None = None
        self._intakes: list[Intake] = []

    @property
    def desk(self) -> RequestService | None:
        """Where requests are asked for and looked at; None while bridge mode is off."""
        return self._desk

    async def start(self) -> None:
        """Switch it on: what an earlier process left is taken up, then the intakes begin.

        Raises:
            BridgeProblem: Another app of this data folder has it, or an intake cannot begin. It is off then.
            sqlite3.Error: The journal cannot be used.
        """
        if self._storage is not None:
            return
        self._take_lock()
        try:
            await self._open()
        except BaseException:
            await self._close(grace_s=0.0)
            raise
        await self._saw(BridgeStarted(at=self._clock(), address=(await self.status()).address))

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Switch it off: intakes first, then what is at work ends or goes back into the queue."""
        if self._storage is None:
            return
        await self._close(grace_s)
        await self._saw(BridgeStopped(at=self._clock()))

    async def status(self) -> BridgeStatus:
        """How it is now."""
        if self._desk is None or self._worker is None:
            return BridgeStatus(on=False)
        return BridgeStatus(
            on=True,
            intakes=tuple(intake.status() for intake in self._intakes),
            counts=await self._desk.counts(),
            at_work=self._worker.at_work,
            problem=self._worker.last_problem,
        )

    async def _open(self) -> None:
        bridge = self._settings.bridge
        self._storage = await asyncio.to_thread(Storage, self._settings.data_dir / "journal.db")
        queue = SqliteQueue(self._storage, limit=bridge.queue_limit, clock=self._clock)
        changes = Changes(self._saw, self._clock)
        self._worker = Worker(
            queue,
            self._means,
            name=uuid.uuid4().hex,
            receipts=self._receipts,
            told=changes.told,
            parallel=bridge.parallel,
            retention_s=bridge.retention_s,
        )
        await self._worker.take_over()
        self._desk = RequestService(queue, self._worker, changes, bridge)
        self._working = asyncio.create_task(self._worker.run())
        for intake in self._make_intakes(self._desk, self._storage):
            await intake.start()
            self._intakes.append(intake)

    async def _close(self, grace_s: float) -> None:
        for intake in self._intakes:
            try:
                await intake.stop()
            except Exception:
                log.exception("an intake did not stop in good order")
        self._intakes.clear()
        if self._worker is not None and self._working is not None:
            await self._worker.stop(grace_s)
            await asyncio.gather(self._working, return_exceptions=True)
        if self._storage is not None:
            await self._storage.aclose()
        self._storage = self._desk = self._worker = self._working = None
        self._drop_lock()

    def _take_lock(self) -> None:
        self._holder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise BridgeProblem(ours("held", who=_read(self._holder), data=self._settings.data_dir)) from None
        self._holder.write_text(f"pid {os.getpid()}", encoding="utf-8")

    def _drop_lock(self) -> None:
        self._holder.unlink(missing_ok=True)
        self._lock.release()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return "?"
