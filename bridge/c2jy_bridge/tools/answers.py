"""What the tools answer. The manifest for Coze is made from these types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from c2jy_bridge.core.events import Issue


@dataclass(frozen=True, slots=True)
class DraftMade:
    """A draft that was written, or would be in a dry run."""

    draft_id: str
    name: str
    path: str
    duration_s: float
    tracks: int
    clips: int
    media: int


@dataclass(frozen=True, slots=True)
class DraftsMade:
    """generate_draft; not `complete` when some of the document's drafts could not be built."""

    message: str
    complete: bool
    drafts: list[DraftMade]
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft in the drafts folder."""

    name: str
    path: str
    state: str
    duration_s: float
    width: int
    height: int
    tracks: int
    clips: int
    media: int
    media_missing: int
    size_bytes: int
    modified_at: str
    media_paths: str
    """portable, absolute, mixed or none."""


@dataclass(frozen=True, slots=True)
class DraftsListed:
    """list_drafts."""

    message: str
    total: int
    drafts: list[DraftRow]


@dataclass(frozen=True, slots=True)
class ClipShown:
    """A clip on its track."""

    type: str
    start_s: float
    duration_s: float
    label: str
    media: str
    media_ok: bool


@dataclass(frozen=True, slots=True)
class TrackShown:
    """A track, bottom first."""

    type: str
    name: str
    clips: list[ClipShown]


@dataclass(frozen=True, slots=True)
class DraftShown:
    """get_draft."""

    draft: DraftRow
    fps: float
    timeline: list[TrackShown]
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class DraftChecked:
    """check_draft."""

    message: str
    ok: bool
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class DraftExported:
    """export_draft; `path` is the zip, or the draft's folder without one."""

    message: str
    path: str
    target_root: str
    size_bytes: int
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class SlotShown:
    """A slot of a template; pixels are 0 for sounds and texts."""

    slot: str
    kind: str
    track: str
    start_s: float
    duration_s: float
    width: int
    height: int
    label: str
    texts: list[str]
    spans: list[str]


@dataclass(frozen=True, slots=True)
class TemplateShown:
    """describe_template."""

    message: str
    name: str
    width: int
    height: int
    duration_s: float
    slots: list[SlotShown]


@dataclass(frozen=True, slots=True)
class TemplateFilled:
    """fill_template; without a path in a dry run."""

    message: str
    draft_id: str
    name: str
    path: str
    duration_s: float
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class Measured:
    """A file that could be had; pixels are 0 for sounds, seconds for pictures."""

    url: str
    kind: Literal["video", "image", "audio"]
    duration_s: float
    width: int
    height: int
    has_audio: bool
    size_bytes: int
    name: str


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A file that could not be had."""

    url: str
    error: str


@dataclass(frozen=True, slots=True)
class MediaMeasured:
    """probe_media; `failed` is how many could not be had."""

    message: str
    failed: int
    results: list[Measured | NotMeasured]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A stretch of time, milliseconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class EmptyTimeline:
    """Stands where a file could not be measured; its length is 0."""

    start: int
    end: int
    error: str


@dataclass(frozen=True, slots=True)
class DurationsMeasured:
    """get_media_duration, with the names of Coze2JianYing's tool; `failed` could not be had."""

    message: str
    failed: int
    timelines: list[Timeline | EmptyTimeline]
    all_timelines: list[Timeline]
    unit: Literal["ms"] = "ms"


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file or folder."""

    path: str
    kind: Literal["file", "folder"]
    size_bytes: int
    modified_at: str


@dataclass(frozen=True, slots=True)
class FilesListed:
    """list_files; `more` says that not everything is listed."""

    message: str
    files: list[FileRow]
    more: bool


@dataclass(frozen=True, slots=True)
class TextRead:
    """read_file; `next_offset` is null at the end."""

    path: str
    text: str
    encoding: str
    total_chars: int
    next_offset: int | None


@dataclass(frozen=True, slots=True)
class ScreenTaken:
    """screenshot."""

    message: str
    file_id: str
    # Coze turns a file id in an output of this kind into an address (its local plugin guide).
    image: Annotated[str, Field(json_schema_extra={"format": "image_url", "x-assist-type": "image"})]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PreviewShown:
    """preview_draft."""

    message: str
    file_id: str
    image: Annotated[str, Field(json_schema_extra={"format": "image_url", "x-assist-type": "image"})]
    width: int
    height: int
    times_s: list[float]
    """Of the frames, row by row."""
    approximate: list[str]
    not_drawn: list[str]


@dataclass(frozen=True, slots=True)
class SliderRow:
    """A parameter of an effect, 0-100."""

    name: str
    default: float


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A name that a draft can use; no duration where there is no such thing."""

    name: str
    kind: str
    vip: bool
    default_duration_s: float | None
    params: list[SliderRow]


@dataclass(frozen=True, slots=True)
class ResourcesFound:
    """search_resources; without `fits` these are only the nearest names."""

    message: str
    fits: bool
    total: int
    resources: list[ResourceRow]
