"""Builds the library segments of video, image and audio clips: placement, movement, filters, effects."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, get_args

from pyJianYingDraft import (
    AudioMaterial,
    AudioSegment,
    ClipSettings,
    CropSettings,
    KeyframeProperty,
    MaskType,
    Timerange,
    VideoMaterial,
    VideoSegment,
)

from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.drafts.compile.names import find, is_vip, nearest_names, title
from c2jy_bridge.drafts.compile.plan import PlacedClip, PlacedFile
from c2jy_bridge.drafts.errors import IssueCollector, clock
from c2jy_bridge.drafts.kinds import NameKind
from c2jy_bridge.drafts.spec.appearance import (
    Animation,
    Crop,
    Effect,
    Fade,
    Keyframe,
    Mask,
    PropertyName,
    Transform,
    opaque_hex,
)
from c2jy_bridge.drafts.spec.document import AudioClip, EffectClip, PictureClip, VideoClip

CAPTION_Y: Final = -0.8
"""Where JianYing puts imported captions, in half canvas heights (pyJianYingDraft 0.3.1, ClipSettings)."""

_PROPERTIES: Final = {
    name: KeyframeProperty["uniform_scale" if name == "scale" else name] for name in get_args(PropertyName)
}
# KeyframeProperty's docstrings in 0.3.1 say for which segments each works.
_PICTURES_ONLY: Final = frozenset({"alpha", "saturation", "contrast", "brightness", "volume"})


@dataclass(frozen=True, slots=True)
class Canvas:
    """The canvas in pixels, and the collector of issues."""

    width: int
    height: int
    collector: IssueCollector

    def name(self, kinds: tuple[NameKind, ...], name: str, path: str) -> Any | None:
        """The library's member for a name; an unknown name is reported with the nearest ones."""
        for kind in kinds:
            if member := find(kind, name):
                if is_vip(member):
                    self.collector.once((kind, member.name), "vip", path, "info", name=title(member))
                return member
        near = "、".join(nearest_names(kinds, name))
        self.collector.add(
            "unknown_name" if near else "unknown_name_alone", path, "warning", name=name, near=near
        )
        return None


def clip_settings(
    transform: Transform | None, canvas: Canvas, *, y: float = 0.0, fit: tuple[float, float] = (1.0, 1.0)
) -> Any:
    """The library's settings for a transform.

    Args:
        y: Vertical position when the transform has none, in half canvas heights.
        fit: Factors on the scale that make the picture fit, fill or stretch.
    """
    if transform is None:
        return ClipSettings(transform_y=y, scale_x=fit[0], scale_y=fit[1])
    x = transform.x
    if x is None:
        x = 0.0 if transform.x_px is None else transform.x_px / (canvas.width / 2)
    up = transform.y
    if up is None:
        up = y if transform.y_px is None else transform.y_px / (canvas.height / 2)
    both = 1.0 if transform.scale is None else transform.scale
    return ClipSettings(
        alpha=transform.opacity,
        flip_horizontal=transform.flip_horizontal,
        flip_vertical=transform.flip_vertical,
        rotation=transform.rotation,
        scale_x=(both if transform.scale_x is None else transform.scale_x) * fit[0],
        scale_y=(both if transform.scale_y is None else transform.scale_y) * fit[1],
        transform_x=x,
        transform_y=up,
    )


def add_keyframes(
    segment: Any, placed: PlacedClip, keyframes: Sequence[Keyframe], canvas: Canvas, *, picture: bool
) -> None:
    """Put keyframes on a visual segment; of a looped clip each round gets its own stretch of them."""
    if not keyframes:
        return
    collector, path = canvas.collector, f"{placed.path}.keyframes"
    apart = any(frame.property in ("scale_x", "scale_y") for frame in keyframes)
    for index, frame in enumerate(keyframes):
        where = f"{path}[{index}]"
        if frame.property == "scale" and apart:
            collector.add("scale_mixed", where, "warning")
        elif not picture and frame.property in _PICTURES_ONLY:
            collector.add("keyframe_without_effect", where, "warning", property=frame.property)
        elif placed.is_first and frame.at > (placed.whole_us or placed.duration_us):
            collector.add("keyframe_after_end", where, "warning", at=clock(frame.at))
    usable = [frame for frame in keyframes if not (apart and frame.property == "scale")]
    for name, at, value in keyframes_of_round(usable, placed):
        segment.add_keyframe(_PROPERTIES[name], at, value)


def without_speed(segment: Any) -> Any:
    """Remove a text's or sticker's reference to a speed that the library makes but never writes."""
    segment.extra_material_refs.remove(segment.speed.global_id)
    return segment


