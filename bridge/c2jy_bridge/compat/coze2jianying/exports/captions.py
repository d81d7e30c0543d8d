"""Converts the style of a text in an export: font, colour, stroke, shadow, background, alignment."""

from __future__ import annotations

import math
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports.appearance import colour, member
from c2jy_bridge.compat.coze2jianying.exports.fields import Fields
from c2jy_bridge.compat.coze2jianying.exports.issues import shown

CAPTION_POSITION: Final = (0.5, -0.9)
"""Default position of a caption in make_caption_info (documented)."""

_DEFAULT_PX: Final = 48.0
_PX_PER_SIZE: Final = 6.0
"""The predecessor's converter: above 20 a font size is pixels, and 48 px are JianYing's 8."""
_LARGEST_SIZE: Final = 20.0
# The predecessor's defaults are meant to look like JianYing's: stroke 2 px ~ width 40, shadow offset (2, 2)
# and blur 4 ~ distance 5 and diffuse 15 (pyJianYingDraft 0.3.1, TextBorder and TextShadow).
_WIDTH_PER_PX: Final = 40 / 2
_DISTANCE_PER_PX: Final = 5 / math.hypot(2, 2)
_DIFFUSE_PER_PX: Final = 15 / 4
_ALIGNMENTS: Final = {
    **dict.fromkeys(("left", "start", "左", "左对齐"), "left"),
    **dict.fromkeys(("center", "centre", "middle", "居中"), "center"),
    **dict.fromkeys(("right", "end", "右", "右对齐"), "right"),
}
_BOLD: Final = frozenset({"bold", "bolder", "粗体", "加粗"})
_NOT_BOLD: Final = frozenset({"normal", "lighter", "regular", "正常", "light", "medium"})
_NO_FONT: Final = frozenset({"默认", "default", "系统", "system"})


def style(fields: Fields) -> dict[str, Any]:
    """The style of a text, ready for the spec."""
    result: dict[str, Any] = {"size": _size(fields), "align": _alignment(fields)}
    font = fields.text("style.font_family", "font_family")
    if font and font.lower() not in _NO_FONT:
        result["font"] = member(font)
    if _is_bold(fields):
        result["bold"] = True
    slant = fields.text("style.font_style", "font_style")
    if (slant or "").lower() in ("italic", "oblique", "斜体") or fields.flag(
        "style.italic", "text_style.italic"
    ):
        result["italic"] = True
    elif slant and slant.lower() not in ("normal", "正常"):
        fields.collector.add(
            "not_one_of", fields.at("style"), value=shown(slant), known="normal, italic", used="normal"
        )
    if fields.flag("style.underline", "text_style.underline", "underline"):
        result["underline"] = True
    tint = colour(fields, "style.color", "color", "text_style.color")
    if tint:
        given = fields.peek("text_style.color")
        result["color"] = given if isinstance(given, list) and given else tint[:7]  # fractions stay exact
        if len(tint) == 9:
            result["alpha"] = int(tint[7:], 16) / 255
    parts = {"border": _border(fields), "shadow": _shadow(fields), "background": _box(fields)}
    result.update({name: part for name, part in parts.items() if part})
    _raw_decorations(fields, result)
    return result


def _size(fields: Fields) -> float:
    raw, raw_path = fields.take("text_style.font_size")
    if raw is not None:
        size = fields.number("text_style.font_size") or 0.0
        return size if size > 0 else _complain(fields, raw_path, raw)
    value, path = fields.take("style.font_size", "font_size", "style.size")
    if value is None:
        return _DEFAULT_PX / _PX_PER_SIZE
    number = fields.number("style.font_size", "font_size", "style.size") or 0.0
    if number <= 0:
        return _complain(fields, path, value)
    if number <= _LARGEST_SIZE:
        return number
    fields.collector.add("font_pixels", path, "info", value=f"{number:g}", used=f"{number / _PX_PER_SIZE:g}")
    return number / _PX_PER_SIZE


def _complain(fields: Fields, path: str, value: Any) -> float:
    fields.collector.add("not_a_number", path, value=shown(value))
    return _DEFAULT_PX / _PX_PER_SIZE


