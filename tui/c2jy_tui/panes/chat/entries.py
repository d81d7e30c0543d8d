"""The entries of a conversation as the transcript keeps them; nothing here is about drawing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from c2jy_bridge.core.events import Outcome, Problem, ToolCallProgress


@dataclass(slots=True, kw_only=True, eq=False)
class Entry:
    """One item of the conversation; `at` is Unix seconds."""

    at: float
    turn_id: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Question(Entry):
    """A question of the user."""

    text: str
    accepted: bool = False
    """Coze has accepted it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Thinking(Entry):
    """The reasoning before one answer; the text is kept in the pieces in which it arrived."""

    parts: list[str] = field(default_factory=list)
    ended_at: float | None = None
    timed: bool = True
    """False for one from the journal whose duration is unknown."""


@dataclass(slots=True, kw_only=True, eq=False)
class Answer(Entry):
    """One answer message, in the pieces in which it arrived."""

    message_id: str
    parts: list[str] = field(default_factory=list)
    complete: bool = False
    replaced: int = 0
    """How often the whole text was replaced instead of growing."""

    @property
    def text(self) -> str:
        """The text so far."""
        if len(self.parts) > 1:
            self.parts[:] = ["".join(self.parts)]
        return self.parts[0] if self.parts else ""


@dataclass(slots=True, kw_only=True, eq=False)
class Call(Entry):
    """A tool call."""

    call_id: str
    tool: str
    awaiting: bool = False
    started_at: float | None = None
    progress: ToolCallProgress | None = None
    outcome: Outcome | None = None
    elapsed_s: float | None = None
    error: str = ""
    replayed: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Draft(Entry):
    """A draft that was written."""

    name: str
    path: str
    duration_us: int
    issues: int


@dataclass(slots=True, kw_only=True, eq=False)
class FollowUps(Entry):
    """Questions that the Bot proposes."""

    texts: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class Notice(Entry):
    """A remark of the app itself, as a catalogue key."""

    key: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Failure(Entry):
    """An error shown to the user."""

    problem: Problem
    link: str = ""
    """Address of a page at Coze with details."""


RunState = Literal["running", "asking", "left", "done", "failed", "stopped", "dropped"]
"""`left`: an earlier process left it waiting for an answer."""


@dataclass(slots=True, kw_only=True, eq=False)
class Run(Entry):
    """A run of a cloud workflow; its messages and tool calls are entries of their own."""

    run_id: str
    workflow_id: str
    state: RunState = "running"
    question: str = ""
    """The question it waits to have answered."""
    output: str = ""
    debug_url: str = ""
    ended_at: float | None = None
    recorded_until: float = 0.0
    """Time of its last event in the journal when it was loaded from there."""

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("running", "asking", "left")

    @property
    def failed(self) -> bool:
        """Whether it ended with an error."""
        return self.state == "failed"


AnyEntry: TypeAlias = Question | Thinking | Answer | Call | Draft | FollowUps | Notice | Failure | Run