def keyframes_of_round(keyframes: Iterable[Keyframe], placed: PlacedClip) -> Iterable[tuple[str, int, float]]:
    """The keyframes of one round of a loop, from its start; at its borders with the values between.

    A clip that is not looped keeps exactly its own.
    """
    if not placed.whole_us:
        yield from ((frame.property, frame.at, frame.value) for frame in keyframes)
        return
    begin, end = placed.offset_us, placed.offset_us + placed.duration_us
    by_name: dict[str, list[tuple[int, float]]] = {}
    for frame in keyframes:
        by_name.setdefault(frame.property, []).append((frame.at, frame.value))
    for name, points in by_name.items():
        points.sort(key=lambda point: point[0])
        yield name, 0, _value_at(points, begin)
        yield from ((name, at - begin, value) for at, value in points if begin < at < end)
        yield name, placed.duration_us, _value_at(points, end)


def _value_at(points: list[tuple[int, float]], at: int) -> float:
    """Linear between points, constant before the first and after the last, as JianYing draws it."""
    for (t0, v0), (t1, v1) in pairwise(points):
        if t0 <= at < t1:
            return v0 + (v1 - v0) * (at - t0) / (t1 - t0)
    return points[0][1] if at < points[0][0] else points[-1][1]


_ORDER: Final = ("in", "out", "group", "loop")


def add_animations(
    segment: Any,
    placed: PlacedClip,
    animations: Sequence[Animation],
    kinds: dict[str, NameKind],
    canvas: Canvas,
) -> None:
    """Put animations on a segment, in the order that the library requires; impossible ones are reported.

    Args:
        kinds: The catalogue for each kind of animation that this sort of clip can have.
    """
    collector, taken, room_us = canvas.collector, set[str](), placed.duration_us
    numbered = sorted(enumerate(animations), key=lambda pair: _ORDER.index(pair[1].kind))
    for index, animation in numbered:
        path = f"{placed.path}.animations[{index}]"
        kind, duration = animation.kind, animation.duration
        if kind not in kinds:
            collector.add("animation_kind", f"{path}.kind", "warning", kind=kind, known=", ".join(kinds))
            continue
        if kind in taken:
            collector.add("animation_twice", path, "warning", kind=kind)
            continue
        if kind == "group" and taken:
            collector.add("animation_group_alone", path, "warning")
            continue
        if (kind == "in" and not placed.is_first) or (kind == "out" and not placed.is_last):
            continue  # in the middle of a loop
        member = canvas.name((kinds[kind],), animation.name, f"{path}.name")
        if member is None:
            continue
        if kind == "loop" and duration is not None:
            collector.add("loop_fills", f"{path}.duration", "info")
        natural = duration if duration is not None else member.value.duration
        # Nor can the two overlap in JianYing: `out` has what `in` leaves. A group fills the clip by itself.
        if kind in ("in", "out") or (kind == "group" and duration is not None):
            if not room_us:
                collector.add("animation_no_room", path, "warning")
                continue
            if natural > room_us:
                collector.add("animation_too_long", path, "info", length=clock(room_us))
                duration = natural = room_us
            room_us -= natural
        segment.add_animation(member, duration)
        taken.add(kind)


