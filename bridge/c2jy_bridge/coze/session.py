"""A conversation with a Bot; each turn is an async stream of events, run by a TurnRunner.

A turn is a loop over streams: each is read to its end, then the chat's state decides what follows. After a
broken stream the state is looked up at Coze (`recovery`).
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.core.events import (
    AnswerCompleted,
    Event,
    Outcome,
    Problem,
    Source,
    StreamRecovered,
    ToolCall,
    TurnCancelled,
    TurnCompleted,
    TurnFailed,
)
from c2jy_bridge.core.ports import Busy
from c2jy_bridge.core.steady_clock import uptime
from c2jy_bridge.core.views import UploadedFile
from c2jy_bridge.coze import errors, recovery
from c2jy_bridge.coze.errors import error_output, local_problem, problem_of, say
from c2jy_bridge.coze.recovery import release
from c2jy_bridge.coze.stream_reader import StreamReader, owed_calls, recovered_messages, usage_of
from c2jy_bridge.coze.turn import (
    Interrupt,
    RunsTools,
    Sleep,
    TurnContext,
    TurnInterrupted,
    TurnState,
    finish_open_calls,
    run_batch,
)

if TYPE_CHECKING:
    from cozepy import Chat, ChatEvent

    from c2jy_bridge.coze.client import CozeClient


TRIES: Final = 4
"""How often a rate-limited question (4013) is sent, and refused outputs."""

_log = logging.getLogger(__name__)


OWED_TRIES: Final = 8
"""How often outputs are submitted in the turn itself when the caller keeps what is owed; about 95 s."""
LONGEST_PAUSE_S: Final = 30.0


class TurnRunner:
    """Runs one turn; `run` may be iterated once. `known_chats` are other turns' chats in the conversation."""

    def __init__(self, context: TurnContext, turn: TurnState, known_chats: Collection[str] = ()) -> None:
        self.turn = turn
        self.stop = Interrupt()
        self.running = False
        self.ended = False
        self.left = False
        """When its task is cancelled, its chat is not released: another process resumes it."""
        self._context = context
        self._client = context.client
        self._known_chats = known_chats
        self._reader = StreamReader(turn, self.stop, context.clock)
        self._wire: AsyncIterator[ChatEvent] | None = None
        self._to_run: Sequence[ToolCall] = ()
        self._tries = 0
        self._submits = 0

    async def run(self, resume: str = "") -> AsyncGenerator[Event, None]:
        """Every event of the turn; with a reason to `resume` the chat is continued."""
        turn, stop, context = self.turn, self.stop, self._context
        self.running = True
        try:
            if stop.fired:
                raise TurnInterrupted
            if resume:
                yield StreamRecovered(at=context.clock(), turn_id=turn.turn_id, reason=resume)
                async for event in self._recover(""):
                    yield event
                async for event in self._next():
                    yield event
            elif context.bot_id:
                self._ask()
            else:
                yield self._failed(local_problem("bot_missing", site=errors.site_of(self._client.host)))
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
            yield TurnCancelled(**self._end())
        except (asyncio.CancelledError, GeneratorExit):
            # The app quits, or the iteration was abandoned: the conversation must stay usable.
            await self._reader.close_stream()
            if not self.ended and not self.left:
                await release(self._client, turn)
            raise
        finally:
            self.running = False

    def _ask(self) -> None:
        turn, context = self.turn, self._context
        turn.asking = True
        turn.asked_at = uptime()
        ids = context.bot_id, context.user_id, turn.conversation_id
        self._wire = self._client.ask(*ids, turn.text, turn.files)

    def _submit(self) -> None:
        turn = self.turn
        self._submits += 1
        pairs = turn.outputs(error_output("output.unanswered"), error_output("output.reply"))
        self._wire = self._client.submit(turn.conversation_id, turn.chat_id, pairs)

    async def _next(self) -> AsyncIterator[Event]:
        """React to the state of the chat."""
        turn = self.turn
        state, chat = turn.state, turn.chat
        turn.state, turn.chat = "", None
        if chat is None:
            return
        if state == "completed":
            if not turn.answered_any:
                async for event in self._unstreamed_answer():
                    yield event
            yield TurnCompleted(**self._end(), usage=usage_of(chat))
        elif state == "canceled":
            yield TurnCancelled(**self._end())
        elif state == "requires_action":
            async for event in self._answer(chat):
                yield event
        else:
            error = chat.last_error
            logid = chat.response.logid or turn.logid
            yield self._failed(errors.refused(error.code if error else 0, error.msg if error else "", logid))

    async def _unstreamed_answer(self) -> AsyncIterator[Event]:
        """The messages of a completed chat whose stream had no answer; Coze's list may have one."""
        turn, replies = self.turn, partial(self._client.replies, self.turn.conversation_id, self.turn.chat_id)
        try:
            messages = await self.stop.wait(replies)
        except Exception as error:  # the turn has completed all the same
            _log.warning("the messages of chat %s: %s", turn.chat_id, type(error).__name__)
            return
        for event in recovered_messages(turn, messages, self._context.clock()):
            yield event

    async def _answer(self, chat: Chat) -> AsyncIterator[Event]:
        """The chat waits for tool outputs: run the calls without one, then submit all together."""
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
            # A question node of a workflow: the user's next message answers it, not a tool output.
            if not turn.answered_any:
                at, text = self._context.clock(), say("notice.asks_back")
                yield AnswerCompleted(at=at, turn_id=turn.turn_id, message_id="", text=text)
            yield TurnCompleted(**self._end(), usage=usage_of(chat))
        else:
            yield self._failed(local_problem("bad_answer", "empty_action"))

    async def _after_break(self, broken: Exception | None) -> AsyncIterator[Event]:
        """React to a stream that ended without a state of the chat."""
        code = errors.refusal_code(broken)
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
        """The question was sent and not confirmed. Asking is not idempotent: a chat may be running."""
        turn = self.turn
        if code in errors.RATE_LIMITED and self._tries + 1 < TRIES:
            await self._pause()
            self._ask()
        elif code == errors.CONVERSATION_BUSY and (found := await self._waiting_chat()):
            chat, question = found
            calls, replies = owed_calls(turn, chat)
            if calls:
                async for event in self._finish_earlier(chat.id, question):
                    yield event
                if not self.ended:
                    self._ask()
            else:
                pairs = [(reply_id, turn.text) for reply_id in replies]
                self._wire = self._client.submit(turn.conversation_id, chat.id, pairs)
        elif broken is None or errors.may_have_arrived(broken):
            chat_id = ""
            if turn.conversation_id:
                find = partial(recovery.find_chat, self._client, turn, self._known_chats, self._context.sleep)
                with suppress(Exception):  # any failure of the search means that the question is lost
                    chat_id = await self.stop.wait(find)
            if chat_id:
                yield self._reader.confirmed(chat_id, turn.conversation_id)
                async for event in self._recover(errors.recovery_reason(broken)):
                    yield event
            else:
                turn.asking = False
                if broken is None or code is None:
                    yield self._failed(local_problem("stream_dropped", "question_lost"))
                else:
                    yield self._failed(problem_of(broken, self._client.host))
        else:
            turn.asking = False
            yield self._failed(problem_of(broken, self._client.host))

    async def _waiting_chat(self) -> tuple[Chat, str] | None:
        # The previous chat may still wait: for its question node, whose output is the user's text, or for
        # tools whose outputs never reached Coze.
        if self._tries or not self.turn.conversation_id:
            return None
        self._tries += 1
        find = partial(recovery.waiting_chat, self._client, self.turn.conversation_id)
        with suppress(Exception):  # any failure of the search means that the conversation is busy
            found = await self.stop.wait(find)
            if found and not await asyncio.to_thread(self._context.runs_elsewhere, found[0].id):
                return found
        return None

    async def _finish_earlier(self, chat_id: str, text: str) -> AsyncIterator[Event]:
        """Bring a chat that waits for tools to its end, as a turn of its own: then a restart knows it too."""
        turn = TurnState(self._context.new_id(), text, self.turn.source, self.turn.conversation_id)
        runner = TurnRunner(self._context, turn)
        runner.stop = self.stop
        yield runner._reader.confirmed(chat_id, turn.conversation_id)
        end: Event | None = None
        async with aclosing(runner.run("owed")) as events:
            async for event in events:
                yield event
                end = event
        if self.stop.fired:
            raise TurnInterrupted
        if isinstance(end, TurnFailed):
            yield self._failed(end.problem)

    async def _unacknowledged(self, broken: Exception | None, code: int | None) -> AsyncIterator[Event]:
        """Outputs were sent and no stream followed: ask Coze whether it has them."""
        turn = self.turn
        async for event in self._recover("" if code is not None else errors.recovery_reason(broken)):
            yield event
        if turn.state == "requires_action":
            if broken is not None and self._context.keeps_owed and errors.is_transient(broken):
                if self._tries + 1 >= OWED_TRIES:
                    turn.state, turn.chat = "", None
                    yield self._failed(errors.outputs_owed(broken, self._client.host))
                else:
                    await self._pause()
            elif broken is not None and (self._tries + 1 >= TRIES or not errors.is_transient(broken)):
                turn.state, turn.chat = "", None
                turn.answers.clear()  # perhaps Coze refuses these
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
        except Exception as error:  # cozepy may raise any exception on an unexpected answer
            turn.state, turn.chat = "", None
            owed = context.keeps_owed and not turn.asking and errors.is_transient(error)
            yield self._failed((errors.outputs_owed if owed else problem_of)(error, self._client.host))

    async def _pause(self) -> None:
        await self.stop.wait(partial(self._context.sleep, min(2.0**self._tries, LONGEST_PAUSE_S)))
        self._tries += 1

    def _failed(self, problem: Problem) -> TurnFailed:
        return TurnFailed(**self._end(), problem=problem)

    def _end(self) -> dict[str, Any]:
        """End the turn; returns the fields of its last event."""
        self.ended, self.running = True, False
        turn = self.turn
        ids = {"turn_id": turn.turn_id, "conversation_id": turn.conversation_id, "chat_id": turn.chat_id}
        return {"at": self._context.clock(), **ids}


