"""Converts the appearance of a picture in an export: transform, crop, background, filter, animations."""

from __future__ import annotations

from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports.fields import Fields
from c2jy_bridge.compat.coze2jianying.exports.issues import ImportIssueCollector, shown
from c2jy_bridge.compat.coze2jianying.exports.keyframes import PIXELS, ClipFrame, raw_time
from c2jy_bridge.compat.coze2jianying.exports.units import setting_us
from c2jy_bridge.drafts.spec.appearance import parse_colour
from c2jy_bridge.drafts.spec.model import us

DEFAULT_SETTING: Final = 500
"""Milliseconds: the documented default of transition_duration and of image animations (make_image_info)."""
_BLURS: Final = (0.0625, 0.375, 0.75, 1.0)
"""JianYing's four steps (pyJianYingDraft 0.3.1, add_background_filling)."""
_SIDES: Final = ("upper_left", "upper_right", "lower_left", "lower_right")
_FITS: Final = {"fit": "fit", "contain": "fit", "fill": "fill", "cover": "fill", "stretch": "stretch"}
_RAW_ANIMATIONS: Final = {
    "in": "in",
    "intro": "in",
    "out": "out",
    "outro": "out",
    "group": "group",
    "loop": "loop",
}


def transform(fields: Fields, clip: ClipFrame, default: tuple[float, float] = (0.0, 0.0)) -> dict[str, Any]:
    """Position, size, rotation, opacity and flips.

    Args:
        default: x and y when the export leaves them out.
    """
    result: dict[str, Any] = {}
    for axis, half, left_out in (("x", clip.width / 2, default[0]), ("y", clip.height / 2, default[1])):
        names = (f"transform.position_{axis}", f"position_{axis}", f"clip_settings.transform_{axis}")
        value, path = fields.take(*names)
        number = fields.number(*names) if value is not None else None
        if number is None:
            number = left_out
        elif abs(number) > PIXELS:
            fields.collector.add("pixel_position", path, "info", width=clip.width, height=clip.height)
            number /= half
        if number:
            result[axis] = number
    result.update(_scale(fields))
    rotation = fields.number("transform.rotation", "rotation", "clip_settings.rotation")
    if rotation:
        result["rotation"] = rotation
    opacity = _opacity(fields, "transform.opacity", "opacity", "clip_settings.alpha")
    if opacity != 1:
        result["opacity"] = opacity
    for way in ("horizontal", "vertical"):
        if fields.flag(f"flip.{way}", f"flip_{way}", f"transform.flip_{way}", f"clip_settings.flip_{way}"):
            result[f"flip_{way}"] = True
    return result


def _scale(fields: Fields) -> dict[str, float]:
    both = _positive(fields, "transform.scale", "scale")
    across = _positive(fields, "transform.scale_x", "scale_x", "clip_settings.scale_x")
    down = _positive(fields, "transform.scale_y", "scale_y", "clip_settings.scale_y")
    if across is None and down is None:
        return {} if both in (None, 1) else {"scale": both or 1}
    if across == down or (across in (None, 1) and down in (None, 1)):
        one = across if across == down else 1
        return {} if one in (None, 1) else {"scale": one or 1}
    return {"scale_x": across or both or 1, "scale_y": down or both or 1}


def _positive(fields: Fields, *names: str) -> float | None:
    value, path = fields.take(*names)
    number = None if value is None else fields.number(*names)
    if number is not None and number <= 0:
        fields.collector.add("scale_not_positive", path, value=f"{number:g}")
        return None
    return number


def _opacity(fields: Fields, *names: str) -> float:
    value, path = fields.take(*names)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 1 < value <= 100:
        fields.collector.add("percent", path, "info", value=f"{value:g}", used=f"{value / 100:g}")
        return value / 100
    return fields.bounded(1, 0, 1, *names)


def crop(fields: Fields) -> dict[str, Any] | None:
    """The part of the picture that is shown; None when all of it is."""
    if "crop_settings" in fields:
        return _raw_crop(fields)
    enabled = fields.flag("crop.enabled", "crop_enabled")
    sides = {
        side: fields.bounded(default, 0, 1, f"crop.{side}", f"crop_{side}")
        for side, default in (("left", 0), ("top", 0), ("right", 1), ("bottom", 1))
    }
    if enabled is False or sides == {"left": 0, "top": 0, "right": 1, "bottom": 1}:
        return None
    if sides["right"] <= sides["left"] or sides["bottom"] <= sides["top"]:
        fields.collector.add("crop_empty", fields.at("crop" if "crop" in fields else "crop_left"))
        return None
    return sides


