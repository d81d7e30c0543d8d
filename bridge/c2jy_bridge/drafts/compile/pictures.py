"""Video and image clips as the library's VideoSegment."""

from __future__ import annotations

from typing import Any, Final

from pyJianYingDraft import MaskType, Timerange, VideoSegment

from c2jy_bridge.drafts.compile.canvas import Canvas, add_animations, add_keyframes, clip_settings
from c2jy_bridge.drafts.compile.effects import add_filters, add_picture_effects
from c2jy_bridge.drafts.compile.media import MaterialPool, PlacedFile
from c2jy_bridge.drafts.compile.plan import PlacedClip
from c2jy_bridge.drafts.kinds import NameKind
from c2jy_bridge.drafts.spec import Mask, PictureClip, VideoClip, opaque_hex

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
