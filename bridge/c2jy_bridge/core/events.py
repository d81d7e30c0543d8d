"""Events as frozen dataclasses: everything that the engine reports to a UI.

Every event carries `at`, Unix seconds from the emitter's clock. Strings in an event are
as they came from outside; whoever shows them passes them through `safety.visible`.
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
    """What a person answers when a tool call asks for approval."""

    ONCE = "once"
    ALWAYS = "always"
    """Allowed now and for this tool from now on, within `ToolCallAwaitingApproval.scope`."""
    DENY = "deny"


Source = Literal["chat", "bridge", "user"]
"""Origin of a tool call: the Bot in a chat, a bridge request, or the user at the keyboard (run again)."""

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
    """Something an input asked for that was not done exactly so, or could not be done.

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
    """An error for a person: what happened, where, what to do.

    `code` is Coze's body code (4000, 4013, 4016, 4100, 4101, 5000 ...) or 0 for one of ours, which `kind`
    then names ("network", "stream_dropped", "tool_not_called" ...).
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


# --- one chat turn -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEvent(Event):
    """Something in one turn: a question of the user's and all that follows from it until it ends."""

    turn_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted(TurnEvent):
    """Coze accepted the question; from here the turn can be recovered by its ids."""

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
    """One answer message is complete; `text` is all of it and replaces what the deltas gave."""

    message_id: str
    text: str
    reasoning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpSuggested(TurnEvent):
    """A question that the Bot proposes as the next one."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutputsSubmitted(TurnEvent):
    """Every call of the batch was answered and Coze took the answers."""

    chat_id: str
    call_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecovered(TurnEvent):
    """The stream broke and the turn goes on from what Coze keeps; nothing was asked or run twice."""

    reason: str
    """What broke, in a word: `dropped`, `no_done`, `stalled`, `restart`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded(TurnEvent):
    """Base of the three ways a turn ends."""

    conversation_id: str = ""
    chat_id: str = ""


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


# --- tool calls --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallEvent(Event):
    """Something about one tool call."""

    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallRequested(ToolCallEvent):
    """Somebody wants a tool run; nothing was checked yet."""

    call: ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallAwaitingApproval(ToolCallEvent):
    """The policy says ask. Answer with `Engine.decide(call_id, decision)`."""

    tool: str
    arguments: dict[str, Any]
    """Validated arguments, exactly those the tool would get."""
    reason: str
    source: Source = "chat"
    deadline_s: float | None = None
    """Seconds until silence counts as deny; None waits."""
    scope: str = ""
    """Where an "always" holds for this tool: a conversation's id, or `bridge/<intake>` for all bridge
    requests that come in that way, until the app ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallStarted(ToolCallEvent):
    """The tool itself begins; from here its deadline runs."""

    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallProgress(ToolCallEvent):
    """How far a long call is."""

    message: str
    done: int = 0
    total: int | None = None
    """None while the end is not known."""
    unit: Literal["bytes", "items"] = "items"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallFinished(ToolCallEvent):
    """A tool call reached its end; its receipt is on disk before this event is seen."""

    tool: str
    outcome: Outcome
    output: str
    """What is submitted to Coze: a JSON string, already capped."""
    elapsed_s: float
    error: str = ""
    """A sentence when the outcome is not ok."""
    replayed: bool = False
    """True when the output comes from an earlier receipt and the tool did not run again."""


# --- drafts ------------------------------------------------------------------------------------------


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
    """The drafts folder changed on disk: somebody added, changed or removed `names`."""

    names: tuple[str, ...] = ()


# --- bridge mode -------------------------------------------------------------------------------------


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
    """A bridge request came to another state."""

    request_id: str
    state: str


# --- cloud workflows run from here -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowEvent(Event):
    """Something in one run of a cloud workflow that was started here."""

    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStarted(WorkflowEvent):
    """The run is asked for, or taken up again after a restart."""

    workflow_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSaid(WorkflowEvent):
    """A node's message is complete."""

    node: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowAsked(WorkflowEvent):
    """The run waits for the user's answer."""

    text: str
    fields: tuple[str, ...] = ()
    """Names of an input node's fields; the answer is then a JSON object of them, else any text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowEnded(WorkflowEvent):
    """The run is over; `problem` says why when it did not go well."""

    output: str = ""
    debug_url: str = ""
    """Coze's page with every node of this run, when it told us."""
    problem: Problem | None = None


# --- the connection ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChanged(Event):
    """The Bot was looked up: its name, or why it cannot be reached. `Engine.connection` has changed."""

    bot_name: str
    problem: Problem | None = None


# --- the journal -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStopped(Event):
    """The journal took no more: what happens from here on is not shown again after a restart."""

    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalResumed(Event):
    """The journal takes writes again."""


def to_json(event: Event) -> dict[str, Any]:
    """An event as one JSON object: its class name in snake case under `event`, then its fields."""
    from dataclasses import asdict

    name = type(event).__name__
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
    return {"event": snake, **asdict(event)}
