"""What a conversation is made of, as the transcript keeps it; nothing here is about drawing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from c2jy_bridge.core.events import Outcome, Problem, ToolCallProgress


@dataclass(slots=True, kw_only=True, eq=False)
class Entry:
    """One thing in the conversation; `at` is Unix seconds."""

    at: float
    turn_id: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Question(Entry):
    """What the maker asked."""

    text: str
    accepted: bool = False
    """Coze has it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Thinking(Entry):
    """The reasoning before one answer; the text is kept in pieces, as it came."""

    parts: list[str] = field(default_factory=list)
    ended_at: float | None = None
    timed: bool = True
    """False for one from the journal whose beginning or end nobody saw."""


@dataclass(slots=True, kw_only=True, eq=False)
class Answer(Entry):
    """One answer message, in pieces as it came."""

    message_id: str
    parts: list[str] = field(default_factory=list)
    complete: bool = False
    replaced: int = 0
    """How often the whole text was set anew instead of growing."""

    @property
    def text(self) -> str:
        """All of it so far."""
        if len(self.parts) > 1:
            self.parts[:] = ["".join(self.parts)]
        return self.parts[0] if self.parts else ""


@dataclass(slots=True, kw_only=True, eq=False)
class Call(Entry):
    """One tool call as a single line."""

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
    """A draft folder that appeared."""

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
    """A remark of the app's own: a key of its words."""

    key: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Failure(Entry):
    """An error for a person to read."""

    problem: Problem
    link: str = ""
    """A page at Coze that shows more."""


RunState = Literal["running", "asking", "left", "done", "failed", "stopped", "dropped"]
"""left: by an earlier process, waiting for an answer."""


@dataclass(slots=True, kw_only=True, eq=False)
class Run(Entry):
    """A run of a cloud workflow; what it says and the tools it uses are entries of their own."""

    run_id: str
    workflow_id: str
    state: RunState = "running"
    question: str = ""
    """What it waits to be told."""
    output: str = ""
    debug_url: str = ""
    ended_at: float | None = None

    @property
    def open(self) -> bool:
        """It has not ended."""
        return self.state in ("running", "asking", "left")

    @property
    def failed(self) -> bool:
        """It came to an end that nobody wanted."""
        return self.state == "failed"


AnyEntry: TypeAlias = Question | Thinking | Answer | Call | Draft | FollowUps | Notice | Failure | Run
