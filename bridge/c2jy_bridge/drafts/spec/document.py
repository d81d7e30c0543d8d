"""The document: clips, tracks, subtitles, media, and the app and folder it is made for."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ModelWrapValidatorHandler, model_validator
from pydantic_core import PydanticCustomError

from c2jy_bridge.core.target_apps import DraftProfile, MediaPaths
from c2jy_bridge.drafts.spec.appearance import (
    Animation,
    Background,
    Chroma,
    Colour,
    Crop,
    Effect,
    Fade,
    Filter,
    Keyframe,
    Mask,
    Percent,
    TextStyle,
    Transform,
    Transition,
)
from c2jy_bridge.drafts.spec.model import US_PER, Range, SpecModel, TimeUS, Unit, reading

_AT = ("start", "duration", "end")
WHEN = Range()


class Source(SpecModel):
    """A media file: give `url` or `path`."""

    url: str | None = None
    """An http(s) or data: address."""
    path: str | None = None
    """A file in one of the folders that the settings declare."""
    kind: Literal["video", "image", "audio"] | None = None
    """Left out: seen from the file itself."""
    sha256: str | None = None
    """If given, the file must have this checksum."""
    name: str | None = None
    """What JianYing shows; left out: the file's own name."""

    @property
    def address(self) -> str:
        """What is fetched."""
        return self.url or self.path or ""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        return {"url": data} if isinstance(data, str) else data


Media = Annotated[
    Source, BeforeValidator(lambda value: Source(url=value) if isinstance(value, str) and value else value)
]
"""A media file by its address, by its name in the document's `media`, or spelled out."""


def listed(value: Any) -> Any:
    """One object where a list is wanted is a list of one: models often forget the brackets."""
    return [value] if isinstance(value, (dict, SpecModel)) else value


def _named(value: Any) -> Any:
    items = [value] if isinstance(value, str) else listed(value)
    return [_name(item) for item in items] if isinstance(items, (list, tuple)) else items


def _name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class BaseClip(SpecModel):
    """What every clip has."""

    id: str | None = None
    """Your own name for the clip; kept in the copy of the document."""
    at: Range = WHEN
    """When it is on: {start, duration} or {start, end}; `start`, `duration`, `end` may also stand in the clip
    itself. Without a start it follows the clip before."""

    @model_validator(mode="before")
    @classmethod
    def _flat_range(cls, data: Any) -> Any:
        if isinstance(data, dict) and "at" not in data:
            found = {key: data[key] for key in _AT if key in data}
            if found:
                return {**{key: value for key, value in data.items() if key not in _AT}, "at": found}
        return data


class VisualClip(BaseClip):
    """What every clip has that can be seen and moved."""

    transform: Transform | None = None
    """Position, size, rotation, opacity."""
    keyframes: Annotated[tuple[Keyframe, ...], BeforeValidator(listed)] = ()
    """Changes over time."""


class PictureClip(VisualClip):
    """What videos and images have in common."""

    media: Media
    """The file: an address, or a name from the document's `media`."""
    crop: Crop | None = None
    """Show only a part of the picture."""
    fit: Literal["fit", "fill", "stretch"] = "fit"
    """fit: all of it inside the canvas; fill: covers the canvas, edges cut; stretch: distorted to cover."""
    filters: Annotated[tuple[Filter, ...], BeforeValidator(_named)] = ()
    """Colour filters."""
    effects: Annotated[tuple[Effect, ...], BeforeValidator(_named)] = ()
    """Scene and character effects."""
    animations: Annotated[tuple[Animation, ...], BeforeValidator(listed)] = ()
    """in, out, or one group."""
    mask: Mask | None = None
    """Show only a shape."""
    mix_mode: str | None = None
    """正片叠底 颜色减淡 颜色加深 线性加深 柔光 强光 滤色 叠加 变亮 变暗."""
    chroma: Chroma | None = None
    """Remove one colour."""
    background: Background | None = None
    """What is seen beside the picture."""
    transition: Annotated[Transition | None, BeforeValidator(_name)] = None
    """How it passes into the next clip."""


class VideoClip(PictureClip):
    """A video. Without a duration it runs to the end of its file."""

    type: Literal["video"] = "video"
    """video"""
    trim: Range | None = None
    """The part of the file to use; left out: from its beginning."""
    speed: float | None = Field(None, ge=0.01, le=100)
    """2 is twice as fast. Left out: 1, or what fits `trim` into `at`."""
    volume: float = Field(1.0, ge=0, le=10)
    """0 silent, 1 as it is, 10 most."""
    keep_pitch: bool = True
    """Keep the pitch of voices when the speed changes."""
    fade: Fade | None = None
    """Fade the sound in and out."""
    loop: bool = False
    """Repeat the file until the clip's time is full."""


