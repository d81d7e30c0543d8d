"""How text looks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from c2jy_bridge.drafts.spec.appearance import Percent, Unit01
from c2jy_bridge.drafts.spec.colours import Colour, Rgb
from c2jy_bridge.drafts.spec.model import SpecModel

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
    """Where each line stands."""
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
