"""Runs requests through a Bot chat, in a chat that a workflow began, or directly; closes abandoned chats."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from c2jy_bridge.core.bridge_requests import BridgeRequest, ChatRef, State
from c2jy_bridge.core.events import (
    AnswerCompleted,
    Event,
    Problem,
    ToolCallFinished,
    TurnCancelled,
    TurnCompleted,
    TurnEnded,
    TurnFailed,
    TurnStarted,
)
from c2jy_bridge.coze import ChatSession, CozeClient
from c2jy_bridge.relay.calls import (
    BRIDGE_EXECUTE,
    AttachedChatCalls,
    BridgeCalls,
    RelayedCalls,
    Runner,
    digest_of,
    new_handle,
    tool_call_of,
)
from c2jy_bridge.relay.request import (
    Ending,
    Lease,
    LeaseLost,
    bridge_problem,
    ending_of,
    say,
    tool_not_called,
)
from c2jy_bridge.relay.request_queue import RequestQueue

log = logging.getLogger(__name__)

LEASE_S: Final = 60.0
"""Longer than a garbage collection or a slow disk, short enough that a dead worker's request is soon free.

A lease is renewed four times in its length.
"""
STOP_S: Final = 10.0
"""Seconds that a stopped request has to end by itself."""
REASKS: Final = 2
"""How often a Bot that did not call the tool is asked again."""

OnChange = Callable[[BridgeRequest], Awaitable[None]]
"""Awaited with a request after each durable change of it."""
Emit = Callable[[Event], Awaitable[None]]
Deliver = Callable[[BridgeRequest, Ending], Awaitable[Ending]]
"""Delivers what the request has made; returns its ending with that."""


class Job:
    """One claim of one request. Everything that writes raises LeaseLost when the claim no longer holds."""

    def __init__(
        self,
        lease: Lease,
        queue: RequestQueue,
        on_change: OnChange,
        lease_s: float = LEASE_S,
        deliver: Deliver | None = None,
    ) -> None:
        self.lease = lease
        self.request = lease.request
        """As of the last step."""
        self.overdue = False
        """It timed out; a cancellation from now on counts as that failure."""
        self.queue = queue
        self.lease_s = lease_s
        self._on_change = on_change
        self._deliver = deliver

    @property
    def open_chat(self) -> ChatRef | None:
        """The chat that an earlier worker left open."""
        left = [chat for chat in self.request.chats if chat.is_open]
        return left[-1] if left else None

    async def asking(self, handle_digest: str) -> None:
        """Record that the Bot is about to be asked with a new handle."""
        await self._step(self.queue.asking(self.lease, handle_digest))

    async def in_chat(self, chat: ChatRef) -> None:
        """Record the chat in which the Bot answers."""
        await self._step(self.queue.in_chat(self.lease, chat))

    async def running(self, call_id: str, used_by: str = "") -> None:
        """Record that the tool starts."""
        await self._step(self.queue.running(self.lease, call_id, used_by))

    async def renew(self) -> None:
        """Extend the lease."""
        self.request = await self.queue.renew(self.lease, self.lease_s)

    async def release(self, not_before: float, problem: Problem | None, *, asked: bool = True) -> None:
        """As `RequestQueue.release`."""
        back = self.queue.release(self.lease, not_before=not_before, problem=problem, asked=asked)
        await self._step(back)

    async def park(self, state: State, problem: Problem) -> None:
        """Park the request until `RequestQueue.unpark`."""
        await self._step(self.queue.park(self.lease, state, problem))

    async def finish(self, ending: Ending) -> None:
        """Deliver what was made and record the end; a cancellation on timeout counts as a failure."""
        if ending.state is State.CANCELLED and self.overdue:
            ending = Ending(State.FAILED, ending.result, bridge_problem("expired"))
        if self._deliver is not None:
            ending = await self._deliver(self.request, ending)
        await self._step(self.queue.finish(self.lease, ending))

    async def _step(self, written: Awaitable[BridgeRequest]) -> None:
        self.request = await written
        await self._on_change(self.request)


async def keep_lease(
    job: Job, stop: Callable[[], Awaitable[None]], work: asyncio.Task[Any] | None, clock: Callable[[], float]
) -> None:
    """Renew the lease until the request has ended; stop it on timeout or cancellation.

    `stop` asks the relay to stop; `work`, the task that runs it, is cancelled when that is not enough or when
    the lease is lost.
    """
    stopped_at: float | None = None
    while not job.request.ended:
        try:
            await job.renew()
        except LeaseLost:
            if work is not None and not job.request.ended:
                work.cancel()
            return
        except Exception:
            log.exception("the lease of %s was not renewed", job.request.request_id)
        late_in = job.request.expires_at - clock()
        job.overdue = job.overdue or late_in <= 0
        if stopped_at is None and (job.overdue or job.request.cancel_wanted):
            stopped_at = clock()
            await stop()
        elif stopped_at is not None and clock() - stopped_at > STOP_S and work is not None:
            work.cancel()
            return
        await asyncio.sleep(1.0 if stopped_at is not None else max(0.05, min(job.lease_s / 4, late_in)))


class RelayFailed(Exception):
    """The Bot could not be asked, or the chat broke; the kind of `problem` says whether to retry."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.kind)
        self.problem = problem


