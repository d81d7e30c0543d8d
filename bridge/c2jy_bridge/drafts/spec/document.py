"""The whole document: tracks, subtitles, media, and what it is made for."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ModelWrapValidatorHandler, model_validator
from pydantic_core import PydanticCustomError

from c2jy_bridge.drafts.spec.appearance import Animation, TextStyle, Transform
from c2jy_bridge.drafts.spec.clips import Clip, Source, listed
from c2jy_bridge.drafts.spec.model import US_PER, SpecModel, TimeUS, Unit, reading

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


class Subtitles(SpecModel):
    """Captions from SRT: give `srt`, `url` or `path`."""

    srt: str | None = None
    """The SRT text itself."""
    url: str | None = None
    """Where to fetch it."""
    path: str | None = None
    """A file in one of the folders that the settings declare."""
    offset: TimeUS = 0
    """Added to every time."""
    style: TextStyle | None = None
    """How they look; left out: as a text clip."""
    transform: Transform | None = None
    """Where they stand; left out: the lower part of the canvas (y -0.8)."""
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

    profile: Literal["jianying_win", "jianying_mac", "capcut_win", "capcut_mac", "both"] | None = None
    """Which app's files to write."""
    root: str | None = None
    """The drafts folder on the machine that opens the draft."""
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
    """Captions from SRT, each on its own track above the others."""
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