def _raw_crop(fields: Fields) -> dict[str, Any] | None:
    corners = [
        tuple(
            fields.bounded(default, 0, 1, f"crop_settings.{side}_{axis}")
            for axis, default in (("x", float("right" in side)), ("y", float("lower" in side)))
        )
        for side in _SIDES
    ]
    whole = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    return None if corners == whole else {"corners": corners}


def background(fields: Fields) -> dict[str, Any] | None:
    """What fills the canvas beside the picture: blur or a colour, not both."""
    collector = fields.collector
    blur, blur_path = fields.take("background.blur", "background_blur", "background_filling.blur")
    colour_names = ("background.color", "background_color", "background_filling.color")
    colour_path = fields.take(*colour_names)[1]
    tint = colour(fields, *colour_names)
    kind, kind_path = fields.take("background_filling.fill_type")
    if kind not in (None, "blur", "color"):
        collector.add("not_one_of", kind_path, value=shown(kind), known="blur, color", used="blur")
    amount = _blur(blur, blur_path, collector)
    if kind == "color" and tint:
        amount = None
    if amount is None:
        return {"kind": "color", "color": tint} if tint else None
    if tint and kind != "blur":
        collector.add("blur_over_colour", colour_path, value=tint)
    return {"kind": "blur", "blur": amount}


def _blur(value: Any, path: str, collector: ImportIssueCollector) -> float | None:
    if value is None or value is False:
        return None
    if value is True or (isinstance(value, str) and value.strip().lower() == "true"):
        return _BLURS[0]
    if isinstance(value, (int, float)):
        if value <= 0:
            return None
        nearest = min(_BLURS, key=lambda step: abs(step - value))
        if nearest != value:
            collector.add("blur_step", path, "info", value=f"{value:g}", used=f"{nearest:g}")
        return nearest
    if not (isinstance(value, str) and value.strip().lower() in ("", "false")):
        collector.add("not_true_false", path, value=shown(value))
    return None


def colour(fields: Fields, *names: str) -> str | None:
    """A colour as `#rrggbb[aa]`; one that is none is reported and left out."""
    value, path = fields.take(*names)
    if value is None or value == "":
        return None
    try:
        return parse_colour(value)
    except ValueError:  # pydantic's custom errors are ValueErrors
        fields.collector.add("not_a_colour", path, value=shown(value))
        return None


def fit(fields: Fields) -> str:
    """fit, fill or stretch."""
    value, path = fields.take("background.fit_mode", "fit_mode")
    if value is None:
        return "fit"
    found = _FITS.get(str(value).strip().lower())
    if found is None:
        fields.collector.add("not_one_of", path, value=shown(value), known="fit, fill, stretch", used="fit")
    return found or "fit"


def filters(fields: Fields) -> list[dict[str, Any]]:
    """The colour filter of a picture, and those of the raw tools' list."""
    found = []
    name = fields.text("effects.filter_type", "filter_type")
    intensity_path = fields.take("effects.filter_intensity", "filter_intensity")[1]
    intensity = percent(fields, "effects.filter_intensity", "filter_intensity")
    if name:
        found.append({"name": name, "intensity": intensity})
    elif intensity != 100:
        fields.collector.add("without_name", intensity_path, "info")
    for item, path in fields.items("filters", "filter"):
        one = named(item, path, fields.collector)
        title = one.text("filter_type", "name")
        strength = one.bounded(100, 0, 100, "intensity")
        one.close()
        if title:
            found.append({"name": member(title), "intensity": strength})
    return found


def percent(fields: Fields, *names: str) -> float:
    """A strength of 0-1, left out meaning 1, as 0-100; above 1 it is taken to be of a hundred already."""
    value, path = fields.take(*names)
    number = fields.number(*names) if value is not None else 1
    if number is None:
        return 100
    if number > 1:
        fields.collector.add("percent", path, "info", value=f"{number:g}", used=f"{number / 100:g}")
        return fields.bounded(100, 0, 100, *names)
    return fields.bounded(1, 0, 1, *names) * 100