class ImageClip(PictureClip):
    """A still picture. Give its duration."""

    type: Literal["image"] = "image"
    """image"""


class AudioClip(BaseClip):
    """Music, a voice, a sound. Without a duration it runs to the end of its file."""

    type: Literal["audio"] = "audio"
    """audio"""
    media: Media
    """The file: an address, or a name from the document's `media`."""
    trim: Range | None = None
    """The part of the file to use; left out: from its beginning."""
    speed: float | None = Field(None, ge=0.01, le=100)
    """2 is twice as fast. Left out: 1, or what fits `trim` into `at`."""
    volume: float = Field(1.0, ge=0, le=10)
    """0 silent, 1 as it is, 10 most."""
    keep_pitch: bool = True
    """Keep the pitch of voices when the speed changes."""
    fade: Fade | None = None
    """Fade in and out."""
    effects: Annotated[tuple[Effect, ...], BeforeValidator(_named)] = ()
    """At most one of each kind: audio_scene, tone, speech_to_song."""
    keyframes: Annotated[tuple[Keyframe, ...], BeforeValidator(listed)] = ()
    """`volume` only."""
    loop: bool = False
    """Repeat the file until the clip's time is full."""


class TextClip(VisualClip):
    """A caption or title: centred, in the lower part of the canvas (y -0.8) unless `transform` says else."""

    type: Literal["text"] = "text"
    """text"""
    text: str = Field(min_length=1)
    """What it says; \\n breaks the line."""
    style: TextStyle | None = None
    """Letters, colour, alignment, decoration."""
    animations: Annotated[tuple[Animation, ...], BeforeValidator(listed)] = ()
    """in, out, loop."""


class StickerClip(VisualClip):
    """A sticker of JianYing's own. A picture of yours is an image clip."""

    type: Literal["sticker"] = "sticker"
    """sticker"""
    resource_id: str = Field(min_length=1)
    """JianYing's resource id."""


class EffectClip(BaseClip):
    """A visual effect over everything below it."""

    type: Literal["effect"] = "effect"
    """effect"""
    name: str = Field(min_length=1)
    """Its name in JianYing."""
    kind: Literal["scene", "character"] | None = None
    """Left out: found by the name."""
    params: tuple[Percent | None, ...] | dict[str, Percent] = ()
    """Its sliders, 0-100, in JianYing's order (null = default) or by name."""


class FilterClip(BaseClip):
    """A colour filter over everything below it."""

    type: Literal["filter"] = "filter"
    """filter"""
    name: str = Field(min_length=1)
    """Its name in JianYing."""
    intensity: Percent = 100.0
    """0-100."""


Clip = Annotated[
    VideoClip | ImageClip | AudioClip | TextClip | StickerClip | EffectClip | FilterClip,
    Field(discriminator="type"),
]
"""Any clip, told apart by `type`."""


SCHEMA: Final = "c2jy/1"
TrackKind = Literal["video", "audio", "text", "sticker", "effect", "filter"]
Overlap = Literal["error", "lane", "shift", "trim"]

_TRACK_OF: Final = {"image": "video"}


class Track(SpecModel):
    """Clips one after another. Tracks are listed from the bottom to the top of the picture."""

    type: TrackKind
    """What it holds; images go on a video track. Left out: seen from the first clip."""
    name: str | None = None
    """What JianYing shows."""
    mute: bool = False
    """Silence (audio, video) or hide it."""
    overlap: Overlap | None = None
    """What to do with clips that overlap on this track; left out: as the document says."""
    captions: bool = False
    """Texts as JianYing's own captions: shown and edited in its caption list."""
    clips: Annotated[tuple[Clip, ...], BeforeValidator(listed)] = ()
    """In any order."""

    @model_validator(mode="before")
    @classmethod
    def _types_from_each_other(cls, data: Any) -> Any:
        """A track's type may be left to its first clip, a clip's type to its track."""
        if not isinstance(data, dict):
            return data
        kind, clips = data.get("type"), data.get("clips")
        if kind == "image":
            data = {**data, "type": "video", "clips": _typed(clips, "image")}
        elif isinstance(kind, str):
            data = {**data, "clips": _typed(clips, kind)}
        elif isinstance(clips, (list, tuple)) and clips:
            first = clips[0].get("type") if isinstance(clips[0], dict) else getattr(clips[0], "type", None)
            if isinstance(first, str):
                data = {**data, "type": _TRACK_OF.get(first, first), "clips": _typed(clips, first)}
        return data


def _typed(clips: Any, kind: str) -> Any:
    if isinstance(clips, dict):
        clips = [clips]
    if not isinstance(clips, (list, tuple)):
        return clips
    return [{"type": kind, **clip} if isinstance(clip, dict) else clip for clip in clips]


