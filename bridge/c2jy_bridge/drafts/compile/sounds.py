"""Audio clips as the library's AudioSegment."""

from __future__ import annotations

from typing import Any

from pyJianYingDraft import AudioSegment, Timerange

from c2jy_bridge.drafts.compile.canvas import Canvas, stretch
from c2jy_bridge.drafts.compile.effects import add_sound_effects
from c2jy_bridge.drafts.compile.media import MaterialPool
from c2jy_bridge.drafts.compile.plan import PlacedClip
from c2jy_bridge.drafts.spec import AudioClip, clock


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
