"""One segment of an export -> one clip of our spec, for each of the seven kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports import appearance, captions, effects
from c2jy_bridge.compat.coze2jianying.exports.fields import Fields
from c2jy_bridge.compat.coze2jianying.exports.issues import shown
from c2jy_bridge.compat.coze2jianying.exports.keyframes import ClipFrame, keyframes, raw_time
from c2jy_bridge.compat.coze2jianying.exports.timing import Timing, fitted, material_range
from c2jy_bridge.drafts.spec import us

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
    """Which of the seven kinds a segment is: by what it says, else by what it has, else by its track."""
    said = (fields.text("type", "segment_type") or "").lower()
    said = _WORDS.get(said, said)
    if said in TRACK_OF:
        kind = said
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
    if said and said not in TRACK_OF:
        fields.report.add("segment_type", fields.at("type"), value=shown(said), used=kind)
    if kind == "sticker" and "resource_id" not in fields and address(fields):
        fields.report.add("sticker_is_picture", fields.path)
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
        segment.fields.report.add("no_media", segment.fields.path, "error")
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
        "effects": effects.effects(fields),
        "transition": appearance.transition(fields, frame),
        "animations": appearance.animations(fields, frame),
        "keyframes": keyframes(fields, frame),
        "mask": effects.mask(fields),
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
            fields.report.add("not_needed", fields.take(name)[1], "info")
    for name in ("speed.speed", "speed", "audio.volume", "volume"):
        if isinstance(value := fields.peek(name), (int, float)):
            fields.take(name)
            if value != 1:
                fields.report.add("not_for_images", fields.at(name), value=shown(value))
    return _picture(segment)


def _video(segment: Segment) -> dict[str, Any] | None:
    fields = segment.fields
    result = _picture(segment)
    sound = _sound(segment)
    if fields.flag("speed.reverse", "reverse"):
        fields.report.add(
            "reverse_unsupported", fields.at("speed" if "speed.reverse" in fields else "reverse")
        )
    return None if result is None else {**result, **sound}


def _audio(segment: Segment) -> dict[str, Any] | None:
    fields = segment.fields
    media = _media(segment)
    result: dict[str, Any] = {"media": media, **_sound(segment)}
    found = effects.effects(fields)
    name = fields.text("audio.effect_type", "effect_type")
    strength_path = fields.take("audio.effect_intensity", "effect_intensity")[1]
    strength = appearance.percent(fields, "audio.effect_intensity", "effect_intensity")
    if name:
        found.insert(0, effects.with_strength(name, strength))
    elif strength != 100:
        fields.report.add("without_name", strength_path, "info")
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
        fields.report.add("no_text", fields.path, "error")
    default = (0.0, 0.0) if "text_content" in fields else captions.CAPTION_POSITION
    placed = [
        name for name in ("position_x", "transform.position_x", "clip_settings.transform_x") if name in fields
    ]
    if not placed and default[0]:
        fields.report.add("caption_position", fields.path, "info", x=default[0], y=default[1])
    place = appearance.transform(fields, frame, default)
    # A caption of the spec stands low unless told otherwise: say so when the export puts it in the middle.
    result: dict[str, Any] = {
        "text": words,
        "style": captions.style(fields),
        "transform": {"y": 0.0, **place},
    }
    for name, part in (
        ("animations", appearance.animations(fields, frame, text=True)),
        ("keyframes", keyframes(fields, frame)),
    ):
        if part:
            result[name] = part
    return result if words is not None else None


def _sticker(segment: Segment) -> dict[str, Any] | None:
    fields = segment.fields
    resource_id = fields.text("resource_id")
    if resource_id is None:
        fields.report.add("no_resource_id", fields.path, "error")
    result: dict[str, Any] = {"resource_id": resource_id}
    for name, part in (
        ("transform", appearance.transform(fields, segment.frame)),
        ("keyframes", keyframes(fields, segment.frame)),
    ):
        if part:
            result[name] = part
    return result if resource_id is not None else None


_MAPPERS: Final[dict[str, Callable[[Segment], dict[str, Any] | None]]] = {
    "video": _video,
    "image": _image,
    "audio": _audio,
    "text": _text,
    "sticker": _sticker,
    "effect": lambda segment: effects.effect_clip(segment.fields),
    "filter": lambda segment: effects.filter_clip(segment.fields, raw=segment.timing.raw),
}