class Marker(SpecModel):
    """A mark on the timeline, as editors set them."""

    at: TimeUS
    """Where it is."""
    duration: TimeUS = 0
    """0 marks a moment."""
    name: str = ""
    """What it says."""
    color: Colour = "#00C1CD"
    """`#RRGGBB`."""


class Subtitles(SpecModel):
    """Captions from SRT, WebVTT, ASS, LRC, Whisper's or JianYing's JSON: give `srt`, `url` or `path`."""

    srt: str | None = None
    """The text itself, in any of these formats."""
    url: str | None = None
    """Where to fetch it."""
    path: str | None = None
    """A file in one of the folders that the settings declare."""
    offset: TimeUS = 0
    """Added to every time."""
    style: TextStyle | None = None
    """How they look; left out: as an ASS file says, else as JianYing shows imported captions."""
    transform: Transform | None = None
    """Where they stand; left out: as an ASS file says, else the lower part of the canvas (y -0.8)."""
    fit: bool = False
    """Cut long captions at punctuation, by the canvas's shape, and show none for less than 0.8 s."""
    animations: Annotated[tuple[Animation, ...], BeforeValidator(listed)] = ()
    """For every caption."""
    track: str | None = None
    """Name of the new track."""

    @model_validator(mode="after")
    def _one_source(self) -> Subtitles:
        given = [name for name in ("srt", "url", "path") if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError("one_of", "give exactly one", {"names": "srt, url, path"})
        return self


class Target(SpecModel):
    """Where and for which app the draft is meant; left out: what the settings say."""

    profile: DraftProfile | None = None
    """Which app's files to write."""
    root: str | None = None
    """The drafts folder on the machine that opens the draft; media get absolute paths in it."""
    media_paths: MediaPaths | None = None
    """Media named by the apps' placeholder for the draft's folder, or by absolute paths."""
    media_mode: Literal["copy", "hardlink", "reference"] = "copy"
    """How media come into the draft."""
    zip: bool = False
    """Pack the draft as well."""
    register_: bool = Field(False, alias="register")
    """Enter it into JianYing's root_meta_info.json."""
    on_conflict: Literal["error", "suffix", "replace_own"] | None = None
    """What to do when a draft of that name exists."""


class DraftSpec(SpecModel):
    """One JianYing draft as one document.

    Times: a bare number is seconds, a string carries its unit ("1.5s", "500ms", "00:01:02.5", "90f" =
    frames). Positions: half the canvas, centre 0, right and up positive. Names of effects, filters, fonts
    and so on are those of JianYing.
    """

    schema_: Literal["c2jy/1"] = Field(SCHEMA, alias="schema")
    """c2jy/1"""
    time_unit: Unit = "s"
    """Unit of bare numbers in this document."""
    id: str | None = None
    """Your own id for the draft; used to replace an earlier one of the same id."""
    name: str = ""
    """Name of the draft and its folder."""
    width: int = Field(1920, ge=1, le=16384)
    """Canvas width, px."""
    height: int = Field(1080, ge=1, le=16384)
    """Canvas height, px."""
    fps: float = Field(30, ge=1, le=240)
    """Frames per second."""
    main_track_magnet: bool = True
    """JianYing keeps the lowest video track free of gaps when it is edited."""
    overlap: Overlap = "lane"
    """Clips that overlap on a track: error; lane (move them to a new track above); shift (start later); trim
    (end the earlier one sooner)."""
    media: dict[str, Source] = Field(default_factory=dict)
    """Media files by a short name, for clips to name."""
    tracks: tuple[Track, ...] = ()
    """From the bottom to the top."""
    subtitles: Annotated[tuple[Subtitles, ...], BeforeValidator(listed)] = ()
    """Captions from files, each on its own track above the others."""
    markers: Annotated[tuple[Marker, ...], BeforeValidator(listed)] = ()
    """Marks on the timeline."""
    target: Target | None = None
    """Where and for which app."""
    meta: dict[str, Any] = Field(default_factory=dict)
    """Yours; kept in the copy of the document."""
    legacy: Any = None
    """The document this one was imported from, kept as it was."""

    @model_validator(mode="wrap")
    @classmethod
    def _in_its_unit(cls, data: Any, handler: ModelWrapValidatorHandler[DraftSpec]) -> DraftSpec:
        """Read bare numbers in the document's own unit; inside, all are microseconds."""
        if not isinstance(data, dict):
            return handler(data)
        unit, fps = data.get("time_unit") or "s", data.get("fps", 30)
        sane_fps = float(fps) if type(fps) in (int, float) and 1 <= fps <= 240 else 30.0
        if not isinstance(unit, str) or unit not in US_PER:
            return handler(data)  # the field itself says what is wrong
        with reading(unit, sane_fps):  # type: ignore[arg-type]  # `unit in US_PER` is the check
            return handler({**data, "time_unit": "us"})
