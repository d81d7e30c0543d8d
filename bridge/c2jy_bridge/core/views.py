"""Read-only views of conversations, messages, calls and drafts, for a UI to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from c2jy_bridge.core.bridge_requests import State
from c2jy_bridge.core.events import Issue, Outcome, Problem, Source, WorkflowEvent

FileKind = Literal["image", "audio", "file"]
Role = Literal["user", "assistant"]
MessageKind = Literal["question", "answer", "follow_up", "error", "notice"]
DraftState = Literal["ok", "media_missing", "damaged", "encrypted", "foreign"]
"""ok; a material file is gone; unreadable; re-saved by JianYing 6+; readable but not made by us."""
MediaForm = Literal["portable", "absolute", "mixed", "none"]
"""Media by the apps' placeholder for the draft's folder; by absolute paths; by both; no media, unreadable."""


@dataclass(frozen=True, slots=True)
class ConversationView:
    """One conversation in the list; times are Unix seconds."""

    conversation_id: str
    title: str
    created_at: float
    updated_at: float
    turns: int = 0
    first_question: str = ""
    last_question: str = ""


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A question or an answer with the words that were searched for; `text` is the part around them."""

    conversation_id: str
    title: str
    kind: MessageKind
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message of a conversation; the text of a `notice` is its name.

    `cancelled`: stopped by the user; `forked`: what precedes was copied from another conversation.
    """

    turn_id: str
    role: Role
    kind: MessageKind
    text: str
    at: float
    message_id: str = ""
    reasoning: str = ""
    thought_s: float | None = None
    """Seconds from the first reasoning to the first answer delta; None if not streamed here."""


@dataclass(frozen=True, slots=True)
class UsageView:
    """Turns that Coze took and their tokens: of one conversation, and of all of the Bot's on one day."""

    turns: int = 0
    tokens: int = 0
    day_turns: int = 0
    day_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PublishedWorkflow:
    """A workflow that can be chosen."""

    workflow_id: str
    name: str
    workspace: str
    """Its workspace's name."""
    about: str = ""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file at Coze that goes with a question; `kind` is the part's type in an object_string."""

    kind: FileKind
    file_id: str
    name: str


@dataclass(frozen=True, slots=True)
class WrittenDraft:
    """A draft that a tool call of a conversation wrote; `at` is Unix seconds."""

    call_id: str
    at: float
    name: str
    path: str
    duration_us: int
    issues: int
    """Number of issues reported when it was written."""


@dataclass(frozen=True, slots=True)
class CallView:
    """A recorded tool call; times are Unix seconds, or None."""

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
class ClipLook:
    """How a clip is shown and heard, as the draft has it; None where the draft says nothing."""

    source_start_us: int | None = None
    """Where in its media it begins."""
    width: int = 0
    """Of the media, px; 0 when unknown."""
    height: int = 0
    x: float = 0.0
    """Centre in halves of the canvas's width, to the right."""
    y: float = 0.0
    """Centre in halves of the canvas's height, upwards."""
    scale_x: float = 1.0
    scale_y: float = 1.0
    rotation: float = 0.0
    """Degrees, clockwise."""
    opacity: float = 1.0
    volume: float | None = None
    flipped: bool = False
    applied: tuple[tuple[str, str], ...] = ()
    """Further materials with their names: (`mask`, `圆形`), (`filter`, `晴空`)."""


@dataclass(frozen=True, slots=True)
class ClipView:
    """One clip on a track; microseconds on the timeline."""

    kind: str
    """`unknown` for what this program has no word for."""
    start_us: int
    duration_us: int
    label: str
    """Caption text, media file name or effect name."""
    media: str = ""
    media_ok: bool = True
    speed: float = 1.0
    speed_curve: bool = False
    """The speed changes inside the clip."""
    inside: tuple[TrackView, ...] = ()
    """The tracks of a compound clip; times are those of its own timeline."""
    transition: str = ""
    """Name of the transition into the next clip; empty without one."""
    transition_us: int = 0
    keyframes_us: tuple[int, ...] = ()
    """Times of its keyframes from its start, each once."""
    look: ClipLook = ClipLook()


