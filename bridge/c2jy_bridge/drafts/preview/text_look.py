"""Reads the look of a text from its material, in the form of any version of the apps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from c2jy_bridge.drafts.library.snapshot import number, object_, objects, real
from c2jy_bridge.drafts.library.timeline import words

Colour = tuple[int, int, int, int]

_BORDER_FLAG, _BACKGROUND_FLAG, _SHADOW_FLAG = 8, 16, 32
"""Bits of `check_flag` (pyJianYingDraft 0.3.1, TextSegment.export_material)."""
_HEX: Final = re.compile(r"#([0-9a-fA-F]{6})([0-9a-fA-F]{2})?")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of one style; lengths are parts of the font's size (em)."""

    text: str
    size: float
    """JianYing's unit, see `font_unit`."""
    colour: Colour = (255, 255, 255, 255)
    bold: bool = False
    italic: bool = False
    underline: bool = False
    font_path: str = ""
    font_id: str = ""
    border: Colour | None = None
    border_width: float = 0.0
    """How far it reaches beyond the letters (measured in the cover of a draft of CapCut 2.2)."""
    shadow: Colour | None = None
    shadow_distance: float = 0.0
    shadow_angle: float = 0.0
    """Degrees, counter-clockwise from the right."""
    shadow_blur: float = 0.0


@dataclass(frozen=True, slots=True)
class TextLook:
    """A text with everything that its picture depends on."""

    spans: tuple[Span, ...]
    align: int = 0
    """0 left, 1 centre, 2 right."""
    vertical: bool = False
    letter_spacing: float = 0.0
    """Em."""
    line_spacing: float = 0.0
    """Em."""
    wrap_width: float = 0.0
    """Longest line, as a part of the canvas's width; 0: lines end where the text says."""
    background: Colour | None = None
    background_radius: float = 0.0
    """0 to 1, of half the box's shorter side."""
    background_size: tuple[float, float] = (0.0, 0.0)
    """What the box is larger than the text, across and down; em."""
    background_offset: tuple[float, float] = (0.0, 0.0)
    """-1 to 1."""
    background_by_line: bool = False

    @property
    def text(self) -> str:
        """All of its words."""
        return "".join(span.text for span in self.spans)


def text_look(material: Mapping[str, Any]) -> TextLook:
    """The look of a text material."""
    alpha = real(material.get("global_alpha"), 1.0)
    flags = number(material.get("check_flag"))
    # Materials before JianYing 4 have no flags; then what has a colour is shown.
    shown = flags if "check_flag" in material else _BORDER_FLAG | _BACKGROUND_FLAG | _SHADOW_FLAG
    background = None
    if number(material.get("background_style")) and shown & _BACKGROUND_FLAG:
        opacity = real(material.get("background_alpha"), 1.0) * alpha
        background = colour(material.get("background_color"), opacity)
    fixed = real(material.get("fixed_width"), -1.0)
    wraps = material.get("type") == "subtitle" or material.get("force_apply_line_max_width") is True
    return TextLook(
        spans=tuple(_spans(material, alpha, shown)),
        align=number(material.get("alignment")),
        vertical=number(material.get("typesetting")) == 1,
        letter_spacing=real(material.get("letter_spacing"), 0.0),
        line_spacing=real(material.get("line_spacing"), 0.02),
        wrap_width=(real(material.get("line_max_width"), 0.82) if wraps or fixed > 0 else 0.0),
        background=background,
        background_radius=real(material.get("background_round_radius"), 0.0),
        background_size=(
            real(material.get("background_width"), 0.14),
            real(material.get("background_height"), 0.14),
        ),
        background_offset=(
            real(material.get("background_horizontal_offset"), 0.0),
            real(material.get("background_vertical_offset"), 0.0),
        ),
        background_by_line=number(material.get("background_style")) == 2,
    )


