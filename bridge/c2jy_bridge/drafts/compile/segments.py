"""Builds the library segments of video, image and audio clips, with their filters and effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pyJianYingDraft import AudioSegment, MaskType, Timerange, VideoSegment

from c2jy_bridge.drafts.compile.canvas import Canvas, add_animations, add_keyframes, clip_settings, stretch
from c2jy_bridge.drafts.compile.media import MaterialPool, PlacedFile
from c2jy_bridge.drafts.compile.names import title
from c2jy_bridge.drafts.compile.plan import PlacedClip
from c2jy_bridge.drafts.kinds import NameKind
from c2jy_bridge.drafts.spec import (
    AudioClip,
    Effect,
    EffectClip,
    Filter,
    Mask,
    PictureClip,
    VideoClip,
    clock,
    nearest,
    opaque_hex,
)

PICTURE_EFFECTS: Final[tuple[NameKind, ...]] = ("scene", "character")
SOUND_EFFECTS: Final[tuple[NameKind, ...]] = ("audio_scene", "tone", "speech_to_song")


def add_filters(segment: Any, filters: Sequence[Filter], path: str, canvas: Canvas) -> None:
    """Put colour filters on a picture."""
    for index, wanted in enumerate(filters):
        member = canvas.name(("filter",), wanted.name, f"{path}.filters[{index}].name")
        if member is not None:
            segment.add_filter(member, wanted.intensity)


def add_picture_effects(segment: Any, effects: Sequence[Effect], path: str, canvas: Canvas) -> None:
    """Put scene and character effects on a picture."""
    for index, effect in enumerate(effects):
        where = f"{path}.effects[{index}]"
        if (member := find_effect(effect, PICTURE_EFFECTS, where, canvas)) is not None:
            segment.add_effect(member, sliders(effect.params, member, f"{where}.params", canvas))


def add_sound_effects(segment: Any, effects: Sequence[Effect], path: str, canvas: Canvas) -> None:
    """Put audio effects on a sound: one of each kind, as the library has it."""
    taken: set[type] = set()
    for index, effect in enumerate(effects):
        where = f"{path}.effects[{index}]"
        if (member := find_effect(effect, SOUND_EFFECTS, where, canvas)) is None:
            continue
        if type(member) in taken:
            canvas.notes.note("sound_effect_twice", where, "warning", name=title(member))
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
        canvas.notes.note(
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
            # All of JianYing's begin with effects_adjust_; nobody writes that by heart.
            full = next((k for k in known if name in (k, k.removeprefix("effects_adjust_"))), None)
            if full is None:
                near = nearest(name, known, 1) or known or ["-"]
                canvas.notes.note("unknown_param", f"{path}.{name}", "warning", name=name, near=near[0])
            else:
                values[known.index(full)] = value
        return values
    if len(params) > len(known):
        canvas.notes.note("too_many_params", path, "warning", name=title(member), count=len(known))
    return list(params[: len(known)])


_ANIMATIONS: Final[dict[str, NameKind]] = {"in": "video_in", "out": "video_out", "group": "video_group"}
_CLEAR: Final = "#00000000"


def picture_segment(placed: PlacedClip, clip: PictureClip, shelf: MaterialPool, canvas: Canvas) -> Any:
    """The segment of a video or image clip."""
    file = placed.file
    assert file is not None, "the plan leaves out clips without a file"
    material = shelf.video(file, clip.crop)
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
    if video and video.fade and placed.file and placed.file.file.kind == "video":
        fade_in = video.fade.in_ if placed.is_first else 0
        fade_out = video.fade.out if placed.is_last else 0
        if fade_in or fade_out:
            segment.add_fade(fade_in, fade_out)
    _decorate(segment, placed, clip, canvas)
    return segment


def _decorate(segment: Any, placed: PlacedClip, clip: PictureClip, canvas: Canvas) -> None:
    path = placed.path
    if clip.animations:
        add_animations(segment, placed, clip.animations, _ANIMATIONS, canvas)
    if clip.effects:
        add_picture_effects(segment, clip.effects, path, canvas)
    if clip.filters:
        add_filters(segment, clip.filters, path, canvas)
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
        canvas.notes.note("only_for_rectangle", path, "warning")
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


def sound_segment(placed: PlacedClip, clip: AudioClip, shelf: MaterialPool, canvas: Canvas) -> Any:
    """The segment of an audio clip."""
    assert placed.file is not None, "the plan leaves out clips without a file"
    segment = AudioSegment(
        shelf.audio(placed.file),
        Timerange(placed.start_us, placed.duration_us),
        source_timerange=Timerange(placed.source_start_us, placed.source_duration_us),
        volume=clip.volume,
        change_pitch=not clip.keep_pitch,
    )
    segment.speed.speed = placed.speed
    if clip.fade:
        fade_in = clip.fade.in_ if placed.is_first else 0
        fade_out = clip.fade.out if placed.is_last else 0
        if fade_in or fade_out:
            segment.add_fade(fade_in, fade_out)
    if clip.effects:
        add_sound_effects(segment, clip.effects, placed.path, canvas)
    _add_volume(segment, placed, clip, canvas)
    return segment


def _add_volume(segment: Any, placed: PlacedClip, clip: AudioClip, canvas: Canvas) -> None:
    for index, frame in enumerate(clip.keyframes):
        where = f"{placed.path}.keyframes[{index}]"
        if frame.property != "volume":
            canvas.notes.note("only_volume", where, "warning", property=frame.property)
        elif placed.is_first and frame.at > (placed.whole_us or placed.duration_us):
            canvas.notes.note("keyframe_after_end", where, "warning", at=clock(frame.at))
    volume = [frame for frame in clip.keyframes if frame.property == "volume"]
    for _, at, value in stretch(volume, placed):
        segment.add_keyframe(at, value)