class Relay(Protocol):
    """Runs one request."""

    async def run(self) -> None:
        """Bring the request to its end, or return without one when it was stopped.

        Raises RelayFailed when something around the tool failed, LeaseLost when another worker has it.
        """

    async def stop(self) -> None:
        """Make `run` return soon."""


@dataclass(frozen=True, slots=True)
class RelayContext:
    """Dependencies shared by all relays."""

    client: Callable[[], Awaitable[CozeClient]]
    """Connects to Coze; raises CozeProblem."""
    bot_id: str
    user_id: str
    runner: Runner
    emit: Emit
    """Awaited for every event before the work continues."""
    clock: Callable[[], float]
    """Unix seconds, for what people read."""
    steady: Callable[[], float]
    """Unix seconds, for deadlines."""
    new_id: Callable[[], str]

    def session(self, client: CozeClient, calls: BridgeCalls, conversation_id: str) -> ChatSession:
        """A conversation in which the Bot's calls go to `calls`."""
        return ChatSession(
            client,
            bot_id=self.bot_id,
            user_id=self.user_id,
            runner=calls,
            conversation_id=conversation_id,
            clock=self.clock,
            new_id=self.new_id,
        )


class DirectRelay:
    """Runs the tool without a Bot."""

    def __init__(self, job: Job, context: RelayContext) -> None:
        self._job, self._context = job, context
        self._call = tool_call_of(job.request, context.new_id())

    async def run(self) -> None:
        """Run the tool."""
        await self._job.running(self._call.call_id)
        events = self._context.runner.run([self._call])
        async with aclosing(events) as happening:
            async for event in happening:
                await self._context.emit(event)
                if isinstance(event, ToolCallFinished):
                    await self._job.finish(ending_of(event.tool, event.outcome, event.output, event.error))

    async def stop(self) -> None:
        """Stop the tool."""
        self._context.runner.cancel(self._call.call_id)


class _ChatRelay:
    """Follows the events of a request's chat to its end."""

    def __init__(self, job: Job, context: RelayContext, session: ChatSession, calls: BridgeCalls) -> None:
        self._job, self._context = job, context
        self._session, self._calls = session, calls
        self._answers: list[str] = []
        self._stopped = False

    async def stop(self) -> None:
        """Stop the running tool, whose error output goes to the Bot; when none runs, cancel the chat."""
        self._stopped = True
        if not self._calls.cancel():
            await self._session.cancel()

    async def _follow(self, events: AsyncGenerator[Event, None]) -> TurnEnded | None:
        end: TurnEnded | None = None
        async with aclosing(events) as happening:
            async for event in happening:
                if isinstance(event, TurnStarted):
                    await self._began(ChatRef(event.turn_id, event.conversation_id, event.chat_id))
                await self._context.emit(self._calls.displayed(event))
                if isinstance(event, AnswerCompleted):
                    self._answers.append(event.text)
                elif isinstance(event, ToolCallFinished):
                    await self._tool_finished()
                elif isinstance(event, TurnEnded):
                    end = event
                    await self._job.queue.chat_ended(event.turn_id)
        return end

    async def _began(self, chat: ChatRef) -> None:
        await self._job.in_chat(chat)

    async def _tool_finished(self) -> None:
        """Called after each ToolCallFinished."""


class BotRelay(_ChatRelay):
    """Gives the Bot a handle and waits for it to call; the request ends with the tool, the chat after it."""

    def __init__(
        self, job: Job, context: RelayContext, client: CozeClient, conversation: WorkConversation
    ) -> None:
        lease, left = job.lease, job.open_chat
        self._relayed = RelayedCalls(
            job.request,
            context.runner,
            began=job.running,
            clock=context.clock,
            expired=lambda: context.steady() >= job.request.expires_at,
            handle_digest=lease.handle_digest,
            used_by=lease.handle_used_by,
        )
        self._conversation = WorkConversation(left.conversation_id) if left else conversation
        session = context.session(client, self._relayed, self._conversation.conversation_id)
        super().__init__(job, context, session, self._relayed)

    async def run(self) -> None:
        """Resume the chat that an earlier worker left; then ask the Bot, again if it does not call."""
        left = self._job.open_chat
        if left is not None:
            ids = {"chat_id": left.chat_id, "conversation_id": left.conversation_id}
            await self._chat(self._session.resume(turn_id=left.turn_id, **ids))
        for ask in range(1 + REASKS):
            if self._job.request.ended or self._stopped:
                return
            new = new_handle(self._job.request.request_id)
            self._relayed.expect_handle(digest_of(new))
            await self._job.asking(digest_of(new))
            words = say("ask.again" if ask else "ask.first", handle=new, execute=BRIDGE_EXECUTE)
            self._answers.clear()
            await self._chat(self._session.send(words, source="bridge"))
        if not (self._job.request.ended or self._stopped):
            problem = tool_not_called(self._job.request.tool, " ".join(self._answers))
            await self._job.finish(Ending(State.FAILED, problem=problem))

    async def _chat(self, events: AsyncGenerator[Event, None]) -> None:
        end = await self._follow(events)
        if not isinstance(end, TurnCompleted):
            self._conversation.spoiled = True
        if isinstance(end, TurnFailed) and not self._job.request.ended:
            raise RelayFailed(end.problem)

    async def _began(self, chat: ChatRef) -> None:
        self._conversation.conversation_id = chat.conversation_id
        self._conversation.chats += 1
        await super()._began(chat)

    async def _tool_finished(self) -> None:
        end = self._relayed.finished
        if end is not None and not self._job.request.ended:
            await self._job.finish(ending_of(end.tool, end.outcome, end.output, end.error))