def _spans(material: Mapping[str, Any], alpha: float, shown: int) -> Iterator[Span]:
    content = material.get("content")
    try:
        held = object_(orjson.loads(content if isinstance(content, str) else ""))
    except orjson.JSONDecodeError:
        held = {}
    styles = objects(held.get("styles"))
    if not held or not styles:
        yield _plain_span(material, words(content), alpha, shown)
        return
    text = str(held.get("text", ""))
    units = text.encode("utf-16-le", "surrogatepass")
    reached = 0
    for index, style in enumerate(styles):
        begin, end = _range(style, len(units) // 2)
        if index == len(styles) - 1 and len(text) <= end:
            end = len(units) // 2  # pyJianYingDraft counts characters where the app counts UTF-16 units
        begin = max(begin, reached)
        if begin < end:
            yield _span(style, units[2 * begin : 2 * end].decode("utf-16-le", "replace"), material, alpha)
            reached = end


def _range(style: Mapping[str, Any], whole: int) -> tuple[int, int]:
    found = style.get("range")
    if isinstance(found, list) and len(found) == 2:
        return max(0, number(found[0])), min(whole, number(found[1]))
    return 0, whole


def _span(style: Mapping[str, Any], text: str, material: Mapping[str, Any], alpha: float) -> Span:
    font = object_(style.get("font"))
    strokes = [s for s in objects(style.get("strokes")) if s.get("width")]
    shadows = objects(style.get("shadows"))
    stroke, shadow = (strokes[0] if strokes else {}), (shadows[0] if shadows else {})
    fill = _solid(object_(style.get("fill")), alpha) or (255, 255, 255, round(255 * alpha))
    return Span(
        text=text,
        size=real(style.get("size"), real(material.get("font_size"), 8.0)),
        colour=fill,
        bold=style.get("bold") is True,
        italic=style.get("italic") is True,
        underline=style.get("underline") is True,
        font_path=str(font.get("path") or ""),
        font_id=str(font.get("id") or ""),
        border=_solid(stroke, alpha) if stroke else None,
        border_width=real(stroke.get("width"), 0.0),
        shadow=_solid(shadow, alpha) if shadow else None,
        shadow_distance=real(shadow.get("distance"), 5.0) / 100,
        shadow_angle=real(shadow.get("angle"), -45.0),
        # JianYing stores a sixth of its slider (pyJianYingDraft 0.3.1, TextShadow.export_json).
        shadow_blur=real(shadow.get("diffuse"), 0.0),
    )


def _plain_span(material: Mapping[str, Any], text: str, alpha: float, shown: int) -> Span:
    """A text of JianYing 3, whose style is in the material itself."""
    border = None
    if shown & _BORDER_FLAG and real(material.get("border_width"), 0.0) > 0:
        border = colour(material.get("border_color"), real(material.get("border_alpha"), 1.0) * alpha)
    shadow = None
    if shown & _SHADOW_FLAG and material.get("has_shadow") is True:
        shadow = colour(material.get("shadow_color"), real(material.get("shadow_alpha"), 0.8) * alpha)
    fill = colour(material.get("text_color"), real(material.get("text_alpha"), 1.0) * alpha)
    return Span(
        text=text,
        size=real(material.get("font_size"), 8.0),
        colour=fill or (255, 255, 255, round(255 * alpha)),
        bold=real(material.get("bold_width"), 0.0) > 0,
        italic=number(material.get("italic_degree")) > 0,
        underline=material.get("underline") is True,
        font_path=str(material.get("font_path") or ""),
        border=border,
        border_width=real(material.get("border_width"), 0.0),
        shadow=shadow,
        shadow_distance=real(material.get("shadow_distance"), 5.0) / 100,
        shadow_angle=real(material.get("shadow_angle"), -45.0),
        shadow_blur=real(material.get("shadow_smoothing"), 0.0) / 6,
    )


def _solid(fill: Mapping[str, Any], alpha: float) -> Colour | None:
    """Red, green, blue from 0 to 1 in a list; the opacities around it are multiplied."""
    solid = object_(object_(fill.get("content")).get("solid"))
    parts = solid.get("color")
    if not isinstance(parts, list) or len(parts) < 3:
        return None
    red, green, blue = (_byte(real(part, 1.0)) for part in parts[:3])
    opacity = real(fill.get("alpha"), 1.0) * real(solid.get("alpha"), 1.0) * alpha
    return red, green, blue, _byte(opacity)


def colour(value: object, alpha: float = 1.0) -> Colour | None:
    """`#RRGGBB` or `#RRGGBBAA`; None for what is none."""
    found = _HEX.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    red, green, blue = bytes.fromhex(found[1])
    opacity = int(found[2], 16) / 255 if found[2] else 1.0
    return red, green, blue, _byte(opacity * alpha)


def _byte(part: float) -> int:
    return min(255, max(0, round(part * 255)))
