"""What the tools return. The manifest for Coze is made from these types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from c2jy_bridge.core.events import Issue


class Output:
    """Base of all outputs: pydantic takes the docstring below a field as its description."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class DraftMade(Output):
    """A draft that was written, or would be in a dry run."""

    draft_id: str
    """Ours, in the draft's c2jy.json."""
    name: str
    """Its name and folder."""
    path: str
    """Its folder."""
    duration_s: float
    """Its length, seconds."""
    tracks: int
    """How many tracks."""
    clips: int
    """How many clips."""
    media: int
    """How many media files."""


@dataclass(frozen=True, slots=True)
class DraftsMade(Output):
    """generate_draft; not `complete` when some of the document's drafts could not be built."""

    message: str
    complete: bool
    """false: some of the document's drafts could not be built."""
    drafts: list[DraftMade]
    """Those that were written."""
    issues: list[Issue]
    """What was not done exactly as asked, and what failed."""


@dataclass(frozen=True, slots=True)
class DraftRow(Output):
    """A draft in the drafts folder."""

    name: str
    """Its name and folder."""
    path: str
    """Its folder."""
    state: str
    """ok, media_missing, damaged, encrypted or foreign (not a draft that this app can read)."""
    duration_s: float
    """Its length, seconds."""
    width: int
    """Canvas, px."""
    height: int
    """Canvas, px."""
    tracks: int
    """How many tracks."""
    clips: int
    """How many clips."""
    media: int
    """How many media files."""
    media_missing: int
    """How many of them are not where the draft says."""
    size_bytes: int
    """With its media."""
    modified_at: str
    """ISO 8601, UTC."""
    media_paths: str
    """portable, absolute, mixed or none."""


@dataclass(frozen=True, slots=True)
class DraftsListed(Output):
    """list_drafts."""

    message: str
    total: int
    """How many there are; `drafts` may be fewer."""
    drafts: list[DraftRow]
    """As many as `limit` allows."""


@dataclass(frozen=True, slots=True)
class ClipShown(Output):
    """A clip on its track."""

    type: str
    """video, image, audio, text, sticker, effect or filter."""
    start_s: float
    """On the track, seconds."""
    duration_s: float
    """On the track, seconds."""
    label: str
    """Its text, name or file."""
    media: str
    """Its file, if it has one."""
    media_ok: bool
    """Whether the file is there."""


@dataclass(frozen=True, slots=True)
class TrackShown(Output):
    """A track, bottom first."""

    type: str
    """What it holds."""
    name: str
    """As JianYing shows it."""
    clips: list[ClipShown]
    """In their order."""


@dataclass(frozen=True, slots=True)
class DraftShown(Output):
    """get_draft."""

    draft: DraftRow
    """As list_drafts has it."""
    fps: float
    """Frames per second."""
    timeline: list[TrackShown]
    """Its tracks, bottom first."""
    issues: list[Issue]
    """What is wrong with it."""


@dataclass(frozen=True, slots=True)
class DraftChecked(Output):
    """check_draft."""

    message: str
    ok: bool
    """Whether no error was found."""
    issues: list[Issue]
    """What was found."""


@dataclass(frozen=True, slots=True)
class DraftExported(Output):
    """export_draft; `path` is the zip, or the draft's folder without one."""

    message: str
    path: str
    """The zip, or the draft's folder without one."""
    target_root: str
    """The drafts folder that its paths name; empty for a portable draft."""
    size_bytes: int
    """Of the zip."""
    issues: list[Issue]
    """What to know about it."""


@dataclass(frozen=True, slots=True)
class SlotShown(Output):
    """A slot of a template; pixels are 0 for sounds and texts."""

    slot: str
    """Its name for fill_template."""
    kind: str
    """video, image, audio or text."""
    track: str
    """The track's name."""
    start_s: float
    """On the track, seconds."""
    duration_s: float
    """On the track, seconds."""
    width: int
    """Of the picture in it now, px."""
    height: int
    """Of the picture in it now, px."""
    label: str
    """What is in it now."""
    texts: list[str]
    """The texts of a text template."""
    spans: list[str]
    """The parts of a text with styles of their own."""


@dataclass(frozen=True, slots=True)
class TemplateShown(Output):
    """describe_template."""

    message: str
    name: str
    """The template's name."""
    width: int
    """Canvas, px."""
    height: int
    """Canvas, px."""
    duration_s: float
    """Its length, seconds."""
    slots: list[SlotShown]
    """What can be filled."""


@dataclass(frozen=True, slots=True)
class TemplateFilled(Output):
    """fill_template; without a path in a dry run."""

    message: str
    draft_id: str
    """Ours, of the new draft."""
    name: str
    """Its name and folder."""
    path: str
    """Its folder; empty in a dry run."""
    duration_s: float
    """Its length, seconds."""
    issues: list[Issue]
    """What was not done exactly as asked."""


