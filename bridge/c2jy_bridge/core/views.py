"""Read-only views of conversations, messages, calls and drafts, for a UI to draw.

They are in core, so that a screen needs nothing from the packages that fill them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from c2jy_bridge.core.bridge_requests import State
from c2jy_bridge.core.events import Issue, Outcome, Problem, Source

Role = Literal["user", "assistant"]
MessageKind = Literal["question", "answer", "follow_up", "error", "notice"]
DraftState = Literal["ok", "media_missing", "damaged", "encrypted", "foreign"]
"""ok; a material file is gone; unreadable; re-saved by JianYing 6+; readable but not made by us."""


@dataclass(frozen=True, slots=True)
class ConversationView:
    """One conversation in the list; times are Unix seconds."""

    conversation_id: str
    title: str
    created_at: float
    updated_at: float
    turns: int = 0


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message of a conversation as it is shown again after a restart.

    The text of a `notice` is its name, not its words: `cancelled`, the user stopped the answer here.
    """

    turn_id: str
    role: Role
    kind: MessageKind
    text: str
    at: float
    message_id: str = ""
    reasoning: str = ""
    thought_s: float | None = None
    """Seconds from the first word of the reasoning to the first of the answer; None if not streamed here."""


@dataclass(frozen=True, slots=True)
class CallView:
    """One tool call with all that is known of it; times are Unix seconds, None for what did not happen."""

    call_id: str
    tool: str
    arguments: str
    source: Source
    requested_at: float
    turn_id: str = ""
    conversation_id: str = ""
    chat_id: str = ""
    tool_call_id: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    submitted_at: float | None = None
    outcome: Outcome | None = None
    output: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ClipView:
    """One clip on a track; microseconds on the timeline."""

    kind: str
    start_us: int
    duration_us: int
    label: str
    """Caption text, media file name or effect name."""
    media: str = ""
    media_ok: bool = True


@dataclass(frozen=True, slots=True)
class TrackView:
    """One track, bottom first in `DraftDetail.tracks`."""

    kind: str
    name: str
    clips: tuple[ClipView, ...]


@dataclass(frozen=True, slots=True)
class DraftView:
    """One row of the drafts list."""

    name: str
    path: str
    state: DraftState
    duration_us: int = 0
    size_bytes: int = 0
    """All files of the folder together."""
    tracks: int = 0
    clips: int = 0
    media: int = 0
    media_missing: int = 0
    width: int = 0
    height: int = 0
    modified_at: float = 0.0
    ours: bool = False


@dataclass(frozen=True, slots=True)
class DraftDetail:
    """A draft opened: its tracks and what a check found."""

    view: DraftView
    fps: float = 0.0
    tracks: tuple[TrackView, ...] = ()
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolView:
    """One tool as `c2jy-tui tools` and the help show it."""

    name: str
    description: str
    policy: Literal["allow", "ask", "deny"]
    parameters: dict[str, object]
    """JSON Schema of the arguments object."""
    origin: str = "built-in"
    """`built-in`, a file, or an entry point."""
    timeout_s: float = 0.0
    about: str = ""
    """A line for people in the language in use; the description is for the model."""


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """Who the app talks with; for the header."""

    bot_name: str
    bot_id: str
    host: str
    drafts_root: str
    demo: bool = False


@dataclass(frozen=True, slots=True)
class IntakeView:
    """One way by which bridge requests come in; `alive_at` is Unix seconds, 0 before any sign of life."""

    name: str
    address: str = ""
    alive_at: float = 0.0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class BridgeView:
    """Bridge mode at one moment."""

    on: bool
    address: str = ""
    waiting: int = 0
    """Requests that have not ended."""
    at_work: int = 0
    parked: int = 0
    """Of those, how many rest until Coze takes the token."""
    counts: Mapping[State, int] = field(default_factory=dict)
    """Requests by state."""
    intakes: tuple[IntakeView, ...] = ()
    problem: Problem | None = None
    """Why the last question to the Bot failed, while none went well since."""


@dataclass(frozen=True, slots=True)
class WorkflowRequest:
    """A cloud workflow and what it is to be run with."""

    workflow_id: str
    """Empty when none was named yet."""
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WaitingWorkflow:
    """A run of a cloud workflow that an earlier process left waiting; `at` is Unix seconds."""

    run_id: str
    workflow_id: str
    question: str
    """What was said before it stopped; a person's words or JSON for our tools."""
    at: float
