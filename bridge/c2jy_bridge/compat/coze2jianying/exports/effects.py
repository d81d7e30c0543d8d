"""Effects, filters of a track of their own, and masks of an export."""

from __future__ import annotations

from typing import Any

from c2jy_bridge.compat.coze2jianying.exports import appearance
from c2jy_bridge.compat.coze2jianying.exports.fields import Fields
from c2jy_bridge.compat.coze2jianying.exports.issues import shown


def effect_clip(fields: Fields) -> dict[str, Any] | None:
    """What an effect track shows; None when it has no name, which is reported."""
    name = fields.text("effect_type", "name")
    if name is None:
        fields.report.add("no_effect_name", fields.path, "error")
        return None
    result: dict[str, Any] = {"name": appearance.member(name)}
    params = _params(fields, "params", "properties.params")
    strength = appearance.percent(fields, "properties.intensity", "intensity")
    if params or strength != 100:
        result["params"] = params or [strength]
    # Local effects: pyJianYingDraft's effect segments cover the whole canvas.
    for names, harmless in ((("position_x",), None), (("position_y",), None), (("scale",), 1)):
        value, path = fields.take(*(f"properties.{n}" for n in names), *names)
        if value not in (None, harmless):
            fields.report.add("effect_is_everywhere", path, value=shown(value))
    return result


def filter_clip(fields: Fields, *, raw: bool) -> dict[str, Any] | None:
    """What a filter track shows; `raw` is the raw tools' form, whose intensity is of a hundred."""
    name = fields.text("filter_type", "name")
    if name is None:
        fields.report.add("no_effect_name", fields.path, "error")
        return None
    if raw:
        return {"name": appearance.member(name), "intensity": fields.bounded(100, 0, 100, "intensity")}
    return {"name": appearance.member(name), "intensity": appearance.percent(fields, "intensity")}


def effects(fields: Fields) -> list[dict[str, Any]]:
    """Effects of the raw tools' list; in the nested form `effects` is filter and transition."""
    raw = fields.take("effects")[0] if isinstance(fields.peek("effects"), list) else None
    names = (
        ("effects", "video_effects", "audio_effects")
        if raw is not None
        else ("video_effects", "audio_effects")
    )
    found = []
    for item, path in (pair for name in names for pair in fields.items(name)):
        one = appearance.named(item, path, fields.report)
        name = one.text("effect_type", "name")
        params = _params(one, "params")
        one.close()
        if name:
            found.append({"name": appearance.member(name), **({"params": params} if params else {})})
    return found


def with_strength(name: str, strength: float) -> dict[str, Any]:
    """An effect whose first slider is its strength; at full strength JianYing's own sliders stay."""
    return (
        {"name": appearance.member(name)}
        if strength == 100
        else {"name": appearance.member(name), "params": [strength]}
    )


def _params(fields: Fields, *names: str) -> list[float | None]:
    value, path = fields.take(*names)
    if value is None:
        return []
    if not isinstance(value, list) or not all(_is_param(item) for item in value):
        fields.report.add("bad_params", path, value=shown(value))
        return []
    return value


def _is_param(value: Any) -> bool:
    return value is None or (
        isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100
    )


def mask(fields: Fields) -> dict[str, Any] | None:
    """A mask of the raw tools: feather 0-1 there, 0-100 in the spec."""
    one = fields.inner("mask")
    if one is None:
        return None
    shape = one.text("mask_type", "shape", "type")
    result = {
        "shape": appearance.member(shape or ""),
        "center_x": one.number("center_x") or 0,
        "center_y": one.number("center_y") or 0,
        "size": one.bounded(0.5, 0.0001, 100, "size"),
        "rotation": one.number("rotation") or 0,
        "invert": bool(one.flag("invert")),
    }
    feather = one.number("feather") or 0
    result["feather"] = min(100, max(0, feather * 100 if feather <= 1 else feather))
    width, corner = one.number("rect_width"), one.number("round_corner")
    if width is not None and width > 0:
        result["rect_width"] = width
    if corner is not None:
        result["round_corner"] = min(100, max(0, corner))
    one.close()
    if not shape:
        fields.report.add("no_effect_name", one.path)
        return None
    return result
