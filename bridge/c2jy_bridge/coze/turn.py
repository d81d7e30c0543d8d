"""State of a running turn, the dependencies that turns share, their interruption, and their tool calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from c2jy_bridge.core.events import Event, Outcome, Source, ToolCall, ToolCallFinished, ToolCallRequested
from c2jy_bridge.core.views import UploadedFile
from c2jy_bridge.coze.errors import error_output, say

if TYPE_CHECKING:
    from cozepy import Chat

    from c2jy_bridge.coze.client import CozeClient


Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")

_log = logging.getLogger(__name__)


class RunsTools(Protocol):
    """Runs the tools that the Bot calls."""

    def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[Event, None]:
        """Run a batch; yields exactly one ToolCallFinished per call."""


class CallKey(NamedTuple):
    """Identity of a tool call: the same id with different arguments is a different call."""

    tool_call_id: str
    tool: str
    arguments: str


@dataclass(slots=True)
class TurnState:
    """Mutable state of one turn."""

    turn_id: str
    text: str = ""
    source: Source = "chat"
    conversation_id: str = ""
    chat_id: str = ""
    """Empty until Coze confirmed the question."""
    files: Sequence[UploadedFile] = ()
    """Files that go with the question."""
    asked_at: float = 0.0
    """When the question was sent, in seconds of `uptime`."""
    asking: bool = False
    """The question was sent and is not confirmed yet."""
    cancel_wanted: bool = False
    """The user stopped the turn before the confirmation."""
    state: str = ""
    """State of the chat after the last stream or poll: `completed`, `failed`, `requires_action` ..."""
    chat: Chat | None = None
    logid: str = ""
    """Coze's log id of the last request."""
    completed: set[str] = field(default_factory=set)
    """Ids of the answer messages emitted in full."""
    follow_ups: set[str] = field(default_factory=set)
    reasoning: dict[str, list[str]] = field(default_factory=dict)
    """Reasoning deltas by message id, until the message is complete."""
    answered_any: bool = False
    answers: dict[CallKey, str] = field(default_factory=dict)
    """All outputs of this turn: a call that Coze repeats gets the same output and is not run again."""
    owed: Sequence[ToolCall] = ()
    """The batch that Coze waits for, until it accepted the outputs."""
    owed_replies: Sequence[str] = ()
    """tool_call_ids of that batch which only the user can answer."""
    begun: dict[str, tuple[ToolCall, float]] = field(default_factory=dict)
    """Unfinished calls by call_id, each with its start time."""

    def key(self, call: ToolCall) -> CallKey:
        """The identity of a call within this turn."""
        return CallKey(call.tool_call_id, call.tool, call.arguments)

    def outputs(self, default: str, reply: str) -> list[tuple[str, str]]:
        """The outputs to submit for the owed batch: one pair of tool_call_id and output per id.

        `default` is for a call without an output, `reply` for one that only the user can answer.
        """
        pairs: dict[str, str] = {}
        for call in self.owed:
            # Coze refuses duplicate ids; of two calls with one id the first is the one that ran.
            pairs.setdefault(call.tool_call_id, self.answers.get(self.key(call), default))
        for reply_id in self.owed_replies:
            pairs.setdefault(reply_id, reply)
        return list(pairs.items())


@dataclass(frozen=True, slots=True)
class TurnContext:
    """Dependencies shared by all turns of a session."""

    client: CozeClient
    bot_id: str
    user_id: str
    runner: RunsTools
    clock: Callable[[], float]
    new_id: Callable[[], str]
    sleep: Sleep
    keeps_owed: bool = False
    """Outputs that Coze does not take for a long time are not given up: the caller submits them later."""
    runs_elsewhere: Callable[[str], bool] = lambda chat_id: False
    """Whether another process runs the turn of a chat; may block on the disk."""


class TurnInterrupted(BaseException):
    """The user stopped the turn. Derives from BaseException, so that `except Exception` does not catch it."""


