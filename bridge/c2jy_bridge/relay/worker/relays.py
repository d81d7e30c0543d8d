"""The three ways in which a request is carried out: through a Bot chat, in a chat that is there, directly."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol

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
from c2jy_bridge.relay.problems import ending_of, not_called, ours, say
from c2jy_bridge.relay.request import ChatRef, Ending, State
from c2jy_bridge.relay.worker import handle
from c2jy_bridge.relay.worker.calls import BridgeCalls, RelayedCalls, Runner, TakenUpCalls, wanted_call
from c2jy_bridge.relay.worker.conversations import WorkConversation
from c2jy_bridge.relay.worker.job import Job

REASKS: Final = 2
"""How often a Bot that did not call is asked again."""

Saw = Callable[[Event], Awaitable[None]]


class CarryFailed(Exception):
    """The Bot could not be asked, or the chat broke; `problem` says whether it may pass."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.kind)
        self.problem = problem


class Relay(Protocol):
    """Carries one request out."""

    async def carry(self) -> None:
        """Bring the request to its end, or return without one when it was stopped.

        Raises:
            CarryFailed: Something around the tool failed; another try may be worth it.
            LeaseLost: Somebody else has it.
        """

    async def stop(self) -> None:
        """Have `carry` come to an end soon."""


@dataclass(frozen=True, slots=True)
class RelayContext:
    """What requests are carried out with, the same for all."""

    client: Callable[[], Awaitable[CozeClient]]
    """The way to Coze; raises CozeProblem."""
    bot_id: str
    user_id: str
    runner: Runner
    saw: Saw
    """Awaited for every event before the work goes on."""
    clock: Callable[[], float]
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


class Direct:
    """Runs the tool without a Bot."""

    def __init__(self, job: Job, means: RelayContext) -> None:
        self._job, self._means = job, means
        self._call = wanted_call(job.request, means.new_id())

    async def carry(self) -> None:
        """See `Relay`."""
        await self._job.running(self._call.call_id)
        events = self._means.runner.run([self._call])
        async with aclosing(events) as happening:  # type: ignore[type-var]  # it is a generator
            async for event in happening:
                await self._means.saw(event)
                if isinstance(event, ToolCallFinished):
                    await self._job.finish(ending_of(event.tool, event.outcome, event.output, event.error))

    async def stop(self) -> None:
        """See `Relay`."""
        self._means.runner.cancel(self._call.call_id)


class _InChat:
    """What the two ways through a chat share: following its events to the end."""

    def __init__(self, job: Job, means: RelayContext, session: ChatSession, calls: BridgeCalls) -> None:
        self._job, self._means = job, means
        self._session, self._calls = session, calls
        self._words: list[str] = []
        self._stopped = False

    async def stop(self) -> None:
        """See `Relay`: a tool at work is stopped and the Bot told so; else the chat itself is."""
        self._stopped = True
        if not self._calls.cancel():
            await self._session.cancel()

    async def _follow(self, events: AsyncIterator[Event]) -> TurnEnded | None:
        end: TurnEnded | None = None
        async with aclosing(events) as happening:  # type: ignore[type-var]  # it is a generator
            async for event in happening:
                if isinstance(event, TurnStarted):
                    await self._began(ChatRef(event.turn_id, event.conversation_id, event.chat_id))
                await self._means.saw(self._calls.shown(event))
                if isinstance(event, AnswerCompleted):
                    self._words.append(event.text)
                elif isinstance(event, ToolCallFinished):
                    await self._tool_finished()
                elif isinstance(event, TurnEnded):
                    end = event
                    await self._job.chat_ended(event.turn_id)
        return end

    async def _began(self, chat: ChatRef) -> None:
        await self._job.in_chat(chat)

    async def _tool_finished(self) -> None:
        return