class _Shared:
    """Segments deep-copy their material; all copies would be equal, so it is shared."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Shared:
        return self


class SharedVideo(_Shared, VideoMaterial):  # type: ignore[misc]  # the library ships no types
    """A video or image, shared by all segments that show it."""

    def __init__(self, placed: PlacedFile, crop: Crop | None) -> None:
        self.material_id = uuid.uuid4().hex
        self.local_material_id = str(uuid.uuid4())
        self.material_name = placed.name
        self.path = placed.path
        self.material_type = "photo" if placed.file.kind == "image" else "video"
        self.duration = placed.length_us
        self.width = placed.file.width
        self.height = placed.file.height
        self.crop_settings = _crop_settings(crop)


class SharedAudio(_Shared, AudioMaterial):  # type: ignore[misc]  # the library ships no types
    """A sound, shared by all segments that play it."""

    def __init__(self, placed: PlacedFile) -> None:
        self.material_id = uuid.uuid4().hex
        self.material_name = placed.name
        self.path = placed.path
        self.duration = placed.file.duration_us


def _crop_settings(crop: Crop | None) -> Any:
    if crop is None:
        return CropSettings()
    corners = crop.corners or (
        (crop.left, crop.top),
        (crop.right, crop.top),
        (crop.left, crop.bottom),
        (crop.right, crop.bottom),
    )
    names = ("upper_left", "upper_right", "lower_left", "lower_right")
    sides = {
        f"{n}_{axis}": v
        for n, corner in zip(names, corners, strict=True)
        for axis, v in zip("xy", corner, strict=True)
    }
    return CropSettings(**sides)


class MaterialPool:
    """One library material for each file and crop of a draft."""

    def __init__(self) -> None:
        self._videos: dict[tuple[str, Crop | None], SharedVideo] = {}
        self._audios: dict[str, SharedAudio] = {}

    def video(self, placed: PlacedFile, crop: Crop | None) -> SharedVideo:
        """The picture material of this file with this crop."""
        key = (placed.path, crop)
        if key not in self._videos:
            self._videos[key] = SharedVideo(placed, crop)
        return self._videos[key]

    def audio(self, placed: PlacedFile) -> SharedAudio:
        """The sound material of this file."""
        if placed.path not in self._audios:
            self._audios[placed.path] = SharedAudio(placed)
        return self._audios[placed.path]


PICTURE_EFFECTS: Final[tuple[NameKind, ...]] = ("scene", "character")
SOUND_EFFECTS: Final[tuple[NameKind, ...]] = ("audio_scene", "tone", "speech_to_song")


def add_sound_effects(segment: Any, effects: Sequence[Effect], path: str, canvas: Canvas) -> None:
    """Put audio effects on a sound: one of each kind, as the library has it."""
    taken: set[type] = set()
    for index, effect in enumerate(effects):
        where = f"{path}.effects[{index}]"
        if (member := find_effect(effect, SOUND_EFFECTS, where, canvas)) is None:
            continue
        if type(member) in taken:
            canvas.collector.add("sound_effect_twice", where, "warning", name=title(member))
            continue
        taken.add(type(member))
        segment.add_effect(member, sliders(effect.params, member, f"{where}.params", canvas))


def find_effect(
    effect: Effect | EffectClip, possible: tuple[NameKind, ...], path: str, canvas: Canvas
) -> Any | None:
    """The library's member for an effect, looked for in its kind or in all possible ones."""
    if effect.kind is None:
        return canvas.name(possible, effect.name, f"{path}.name")
    if effect.kind not in possible:
        canvas.collector.add(
            "effect_kind", f"{path}.kind", "warning", kind=effect.kind, known=", ".join(possible)
        )
        return None
    return canvas.name((effect.kind,), effect.name, f"{path}.name")


def sliders(
    params: tuple[float | None, ...] | Mapping[str, float], member: Any, path: str, canvas: Canvas
) -> list[float | None]:
    """An effect's parameters in the library's order, 0-100 or None for the default."""
    known = [param.name for param in member.value.params]
    if isinstance(params, Mapping):
        values: list[float | None] = [None] * len(known)
        for name, value in params.items():
            # All of JianYing's begin with effects_adjust_; users leave the prefix out.
            full = next((k for k in known if name in (k, k.removeprefix("effects_adjust_"))), None)
            if full is None:
                near = nearest(name, known) or (known or ["-"])[0]
                canvas.collector.add("unknown_param", f"{path}.{name}", "warning", name=name, near=near)
            else:
                values[known.index(full)] = value
        return values
    if len(params) > len(known):
        canvas.collector.add("too_many_params", path, "warning", name=title(member), count=len(known))
    return list(params[: len(known)])


_ANIMATIONS: Final[dict[str, NameKind]] = {"in": "video_in", "out": "video_out", "group": "video_group"}
_CLEAR: Final = "#00000000"


def picture_segment(placed: PlacedClip, clip: PictureClip, pool: MaterialPool, canvas: Canvas) -> Any:
    """The segment of a video or image clip."""
    file = placed.file
    assert file is not None, "the plan leaves out clips without a file"
    material = pool.video(file, clip.crop)
    settings = clip_settings(clip.transform, canvas, fit=_fit(clip, file, canvas))
    video = clip if isinstance(clip, VideoClip) else None
    segment = VideoSegment(
        material,
        Timerange(placed.start_us, placed.duration_us),
        source_timerange=Timerange(placed.source_start_us, placed.source_duration_us),
        # Source and speed together would make the library compute the length on the timeline anew.
        speed=None,
        volume=video.volume if video else 1.0,
        change_pitch=not video.keep_pitch if video else False,
        clip_settings=settings,
    )
    segment.speed.speed = placed.speed
    if video and file.file.kind == "video":
        _add_fade(segment, placed, video.fade)
    _decorate(segment, placed, clip, canvas)
    return segment


