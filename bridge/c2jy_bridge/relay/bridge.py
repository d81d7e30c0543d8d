"""Bridge mode, switched on and off: lock, queue, worker and the intakes that the settings name."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from c2jy_bridge.core.bridge_requests import ENDED, INTAKES, PARKED, IntakeName
from c2jy_bridge.core.events import BridgeStarted, BridgeStopped, Event
from c2jy_bridge.core.places import install_command
from c2jy_bridge.core.ports import ReceiptStore
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.steady_clock import SteadyClock
from c2jy_bridge.core.vault import Vault, system_keyring
from c2jy_bridge.core.views import BridgeView, IntakeView, WorkerView
from c2jy_bridge.coze import CozeClient
from c2jy_bridge.plugin import ToolRegistry, ToolRunner
from c2jy_bridge.relay.artifacts import ArtifactStore, Deliverer, DiskArtifacts, Pack
from c2jy_bridge.relay.calls import ApprovalTimeoutRunner, refuse_hopeless
from c2jy_bridge.relay.embedded_queue import EmbeddedQueue
from c2jy_bridge.relay.intakes.http import HttpIntake, Tokens
from c2jy_bridge.relay.intakes.mailbox_intake import MailboxIntake
from c2jy_bridge.relay.relays import LEASE_S, RelayContext
from c2jy_bridge.relay.request import BridgeProblem, ChangeNotifier, bridge_problem
from c2jy_bridge.relay.request_queue import RequestQueue, RequestService
from c2jy_bridge.relay.storage import Storage
from c2jy_bridge.relay.worker import Worker

if TYPE_CHECKING:
    from c2jy_bridge.relay.studio.machine import Machine

log = logging.getLogger(__name__)

GRACE_S: Final = 5.0
"""Seconds that running requests get to end when bridge mode is switched off."""

SWEEP_S: Final = 3600.0
"""Seconds between two removals of old artifacts."""


class Intake(Protocol):
    """A way in for requests; made anew for each `Bridge.start`."""

    async def start(self) -> None:
        """Start accepting requests; raises BridgeProblem when it cannot, with nothing left running."""

    async def stop(self) -> None:
        """Stop accepting requests and release everything."""

    def status(self) -> IntakeView:
        """The present state."""


def bridge_tokens(settings: Settings) -> Tokens:
    """The bridge's token, for this process and for `bridge token` beside it."""
    return Tokens(Vault(settings.data_dir / "secrets", system_keyring))


async def import_studio(module: str) -> ModuleType:
    """Import a module of `relay.studio`; raises BridgeProblem when nats-py is not installed."""
    try:
        return await asyncio.to_thread(importlib.import_module, f"c2jy_bridge.relay.studio.{module}")
    except ModuleNotFoundError as error:
        if error.name not in ("nats", "jsonschema"):
            raise
        raise BridgeProblem(bridge_problem("studio_missing", command=install_command("studio"))) from None


