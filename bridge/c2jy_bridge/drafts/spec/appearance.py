"""How pictures and text look and move: colours, transforms, keyframes, animations, effects, text styles."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from c2jy_bridge.drafts.spec.model import SpecModel, TimeUS

_HEX: Final = re.compile(r"#?([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
NAMED: Final = {
    "white": "#ffffff",
    "black": "#000000",
    "red": "#ff0000",
    "green": "#008000",
    "blue": "#0000ff",
    "yellow": "#ffff00",
    "orange": "#ffa500",
    "pink": "#ffc0cb",
    "purple": "#800080",
    "gray": "#808080",
    "grey": "#808080",
    "cyan": "#00ffff",
    "白色": "#ffffff",
    "黑色": "#000000",
    "红色": "#ff0000",
    "绿色": "#008000",
    "蓝色": "#0000ff",
    "黄色": "#ffff00",
    "橙色": "#ffa500",
    "粉色": "#ffc0cb",
    "紫色": "#800080",
    "灰色": "#808080",
    "青色": "#00ffff",
}
"""CSS Color 4 values, and the same words in Chinese."""


def parse_colour(value: object) -> str:
    """Read a colour as hexadecimal digits.

    Args:
        value: `#RGB[A]`, `#RRGGBB[AA]`, a name of `NAMED`, or three or four numbers: 0-1 when none is
            above 1, else 0-255.

    Returns:
        `#rrggbb` or `#rrggbbaa`, lower case.

    Raises:
        PydanticCustomError: Type `colour`.
    """
    if isinstance(value, str):
        text = value.strip()
        if named := NAMED.get(text.lower()):
            return named
        if match := _HEX.fullmatch(text):
            digits = match[1].lower()
            return "#" + ("".join(c * 2 for c in digits) if len(digits) < 6 else digits)
    elif isinstance(value, (list, tuple)) and len(value) in (3, 4):
        numbers = [float(v) for v in value if isinstance(v, (int, float)) and not isinstance(v, bool)]
        scale = 255 if all(0 <= v <= 1 for v in numbers) else 1
        if len(numbers) == len(value) and all(0 <= v * scale <= 255 for v in numbers):
            return "#" + "".join(f"{round(v * scale):02x}" for v in numbers)
    raise PydanticCustomError("colour", "not a colour", {"value": str(value)[:80]})


def parse_rgb(value: object) -> tuple[float, ...]:
    """Read a colour as three or four numbers 0-1 (red, green, blue, opacity); fractions stay exact."""
    if (
        isinstance(value, (list, tuple))
        and len(value) in (3, 4)
        and all(type(v) in (int, float) and 0 <= v <= 1 for v in value)
    ):
        return tuple(map(float, value))
    digits = parse_colour(value)
    return tuple(int(digits[i : i + 2], 16) / 255 for i in range(1, len(digits), 2))


def opaque_hex(colour: str) -> str:
    """`#rrggbbaa` of a parsed colour; opaque when it has no opacity of its own."""
    return colour if len(colour) == 9 else colour + "ff"


_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 4},
    ],
    "description": "#RGB, #RRGGBB, #RRGGBBAA or [r, g, b]",
}
Colour = Annotated[str, BeforeValidator(parse_colour), WithJsonSchema(_SCHEMA)]
"""A colour in a spec, kept as `#rrggbb` or `#rrggbbaa`."""
Rgb = Annotated[tuple[float, ...], BeforeValidator(parse_rgb), WithJsonSchema(_SCHEMA)]
"""A colour in a spec, kept as red, green, blue and perhaps opacity, 0-1 each."""


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


WHITE = (1.0, 1.0, 1.0)
BLACK = (0.0, 0.0, 0.0)


class TextBorder(SpecModel):
    """An outline around each letter."""

    color: Rgb = BLACK
    """`#RRGGBB` or [r, g, b]."""
    alpha: Unit01 = 1.0
    """Opacity."""
    width: Percent = 40.0
    """0-100, as in JianYing."""


class TextShadow(SpecModel):
    """A shadow behind each letter."""

    color: Rgb = BLACK
    """`#RRGGBB` or [r, g, b]."""
    alpha: Unit01 = 1.0
    """Opacity."""
    diffuse: Percent = 15.0
    """Softness, 0-100."""
    distance: Percent = 5.0
    """0-100."""
    angle: float = Field(-45.0, ge=-180, le=180)
    """Degrees."""


class TextBackground(SpecModel):
    """A box behind the text."""

    color: Colour
    """`#RRGGBB`."""
    style: Literal[1, 2] = 1
    """One of JianYing's two kinds of box."""
    alpha: Unit01 = 1.0
    """Opacity."""
    round_radius: Unit01 = 0.0
    """Round corners, 0-1."""
    height: Unit01 = 0.14
    """0-1, as in JianYing."""
    width: Unit01 = 0.14
    """0-1, as in JianYing."""
    horizontal_offset: Unit01 = 0.5
    """0-1; 0.5 is the middle."""
    vertical_offset: Unit01 = 0.5
    """0-1; 0.5 is the middle."""


class Bubble(SpecModel):
    """A speech bubble; both ids come from a JianYing draft that uses it."""

    effect_id: str = Field(min_length=1)
    """JianYing's effect id."""
    resource_id: str = Field(min_length=1)
    """JianYing's resource id."""


def _flower(value: Any) -> Any:
    return value.get("effect_id") if isinstance(value, dict) else value


class TextStyle(SpecModel):
    """Letters, colour, alignment and decoration of a text."""

    font: str | None = None
    """A font of JianYing by name; left out: the system's."""
    size: float = Field(8.0, gt=0, le=1000)
    """JianYing's font size; 8 suits a caption at 1080p, 15 a title."""
    bold: bool = False
    """Heavy letters."""
    italic: bool = False
    """Slanted letters."""
    underline: bool = False
    """A line below."""
    color: Rgb = WHITE
    """`#RRGGBB`, `#RGB` or [r, g, b]."""
    alpha: Unit01 = 1.0
    """Opacity of the letters."""
    align: Literal["left", "center", "right"] = "center"
    """Horizontal alignment of the lines."""
    vertical: bool = False
    """Top to bottom instead of left to right."""
    letter_spacing: float = 0.0
    """As in JianYing."""
    line_spacing: float = 0.0
    """As in JianYing."""
    wrap: bool = True
    """Break lines that are longer than `max_line_width`."""
    max_line_width: Unit01 = 0.82
    """Longest line as a fraction of the canvas width."""
    border: TextBorder | None = None
    """An outline."""
    shadow: TextShadow | None = None
    """A shadow."""
    background: TextBackground | None = None
    """A box behind."""
    bubble: Bubble | None = None
    """A speech bubble."""
    flower: Annotated[str | None, BeforeValidator(_flower)] = None
    """Flower text (花字): JianYing's effect id."""