CONFIRM_S: Final = 1.5
"""Seconds that a cancel waits for the confirmation of the question, which has the id of the chat to stop."""


class ChatSession:
    """One conversation, one turn at a time; turns do not raise for errors of Coze or the network.

    An empty `bot_id` makes every turn fail with a hint; an empty `conversation_id` starts a conversation with
    the first turn. `clock` is Unix seconds, `sleep` waits between polls and between tries.

    With `keeps_owed` a turn whose outputs Coze does not take fails with the kind `owed` and its chat is left
    waiting: the caller resumes it later. `runs_elsewhere` says whether another process runs the turn of a
    chat; it may block on the disk.
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
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        sleep: Sleep = asyncio.sleep,
        keeps_owed: bool = False,
        runs_elsewhere: Callable[[str], bool] = lambda chat_id: False,
    ) -> None:
        self._context = TurnContext(
            client, bot_id, user_id, runner, clock, new_id, sleep, keeps_owed, runs_elsewhere
        )
        self._conversation_id = conversation_id
        self._chats: set[str] = set()
        self._current: TurnRunner | None = None

    @property
    def conversation_id(self) -> str:
        """The conversation's id at Coze; empty until the first turn is confirmed."""
        current = self._current.turn.conversation_id if self._current is not None else ""
        return current or self._conversation_id

    def send(
        self,
        text: str,
        *,
        turn_id: str | None = None,
        source: Source = "chat",
        files: Sequence[UploadedFile] = (),
    ) -> AsyncGenerator[Event, None]:
        """Ask the Bot; the question is sent when the iteration starts.

        Returns:
            The events of the turn, the last a TurnCompleted, TurnFailed or TurnCancelled. Closing the
            iterator or cancelling the task that reads it stops the chat at Coze, within about 2 s.

        Raises:
            Busy: A turn of this session still runs.
        """
        turn = TurnState(
            turn_id=turn_id or self._context.new_id(),
            text=text,
            source=source,
            files=files,
            conversation_id=self.conversation_id,
        )
        return self._begin(turn).run()

    def resume(
        self, *, turn_id: str, chat_id: str, conversation_id: str, reason: str = "restart"
    ) -> AsyncGenerator[Event, None]:
        """Continue a turn of an earlier process, or one that owes outputs; nothing is asked again.

        Returns:
            The events from here on, the first a StreamRecovered with the reason.

        Raises:
            Busy: A turn of this session still runs.
        """
        turn = TurnState(turn_id=turn_id, conversation_id=conversation_id, chat_id=chat_id)
        return self._begin(turn).run(reason)

    async def cancel(self) -> None:
        """Stop the running turn from another task; its iterator ends with TurnCancelled soon after."""
        current = self._current
        if current is None or current.ended:
            return
        if current.turn.asking:
            # Not confirmed yet: without the chat_id the chat would continue at Coze.
            current.turn.cancel_wanted = True
            asyncio.get_running_loop().call_later(CONFIRM_S, current.stop.fire)
        else:
            current.stop.fire()

    def leave(self) -> None:
        """Do not release the running turn's chat when its task is cancelled."""
        if self._current is not None:
            self._current.left = True

    def _begin(self, turn: TurnState) -> TurnRunner:
        before = self._current
        if before is not None and before.running:
            raise Busy("a turn of this conversation is still running")
        if before is not None and before.turn.chat_id:
            self._conversation_id = before.turn.conversation_id
            self._chats.add(before.turn.chat_id)
        self._current = TurnRunner(self._context, turn, frozenset(self._chats))
        return self._current