@dataclass(frozen=True, slots=True)
class Measured(Output):
    """A file that could be had; pixels are 0 for sounds, seconds for pictures."""

    url: str
    """As it was given."""
    kind: Literal["video", "image", "audio"]
    """What it is."""
    duration_s: float
    """Its length, seconds; 0 for pictures."""
    width: int
    """Pixels; 0 for sounds."""
    height: int
    """Pixels; 0 for sounds."""
    has_audio: bool
    """Whether there is sound in it."""
    size_bytes: int
    """Of the file."""
    name: str
    """The file's own name."""


@dataclass(frozen=True, slots=True)
class NotMeasured(Output):
    """A file that could not be had."""

    url: str
    """As it was given."""
    error: str
    """Why it could not be had."""


@dataclass(frozen=True, slots=True)
class MediaMeasured(Output):
    """probe_media; `failed` is how many could not be had."""

    message: str
    failed: int
    """How many could not be had."""
    results: list[Measured | NotMeasured]
    """One for each address, in order."""


@dataclass(frozen=True, slots=True)
class Timeline(Output):
    """A stretch of time, milliseconds."""

    start: int
    """Milliseconds."""
    end: int
    """Milliseconds."""


@dataclass(frozen=True, slots=True)
class EmptyTimeline(Output):
    """Stands where a file could not be measured; its length is 0."""

    start: int
    """Milliseconds."""
    end: int
    """Equals `start`."""
    error: str
    """Why the file could not be measured."""


@dataclass(frozen=True, slots=True)
class DurationsMeasured(Output):
    """get_media_duration, with the names of Coze2JianYing's tool; `failed` could not be had."""

    message: str
    failed: int
    """How many could not be had."""
    timelines: list[Timeline | EmptyTimeline]
    """One after another, one for each file."""
    all_timelines: list[Timeline]
    """One that spans all of them."""
    unit: Literal["ms"] = "ms"
    """Of `start` and `end`."""


@dataclass(frozen=True, slots=True)
class FileRow(Output):
    """A file or folder."""

    path: str
    """The path, for read_file."""
    kind: Literal["file", "folder"]
    """What it is."""
    size_bytes: int
    """Of a file."""
    modified_at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class FilesListed(Output):
    """list_files; `more` says that not everything is listed."""

    message: str
    files: list[FileRow]
    """In the order in which they were found."""
    more: bool
    """Not everything is listed."""


@dataclass(frozen=True, slots=True)
class TextRead(Output):
    """read_file; `next_offset` is null at the end."""

    path: str
    """As list_files shows it."""
    text: str
    """The part that was asked for."""
    encoding: str
    """In which the file is written."""
    total_chars: int
    """Of the whole file."""
    next_offset: int | None
    """Where to read on; null at the end."""


@dataclass(frozen=True, slots=True)
class ScreenTaken(Output):
    """screenshot."""

    message: str
    file_id: str
    """Coze's id of the uploaded picture."""
    # Coze turns a file id in an output of this kind into an address (its local plugin guide).
    image: Annotated[str, Field(json_schema_extra={"format": "image_url", "x-assist-type": "image"})]
    """The same id; Coze makes an address of it."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""


@dataclass(frozen=True, slots=True)
class PreviewShown(Output):
    """preview_draft."""

    message: str
    file_id: str
    """Coze's id of the uploaded picture."""
    image: Annotated[str, Field(json_schema_extra={"format": "image_url", "x-assist-type": "image"})]
    """The same id; Coze makes an address of it."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    times_s: list[float]
    """Of the frames, row by row."""
    approximate: list[str]
    """What the picture shows only nearly."""
    not_drawn: list[str]
    """What the picture lacks."""


@dataclass(frozen=True, slots=True)
class SliderRow(Output):
    """A parameter of an effect, 0-100."""

    name: str
    """As JianYing shows it."""
    default: float
    """0-100."""


@dataclass(frozen=True, slots=True)
class ResourceRow(Output):
    """A name that a draft can use; no duration where there is no such thing."""

    name: str
    """To be written in a draft."""
    kind: str
    """As search_resources takes it."""
    vip: bool
    """Needs a JianYing membership."""
    default_duration_s: float | None
    """JianYing's own, seconds; null where there is no such thing."""
    params: list[SliderRow]
    """Its sliders."""


@dataclass(frozen=True, slots=True)
class ResourcesFound(Output):
    """search_resources; without `fits` these are only the nearest names."""

    message: str
    fits: bool
    """false: nothing matches, these are the nearest names."""
    total: int
    """How many match."""
    resources: list[ResourceRow]
    """The best first."""
