"""How a picture looks and moves: crop, transform, keyframes, animations, effects, masks and the rest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from c2jy_bridge.drafts.spec.colours import Colour
from c2jy_bridge.drafts.spec.model import SpecModel
from c2jy_bridge.drafts.spec.times import TimeUS

Unit01 = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Point = tuple[Unit01, Unit01]

PropertyName = Literal[
    "position_x",
    "position_y",
    "rotation",
    "scale",
    "scale_x",
    "scale_y",
    "alpha",
    "saturation",
    "contrast",
    "brightness",
    "volume",
]


class Crop(SpecModel):
    """The part of the picture that is shown, as fractions of its width and height from the top left."""

    left: Unit01 = 0.0
    """Left edge, 0-1."""
    top: Unit01 = 0.0
    """Upper edge, 0-1."""
    right: Unit01 = 1.0
    """Right edge, 0-1."""
    bottom: Unit01 = 1.0
    """Lower edge, 0-1."""
    corners: tuple[Point, Point, Point, Point] | None = None
    """Instead of the edges: upper left, upper right, lower left, lower right as [x, y]; may be slanted."""

    @model_validator(mode="after")
    def _not_empty(self) -> Crop:
        if self.right <= self.left or self.bottom <= self.top:
            raise PydanticCustomError("crop_empty", "nothing is left of the picture")
        return self


class Transform(SpecModel):
    """Where a picture or text stands on the canvas, how large, turned and see-through it is."""

    x: float | None = None
    """To the right of the centre, in half canvas widths: -1 left edge, 0 centre (default), 1 right edge."""
    y: float | None = None
    """Above the centre, in half canvas heights: -1 bottom, 1 top. Default 0; for text -0.8, a caption."""
    x_px: float | None = None
    """Instead of `x`: canvas pixels to the right of the centre."""
    y_px: float | None = None
    """Instead of `y`: canvas pixels above the centre."""
    scale: float | None = Field(None, gt=0, le=1000)
    """Size in both directions; 1 is the size that fits the canvas."""
    scale_x: float | None = Field(None, gt=0, le=1000)
    """Width alone."""
    scale_y: float | None = Field(None, gt=0, le=1000)
    """Height alone."""
    rotation: float = 0.0
    """Degrees clockwise."""
    opacity: Unit01 = 1.0
    """0 invisible, 1 opaque."""
    flip_horizontal: bool = False
    """Mirror left and right."""
    flip_vertical: bool = False
    """Mirror top and bottom."""

    @model_validator(mode="after")
    def _no_contradiction(self) -> Transform:
        for one, other in (("x", "x_px"), ("y", "y_px"), ("scale", "scale_x"), ("scale", "scale_y")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise PydanticCustomError(
                    "either_or", "give {one} or {other}, not both", {"one": one, "other": other}
                )
        return self


class Keyframe(SpecModel):
    """A value that a property has at one moment; between keyframes it changes evenly."""

    property: PropertyName
    """What changes. `scale` is both directions at once and cannot be mixed with `scale_x`, `scale_y`."""
    at: TimeUS
    """From the start of the clip."""
    value: float
    """position: half canvas sizes; rotation: degrees; scale: 1 = as it is; alpha 0-1; saturation, contrast,
    brightness -1 to 1; volume 1 = as it is."""


class Animation(SpecModel):
    """How a clip comes in, goes out or moves in between."""

    kind: Literal["in", "out", "group", "loop"]
    """`group` (in and out as one) is for pictures, `loop` for text."""
    name: str = Field(min_length=1)
    """Its name in JianYing, such as 渐显."""
    duration: TimeUS | None = None
    """Left out: what JianYing takes. A loop fills what the others leave."""


class Filter(SpecModel):
    """A colour filter."""

    name: str = Field(min_length=1)
    """Its name in JianYing."""
    intensity: Percent = 100.0
    """0-100."""


class Effect(SpecModel):
    """A visual or an audio effect."""

    name: str = Field(min_length=1)
    """Its name in JianYing."""
    kind: Literal["scene", "character", "audio_scene", "tone", "speech_to_song"] | None = None
    """Left out: found by the name."""
    params: tuple[Percent | None, ...] | dict[str, Percent] = ()
    """Its sliders, 0-100, in JianYing's order (null = default) or by name."""


class Transition(SpecModel):
    """How one clip passes into the next; it stands on the earlier one."""

    name: str = Field(min_length=1)
    """Its name in JianYing, such as 叠化."""
    duration: TimeUS | None = None
    """Left out: what JianYing takes."""


class Mask(SpecModel):
    """A shape outside which the picture is invisible."""

    shape: str = Field(min_length=1)
    """线性 镜面 圆形 矩形 爱心 星形 (linear mirror circle rectangle heart star)."""
    center_x: float = 0.0
    """Pixels of the material to the right of its centre."""
    center_y: float = 0.0
    """Pixels of the material above its centre."""
    size: float = Field(0.5, gt=0)
    """Its main size (height, diameter) as a fraction of the material's height."""
    rotation: float = 0.0
    """Degrees clockwise."""
    feather: Percent = 0.0
    """Soft edge, 0-100."""
    invert: bool = False
    """Hide the inside instead."""
    rect_width: float | None = Field(None, gt=0)
    """Rectangle only: width as a fraction of the material's width; left out: `size`."""
    round_corner: Percent | None = None
    """Rectangle only: 0-100."""


class Chroma(SpecModel):
    """Chroma key: one colour becomes transparent."""

    color: Colour
    """The colour to remove, `#RRGGBB`."""
    intensity: Percent = 20.0
    """How much around that colour goes too, 0-100."""
    shadow: Percent = 0.0
    """0-100."""
    edge_smooth: Percent = 0.0
    """Soft edge, 0-100 (JianYing membership)."""
    spill: Percent = 0.0
    """Clean edge, 0-100 (JianYing membership)."""


class Background(SpecModel):
    """What fills the canvas beside a picture on the lowest video track."""

    kind: Literal["blur", "color"]
    """The picture itself, blurred, or one colour."""
    blur: Unit01 = 0.0625
    """JianYing's four steps are 0.0625, 0.375, 0.75 and 1."""
    color: Colour | None = None
    """`#RRGGBB[AA]`, for `color`."""

    @model_validator(mode="before")
    @classmethod
    def _kind_from_what_is_there(cls, data: Any) -> Any:
        if isinstance(data, dict) and "kind" not in data:
            return {**data, "kind": "color" if data.get("color") else "blur"}
        return data


class Fade(SpecModel):
    """Sound that comes and goes softly."""

    in_: TimeUS = Field(0, alias="in")
    """Seconds until full volume."""
    out: TimeUS = 0
    """Seconds from full volume to silence at the end."""