def _decorate(segment: Any, placed: PlacedClip, clip: PictureClip, canvas: Canvas) -> None:
    path = placed.path
    if clip.animations:
        add_animations(segment, placed, clip.animations, _ANIMATIONS, canvas)
    for index, effect in enumerate(clip.effects):
        where = f"{path}.effects[{index}]"
        if (member := find_effect(effect, PICTURE_EFFECTS, where, canvas)) is not None:
            segment.add_effect(member, sliders(effect.params, member, f"{where}.params", canvas))
    for index, wanted in enumerate(clip.filters):
        member = canvas.name(("filter",), wanted.name, f"{path}.filters[{index}].name")
        if member is not None:
            segment.add_filter(member, wanted.intensity)
    if clip.mix_mode and (mode := canvas.name(("mix_mode",), clip.mix_mode, f"{path}.mix_mode")):
        segment.set_mix_mode(mode)
    if clip.mask:
        _add_mask(segment, clip.mask, f"{path}.mask", canvas)
    if (background := clip.background) is not None:
        colour = opaque_hex(background.color) if background.color else _CLEAR
        segment.add_background_filling(background.kind, background.blur, colour)
    if (chroma := clip.chroma) is not None:
        segment.add_chroma(
            opaque_hex(chroma.color), chroma.intensity, chroma.shadow, chroma.edge_smooth, chroma.spill
        )
    if clip.transition and placed.is_last:
        member = canvas.name(("transition",), clip.transition.name, f"{path}.transition.name")
        if member is not None:
            segment.add_transition(member, duration=clip.transition.duration)
    add_keyframes(segment, placed, clip.keyframes, canvas, picture=True)


def _add_mask(segment: Any, mask: Mask, path: str, canvas: Canvas) -> None:
    shape = canvas.name(("mask",), mask.shape, f"{path}.shape")
    if shape is None:
        return
    rectangle = shape is MaskType.矩形
    if not rectangle and (mask.rect_width is not None or mask.round_corner is not None):
        canvas.collector.add("only_for_rectangle", path, "warning")
    segment.add_mask(
        shape,
        center_x=mask.center_x,
        center_y=mask.center_y,
        size=mask.size,
        rotation=mask.rotation,
        feather=mask.feather,
        invert=mask.invert,
        rect_width=mask.rect_width if rectangle else None,
        round_corner=mask.round_corner if rectangle else None,
    )


def _fit(clip: PictureClip, placed: PlacedFile, canvas: Canvas) -> tuple[float, float]:
    """Factors over JianYing's own scale 1, which fits the whole picture into the canvas."""
    width, height = placed.file.width, placed.file.height
    if clip.crop is not None and clip.crop.corners is None:
        width = round(width * (clip.crop.right - clip.crop.left))
        height = round(height * (clip.crop.bottom - clip.crop.top))
    if clip.fit == "fit" or not width or not height:
        return 1.0, 1.0
    across, down = canvas.width / width, canvas.height / height
    if clip.fit == "stretch":
        return across / min(across, down), down / min(across, down)
    both = max(across, down) / min(across, down)
    return both, both


def sound_segment(placed: PlacedClip, clip: AudioClip, pool: MaterialPool, canvas: Canvas) -> Any:
    """The segment of an audio clip."""
    assert placed.file is not None, "the plan leaves out clips without a file"
    segment = AudioSegment(
        pool.audio(placed.file),
        Timerange(placed.start_us, placed.duration_us),
        source_timerange=Timerange(placed.source_start_us, placed.source_duration_us),
        volume=clip.volume,
        change_pitch=not clip.keep_pitch,
    )
    segment.speed.speed = placed.speed
    _add_fade(segment, placed, clip.fade)
    add_sound_effects(segment, clip.effects, placed.path, canvas)
    for index, frame in enumerate(clip.keyframes):
        where = f"{placed.path}.keyframes[{index}]"
        if frame.property != "volume":
            canvas.collector.add("only_volume", where, "warning", property=frame.property)
        elif placed.is_first and frame.at > (placed.whole_us or placed.duration_us):
            canvas.collector.add("keyframe_after_end", where, "warning", at=clock(frame.at))
    volume = [frame for frame in clip.keyframes if frame.property == "volume"]
    for _, at, value in keyframes_of_round(volume, placed):
        segment.add_keyframe(at, value)
    return segment


def _add_fade(segment: Any, placed: PlacedClip, fade: Fade | None) -> None:
    fade_in = fade.in_ if fade and placed.is_first else 0
    fade_out = fade.out if fade and placed.is_last else 0
    if fade_in or fade_out:
        segment.add_fade(fade_in, fade_out)