@dataclass(frozen=True, slots=True)
class TrackView:
    """One track, bottom first in `DraftDetail.tracks`."""

    kind: str
    name: str
    clips: tuple[ClipView, ...]


@dataclass(frozen=True, slots=True)
class TimelineContents:
    """A further timeline of a draft, in JianYing 10 and CapCut 7.7 and later."""

    name: str
    duration_us: int
    tracks: tuple[TrackView, ...]


@dataclass(frozen=True, slots=True)
class DraftView:
    """One row of the drafts list."""

    name: str
    path: str
    state: DraftState
    duration_us: int = 0
    size_bytes: int = 0
    """Size of the folder."""
    tracks: int = 0
    clips: int = 0
    media: int = 0
    media_missing: int = 0
    width: int = 0
    height: int = 0
    modified_at: float = 0.0
    ours: bool = False
    media_paths: MediaForm = "none"
    tags: tuple[str, ...] = ()
    """The user's, without `#`."""


@dataclass(frozen=True, slots=True)
class DraftDetail:
    """A draft with its tracks and the issues of a check."""

    view: DraftView
    fps: float = 0.0
    tracks: tuple[TrackView, ...] = ()
    issues: tuple[Issue, ...] = ()
    timelines: tuple[TimelineContents, ...] = ()
    """Further timelines beside the main one."""


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
    """A line for the user in the current language; the description is for the model."""


@dataclass(frozen=True, slots=True)
class BotView:
    """A Bot that can be chosen."""

    bot_id: str
    name: str
    workspace: str
    """Its workspace's name."""
    about: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """The Bot and the folders in use, for the header."""

    bot_name: str
    bot_id: str
    host: str
    drafts_root: str
    demo: bool = False
    problem: Problem | None = None
    """Why the Bot cannot be reached; None also before it was tried."""


@dataclass(frozen=True, slots=True)
class IntakeView:
    """An intake of bridge requests; `alive_at` is Unix seconds, 0 before its first success."""

    name: str
    address: str = ""
    alive_at: float = 0.0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A machine of a studio, as it announced itself."""

    name: str
    version: str
    drafts_root: str
    free_bytes: int
    """Free on the disk of its drafts folder."""
    labels: tuple[str, ...]
    parallel: int
    """Requests that it runs at once."""
    at_work: int
    draining: bool
    """Whether it takes no more requests."""
    alive_at: float
    """Unix seconds, by its clock."""
    ended: Mapping[str, int] = field(default_factory=dict)
    """Requests that have ended there since its start, by state."""


@dataclass(frozen=True, slots=True)
class BridgeView:
    """The status of bridge mode."""

    on: bool
    address: str = ""
    waiting: int = 0
    """Open requests."""
    at_work: int = 0
    parked: int = 0
    """Open requests that wait for a valid token or for quota."""
    counts: Mapping[State, int] = field(default_factory=dict)
    """Requests by state."""
    intakes: tuple[IntakeView, ...] = ()
    problem: Problem | None = None
    """Why the last question to the Bot failed, if it did."""
    machine: str = ""
    """Its name in a studio; empty where there is none."""
    machines: tuple[WorkerView, ...] = ()
    """Of a gateway: the machines that are there."""


@dataclass(frozen=True, slots=True)
class WorkflowRequest:
    """A cloud workflow and the parameters of a run."""

    workflow_id: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What was recorded of a workflow's run, oldest first: its events, and its tool calls."""

    events: Sequence[WorkflowEvent]
    calls: Sequence[CallView] = ()


@dataclass(frozen=True, slots=True)
class WaitingWorkflow:
    """A run of a cloud workflow that waits since an earlier process; `at` is Unix seconds."""

    run_id: str
    workflow_id: str
    question: str
    """Its last message: a question to the user or JSON for our tools."""
    at: float
