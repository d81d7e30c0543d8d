"""Converts one segment of an export to one clip, for each of the seven kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports import appearance, captions
from c2jy_bridge.compat.coze2jianying.exports.fields import Fields
from c2jy_bridge.compat.coze2jianying.exports.issues import shown
from c2jy_bridge.compat.coze2jianying.exports.keyframes import ClipFrame, keyframes, raw_time
from c2jy_bridge.compat.coze2jianying.exports.units import US_PER, Unit
from c2jy_bridge.drafts.spec.model import us


def effect_clip(fields: Fields) -> dict[str, Any] | None:
    """What an effect track shows; None when it has no name, which is reported."""
    name = fields.text("effect_type", "name")
    if name is None:
        fields.collector.add("no_effect_name", fields.path, "error")
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
            fields.collector.add("effect_is_everywhere", path, value=shown(value))
    return result


def filter_clip(fields: Fields, *, raw: bool) -> dict[str, Any] | None:
    """What a filter track shows; `raw` is the raw tools' form, whose intensity is of a hundred."""
    name = fields.text("filter_type", "name")
    if name is None:
        fields.collector.add("no_effect_name", fields.path, "error")
        return None
    if raw:
        return {"name": appearance.member(name), "intensity": fields.bounded(100, 0, 100, "intensity")}
    return {"name": appearance.member(name), "intensity": appearance.percent(fields, "intensity")}


def effects(fields: Fields) -> list[dict[str, Any]]:
    """Effects of the raw tools' list; in the nested form `effects` is filter and transition."""
    raw = fields.take("effects")[0] if isinstance(fields.peek("effects"), list) else None
    names = (*(("effects",) if raw is not None else ()), "video_effects", "audio_effects")
    found = []
    for item, path in (pair for name in names for pair in fields.items(name)):
        one = appearance.named(item, path, fields.collector)
        name = one.text("effect_type", "name")
        params = _params(one, "params")
        one.close()
        if name:
            found.append({"name": appearance.member(name), **({"params": params} if params else {})})
    return found


def _params(fields: Fields, *names: str) -> list[float | None]:
    value, path = fields.take(*names)
    if value is None:
        return []
    if not isinstance(value, list) or not all(_is_param(item) for item in value):
        fields.collector.add("bad_params", path, value=shown(value))
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
        fields.collector.add("no_effect_name", one.path)
        return None
    return result


_RAW: Final = ("target_timerange", "timerange", "time_range")
_TOLERANCE_US: Final = 1_000
"""Containers give their length in milliseconds, so a range may be off by one."""


@dataclass(slots=True)
class Timing:
    """When a clip is on. `start` and `end` are in the draft's unit, `*_us` are set by `to_microseconds`.

    Not frozen: `fitted` shortens a clip whose file part is shorter than its place.
    """

    path: str
    start: float = 0.0
    end: float | None = None
    raw: bool = False
    """The {start, duration} form: microseconds already."""
    start_us: int = 0
    length_us: int | None = None

    def to_microseconds(self, unit: Unit) -> None:
        """Make microseconds: absolute ends are rounded, then subtracted, so that neighbours never overlap."""
        factor = 1 if self.raw else US_PER[unit]
        self.start_us = round(self.start * factor)
        self.length_us = None if self.end is None else round(self.end * factor) - self.start_us

    def at(self) -> dict[str, Any]:
        """The range for the spec."""
        if self.length_us is None:
            return {"start": us(self.start_us)}
        return {"start": us(self.start_us), "duration": us(self.length_us)}


def timing(fields: Fields) -> Timing | None:
    """The time of a segment; None when it has none that can be used, which is reported as an error."""
    for name in _RAW:
        if f"{name}.duration" in fields or (name != "time_range" and name in fields):
            return _raw_timing(fields, name)
    path = fields.take("time_range.start", "start")[1]
    start = fields.number("time_range.start", "start")
    end = fields.number("time_range.end", "end")
    if start is None and end is None:
        fields.collector.add("no_time", fields.path, "error")
        return None
    return _checked(fields, Timing(path, start or 0.0, end))