class Bridge:
    """Bridge mode, off at first."""

    def __init__(
        self,
        settings: Settings,
        *,
        registry: ToolRegistry,
        runner: ToolRunner,
        receipts: ReceiptStore,
        client: Callable[[], Awaitable[CozeClient]],
        deny: Callable[[str], object],
        pack: Pack,
        emit: Callable[[Event], Awaitable[None]],
        tokens: Tokens | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        """Nothing is opened before `start`.

        Args:
            settings: Limits, addresses, the Bot, and which intakes there are.
            registry: The tools, `BridgeTool` among them.
            runner: Runs the tools.
            receipts: The journal.
            client: Connects to Coze at first use; may raise CozeProblem.
            deny: Denies the approval of a tool call that was not answered in time.
            pack: Packs drafts for requests that want them delivered.
            emit: Awaited for every event of requests and of their chats.
            tokens: By default `bridge_tokens(settings)`.
            clock: Unix seconds, for what people read.
            steady: Unix seconds, for deadlines; by default a `SteadyClock`.
            new_id: Ids of turns and calls.
        """
        self._settings = settings
        self._registry = registry
        self._receipts = receipts
        self._client = client
        self._pack = pack
        self._emit = emit
        self._tokens = tokens
        self._clock = clock
        self._steady = steady or SteadyClock(clock)
        deadline_s = settings.bridge.approval_timeout_s
        self._context = RelayContext(
            client=client,
            bot_id=settings.coze.bot_id,
            user_id=settings.coze.user_id,
            runner=ApprovalTimeoutRunner(runner, deny=deny, deadline_s=deadline_s),
            emit=emit,
            clock=clock,
            steady=self._steady,
            new_id=new_id,
        )
        self._lock = FileLock(settings.data_dir / "run" / "bridge", thread_local=False)
        self._holder = settings.data_dir / "run" / "bridge.holder"
        self._storage: Storage | None = None
        self._machine: Machine | None = None
        """In a studio."""
        self._draining = False
        self.service: RequestService | None = None
        """Accepts and shows requests; None while bridge mode is off."""
        self._worker: Worker | None = None
        self._working: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._intakes: list[Intake] = []

    async def start(self) -> None:
        """Switch it on: resume what an earlier process left, then start the intakes.

        Raises:
            BridgeProblem: Another process holds this data folder's bridge, or an intake cannot start.
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
        await self._emit(BridgeStarted(at=self._clock(), address=(await self.status()).address))

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Switch it off: intakes first, then running requests end or go back into the queue."""
        if self._storage is None:
            return
        await self._close(grace_s)
        await self._emit(BridgeStopped(at=self._clock()))

    async def status(self) -> BridgeView:
        """The present state."""
        if self.service is None or self._worker is None:
            return BridgeView(on=False)
        intakes = tuple(intake.status() for intake in self._intakes)
        counts = await self.service.counts()
        return BridgeView(
            on=True,
            address=next((intake.address for intake in intakes if intake.address), ""),
            waiting=sum(count for state, count in counts.items() if state not in ENDED),
            at_work=self._worker.at_work,
            parked=sum(counts.get(state, 0) for state in PARKED),
            intakes=intakes,
            problem=self._worker.last_problem,
            counts=counts,
            machine=self._machine.name if self._machine else "",
        )

    async def machines(self) -> Sequence[WorkerView]:
        """The machines of the studio; none while it is off, and on one machine."""
        return await self._machine.all() if self._machine else ()

    async def drain(self, name: str, draining: bool) -> None:
        """Have a machine of the studio take no more requests, or take them again."""
        if self._machine is not None:
            await self._machine.drain(name, draining)

    async def send(self, request_id: str, machine: str) -> bool:
        """Have another machine of the studio run a request; False when its tool has begun, or it ended."""
        return self._machine is not None and await self._machine.queue.send(request_id, machine)

    async def _open(self) -> None:
        bridge = self._settings.bridge
        self._storage = await asyncio.to_thread(Storage, self._settings.data_dir / "journal.db")
        changes = ChangeNotifier(self._emit, self._clock)
        intakes = [name for name in INTAKES if name in self._own_intakes()]
        queue: RequestQueue
        artifacts: ArtifactStore
        folder = self._settings.data_dir / "artifacts"
        if self._settings.studio.queue:
            self._machine = await self._join_studio(changes, follow=bool(intakes))
            queue, artifacts = self._machine.queue, self._machine.artifacts
        else:
            limit = bridge.queue_limit
            artifacts = DiskArtifacts(folder / "kept", max_bytes=bridge.max_artifact_bytes)
            queue = EmbeddedQueue(self._storage, limit=limit, clock=self._clock, steady=self._steady)
        deliverer = Deliverer(self._pack, artifacts, folder / "unfinished")
        await deliverer.clear()
        self._sweeping = asyncio.create_task(self._sweep(artifacts))
        self._worker = Worker(
            queue,
            self._context,
            name=uuid.uuid4().hex,
            receipts=self._receipts,
            on_change=changes.notify,
            deliver=deliverer,
            parallel=bridge.parallel,
            lease_s=self._settings.studio.lease_s if self._machine else LEASE_S,
            retention_s=bridge.retention_s,
        )
        self._worker.draining = self._draining
        await self._worker.take_over()
        tools = {tool.name: tool for tool in self._registry}
        self.service = RequestService(
            queue,
            changes,
            bridge,
            check=partial(
                refuse_hopeless, tools, self._settings.tools.policy, in_studio=self._machine is not None
            ),
            wake=self._worker.wake,
            stop=self._worker.cancel,
            artifacts=artifacts,
        )
        self._working = asyncio.create_task(self._worker.run())
        for name in intakes:
            intake = self._intake(name, self.service, self._storage)
            await intake.start()
            self._intakes.append(intake)

    def _own_intakes(self) -> Sequence[IntakeName]:
        """Intakes of this process; in a studio, whose gateway has them, those that the settings name."""
        bridge = self._settings.bridge
        if self._settings.studio.queue and "intakes" not in bridge.model_fields_set:
            return ()
        return bridge.intakes

    async def _join_studio(self, changes: ChangeNotifier, *, follow: bool) -> Machine:
        open_machine = (await import_studio("machine")).open_machine
        machine: Machine = await open_machine(
            self._settings,
            tools=list(self._registry.views(self._settings.tools.policy)),
            at_work=lambda: self._worker.at_work if self._worker else 0,
            ended=lambda: self._worker.ended if self._worker else {},
            wake=lambda: self._worker.wake() if self._worker else None,
            drain=self._drain,
            stop=self._stop_request,
            changed=changes.notify,
            follow=follow,
            clock=self._clock,
            steady=self._steady,
        )
        return machine

    async def _sweep(self, artifacts: ArtifactStore) -> None:
        while True:
            try:
                await artifacts.sweep(self._clock() - self._settings.bridge.retention_s)
            except OSError as error:
                log.warning("old artifacts: %s", error)
            await asyncio.sleep(SWEEP_S)

    def _drain(self, draining: bool) -> None:
        self._draining = draining
        if self._worker is not None:
            self._worker.draining = draining

    async def _stop_request(self, request_id: str) -> None:
        if self._worker is not None:
            await self._worker.cancel(request_id)

    def _intake(self, name: IntakeName, service: RequestService, storage: Storage) -> Intake:
        settings = self._settings
        match name:
            case "http":
                return HttpIntake(
                    settings,
                    service=service,
                    probe=partial(storage.keep_note, "ready", ""),
                    registry=self._registry,
                    tokens=self._tokens or bridge_tokens(settings),
                    status=self.status,
                    emit=self._emit,
                    clock=self._clock,
                )
            case "mailbox":
                return MailboxIntake(
                    service=service,
                    storage=storage,
                    client=self._client,
                    scope=f"{urlsplit(settings.coze.api_base).netloc}/{settings.coze.bot_id}",
                    emit=self._emit,
                    conversation_id=settings.bridge.mailbox_conversation_id,
                    interval_s=settings.bridge.mailbox_interval_s,
                    clock=self._clock,
                    steady=self._steady,
                )

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
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        if self._machine is not None:
            await self._machine.aclose()
        if self._storage is not None:
            await self._storage.aclose()
        self._machine = self._storage = self.service = None
        self._worker = self._working = self._sweeping = None
        self._holder.unlink(missing_ok=True)
        self._lock.release()

    def _take_lock(self) -> None:
        self._holder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            who = "?"
            with suppress(OSError):
                who = self._holder.read_text(encoding="utf-8").strip()
            problem = bridge_problem("held", who=who, data=self._settings.data_dir)
            raise BridgeProblem(problem) from None
        self._holder.write_text(f"pid {os.getpid()}", encoding="utf-8")