class Interrupt:
    """Interrupts what the turn is awaiting; like `asyncio.timeout`, but fired by hand.

    The turn marks each wait with `begin` and `end`; between them `fire` cancels the waiting task, and `end`
    replaces that cancellation by TurnInterrupted. Outside a wait the next `begin` raises.
    """

    def __init__(self) -> None:
        self.fired = False
        self._waiting: asyncio.Task[object] | None = None
        self._cancelled: asyncio.Task[object] | None = None
        self._before = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def fire(self) -> None:
        """Stop the turn now; idempotent."""
        if self.fired:
            return
        self.fired = True
        if self._waiting is not None:
            self._cancelled = self._waiting
            self._before = self._waiting.cancelling()
            self._waiting.cancel()

    def begin(self) -> None:
        """Mark the start of a wait; raises TurnInterrupted after `fire`."""
        if self.fired:
            raise TurnInterrupted
        # Runs for every event of a stream: passing the loop halves the cost (Python 3.11).
        self._loop = self._loop or asyncio.get_running_loop()
        self._waiting = asyncio.current_task(self._loop)

    def end(self) -> None:
        """Mark the end of a wait; raises TurnInterrupted when only `fire` cancelled it."""
        self._waiting = None
        if self._cancelled is None:
            return
        task, self._cancelled = self._cancelled, None
        # A cancellation from elsewhere besides ours remains a CancelledError.
        if task.uncancel() <= self._before:
            raise TurnInterrupted from None

    async def wait(self, start: Callable[[], Awaitable[T]]) -> T:
        """Start and await something as one wait; raises TurnInterrupted when fired before or during it."""
        self.begin()
        try:
            return await start()
        finally:
            self.end()


MOST_CALLS: Final = 64
"""Calls of one batch that are run. Models ask for a handful; a longer batch is a loop of the model, and each
call costs an approval, a receipt and a row on the screen."""


async def run_batch(
    runner: RunsTools, calls: Sequence[ToolCall], turn: TurnState, stop: Interrupt, clock: Callable[[], float]
) -> AsyncGenerator[Event, None]:
    """Run the calls and record their outputs in the turn; calls that the runner leaves open end in an error.

    Of more than MOST_CALLS the first are run. The others are answered with an error; of them only the first
    has events.

    Raises:
        TurnInterrupted: The user stopped the turn; the runner's generator is closed.
    """
    calls, surplus = calls[:MOST_CALLS], calls[MOST_CALLS:]
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
                # Every call must be answered: an unanswered one blocks the conversation.
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
        await run.aclose()
    for call in calls:
        if turn.key(call) not in turn.answers:
            turn.begun.setdefault(call.call_id, (call, clock()))
            turn.answers[turn.key(call)] = error_output("output.unanswered")
    for event in finish_open_calls(turn, clock(), Outcome.ERROR, "output.unanswered"):
        yield event
    if surplus:
        numbers = {"run": MOST_CALLS, "left": len(surplus)}
        _log.warning("chat %s: %d calls in one batch", turn.chat_id, MOST_CALLS + len(surplus))
        output = error_output("output.too_many", **numbers)
        turn.answers.update((turn.key(call), output) for call in surplus)
        first, at = surplus[0], clock()
        yield ToolCallRequested(at=at, call_id=first.call_id, call=first)
        turn.begun[first.call_id] = first, at
        for event in finish_open_calls(turn, at, Outcome.ERROR, "output.too_many", **numbers):
            yield event


def finish_open_calls(
    turn: TurnState, at: float, outcome: Outcome, key: str, **values: object
) -> Iterator[Event]:
    """Finish every unfinished call, with the text `key`."""
    for call_id, (call, since) in turn.begun.items():
        yield ToolCallFinished(
            at=at,
            call_id=call_id,
            tool=call.tool,
            outcome=outcome,
            output=error_output(key, **values),
            elapsed_s=max(0.0, at - since),
            error=say(key, **values),
        )
    turn.begun.clear()