def _alignment(fields: Fields) -> str:
    value, path = fields.take("alignment", "style.alignment", "style.align", "text_style.align")
    if value is None:
        return "center"
    found = _ALIGNMENTS.get(str(value).strip().lower())
    if found is None:
        fields.collector.add(
            "not_one_of", path, value=shown(value), known="left, center, right", used="center"
        )
    return found or "center"


def _is_bold(fields: Fields) -> bool:
    value, path = fields.take("style.font_weight", "font_weight")
    if fields.flag("style.bold", "text_style.bold", "bold"):
        return True
    if value is None:
        return False
    word = str(value).strip().lower()
    if word.isdigit():
        return int(word) >= 600  # CSS: semi-bold
    if word not in _BOLD | _NOT_BOLD:
        fields.collector.add("not_one_of", path, value=shown(value), known="normal, bold", used="normal")
    return word in _BOLD


def _is_on(fields: Fields, part: str, *settings: str) -> bool:
    """Whether a decoration is switched on; a colour alone switches nothing on (make_caption_info)."""
    on = fields.flag(f"style.{part}.enabled", f"{part}_enabled")
    given = [name for s in settings for name in (f"style.{part}.{s}", f"{part}_{s}") if name in fields]
    for name in given if on is None else ():
        fields.collector.add("off_by_default", fields.at(name), "warning", switch=f"{part}_enabled")
    return bool(on)


def _border(fields: Fields) -> dict[str, Any] | None:
    on = _is_on(fields, "stroke", "color", "width")
    tint = colour(fields, "style.stroke.color", "stroke_color") or "#000000"
    width = fields.bounded(2, 0, 100 / _WIDTH_PER_PX, "style.stroke.width", "stroke_width")
    if not on:
        return None
    if "stroke_width" in fields or "style.stroke.width" in fields:
        path = fields.take("style.stroke.width", "stroke_width")[1]
        fields.collector.add(
            "stroke_pixels", path, "info", value=f"{width:g}", used=f"{width * _WIDTH_PER_PX:g}"
        )
    return {"color": tint[:7], "width": width * _WIDTH_PER_PX, **_alpha(tint)}


def _shadow(fields: Fields) -> dict[str, Any] | None:
    on = _is_on(fields, "shadow", "color", "offset_x", "offset_y", "blur")
    tint = colour(fields, "style.shadow.color", "shadow_color") or "#000000"
    x = fields.number("style.shadow.offset_x", "shadow_offset_x")
    y = fields.number("style.shadow.offset_y", "shadow_offset_y")
    blur = fields.bounded(4, 0, 100 / _DIFFUSE_PER_PX, "style.shadow.blur", "shadow_blur")
    if not on:
        return None
    across, down = (2.0 if offset is None else offset for offset in (x, y))
    distance = min(100.0, math.hypot(across, down) * _DISTANCE_PER_PX)
    # Screen offsets grow downwards, JianYing's angle counter-clockwise: (2, 2) is its default of -45 degrees.
    angle = math.degrees(math.atan2(-down, across)) if across or down else -45.0
    return {
        "color": tint[:7],
        "diffuse": blur * _DIFFUSE_PER_PX,
        "distance": round(distance, 4),
        "angle": round(angle, 4),
        **_alpha(tint),
    }


def _box(fields: Fields) -> dict[str, Any] | None:
    on = _is_on(fields, "background", "color", "opacity")
    tint = colour(fields, "style.background.color", "background_color") or "#000000"
    alpha = fields.bounded(0.5, 0, 1, "style.background.opacity", "background_opacity")
    return {"color": tint[:7], "alpha": alpha} if on else None


def _alpha(tint: str) -> dict[str, float]:
    return {"alpha": int(tint[7:], 16) / 255} if len(tint) == 9 else {}


def _raw_decorations(fields: Fields, result: dict[str, Any]) -> None:
    """Bubble and flower text of the raw tools."""
    if bubble := fields.inner("bubble", "text_bubble"):
        ids = {name: bubble.text(name) for name in ("effect_id", "resource_id")}
        bubble.close()
        if all(ids.values()):
            result["bubble"] = ids
        else:
            fields.collector.add("bubble_incomplete", bubble.path)
    flower, path = fields.take("flower", "text_effect")
    if isinstance(flower, dict):
        one = Fields(flower, path, fields.collector)
        flower = one.text("effect_id")
        one.close()
    if flower:
        result["flower"] = str(flower)