def _raw_timing(fields: Fields, name: str) -> Timing | None:
    inner = fields.inner(name)
    if inner is None:
        return None
    start, duration = raw_time(inner, "start"), raw_time(inner, "duration")
    inner.close()
    if duration is None:
        fields.collector.add("no_time", fields.path, "error")
        return None
    return _checked(fields, Timing(inner.path, start or 0, (start or 0) + duration, raw=True))


def _checked(fields: Fields, found: Timing) -> Timing | None:
    if found.start < 0 or (found.end is not None and found.end <= found.start):
        end = "-" if found.end is None else f"{found.end:.15g}"
        fields.collector.add("backwards", found.path, "error", start=f"{found.start:.15g}", end=end)
        return None
    return found


def material_range(fields: Fields, unit: Unit) -> tuple[int, int | None, str] | None:
    """The used part of the file: start, length (None to its end) in microseconds, and its path."""
    if "source_timerange" in fields or "material_range.duration" in fields:
        inner = fields.inner("source_timerange", "material_range")
        if inner is None:
            return None
        begin, length = raw_time(inner, "start"), raw_time(inner, "duration")
        inner.close()
        return None if not length else (begin or 0, length, inner.path)
    names = (("material_range.start", "material_start"), ("material_range.end", "material_end"))
    path = fields.take(*names[1])[1]
    start, end = (fields.number(*pair) for pair in names)
    if start is None and end is None:
        return None
    begin = round((start or 0) * US_PER[unit])
    if begin < 0 or (end is not None and end <= (start or 0)):
        fields.collector.add("trim_backwards", path, "warning")
        return None
    return begin, None if end is None else round(end * US_PER[unit]) - begin, path


def fitted(
    found: tuple[int, int | None, str] | None, when: Timing, speed: float, fields: Fields
) -> dict[str, Any] | None:
    """The trim for the spec, made to agree with the place on the timeline and the speed.

    The export gives three values of which two are free. The timeline and the speed win: a longer part of the
    file is cut, a shorter one ends the clip earlier.
    """
    if found is None:
        return None
    begin, length, path = found
    if length is None:
        return {"start": us(begin)}
    if when.length_us is not None:
        wanted = round(when.length_us * speed)
        if length > wanted + _TOLERANCE_US:
            fields.collector.add("trim_too_long", path, "info", seconds=f"{wanted / 1e6:g}")
        elif length < wanted:
            when.length_us = max(1, round(length / speed))
            if length < wanted - _TOLERANCE_US:
                fields.collector.add("trim_too_short", path, "warning", seconds=f"{when.length_us / 1e6:g}")
        length = max(1, min(length, wanted))
    return {"start": us(begin), "duration": us(length)}


TRACK_OF: Final = {
    "video": "video",
    "image": "video",
    "audio": "audio",
    "text": "text",
    "sticker": "sticker",
    "effect": "effect",
    "filter": "filter",
}
"""The kind of track that a clip goes on."""

