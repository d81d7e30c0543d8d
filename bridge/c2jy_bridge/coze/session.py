"""A conversation with a Bot; each turn is an async stream of events, run by a TurnRunner.

A turn is a loop over streams: each is read to its end, then the state of the chat says what is next.
What breaks is looked up at Coze (`recovery`), which leads to the same states as a stream would.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypedDict

from c2jy_bridge.core.events import (
    AnswerCompleted,
    Event,
    Outcome,
    Problem,
    Source,
    StreamRecovered,
    ToolCall,
    ToolCallFinished,
    ToolCallRequested,
    TurnCancelled,
    TurnCompleted,
    TurnFailed,
)
from c2jy_bridge.core.ports import Busy
from c2jy_bridge.coze import errors, recovery
from c2jy_bridge.coze.errors import error_output, local_problem, problem_of, say
from c2jy_bridge.coze.recovery import release
from c2jy_bridge.coze.stream_reader import StreamReader, owed_calls, usage_of
from c2jy_bridge.coze.turn import Interrupt, RunsTools, Sleep, TurnContext, TurnInterrupted, TurnState

if TYPE_CHECKING:
    from cozepy import Chat, ChatEvent

    from c2jy_bridge.coze.client import CozeClient


TRIES: Final = 4
"""How often a question that Coze clearly refused (4013) is sent, and outputs that it did not take."""


class _EndFields(TypedDict):
    at: float
    turn_id: str
    conversation_id: str
    chat_id: str


class TurnRunner:
    """Runs one turn; `run` may be iterated once.

    Args:
        context: Dependencies shared by the session's turns.
        turn: Its state, updated while it runs.
        known_chats: Chats of this conversation that are not this turn's.
    """

    def __init__(self, context: TurnContext, turn: TurnState, known_chats: Collection[str] = ()) -> None:
        self.turn = turn
        self.stop = Interrupt()
        self.running = False
        """It was begun and has not ended."""
        self.ended = False
        self._context = context
        self._client = context.client
        self._known_chats = known_chats
        self._reader = StreamReader(turn, self.stop, context.clock)
        self._wire: AsyncIterator[ChatEvent] | None = None
        self._to_run: Sequence[ToolCall] = ()
        self._tries = 0
        self._submits = 0

    async def run(self, restart: bool = False) -> AsyncIterator[Event]:
        """Every event of the turn, the last one TurnCompleted, TurnFailed or TurnCancelled.

        Args:
            restart: The question was asked by an earlier process; take up its chat by the ids.
        """
        turn, stop, context = self.turn, self.stop, self._context
        self.running = True
        try:
            if stop.fired:
                raise TurnInterrupted
            if restart:
                yield StreamRecovered(at=context.clock(), turn_id=turn.turn_id, reason="restart")
                async for event in self._recover(""):
                    yield event
                async for event in self._next():
                    yield event
            elif context.bot_id:
                self._ask()
            else:
                yield self._failed(errors.bot_missing(self._client.host))
            while not self.ended:
                if self._to_run:
                    batch = run_batch(context.runner, self._to_run, turn, stop, context.clock)
                    async with aclosing(batch) as events:
                        async for event in events:
                            yield event
                    self._to_run = ()
                    self._submit()
                if self._wire is not None:
                    async with aclosing(self._reader.read(self._wire)) as events:
                        async for event in events:
                            yield event
                    self._wire = None
                    if self._reader.opened:
                        self._tries = 0
                if not turn.state:
                    async for event in self._after_break(self._reader.broken):
                        yield event
                async for event in self._next():
                    yield event
        except TurnInterrupted:
            await self._reader.close_stream()
            for event in finish_open_calls(turn, context.clock(), Outcome.CANCELLED, "output.cancelled"):
                yield event
            await release(self._client, turn, self._known_chats)
            yield self._cancelled()
        except (asyncio.CancelledError, GeneratorExit):
            # The app quits, or nobody listens any more: leave the conversation usable, then go.
            await self._reader.close_stream()
            if not self.ended:
                await release(self._client, turn)
            raise
        finally:
            self.running = False

    def _ask(self) -> None:
        turn, context = self.turn, self._context
        turn.asking = True
        turn.asked_at = context.clock()
        self._wire = self._client.ask(context.bot_id, context.user_id, turn.conversation_id, turn.text)

    def _submit(self) -> None:
        turn = self.turn
        self._submits += 1
        pairs = turn.outputs(error_output("output.unanswered"), error_output("output.reply"))
        self._wire = self._client.submit(turn.conversation_id, turn.chat_id, pairs)

    # --- what the state of the chat asks for -----------------------------------------------------------

    async def _next(self) -> AsyncIterator[Event]:
        turn = self.turn
        state, chat = turn.state, turn.chat
        turn.state, turn.chat = "", None
        if chat is None:
            return
        if state == "completed":
            yield self._completed(chat)
        elif state == "canceled":
            yield self._cancelled()
        elif state == "requires_action":
            async for event in self._answer(chat):
                yield event
        else:
            fault = chat.last_error
            logid = chat.response.logid or turn.logid
            yield self._failed(errors.refused(fault.code if fault else 0, fault.msg if fault else "", logid))

    async def _answer(self, chat: Chat) -> AsyncIterator[Event]:
        """The chat waits for tool outputs: run what has none yet, then submit all of them together."""
        turn = self.turn
        calls, replies = owed_calls(turn, chat)
        if turn.owed and not {c.tool_call_id for c in turn.owed} & {c.tool_call_id for c in calls}:
            yield self._reader.outputs_taken()
        if calls:
            turn.owed, turn.owed_replies = calls, replies
            self._to_run = [call for call in calls if turn.key(call) not in turn.answers]
            if self._to_run:
                self._submits = 0
            elif self._submits >= TRIES:
                await release(self._client, turn)
                yield self._failed(local_problem("bad_answer", host=self._client.host))
            else:
                self._submit()
        elif replies:
            # A question node of a workflow: its answer is the user's next message, not a tool output.
            if not turn.answered_any:
                yield AnswerCompleted(
                    at=self._context.clock(),
                    turn_id=turn.turn_id,
                    message_id="",
                    text=say("notice.asks_back"),
                )
            yield self._completed(chat)
        else:
            yield self._failed(local_problem("bad_answer", "empty_action"))

    # --- what a break asks for -------------------------------------------------------------------------

    async def _after_break(self, broken: Exception | None) -> AsyncIterator[Event]:
        """A stream ended and did not say what the chat came to."""
        code = errors.refusal_code(broken) if broken is not None else None
        if self.turn.asking:
            async for event in self._unconfirmed(broken, code):
                yield event
        elif self.turn.owed:
            async for event in self._unacknowledged(broken, code):
                yield event
        elif broken is not None and code is not None:
            await release(self._client, self.turn)
            yield self._failed(problem_of(broken, self._client.host))
        else:
            async for event in self._recover(errors.recovery_reason(broken)):
                yield event

    async def _unconfirmed(self, broken: Exception | None, code: int | None) -> AsyncIterator[Event]:
        """The question went out and no chat came back. Asking is not idempotent: a chat may run unseen."""
        turn = self.turn
        if code in errors.RATE_LIMITED and self._tries + 1 < TRIES:
            await self._pause()
            self._ask()
        elif code == errors.CONVERSATION_BUSY and (asked := await self._pending_question()):
            chat_id, replies = asked
            pairs = [(reply_id, turn.text) for reply_id in replies]
            self._wire = self._client.submit(turn.conversation_id, chat_id, pairs)
        elif broken is None or (errors.is_network(broken) and not errors.was_never_sent(broken)):
            async for event in self._find(broken):
                yield event
        else:
            turn.asking = False
            yield self._failed(problem_of(broken, self._client.host))

    async def _pending_question(self) -> tuple[str, Sequence[str]] | None:
        # Perhaps the chat before still waits for its question node: then the user's text is its output.
        if self._tries or not self.turn.conversation_id:
            return None
        self._tries += 1
        with suppress(Exception):  # whatever hinders the search, the conversation is busy
            return await self.stop.wait(
                partial(recovery.open_question, self._client, self.turn.conversation_id)
            )
        return None

    async def _find(self, broken: Exception | None) -> AsyncIterator[Event]:
        turn, chat_id = self.turn, ""
        if turn.conversation_id:
            with suppress(Exception):  # whatever hinders the search, the question is as good as lost
                chat_id = await self.stop.wait(
                    partial(recovery.find_chat, self._client, turn, self._known_chats, self._context.sleep)
                )
        if chat_id:
            yield self._reader.confirmed(chat_id, turn.conversation_id)
            async for event in self._recover(errors.recovery_reason(broken)):
                yield event
        else:
            turn.asking = False
            yield self._failed(local_problem("stream_dropped", "question_lost"))

    async def _unacknowledged(self, broken: Exception | None, code: int | None) -> AsyncIterator[Event]:
        """Outputs went out and no stream came back. Taken or not? Only Coze knows."""
        turn = self.turn
        async for event in self._recover("" if code is not None else errors.recovery_reason(broken)):
            yield event
        if turn.state == "requires_action":
            if broken is not None and (self._tries + 1 >= TRIES or not errors.is_transient(broken)):
                turn.state, turn.chat = "", None
                turn.answers.clear()  # perhaps it is these that Coze does not take
                await release(self._client, turn)
                yield self._failed(errors.outputs_refused(broken, self._client.host))
            else:
                await self._pause()
        elif turn.state:
            yield self._reader.outputs_taken()

    async def _recover(self, reason: str) -> AsyncIterator[Event]:
        context, turn = self._context, self.turn
        found = recovery.recover(self._client, turn, self.stop, context.clock, context.sleep, reason)
        try:
            async for event in found:
                yield event
        except Exception as error:  # cozepy raises anything at all on a strange answer
            turn.state, turn.chat = "", None
            yield self._failed(problem_of(error, self._client.host))

    async def _pause(self) -> None:
        await self.stop.wait(partial(self._context.sleep, 2.0**self._tries))
        self._tries += 1

    # --- the three ends --------------------------------------------------------------------------------

    def _completed(self, chat: Chat) -> TurnCompleted:
        self.ended, self.running = True, False
        return TurnCompleted(**self._end(), usage=usage_of(chat))

    def _failed(self, problem: Problem) -> TurnFailed:
        self.ended, self.running = True, False
        return TurnFailed(**self._end(), problem=problem)

    def _cancelled(self) -> TurnCancelled:
        self.ended, self.running = True, False
        return TurnCancelled(**self._end())

    def _end(self) -> _EndFields:
        turn = self.turn
        return {
            "at": self._context.clock(),
            "turn_id": turn.turn_id,
            "conversation_id": turn.conversation_id,
            "chat_id": turn.chat_id,
        }


_log = logging.getLogger(__name__)


async def run_batch(
    runner: RunsTools, calls: Sequence[ToolCall], turn: TurnState, stop: Interrupt, clock: Callable[[], float]
) -> AsyncGenerator[Event, None]:
    """Run the calls and note their outputs in the turn; what the runner leaves open ends in an error.

    Raises:
        TurnInterrupted: The user stopped the turn. The runner's generator is closed by then.
    """
    by_id = {call.call_id: call for call in calls}
    run = runner.run(calls)
    try:
        while True:
            stop.begin()
            try:
                event = await run.__anext__()
            except StopAsyncIteration:
                break
            except Exception:
                # Every call is answered, whatever happens: an unanswered one strands the conversation.
                _log.exception("the tool runner failed")
                break
            finally:
                stop.end()
            if isinstance(event, ToolCallRequested):
                turn.begun[event.call_id] = (event.call, event.at)
            elif isinstance(event, ToolCallFinished) and (call := by_id.get(event.call_id)):
                turn.begun.pop(event.call_id, None)
                turn.answers[turn.key(call)] = event.output
            yield event
    finally:
        if isinstance(run, AsyncGenerator):
            await run.aclose()
    for call in calls:
        if turn.key(call) not in turn.answers:
            turn.begun.setdefault(call.call_id, (call, clock()))
            turn.answers[turn.key(call)] = error_output("output.unanswered")
    for event in finish_open_calls(turn, clock(), Outcome.ERROR, "output.unanswered"):
        yield event


def finish_open_calls(turn: TurnState, at: float, outcome: Outcome, key: str) -> Iterator[Event]:
    """Finish every call that was announced and has not ended, with the text under `key`."""
    for call_id, (call, since) in turn.begun.items():
        yield ToolCallFinished(
            at=at,
            call_id=call_id,
            tool=call.tool,
            outcome=outcome,
            output=error_output(key),
            elapsed_s=max(0.0, at - since),
            error=say(key),
        )
    turn.begun.clear()


CONFIRM_S: Final = 1.5
"""Seconds that a cancel waits for Coze to confirm the question: only then is there a chat to stop."""


def _new_id() -> str:
    return uuid.uuid4().hex


class ChatSession:
    """One conversation. One turn at a time; a turn never raises for what Coze or the network does.

    Args:
        client: The way to Coze, shared by sessions.
        bot_id: The Bot; empty makes every turn fail with a hint.
        user_id: The user's id at Coze.
        runner: Runs the tools that the Bot calls.
        conversation_id: A conversation to go on with; empty begins one with the first turn.
        clock: Unix seconds for the events.
        new_id: Makes turn ids.
        sleep: Waits between two looks at a chat and two tries.
    """

    def __init__(
        self,
        client: CozeClient,
        *,
        bot_id: str,
        user_id: str,
        runner: RunsTools,
        conversation_id: str = "",
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = _new_id,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._context = TurnContext(client, bot_id, user_id, runner, clock, new_id, sleep)
        self._conversation_id = conversation_id
        self._chats: set[str] = set()
        self._current: TurnRunner | None = None

    @property
    def conversation_id(self) -> str:
        """The conversation's id at Coze; empty until the first turn was confirmed."""
        if self._current is not None:
            return self._current.turn.conversation_id or self._conversation_id
        return self._conversation_id

    def send(self, text: str, *, turn_id: str | None = None, source: Source = "chat") -> AsyncIterator[Event]:
        """Ask the Bot; the question is sent when the iteration starts.

        Args:
            text: The user's question.
            turn_id: The id that every event of the turn carries; a new one by default.
            source: Who the tool calls of this turn are for.

        Returns:
            The events of the turn. The last one is a TurnCompleted, TurnFailed or TurnCancelled. Closing the
            iterator or cancelling the task that reads it stops the chat at Coze, in at most 2 s or so.

        Raises:
            Busy: A turn of this session still runs.
        """
        turn = TurnState(
            turn_id=turn_id or self._context.new_id(),
            text=text,
            source=source,
            conversation_id=self.conversation_id,
        )
        return self._begin(turn).run()

    def resume(self, *, turn_id: str, chat_id: str, conversation_id: str) -> AsyncIterator[Event]:
        """Take up a turn that an earlier process began: nothing is asked again, owed outputs are submitted.

        Returns:
            The events from here on. The first is StreamRecovered with the reason `restart`, the last the end.

        Raises:
            Busy: A turn of this session still runs.
        """
        turn = TurnState(turn_id=turn_id, conversation_id=conversation_id, chat_id=chat_id)
        return self._begin(turn).run(restart=True)

    async def cancel(self) -> None:
        """Stop the running turn from another task; its iterator ends with TurnCancelled soon after."""
        current = self._current
        if current is None or current.ended:
            return
        if current.turn.asking:
            # The question is on its way: without its chat_id the chat would go on unseen at Coze.
            current.turn.cancel_wanted = True
            asyncio.get_running_loop().call_later(CONFIRM_S, current.stop.fire)
        else:
            current.stop.fire()

    def _begin(self, turn: TurnState) -> TurnRunner:
        before = self._current
        if before is not None and before.running:
            raise Busy("a turn of this conversation is still running")
        if before is not None and before.turn.chat_id:
            self._conversation_id = before.turn.conversation_id
            self._chats.add(before.turn.chat_id)
        self._current = TurnRunner(self._context, turn, frozenset(self._chats))
        return self._current
