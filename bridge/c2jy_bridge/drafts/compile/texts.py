"""Text clips as the library's TextSegment."""

from __future__ import annotations

from typing import Any, Final

import pyJianYingDraft as library

from c2jy_bridge.drafts.compile.canvas import (
    CAPTION_Y,
    Canvas,
    add_animations,
    add_keyframes,
    clip_settings,
)
from c2jy_bridge.drafts.compile.names import NameKind
from c2jy_bridge.drafts.compile.plan import PlacedClip
from c2jy_bridge.drafts.spec import TextBackground, TextBorder, TextClip, TextShadow, TextStyle

_ANIMATIONS: Final[dict[str, NameKind]] = {"in": "text_in", "out": "text_out", "loop": "text_loop"}
_ALIGN: Final = {"left": 0, "center": 1, "right": 2}
_PLAIN: Final = TextStyle()


def text_segment(placed: PlacedClip, clip: TextClip, canvas: Canvas) -> Any:
    """The segment of a text clip."""
    style = clip.style or _PLAIN
    font = canvas.name(("font",), style.font, f"{placed.path}.style.font") if style.font else None
    segment = library.TextSegment(
        clip.text,
        library.Timerange(placed.start_us, placed.duration_us),
        font=font,
        style=_style(style),
        clip_settings=clip_settings(clip.transform, canvas, y=CAPTION_Y),
        border=_border(style.border),
        background=_background(style.background),
        shadow=_shadow(style.shadow),
    )
    if clip.animations:
        add_animations(segment, placed, clip.animations, _ANIMATIONS, canvas)
    if style.bubble:
        segment.add_bubble(style.bubble.effect_id, style.bubble.resource_id)
    if style.flower:
        segment.add_effect(style.flower)
    add_keyframes(segment, placed, clip.keyframes, canvas, picture=False)
    return segment


def _split(colour: tuple[float, ...], alpha: float) -> tuple[tuple[float, ...], float]:
    """Red, green, blue; and an opacity that stands in the colour multiplied into the other one."""
    return colour[:3], alpha * colour[3] if len(colour) == 4 else alpha


def _style(style: TextStyle) -> Any:
    colour, alpha = _split(style.color, style.alpha)
    return library.TextStyle(
        size=style.size,
        bold=style.bold,
        italic=style.italic,
        underline=style.underline,
        color=colour,
        alpha=alpha,
        align=_ALIGN[style.align],
        vertical=style.vertical,
        letter_spacing=style.letter_spacing,
        line_spacing=style.line_spacing,
        auto_wrapping=style.wrap,
        max_line_width=style.max_line_width,
    )


def _border(border: TextBorder | None) -> Any | None:
    if border is None:
        return None
    colour, alpha = _split(border.color, border.alpha)
    return library.TextBorder(alpha=alpha, color=colour, width=border.width)


def _shadow(shadow: TextShadow | None) -> Any | None:
    if shadow is None:
        return None
    colour, alpha = _split(shadow.color, shadow.alpha)
    return library.TextShadow(
        alpha=alpha, color=colour, diffuse=shadow.diffuse, distance=shadow.distance, angle=shadow.angle
    )


def _background(background: TextBackground | None) -> Any | None:
    if background is None:
        return None
    opacity = int(background.color[7:9], 16) / 255 if len(background.color) == 9 else 1.0
    return library.TextBackground(
        color=background.color[:7],
        style=background.style,
        alpha=background.alpha * opacity,
        round_radius=background.round_radius,
        height=background.height,
        width=background.width,
        horizontal_offset=background.horizontal_offset,
        vertical_offset=background.vertical_offset,
    )