class AttachedChatRelay(_ChatRelay):
    """Attaches to a chat that a workflow began and answers its Bot's calls until the chat has ended."""

    def __init__(self, job: Job, context: RelayContext, client: CozeClient) -> None:
        self._attached = AttachedChatCalls(context.runner, began=job.running, source=job.request.source)
        ids = json.loads(job.request.arguments)
        self._chat_id, self._conversation_id = str(ids["chat_id"]), str(ids["conversation_id"])
        session = context.session(client, self._attached, self._conversation_id)
        super().__init__(job, context, session, self._attached)

    async def run(self) -> None:
        """Follow the chat; the request succeeds with what the Bot answered."""
        job, left = self._job, self._job.open_chat
        turn_id = left.turn_id if left else self._context.new_id()
        ids = {"turn_id": turn_id, "conversation_id": self._conversation_id, "chat_id": self._chat_id}
        if left is None:
            await self._began(ChatRef(turn_id, self._conversation_id, self._chat_id))
            begun = TurnStarted(at=self._context.clock(), text=say("chat.taken_up"), source="bridge", **ids)
            await self._context.emit(begun)
        end = await self._follow(self._session.resume(**ids))
        if isinstance(end, TurnFailed):
            raise RelayFailed(end.problem)
        if isinstance(end, TurnCancelled) and not self._stopped:
            await job.finish(Ending(State.FAILED, problem=bridge_problem("chat_cancelled")))
        elif isinstance(end, TurnCompleted):
            calls = [{"tool": tool, "outcome": outcome} for tool, outcome in self._attached.outcomes]
            outcome = {"status": "success", "answer": "\n\n".join(self._answers), "calls": calls}
            await job.finish(Ending(State.SUCCEEDED, json.dumps(outcome, ensure_ascii=False)))


MOST_CHATS: Final = 20
"""Chats in one conversation before a new one is begun: its history costs tokens."""


@dataclass(slots=True)
class WorkConversation:
    """A conversation lent to one request at a time; it has no id until its first chat."""

    conversation_id: str = ""
    chats: int = 0
    spoiled: bool = False
    """A chat in it did not end well; it may be occupied (4016), and is not used again."""


class WorkConversations:
    """Lends conversations; as many exist as requests have run at once."""

    def __init__(self) -> None:
        self._free: list[WorkConversation] = []

    @contextmanager
    def one(self) -> Iterator[WorkConversation]:
        """Lend a conversation for the length of the block."""
        conversation = self._free.pop() if self._free else WorkConversation()
        whole = False
        try:
            yield conversation
            whole = True
        finally:
            if whole and not conversation.spoiled and 0 < conversation.chats < MOST_CHATS:
                self._free.append(conversation)


async def close_abandoned_chat(
    queue: RequestQueue, context: RelayContext, request: BridgeRequest, chat: ChatRef
) -> None:
    """End a chat that is open though its request has ended: refuse every call that the Bot waits for.

    Failures are only logged: the conversation is not used again anyway.
    """
    refusing = RelayedCalls(
        request, context.runner, began=_nothing_begins, clock=context.clock, expired=lambda: True
    )
    try:
        session = context.session(await context.client(), refusing, chat.conversation_id)
        ids = {"chat_id": chat.chat_id, "conversation_id": chat.conversation_id}
        events = session.resume(turn_id=chat.turn_id, **ids)
        async with aclosing(events) as happening:
            async for event in happening:
                await context.emit(refusing.displayed(event))
                if isinstance(event, TurnEnded):
                    await queue.chat_ended(chat.turn_id)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        log.warning("chat %s was left as it is: %s", chat.chat_id, type(error).__name__)


async def _nothing_begins(call_id: str, used_by: str) -> None:
    raise LeaseLost(call_id)
