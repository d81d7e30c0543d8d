"""Progress, results and options of work on drafts, for a UI to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import DraftView, MediaForm

TimeUnitName = Literal["us", "ms", "s"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a long job; `done` and `total` count `unit`s, `total` is None while unknown."""

    message: str
    done: int
    total: int | None
    unit: Literal["bytes", "items"]


OnProgress = Callable[[Progress], None]
"""Called on the event loop, at most about ten times a second, and once at the end."""


class DraftError(ValueError):
    """A draft could not be built or used; `issues` holds every reason, at least one."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.issues: tuple[Issue, ...] = tuple(issues)
        lines = (f"{i.path}: {i.message}" if i.path else i.message for i in self.issues)
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class BuiltDraft:
    """A draft that was built, verified and published; in a dry run only built."""

    draft_id: str
    name: str
    path: str
    """The folder; empty in a dry run."""
    duration_us: int
    tracks: int
    clips: int
    media: int
    """Number of files."""
    issues: tuple[Issue, ...] = ()
    """What in its part of the document was not done exactly as requested."""
    archive: str = ""
    """The zip; empty when none was requested or it could not be written."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """All drafts of a document, and the issues of the document as a whole."""

    drafts: tuple[BuiltDraft, ...]
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Packed:
    """A zip of one draft or several."""

    path: str
    drafts: tuple[str, ...]
    root: str
    """The drafts folder in its media paths, or empty."""
    files: int
    size_bytes: int
    """Size of the zip."""
    issues: tuple[Issue, ...] = ()


PreviewKind = Literal["sheet", "frame", "clip"]


@dataclass(frozen=True, slots=True)
class PreviewNote:
    """Something of a draft that its preview shows otherwise than the app, or not at all."""

    code: str
    name: str
    fidelity: Literal["approximate", "not_drawn"]
    message: str
    start_us: int
    """Where it begins first."""
    count: int


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture or clip of a draft, and what is and is not in it."""

    path: str
    kind: PreviewKind
    width: int
    height: int
    duration_us: int
    """Of the draft."""
    times_us: tuple[int, ...]
    """The frames of a sheet; the one of a frame; empty for a clip."""
    drawn: Mapping[str, int]
    """Clips on the timeline by kind, those of `notes` among them."""
    notes: tuple[PreviewNote, ...] = ()


TimelineFormat = Literal["otio", "fcpxml", "edl"]


@dataclass(frozen=True, slots=True)
class ExportedTimeline:
    """A draft as a timeline file for other editing programs."""

    path: str
    tracks: int
    clips: int
    issues: tuple[Issue, ...] = ()
    """What did not fit, and what only this program reads there."""


@dataclass(frozen=True, slots=True)
class FoundMedia:
    """A missing media file that was found elsewhere."""

    path: str
    """As the draft named it."""
    file: str
    by: Literal["name", "checksum"]


@dataclass(frozen=True, slots=True)
class Relinked:
    """A draft whose missing media were looked for; in a dry run nothing of it changed."""

    name: str
    path: str
    found: tuple[FoundMedia, ...]
    missing: int
    """Files that were missing before."""
    issues: tuple[Issue, ...] = ()
    """Those that were not found, or more than once."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A draft that has another name; in a dry run, would have."""

    name: str
    path: str
    """Its folder under that name."""
    was: str
    changed: int
    """Paths of media that name the draft's folder, and so changed."""
    issues: tuple[Issue, ...] = ()
    """Its entry in the app's list that could not be changed."""


@dataclass(frozen=True, slots=True)
class SlotView:
    """A clip of a template that can be filled; microseconds on its timeline."""

    slot: str
    """The name to fill it by: `image1`, `text2`, `compound1/video1`."""
    kind: str
    """`image`, `video`, `audio`, `text` or `text_template`."""
    track: str
    start_us: int
    duration_us: int
    width: int = 0
    """Of the picture in it, px; 0 for sounds and texts."""
    height: int = 0
    label: str = ""
    """What is in it now: the file's name or the words."""
    texts: tuple[str, ...] = ()
    """Its words; of a text template one for each of its texts."""
    spans: tuple[str, ...] = ()
    """The words of each span of one style."""


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A draft as a template."""

    name: str
    width: int
    height: int
    duration_us: int
    slots: tuple[SlotView, ...]


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A row of a table and the draft that it became."""

    row: int
    """As a spreadsheet numbers it; the header is row 1."""
    name: str
    state: Literal["made", "there", "failed"]
    """`there`: an earlier run made it."""
    path: str = ""
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table and what it fills."""

    name: str
    fills: tuple[str, ...]
    """Slots, or kinds of slots for a list; none for a column that is only there for names or for the user."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a table makes of a template, before anything is written."""

    pattern: str
    """Of the drafts' names; as given or suggested."""
    total: int
    """Rows of the table."""
    columns: tuple[TableColumn, ...]
    rows: tuple[tuple[str, ...], ...]
    """The cells of the first rows."""
    names: tuple[str, ...]
    """The drafts of these rows, empty where no name can be made; none at all when the pattern is wrong."""
    issues: tuple[Issue, ...] = ()
    """Why it cannot begin; none: it can."""


@dataclass(frozen=True, slots=True)
class PlaceView:
    """A drafts folder that media paths can be written for."""

    app: Literal["jianying", "capcut"]
    system: Literal["here", "windows", "macos"]
    """`here`: found on this machine; else the app's default on such a system."""
    path: str
    """In the app's spelling; `<name>` in it is the user's account on that machine."""


@dataclass(frozen=True, slots=True)
class PackingView:
    """The choices before a draft is packed."""

    spelled_for: str
    """The drafts folder in its current absolute paths; empty when it is portable or that is unknown."""
    places: tuple[PlaceView, ...]
    out: str
    """The default folder for zips."""
    media_paths: MediaForm = "none"


@dataclass(frozen=True, slots=True)
class OriginView:
    """The document that a draft can be rebuilt from."""

    resaved: bool
    """Its main file is newer than our build: it may have changes made in JianYing."""
    unit: TimeUnitName | None = None
    """The time unit of a Coze2JianYing export; None for other documents."""
    lengths_us: Mapping[TimeUnitName, int] = field(default_factory=dict)
    """The draft's duration in microseconds for each unit."""
    evidence: Issue | None = None
    """What decided the unit."""


@dataclass(frozen=True, slots=True)
class TrashedView:
    """A draft in the trash, under its original name; `trashed_at` is Unix seconds."""

    ticket: str
    draft: DraftView
    root: str
    """The drafts folder that it came from."""
    trashed_at: float
