"""Builds text segments."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Final

import pyJianYingDraft as library

from c2jy_bridge.drafts.compile.plan import PlacedClip
from c2jy_bridge.drafts.compile.segments import (
    CAPTION_Y,
    Canvas,
    add_animations,
    add_keyframes,
    clip_settings,
    without_speed,
)
from c2jy_bridge.drafts.kinds import NameKind
from c2jy_bridge.drafts.spec.appearance import TextBackground, TextBorder, TextShadow, TextStyle, Transform
from c2jy_bridge.drafts.spec.document import TextClip

_ANIMATIONS: Final[dict[str, NameKind]] = {"in": "text_in", "out": "text_out", "loop": "text_loop"}
_ALIGN: Final = {"left": 0, "center": 1, "right": 2}
_PLAIN: Final = TextStyle()
# As the library's json.dumps(..., ensure_ascii=False), without making an encoder for every call.
_json: Final = json.JSONEncoder(ensure_ascii=False).encode
_COUNT, _WORDS = 8_713_405_912_246_170_135, "e0c1f6b24d7a4c0f9b5a"
"""Placeholders for a number of characters and for words; unique in a text material."""


class StampedText:
    """A text segment copied from another with new words, time and ids: JSON only."""

    __slots__ = ("_exported",)

    def __init__(self, exported: dict[str, Any]) -> None:
        self._exported = exported

    def export_json(self) -> dict[str, Any]:
        """As the library's segments have it."""
        return self._exported


@dataclass(frozen=True, slots=True)
class _Stamp:
    segment: dict[str, Any]
    material: dict[str, Any]
    content: tuple[str, str, str]
    """The material's `content`, which is JSON in a string, around the number of characters and the words."""


class TextBuilder:
    """Adds text clips to a script; the library builds the first of each style, the others are copies."""

    def __init__(self, script: Any, canvas: Canvas) -> None:
        self._script, self._canvas = script, canvas
        self._stamps: dict[tuple[TextStyle | None, Transform | None], _Stamp] = {}

    def add(self, placed: PlacedClip, clip: TextClip, track: str) -> None:
        """Put a clip on the track of this name."""
        style = clip.style
        plain = not (clip.animations or clip.keyframes or (style and (style.bubble or style.flower)))
        look = (style, clip.transform)
        if plain and (stamp := self._stamps.get(look)):
            self._stamp(stamp, placed, clip.text, track)
            return
        before = self._canvas.collector.count
        segment = without_speed(text_segment(placed, clip, self._canvas))
        self._script.add_segment(segment, track)
        # A style with something to report is built each time, so that it is reported for each clip.
        if plain and self._canvas.collector.count == before:
            material = self._script.materials.texts[-1]
            self._stamps[look] = _Stamp(segment.export_json(), material, _around(material["content"]))

    def _stamp(self, stamp: _Stamp, placed: PlacedClip, text: str, track: str) -> None:
        material_id = os.urandom(16).hex()
        before, between, after = stamp.content
        content = f"{before}{len(text)}{between}{_json(text)}{after}"
        material = {**stamp.material, "id": material_id, "content": content}
        segment = {
            **stamp.segment,
            "id": os.urandom(16).hex(),
            "material_id": material_id,
            "target_timerange": {"start": placed.start_us, "duration": placed.duration_us},
        }
        script = self._script
        script.materials.texts.append(material)
        script.tracks[track].add_segment(StampedText(segment))
        script.duration = max(script.duration, placed.end_us)


def _around(content: str) -> tuple[str, str, str]:
    """A text material's content before its number of characters, up to its words, and after them."""
    value = json.loads(content)
    value["styles"][0]["range"], value["text"] = [0, _COUNT], _WORDS
    before, _, rest = _json(value).partition(str(_COUNT))
    between, _, after = rest.partition(_json(_WORDS))
    return before, between, after


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
    """Red, green, blue; and the opacity, multiplied by the colour's own where it has one."""
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
