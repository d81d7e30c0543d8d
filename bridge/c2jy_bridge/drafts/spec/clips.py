"""The seven kinds of clip."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from c2jy_bridge.drafts.spec.appearance import (
    Animation,
    Background,
    Chroma,
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
from c2jy_bridge.drafts.spec.model import Range, SpecModel

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
