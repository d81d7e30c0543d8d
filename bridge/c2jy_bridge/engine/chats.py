"""Runs the turns of conversations; holds the open approval questions."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from c2jy_bridge.core.events import (
    ApprovalAnswer,
    Decision,
    Event,
    Problem,
    ToolCallAwaitingApproval,
    TurnCancelled,
    TurnEnded,
    TurnFailed,
    TurnStarted,
)
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.ports import Busy
from c2jy_bridge.core.settings import CozeSettings
from c2jy_bridge.core.views import UploadedFile
from c2jy_bridge.coze import ChatSession, CozeClient, CozeProblem, RunsTools, missing
from c2jy_bridge.journal import OpenTurn
from c2jy_bridge.plugin.approval import Denied


class Approvals:
    """Open approval questions; without a UI one answer is given to those of this process's turns."""

    def __init__(self, unattended: Decision | None = None) -> None:
        """`unattended` answers every question at once; None waits for the user."""
        self._unattended = unattended
        self._waiting: dict[str, asyncio.Future[ApprovalAnswer]] = {}
        self._turns: dict[str, str] = {}
        self.resumed: set[str] = set()
        """Turns of an earlier process, whose questions only the user may answer."""
        self.asked = asyncio.Event()
        """Set when a question waits for the user; cleared by its reader."""

    async def decide(self, ask: ToolCallAwaitingApproval) -> ApprovalAnswer:
        """Wait for the answer to a question (plugin.Approver)."""
        if self._unattended is not None and ask.turn_id not in self.resumed:
            return self._unattended
        future: asyncio.Future[ApprovalAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[ask.call_id] = future
        self._turns[ask.call_id] = ask.turn_id
        self.asked.set()
        try:
            return await future
        finally:
            self._waiting.pop(ask.call_id, None)
            self._turns.pop(ask.call_id, None)

    def needs_person(self, turn_id: str) -> bool:
        """Whether a call of this turn waits for the user, and this process has no UI."""
        return self._unattended is not None and turn_id in self._turns.values()

    def answer(self, call_id: str, answer: ApprovalAnswer) -> bool:
        """Answer a question; False when it is not open."""
        future = self._waiting.get(call_id)
        if future is None or future.done():
            return False
        future.set_result(answer)
        return True

    def refuse(self, call_id: str, why: str) -> bool:
        """Answer a question with a no and its reason; False when it is not open."""
        future = self._waiting.get(call_id)
        if future is None or future.done():
            return False
        future.set_exception(Denied(why))
        return True


say: Final = catalogue("engine")
log: Final = logging.getLogger(__name__)


DELIVERY_PAUSES_S: Final = (15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds between tries to submit outputs that Coze did not accept; the last value repeats."""


@dataclass(slots=True)
class _Turn:
    """A running turn; `session` is None while the client is connecting."""

    conversation_id: str
    task: asyncio.Task[None] | None
    session: ChatSession | None = None
    resumed: bool = False
    """Started by an earlier process; remains open for the next if this one ends first."""


class Chats:
    """Runs turns, one at a time in a conversation."""

    def __init__(
        self,
        settings: CozeSettings,
        *,
        client: Callable[[], Awaitable[CozeClient]],
        runner: RunsTools,
        approvals: Approvals,
        runs_elsewhere: Callable[[str], bool],
        emit: Callable[[Event], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        """`emit` is awaited for every event before the turn continues."""
        self._settings = settings
        self._client = client
        self._runner = runner
        self._approvals = approvals
        self._emit = emit
        self._clock = clock
        self._runs_elsewhere = runs_elsewhere
        self._running: dict[str, _Turn] = {}
        self._owed: dict[str, OpenTurn] = {}
        self._delivery: asyncio.Task[None] | None = None
        self.conversation_id = ""
        """The open conversation; empty until the first turn of a new one has started."""
        self.opened: Callable[[str], Awaitable[object]] | None = None
        """Awaited with the id of a new conversation that has become the open one."""

    def claim(self, turn_id: str) -> None:
        """Reserve the open conversation for a turn; raises Busy when one is running."""
        if self.is_running(self.conversation_id):
            raise Busy(self.conversation_id)
        self._running[turn_id] = _Turn(self.conversation_id, None)

    def is_running(self, conversation_id: str) -> bool:
        """Whether a turn of this conversation runs in this process."""
        return any(turn.conversation_id == conversation_id for turn in self._running.values())

    async def send(self, text: str, turn_id: str, files: Sequence[UploadedFile] = ()) -> None:
        """Run a claimed turn to its end; outputs that the conversation still owes go first."""
        for owed in [o for o in self._owed.values() if o.conversation_id == self.conversation_id]:
            await self._deliver(owed)
        await self._run(turn_id, lambda session: session.send(text, turn_id=turn_id, files=files), text)

    async def resume(self, turn: OpenTurn, reason: str = "restart") -> None:
        """Run an ended process's turn to its end."""
        self._running[turn.turn_id] = _Turn(turn.conversation_id, None, resumed=True)
        self._approvals.resumed.add(turn.turn_id)
        ids = {"chat_id": turn.chat_id, "conversation_id": turn.conversation_id}
        await self._run(
            turn.turn_id, lambda session: session.resume(turn_id=turn.turn_id, reason=reason, **ids)
        )

    async def cancel(self) -> None:
        """Stop the turn of the open conversation, if any."""
        for turn in list(self._running.values()):
            if turn.conversation_id == self.conversation_id:
                await self._stop(turn)

    def resumed(self) -> dict[str, bool]:
        """Running turns of earlier processes, and whether each waits for an answer of a person."""
        return {
            turn_id: self._approvals.needs_person(turn_id)
            for turn_id, turn in self._running.items()
            if turn.resumed
        }

    async def finish_resumed(self) -> int:
        """Wait until turns of earlier processes have ended; how many wait for a person instead."""
        while (turns := self.resumed()) and not all(turns.values()):
            self._approvals.asked.clear()
            asked = asyncio.ensure_future(self._approvals.asked.wait())
            ends = [task for turn_id in turns if (task := self._running[turn_id].task)]
            try:
                await asyncio.wait([*ends, asked], return_when=asyncio.FIRST_COMPLETED)
            finally:
                asked.cancel()
        return len(turns)

    async def _deliver(self, owed: OpenTurn) -> None:
        self._owed.pop(owed.turn_id, None)
        await self.resume(owed, "owed")

    async def _deliver_owed(self) -> None:
        """Submit owed outputs as soon as Coze can be reached."""
        for pause_s in itertools.chain(DELIVERY_PAUSES_S, itertools.repeat(DELIVERY_PAUSES_S[-1])):
            await asyncio.sleep(pause_s)
            for owed in list(self._owed.values()):
                try:
                    client = await self._client()
                    await client.retrieve(owed.conversation_id, owed.chat_id)
                except Exception as error:  # not reachable: try again later
                    log.info("outputs of %s are still owed: %s", owed.turn_id, type(error).__name__)
                else:
                    await self._deliver(owed)
            if not self._owed:
                return

    async def close(self) -> None:
        """Stop the turns of this process; the others remain open for the next one."""
        if self._delivery is not None:
            self._delivery.cancel()
        running = list(self._running.values())
        for turn in running:
            if turn.resumed and turn.task is not None:
                if turn.session is not None:
                    turn.session.leave()
                turn.task.cancel()
        await asyncio.gather(*(self._stop(turn) for turn in running if not turn.resumed))
        await asyncio.gather(*(turn.task for turn in running if turn.task), return_exceptions=True)

    async def _stop(self, turn: _Turn) -> None:
        if turn.session is not None:
            await turn.session.cancel()
        elif turn.task is not None:
            turn.task.cancel()

    async def _run(
        self, turn_id: str, begin: Callable[[ChatSession], AsyncIterator[Event]], question: str = ""
    ) -> None:
        """Run a turn; `question` belongs to its end until Coze has confirmed it."""
        turn = self._running[turn_id]
        turn.task = asyncio.current_task()
        try:
            try:
                client = await self._client()
                if problem := missing(self._settings, logged_in=True):
                    raise CozeProblem(problem)
            except CozeProblem as error:
                await self._emit(replace(self._failed(turn_id, turn, error.problem), question=question))
                return
            except asyncio.CancelledError:
                if turn.resumed:
                    raise
                ids = {"turn_id": turn_id, "conversation_id": turn.conversation_id, "question": question}
                await self._emit(TurnCancelled(at=self._clock(), **ids))
                raise
            turn.session = ChatSession(
                client,
                bot_id=self._settings.bot_id,
                user_id=self._settings.user_id,
                runner=self._runner,
                conversation_id=turn.conversation_id,
                clock=self._clock,
                keeps_owed=True,
                runs_elsewhere=self._runs_elsewhere,
            )
            async for event in begin(turn.session):
                if isinstance(event, TurnFailed) and event.problem.kind == "owed":
                    owed = OpenTurn(event.turn_id, event.conversation_id, event.chat_id, "", "")
                    self._owed[event.turn_id] = owed
                    if self._delivery is None or self._delivery.done():
                        self._delivery = asyncio.create_task(self._deliver_owed())
                if isinstance(event, TurnEnded) and event.turn_id == turn_id and question:
                    event = replace(event, question=question)
                if isinstance(event, TurnStarted):
                    if event.turn_id == turn_id:
                        question = ""
                    if self.conversation_id == turn.conversation_id:
                        self.conversation_id = event.conversation_id
                        if self.opened is not None:
                            await self.opened(event.conversation_id)
                    turn.conversation_id = event.conversation_id
                await self._emit(event)
        except Exception as error:  # even after a bug the turn must end
            log.exception("turn %s", turn_id)
            problem = Problem(
                "internal", say("turn.broke", reason=type(error).__name__), say("turn.broke.fix")
            )
            await self._emit(self._failed(turn_id, turn, problem))
        finally:
            self._running.pop(turn_id, None)

    def _failed(self, turn_id: str, turn: _Turn, problem: Problem) -> TurnFailed:
        ids = {"turn_id": turn_id, "conversation_id": turn.conversation_id}
        return TurnFailed(at=self._clock(), problem=problem, **ids)
