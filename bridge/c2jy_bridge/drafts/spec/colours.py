"""Colours as people write them: `#RGB`, `#RRGGBB`, `#RRGGBBAA`, `[r, g, b]`, a few plain names."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

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