_MEDIA: Final = ("material_url", "url", "material_path", "path", "src")
_SPEED: Final = (0.01, 100)
_WORDS: Final = {
    "photo": "image",
    "picture": "image",
    "caption": "text",
    "subtitle": "text",
    "music": "audio",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment with everything that is known about it before it is mapped."""

    fields: Fields
    kind: str
    timing: Timing
    frame: ClipFrame
    names: Mapping[str, str]
    """File names by URL, from the draft's media_resources."""
    track_volume: float = 1.0


def kind_of(fields: Fields, track_type: str) -> str:
    """Which of the seven kinds a segment is: by its type, else by its fields, else by its track."""
    named = (fields.text("type", "segment_type") or "").lower()
    named = _WORDS.get(named, named)
    if named in TRACK_OF:
        kind = named
    elif "image_url" in fields:
        kind = "image"
    elif "video_url" in fields:
        kind = "video"
    elif "audio_url" in fields:
        kind = "audio"
    elif "content" in fields or "text_content" in fields:
        kind = "text"
    else:
        kind = _WORDS.get(track_type, track_type)
    if named and named not in TRACK_OF:
        fields.collector.add("segment_type", fields.at("type"), value=shown(named), used=kind)
    if kind == "sticker" and "resource_id" not in fields and address(fields):
        fields.collector.add("sticker_is_picture", fields.path)
        return "image"
    return kind


def address(fields: Fields) -> str:
    """Where a segment's media file is; empty when it names none."""
    names = ("image_url", "video_url", "audio_url", *_MEDIA)
    return (fields.text(*names) or "").strip()


def clip(segment: Segment) -> dict[str, Any] | None:
    """The clip, ready for the spec; None when what it cannot do without is missing, which is reported."""
    fields = segment.fields
    result = _MAPPERS[segment.kind](segment)
    if result is not None:
        result["type"] = segment.kind
        if at := segment.timing.at():
            result["at"] = at
        if own_id := fields.text("id", "segment_id"):
            result["id"] = own_id
    fields.close()
    return result


def _media(segment: Segment) -> dict[str, str] | None:
    where = address(segment.fields)
    if not where:
        segment.fields.collector.add("no_media", segment.fields.path, "error")
        return None
    is_link = where[:8].lower().startswith(("http://", "https://", "data:"))
    media = {"url" if is_link else "path": where}
    if name := segment.names.get(where):
        media["name"] = name
    return media


def _picture(segment: Segment) -> dict[str, Any] | None:
    fields, frame = segment.fields, segment.frame
    media = _media(segment)
    result: dict[str, Any] = {"media": media}
    parts: dict[str, Any] = {
        "transform": appearance.transform(fields, frame),
        "crop": appearance.crop(fields),
        "background": appearance.background(fields),
        "filters": appearance.filters(fields),
        "effects": effects(fields),
        "transition": appearance.transition(fields, frame),
        "animations": appearance.animations(fields, frame),
        "keyframes": keyframes(fields, frame),
        "mask": mask(fields),
    }
    result.update({name: part for name, part in parts.items() if part})
    fit = appearance.fit(fields)
    if fit != "fit":
        result["fit"] = fit
    if mix := fields.text("mix_mode"):
        result["mix_mode"] = mix
    return result if media else None


def _image(segment: Segment) -> dict[str, Any] | None:
    fields = segment.fields
    for name in ("dimensions.width", "dimensions.height", "width", "height"):
        if name in fields:
            fields.collector.add("not_needed", fields.take(name)[1], "info")
    for name in ("speed.speed", "speed", "audio.volume", "volume"):
        if isinstance(value := fields.peek(name), (int, float)):
            fields.take(name)
            if value != 1:
                fields.collector.add("not_for_images", fields.at(name), value=shown(value))
    return _picture(segment)


def _video(segment: Segment) -> dict[str, Any] | None:
    fields = segment.fields
    result = _picture(segment)
    sound = _sound(segment)
    if fields.flag("speed.reverse", "reverse"):
        fields.collector.add(
            "reverse_unsupported", fields.at("speed" if "speed.reverse" in fields else "reverse")
        )
    return None if result is None else {**result, **sound}


def _audio(segment: Segment) -> dict[str, Any] | None:
    fields = segment.fields
    media = _media(segment)
    result: dict[str, Any] = {"media": media, **_sound(segment)}
    found = effects(fields)
    name = fields.text("audio.effect_type", "effect_type")
    strength_path = fields.take("audio.effect_intensity", "effect_intensity")[1]
    strength = appearance.percent(fields, "audio.effect_intensity", "effect_intensity")
    if name:
        # at full strength JianYing's own sliders stay
        found.insert(
            0, {"name": appearance.member(name), **({} if strength == 100 else {"params": [strength]})}
        )
    elif strength != 100:
        fields.collector.add("without_name", strength_path, "info")
    if found:
        result["effects"] = found
    if frames := keyframes(fields, segment.frame):
        result["keyframes"] = frames
    return result if media else None


def _sound(segment: Segment) -> dict[str, Any]:
    """Trim, speed, volume, pitch and fades of a video or an audio."""
    fields = segment.fields
    result: dict[str, Any] = {}
    speed_names = (
        ("speed.speed", "audio.speed") if isinstance(fields.peek("speed"), dict) else ("speed", "audio.speed")
    )
    speed = fields.bounded(1, *_SPEED, *speed_names)
    part = material_range(fields, segment.frame.unit)
    if segment.timing.raw and part and not any(name in fields for name in speed_names):
        # pyJianYingDraft, which the raw tools feed, derives the speed then; so does the spec.
        trim: dict[str, Any] | None = {"start": us(part[0]), "duration": us(part[1] or 0)}
    else:
        trim = fitted(part, segment.timing, speed, fields)
    if trim:
        result["trim"] = trim
    if speed != 1:
        result["speed"] = speed
    own_volume = "audio.volume" in fields or "volume" in fields
    volume = fields.bounded(1, 0, 10, "audio.volume", "volume")
    if segment.track_volume != 1 and not own_volume:
        volume = min(10.0, segment.track_volume)
    if volume != 1:
        result["volume"] = volume
    if fields.flag("audio.change_pitch", "change_pitch", "speed.change_pitch"):
        result["keep_pitch"] = False
    fade = {
        "in": _fade(segment, "audio.fade_in", "fade_in", raw="fade.in_duration"),
        "out": _fade(segment, "audio.fade_out", "fade_out", raw="fade.out_duration"),
    }
    if any(fade.values()):
        result["fade"] = {name: us(length) for name, length in fade.items() if length}
    return result


def _fade(segment: Segment, *names: str, raw: str) -> int:
    return appearance.setting(segment.fields, segment.frame, *names) or raw_time(segment.fields, raw) or 0


def _text(segment: Segment) -> dict[str, Any] | None:
    fields, frame = segment.fields, segment.frame
    words = fields.text("content", "text_content", "text")
    if words is None:
        fields.collector.add("no_text", fields.path, "error")
    default = (0.0, 0.0) if "text_content" in fields else captions.CAPTION_POSITION
    placed = [
        name for name in ("position_x", "transform.position_x", "clip_settings.transform_x") if name in fields
    ]
    if not placed and default[0]:
        fields.collector.add("caption_position", fields.path, "info", x=default[0], y=default[1])
    place = appearance.transform(fields, frame, default)
    # The default position of a caption is low: set it when the export puts it in the middle.
    result: dict[str, Any] = {
        "text": words,
        "style": captions.style(fields),
        "transform": {"y": 0.0, **place},
    }
    parts = {
        "animations": appearance.animations(fields, frame, text=True),
        "keyframes": keyframes(fields, frame),
    }
    result.update({name: part for name, part in parts.items() if part})
    return result if words is not None else None


def _sticker(segment: Segment) -> dict[str, Any] | None:
    fields = segment.fields
    resource_id = fields.text("resource_id")
    if resource_id is None:
        fields.collector.add("no_resource_id", fields.path, "error")
    result: dict[str, Any] = {"resource_id": resource_id}
    if place := appearance.transform(fields, segment.frame):
        result["transform"] = place
    if frames := keyframes(fields, segment.frame):
        result["keyframes"] = frames
    return result if resource_id is not None else None


_MAPPERS: Final[dict[str, Callable[[Segment], dict[str, Any] | None]]] = {
    "video": _video,
    "image": _image,
    "audio": _audio,
    "text": _text,
    "sticker": _sticker,
    "effect": lambda segment: effect_clip(segment.fields),
    "filter": lambda segment: filter_clip(segment.fields, raw=segment.timing.raw),
}