class ThroughBot(_InChat):
    """Gives the Bot a handle and waits for it to call; the request ends with the tool, the chat after it."""

    def __init__(
        self, job: Job, means: RelayContext, client: CozeClient, conversation: WorkConversation
    ) -> None:
        """`conversation` is free for this request until its chat has ended."""
        lease, left = job.lease, job.open_chat
        self._relayed = RelayedCalls(
            job.request,
            means.runner,
            began=job.running,
            clock=means.clock,
            handle_digest=lease.handle_digest,
            used_by=lease.handle_used_by,
        )
        self._conversation = WorkConversation(left.conversation_id) if left else conversation
        session = means.session(client, self._relayed, self._conversation.conversation_id)
        super().__init__(job, means, session, self._relayed)

    async def carry(self) -> None:
        """See `Relay`."""
        left = self._job.open_chat
        if left is not None:
            ids = {"chat_id": left.chat_id, "conversation_id": left.conversation_id}
            await self._chat(self._session.resume(turn_id=left.turn_id, **ids))
        for ask in range(1 + REASKS):
            if self._job.ended or self._stopped:
                return
            new = handle.mint(self._job.request.request_id)
            self._relayed.arm(handle.digest(new))
            await self._job.asking(handle.digest(new))
            words = say("ask.again" if ask else "ask.first", handle=new, execute=handle.BRIDGE_EXECUTE)
            self._words.clear()
            await self._chat(self._session.send(words, source="bridge"))
        if not (self._job.ended or self._stopped):
            said = not_called(self._job.request.tool, " ".join(self._words))
            await self._job.finish(Ending(State.FAILED, problem=said))

    async def _chat(self, events: AsyncIterator[Event]) -> None:
        end = await self._follow(events)
        if not isinstance(end, TurnCompleted):
            self._conversation.spoiled = True
        if isinstance(end, TurnFailed) and not self._job.ended:
            raise CarryFailed(end.problem)

    async def _began(self, chat: ChatRef) -> None:
        self._conversation.entered(chat.conversation_id)
        await super()._began(chat)

    async def _tool_finished(self) -> None:
        end = self._relayed.finished
        if end is not None and not self._job.ended:
            await self._job.finish(ending_of(end.tool, end.outcome, end.output, end.error))


class TakenUp(_InChat):
    """Takes up a chat that a workflow has begun: answers its Bot's calls until the chat has ended."""

    def __init__(self, job: Job, means: RelayContext, client: CozeClient) -> None:
        self._taken_up = TakenUpCalls(means.runner, began=job.running, intake=job.request.source)
        ids = json.loads(job.request.arguments)
        self._chat_id, self._conversation_id = str(ids["chat_id"]), str(ids["conversation_id"])
        session = means.session(client, self._taken_up, self._conversation_id)
        super().__init__(job, means, session, self._taken_up)

    async def carry(self) -> None:
        """See `Relay`."""
        job, left = self._job, self._job.open_chat
        turn_id = left.turn_id if left else self._means.new_id()
        ids = {"turn_id": turn_id, "conversation_id": self._conversation_id, "chat_id": self._chat_id}
        if left is None:
            await self._began(ChatRef(turn_id, self._conversation_id, self._chat_id))
            begun = TurnStarted(at=self._means.clock(), text=say("chat.taken_up"), source="bridge", **ids)
            await self._means.saw(begun)
        end = await self._follow(self._session.resume(**ids))
        if isinstance(end, TurnFailed):
            raise CarryFailed(end.problem)
        if isinstance(end, TurnCancelled) and not self._stopped:
            await job.finish(Ending(State.FAILED, problem=ours("chat_cancelled")))
        elif isinstance(end, TurnCompleted):
            calls = [{"tool": tool, "outcome": outcome} for tool, outcome in self._taken_up.outcomes]
            told = {"status": "success", "answer": "\n\n".join(self._words), "calls": calls}
            await job.finish(Ending(State.SUCCEEDED, json.dumps(told, ensure_ascii=False)))
