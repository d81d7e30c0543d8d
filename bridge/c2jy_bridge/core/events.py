"""Events as frozen dataclasses: everything that the engine reports to a UI.

Strings in an event are unfiltered; a UI passes them through `safety.visible`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal


class Outcome(StrEnum):
    """How a tool call ended."""

    OK = "ok"
    ERROR = "error"
    DENIED = "denied"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class Decision(StrEnum):
    """The user's answer to a request for approval."""

    ONCE = "once"
    ALWAYS = "always"
    """Also for later calls of the tool within `ToolCallAwaitingApproval.scope`."""
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class RunWith:
    """The user's answer to a request for approval: once, with other arguments."""

    arguments: str
    """A JSON object."""


ApprovalAnswer = Decision | RunWith


Source = Literal["chat", "bridge", "user", "mcp"]
"""Origin of a tool call: the Bot in a chat, a bridge request, the user at the keyboard (run again), or an
agent that speaks MCP."""

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that a chat in `requires_action` waits for.

    `call_id` is ours and unique in the journal; `tool_call_id` is Coze's and must be echoed on submit.
    """

    call_id: str
    tool: str
    arguments: str
    """JSON text exactly as the model wrote it; may be malformed."""
    chat_id: str = ""
    conversation_id: str = ""
    tool_call_id: str = ""
    turn_id: str = ""
    source: Source = "chat"


@dataclass(frozen=True, slots=True)
class Issue:
    """A request of an input that was not done exactly, or not at all.

    `code` is stable and names the message in the catalogue; `path` is a JSON path into the input
    (`tracks[0].clips[2].filter`) or a file.
    """

    code: str
    path: str
    severity: Severity
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error for the user: what happened, where, what to do.

    `code` is Coze's body code (4000, 4013 ...), or 0 for our own errors, which `kind` names ("network" ...).
    """

    kind: str
    message: str
    hint: str = ""
    code: int = 0
    logid: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one turn, as Coze counts them."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events; `at` is Unix seconds."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEvent(Event):
    """Base of the events of a turn: a question of the user and all that follows from it."""

    turn_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted(TurnEvent):
    """Coze accepted the question; from now on the turn can be recovered by its ids."""

    conversation_id: str
    chat_id: str
    text: str
    source: Source = "chat"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta(TurnEvent):
    """The next piece of a thinking model's reasoning."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDelta(TurnEvent):
    """The next piece of the answer."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCompleted(TurnEvent):
    """One answer message is complete; `text` replaces the deltas."""

    message_id: str
    text: str
    reasoning: str = ""
    content_type: str = "text"
    """Coze's: `text`, `object_string` or `card`."""
    content: str = ""
    """The JSON of an `object_string` or a `card`, from which `text` was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpSuggested(TurnEvent):
    """A question that the Bot proposes as the next one."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutputsSubmitted(TurnEvent):
    """Coze accepted the outputs of a batch of calls."""

    chat_id: str
    call_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecovered(TurnEvent):
    """The stream broke and the turn continues from Coze's state; nothing was asked or run twice."""

    reason: str
    """`dropped`, `no_done`, `stalled` or `restart`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded(TurnEvent):
    """Base of the three ways a turn ends."""

    conversation_id: str = ""
    chat_id: str = ""
    question: str = ""
    """What was asked, when Coze never confirmed it; empty after a TurnStarted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCompleted(TurnEnded):
    """The Bot finished."""

    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFailed(TurnEnded):
    """The turn ended in an error."""

    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCancelled(TurnEnded):
    """The user stopped it; the text so far remains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallEvent(Event):
    """Base of the events of a tool call."""

    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallRequested(ToolCallEvent):
    """A tool call arrived; nothing was checked yet."""

    call: ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallAwaitingApproval(ToolCallEvent):
    """The policy says ask, or the user holds calls. Answer with `Engine.decide(call_id, answer)`."""

    tool: str
    arguments: dict[str, Any]
    """The validated arguments that the tool would get."""
    reason: str
    source: Source = "chat"
    deadline_s: float | None = None
    """Seconds until silence counts as deny; None waits."""
    scope: str = ""
    """Where an "always" is valid until the app ends: a conversation's id, or `bridge/<intake>`."""
    turn_id: str = ""
    """The turn whose call it is; empty outside of chats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallStarted(ToolCallEvent):
    """The tool starts, and its deadline."""

    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallProgress(ToolCallEvent):
    """Progress of a long call."""

    message: str
    done: int = 0
    total: int | None = None
    """None while unknown."""
    unit: Literal["bytes", "items"] = "items"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallFinished(ToolCallEvent):
    """A tool call ended; its receipt is on disk before this event is emitted."""

    tool: str
    outcome: Outcome
    output: str
    """The JSON submitted to Coze, already truncated."""
    elapsed_s: float
    error: str = ""
    """A sentence when the outcome is not ok."""
    replayed: bool = False
    """The output comes from an earlier receipt; the tool did not run again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftWritten(Event):
    """A draft folder of ours appeared in the drafts folder, verified."""

    draft_id: str
    name: str
    path: str
    duration_us: int
    issues: tuple[Issue, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChanged(Event):
    """Drafts in the drafts folder were added, changed or removed."""

    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeStarted(Event):
    """Bridge mode is on."""

    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeStopped(Event):
    """Bridge mode is off."""

    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRequestChanged(Event):
    """The state of a bridge request changed; `problem` is why it failed, or what went wrong last."""

    request_id: str
    state: str
    tool: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeIntakeChanged(Event):
    """An intake failed or refused a message (`problem`), or works again."""

    intake: str
    address: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowEvent(Event):
    """Base of the events of a cloud workflow's run."""

    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStarted(WorkflowEvent):
    """The run was requested, or resumed after a restart."""

    workflow_id: str
    conversation_id: str = ""
    """The conversation that was open; empty when none was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSaid(WorkflowEvent):
    """A node's message."""

    node: str
    text: str
    complete: bool = True
    """False when the run broke or ended in the middle of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowAsked(WorkflowEvent):
    """The run waits for the user's answer."""

    text: str
    fields: tuple[str, ...] = ()
    """Names of an input node's fields; the answer is then a JSON object of them, else any text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowAnswered(WorkflowEvent):
    """The user answered its question."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowEnded(WorkflowEvent):
    """The run ended, with a `problem` if it failed."""

    output: str = ""
    debug_url: str = ""
    """Coze's page about this run, if known."""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChanged(Event):
    """`Engine.connection` changed: the Bot's name, or why it cannot be reached."""

    bot_name: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStopped(Event):
    """The journal cannot be written: later events are lost after a restart."""

    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalResumed(Event):
    """The journal can be written again."""


def to_json(event: Event) -> dict[str, Any]:
    """An event as one JSON object: its class name in snake case under `event`, then its fields."""
    from dataclasses import asdict

    name = type(event).__name__
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
    return {"event": snake, **asdict(event)}