def transition(fields: Fields, clip: ClipFrame) -> dict[str, Any] | None:
    """How the clip passes into the next."""
    raw, raw_path = fields.take("transition")
    if raw is not None:
        one = named(raw, raw_path, fields.collector)
        name, duration_us = one.text("transition_type", "name"), raw_time(one, "duration")
        one.close()
        return _with_duration(member(name), duration_us) if name else None
    name = fields.text("effects.transition_type", "transition_type")
    lengths = ("effects.transition_duration", "transition_duration")
    if not name:
        _without_name(fields, *lengths)
        return None
    duration_us = setting(fields, clip, *lengths)
    return _with_duration(name, DEFAULT_SETTING * 1000 if duration_us is None else duration_us)


def animations(fields: Fields, clip: ClipFrame, *, text: bool = False) -> list[dict[str, Any]]:
    """How the clip comes in and goes out; for text also what it does in between."""
    raw, path = fields.peek("animations"), fields.at("animations")
    if isinstance(raw, list) or (isinstance(raw, dict) and ("animation_type" in raw or "name" in raw)):
        fields.take("animations")
        items = raw if isinstance(raw, list) else [raw]
        return [
            found
            for index, item in enumerate(items)
            if (found := _raw_animation(item, f"{path}[{index}]" if items is raw else path, fields.collector))
        ]
    result = []
    for kind, word, flat in (("in", "intro", "in_animation"), ("out", "outro", ""), ("loop", "loop", "")):
        names = tuple(filter(None, (f"animations.{word}", flat, f"{word}_animation")))
        lengths = tuple(f"{name}_duration" for name in names)
        name = fields.text(*names)
        if not name or name.lower() == "none":
            _without_name(fields, *lengths)
            continue
        duration_us = setting(fields, clip, *lengths)
        # make_caption_info has no lengths: JianYing's own apply.
        left_out = None if text else DEFAULT_SETTING * 1000
        result.append(
            {"kind": kind, **_with_duration(name, left_out if duration_us is None else duration_us)}
        )
    return result


def _without_name(fields: Fields, *lengths: str) -> None:
    """The full form writes lengths of absent effects; only one that is not the default is reported."""
    value, path = fields.take(*lengths)
    if value not in (None, 0, DEFAULT_SETTING):
        fields.collector.add("without_name", path, "info")


def _raw_animation(item: Any, path: str, collector: ImportIssueCollector) -> dict[str, Any] | None:
    one = named(item, path, collector)
    # The raw tool takes pyJianYingDraft's member ("IntroType.渐显"): its class says which kind it is.
    kind_word, dot, name = (one.text("animation_type", "name") or "").rpartition(".")
    kind = one.text("kind", "type") or kind_word.removeprefix("Text").removesuffix("Type").removesuffix(
        "Anim"
    )
    duration_us = raw_time(one, "duration")
    one.close()
    found = _RAW_ANIMATIONS.get(kind.lower().removesuffix("animation"))
    if not name:
        return None
    if found is None:
        collector.add("animation_kind", path, "info" if not dot else "warning", name=shown(name))
    return {"kind": found or "in", **_with_duration(name, duration_us)}


def setting(fields: Fields, clip: ClipFrame, *names: str) -> int | None:
    """A length beside the timeline, microseconds; a string may carry its unit. None when left out."""
    value, path = fields.take(*names)
    if isinstance(value, str) and not value.strip().replace(".", "", 1).isdigit():
        return raw_time(fields, *names)
    number = None if value is None else fields.number(*names)
    if number is None:
        return None
    if number < 0:
        fields.collector.add("not_a_time", path, value=shown(value))
        return None
    duration_us, unit = setting_us(number, clip.unit, clip.length_us)
    if duration_us and unit != clip.unit:
        fields.collector.add("setting_unit", path, "info", unit=unit, seconds=f"{duration_us / 1e6:g}")
    return duration_us


def member(name: str) -> str:
    """`FilterType.暖冬`, as the raw tools write pyJianYingDraft's members, without its class."""
    owner, dot, own = name.rpartition(".")
    return own if dot and owner.endswith("Type") else name


def named(item: Any, path: str, collector: ImportIssueCollector) -> Fields:
    """An item of a list that may be an object or only a name."""
    return Fields(item if isinstance(item, dict) else {"name": item}, path, collector)


def _with_duration(name: str, duration_us: int | None) -> dict[str, Any]:
    return {"name": name} if not duration_us else {"name": name, "duration": us(duration_us)}
