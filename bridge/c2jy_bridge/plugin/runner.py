"""Runs the tool calls that a chat waits for; every call ends exactly once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import Final
from uuid import uuid4

from c2jy_bridge.core.events import Event, Outcome, ToolCall, ToolCallFinished, ToolCallRequested
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.ports import CallHold, Receipt, ReceiptConflict, ReceiptStore
from c2jy_bridge.core.settings import ToolSettings
from c2jy_bridge.plugin import output
from c2jy_bridge.plugin.approval import Approval, Approver
from c2jy_bridge.plugin.arguments import ArgumentsError, validate
from c2jy_bridge.plugin.attempt import Attempt, Ending
from c2jy_bridge.plugin.definition import Lanes
from c2jy_bridge.plugin.receipts import ReceiptWriter
from c2jy_bridge.plugin.registry import ToolRegistry

say: Final = catalogue("plugin")
log: Final = logging.getLogger(__name__)

Put = Callable[[Event], None]


class ToolRunner:
    """validate -> policy -> run -> receipt -> event, for all calls of a batch concurrently."""

    def __init__(
        self,
        registry: ToolRegistry,
        *,
        settings: ToolSettings,
        receipts: ReceiptStore,
        approver: Approver,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        """Create a runner.

        Args:
            registry: The tools.
            settings: Policies and limits; read again for every call.
            receipts: Stores the receipts; called in a thread.
            approver: Asks the user.
            clock: Unix seconds.
            new_id: Creates an id for a call without one.
        """
        self._registry = registry
        self._settings = settings
        self._approval = Approval(settings, approver, clock)
        self._lanes = Lanes()
        self._receipts = ReceiptWriter(receipts)
        self._clock = clock
        self._new_id = new_id
        self._running: dict[str, asyncio.Task[Ending]] = {}

    async def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[Event, None]:
        """Run a batch; yields its events, with exactly one ToolCallFinished per call.

        A call with a receipt is not run but answered from it (`replayed`). Closing the generator
        (`contextlib.aclosing`) or cancelling the task that reads it stops the tools; only calls that had
        finished get a receipt.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        tasks = [asyncio.create_task(self._serve(call, events.put_nowait)) for call in calls]
        for task in tasks:
            task.add_done_callback(lambda _: events.put_nowait(None))
        left = len(tasks)
        try:
            while left:
                event = await events.get()
                if event is None:
                    left -= 1
                else:
                    yield event
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def hold(self) -> CallHold | None:
        """Which calls wait for the user, whatever their policy says; of those that come from now on."""
        return self._approval.hold

    @hold.setter
    def hold(self, hold: CallHold | None) -> None:
        self._approval.hold = hold

    def argument_faults(self, tool: str, arguments: str) -> tuple[str, ...]:
        """Why a tool would not take these arguments, a sentence each; none when it would."""
        known = self._registry.get(tool)
        if known is None:
            return ()
        try:
            validate(known, arguments)
        except ArgumentsError as error:
            return tuple(error.faults)
        return ()

    def cancel(self, call_id: str) -> bool:
        """Stop a call, running or waiting; False when there is none."""
        task = self._running.get(call_id)
        return task is not None and task.cancel()

    async def _serve(self, call: ToolCall, put: Put) -> None:
        if not call.call_id:
            call = replace(call, call_id=self._new_id())
        put(ToolCallRequested(at=self._clock(), call_id=call.call_id, call=call))
        try:
            finished = await self._answered(call, put)
        except Exception as error:  # even after a bug the chat must get its answer
            log.error("call %s of %s: %s in the runner", call.call_id, call.tool, type(error).__name__)
            finished = self._unrecorded(call, say("failed.internal", reason=type(error).__name__), "internal")
        put(finished)

    async def _answered(self, call: ToolCall, put: Put) -> ToolCallFinished:
        async with self._receipts.alone(call):
            try:
                earlier = await self._receipts.earlier(call)
            except ReceiptConflict:
                return self._unrecorded(call, say("failed.conflict", tool=call.tool), "receipt_conflict")
            except Exception as error:  # without the journal the call may have run before: do not run it
                log.error("receipt of %s: %s", call.call_id, type(error).__name__)
                message = say("failed.journal", tool=call.tool, reason=type(error).__name__)
                return self._unrecorded(call, message, "journal")
            if earlier is not None:
                return self._finished(call, earlier, replayed=True)
            return await self._attempted(call, put)

    async def _attempted(self, call: ToolCall, put: Put) -> ToolCallFinished:
        attempt = Attempt(
            call=call,
            registry=self._registry,
            approval=self._approval,
            lanes=self._lanes,
            timeout_s=self._settings.timeout_s,
            clock=self._clock,
            put=put,
            receipts=self._receipts,
        )
        task = asyncio.create_task(attempt.run())
        self._running[call.call_id] = task
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and task.exception() is None:
                await self._kept(call, attempt, task.result())
            elif attempt.started_at is not None:
                await self._receipts.withdraw_run(call)
            raise
        finally:
            if self._running.get(call.call_id) is task:
                del self._running[call.call_id]
        if task.cancelled():
            ending = Ending(Outcome.CANCELLED, say("failed.cancelled", tool=call.tool), "cancelled")
        else:
            ending = task.result()
        return await self._kept(call, attempt, ending)

    async def _kept(self, call: ToolCall, attempt: Attempt, ending: Ending) -> ToolCallFinished:
        receipt, fault = await self._receipts.keep(call, lambda: self._receipt(attempt, ending))
        finished = self._finished(call, receipt)
        if fault is None:
            return finished
        log.error("no receipt for %s of %s: %s", call.call_id, call.tool, type(fault).__name__)
        unkept = say("failed.unkept", reason=type(fault).__name__)
        return replace(finished, error=f"{finished.error} {unkept}".strip())

    def _receipt(self, attempt: Attempt, ending: Ending) -> Receipt:
        """The receipt of an ending. Runs in a thread: an output may be megabytes before it is truncated."""
        outcome, message, limit = ending.outcome, ending.message, self._settings.max_output_bytes
        try:
            if outcome is Outcome.OK:
                answer = output.success(ending.value)
            else:
                answer = output.failure(message, ending.code, ending.fields)
            if ending.notes:
                answer.setdefault("notes", list(ending.notes))
            text = output.capped(answer, limit)
            if outcome is Outcome.OK and answer["status"] == output.ERROR:
                outcome, message = Outcome.ERROR, str(answer.get("message", ""))
        except BaseException as error:  # serialising a tool's value may raise anything, SystemExit too
            unwritten = say("failed.output", reason=type(error).__name__)
            outcome, message = Outcome.ERROR, f"{message} {unwritten}".strip()
            text = output.capped(output.failure(message, "failed"), limit)
        return Receipt(
            outcome=outcome,
            output=text,
            error=message,
            started_at=attempt.started_at,
            finished_at=self._clock(),
        )

    def _finished(self, call: ToolCall, receipt: Receipt, *, replayed: bool = False) -> ToolCallFinished:
        started_at = receipt.finished_at if receipt.started_at is None else receipt.started_at
        return ToolCallFinished(
            at=self._clock(),
            call_id=call.call_id,
            tool=call.tool,
            outcome=receipt.outcome,
            output=receipt.output,
            elapsed_s=max(0.0, receipt.finished_at - started_at),
            error=receipt.error,
            replayed=replayed,
        )

    def _unrecorded(self, call: ToolCall, message: str, code: str) -> ToolCallFinished:
        """The end of a call that was not run and gets no receipt."""
        answer = output.capped(output.failure(message, code), self._settings.max_output_bytes)
        receipt = Receipt(outcome=Outcome.ERROR, output=answer, error=message, finished_at=self._clock())
        return self._finished(call, receipt)
