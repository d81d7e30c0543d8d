"""State of a running turn, the dependencies that turns share, and the way to interrupt one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from c2jy_bridge.core.events import Event, Source, ToolCall

if TYPE_CHECKING:
    from cozepy import Chat

    from c2jy_bridge.coze.client import CozeClient


Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")


class RunsTools(Protocol):
    """Runs the tools that the Bot calls."""

    def run(self, calls: Sequence[ToolCall]) -> AsyncIterator[Event]:
        """Run a batch; exactly one ToolCallFinished comes for every call."""


class CallKey(NamedTuple):
    """Identity of a tool call: the same id with other arguments is another call."""

    tool_call_id: str
    tool: str
    arguments: str


@dataclass(slots=True)
class TurnState:
    """Mutable state of one turn, from its question to its end."""

    turn_id: str
    text: str = ""
    source: Source = "chat"
    conversation_id: str = ""
    chat_id: str = ""
    """Empty until Coze confirmed the question."""
    asked_at: float = 0.0
    asking: bool = False
    """The question is on its way and not confirmed."""
    cancel_wanted: bool = False
    """The user stopped it before the question was confirmed."""
    state: str = ""
    """What the chat came to in the last stream or look: `completed`, `failed`, `requires_action` ..."""
    chat: Chat | None = None
    """The chat in that state."""
    logid: str = ""
    """Coze's name for the last request in its logs."""
    completed: set[str] = field(default_factory=set)
    """Ids of answer messages already emitted in full."""
    follow_ups: set[str] = field(default_factory=set)
    reasoning: dict[str, list[str]] = field(default_factory=dict)
    """Pieces of reasoning by message id, until the message is whole."""
    answered_any: bool = False
    """The Bot said something in this turn."""
    answers: dict[CallKey, str] = field(default_factory=dict)
    """Every output of this turn: a call that Coze asks for again gets the same one, and is not run again."""
    owed: Sequence[ToolCall] = ()
    """The batch that Coze waits for, until it took the outputs."""
    owed_replies: Sequence[str] = ()
    """tool_call_ids in that batch which only the user can answer."""
    begun: dict[str, tuple[ToolCall, float]] = field(default_factory=dict)
    """Calls that were announced and have not finished, by call_id, with the time of it."""

    def key(self, call: ToolCall) -> CallKey:
        """What identifies a call in this turn."""
        return CallKey(call.tool_call_id, call.tool, call.arguments)

    def outputs(self, otherwise: str, reply: str) -> list[tuple[str, str]]:
        """What is submitted for the owed batch: one pair of tool_call_id and output per id.

        Args:
            otherwise: The output of a call that has none.
            reply: The output for a call that only the user can answer.
        """
        pairs: dict[str, str] = {}
        for call in self.owed:
            # Coze refuses an id that comes twice; of two calls under one id the first is the one that ran.
            pairs.setdefault(call.tool_call_id, self.answers.get(self.key(call), otherwise))
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


class TurnInterrupted(BaseException):
    """The user stopped the turn. Derives from BaseException, so that `except Exception` does not catch it."""


class Interrupt:
    """Interrupts whatever the turn is awaiting; like `asyncio.timeout`, but fired by hand.

    The turn marks each wait with `begin` and `end`; between them `fire` cancels the waiting task and `end`
    takes that cancellation back and raises TurnInterrupted instead. Outside a wait the next `begin` raises.
    """

    def __init__(self) -> None:
        self.fired = False
        self._waiting: asyncio.Task[object] | None = None
        self._cancelled: asyncio.Task[object] | None = None
        self._before = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def fire(self) -> None:
        """Stop the turn now; more than once is as once."""
        if self.fired:
            return
        self.fired = True
        if self._waiting is not None:
            self._cancelled = self._waiting
            self._before = self._waiting.cancelling()
            self._waiting.cancel()

    def begin(self) -> None:
        """A wait starts.

        Raises:
            TurnInterrupted: It must not, because `fire` was called.
        """
        if self.fired:
            raise TurnInterrupted
        # Marked for every event of a stream: a known loop halves the cost of asking (Python 3.11).
        self._loop = self._loop or asyncio.get_running_loop()
        self._waiting = asyncio.current_task(self._loop)

    def end(self) -> None:
        """The wait is over, by whatever way.

        Raises:
            TurnInterrupted: `fire` broke it, and nobody else cancelled the task meanwhile.
        """
        self._waiting = None
        if self._cancelled is None:
            return
        task, self._cancelled = self._cancelled, None
        # Somebody else's cancellation on top of ours goes on as a CancelledError.
        if task.uncancel() <= self._before:
            raise TurnInterrupted from None

    async def wait(self, start: Callable[[], Awaitable[T]]) -> T:
        """Start something and await it as one wait.

        Raises:
            TurnInterrupted: `fire` was called before, so that nothing was started, or during it.
        """
        self.begin()
        try:
            return await start()
        finally:
            self.end()
