"""Where a picture stands and how it moves: the library's ClipSettings, keyframes and animations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from pyJianYingDraft import ClipSettings, KeyframeProperty

from c2jy_bridge.drafts.compile.names import find, is_vip, nearest, title
from c2jy_bridge.drafts.compile.notes import Notes
from c2jy_bridge.drafts.compile.plan import PlacedClip
from c2jy_bridge.drafts.kinds import NameKind
from c2jy_bridge.drafts.spec import Animation, Keyframe, Transform, clock

CAPTION_Y: Final = -0.8
"""Where JianYing puts imported captions, in half canvas heights (pyJianYingDraft 0.3.1, ClipSettings)."""

_PROPERTIES: Final = {
    "position_x": KeyframeProperty.position_x,
    "position_y": KeyframeProperty.position_y,
    "rotation": KeyframeProperty.rotation,
    "scale": KeyframeProperty.uniform_scale,
    "scale_x": KeyframeProperty.scale_x,
    "scale_y": KeyframeProperty.scale_y,
    "alpha": KeyframeProperty.alpha,
    "saturation": KeyframeProperty.saturation,
    "contrast": KeyframeProperty.contrast,
    "brightness": KeyframeProperty.brightness,
    "volume": KeyframeProperty.volume,
}
# KeyframeProperty's docstrings in 0.3.1 say for which segments each works.
_PICTURES_ONLY: Final = frozenset({"alpha", "saturation", "contrast", "brightness", "volume"})


@dataclass(frozen=True, slots=True)
class Canvas:
    """What is drawn on, in pixels, and where things are reported."""

    width: int
    height: int
    notes: Notes

    def name(self, kinds: tuple[NameKind, ...], name: str, path: str) -> Any | None:
        """The library's member for a name; what is not there is reported with the nearest names."""
        for kind in kinds:
            if member := find(kind, name):
                if is_vip(member):
                    self.notes.once((kind, member.name), "vip", path, "info", name=title(member))
                return member
        near = "、".join(nearest(kinds, name))
        self.notes.note(
            "unknown_name" if near else "unknown_name_alone", path, "warning", name=name, near=near
        )
        return None


def clip_settings(
    transform: Transform | None, canvas: Canvas, *, y: float = 0.0, fit: tuple[float, float] = (1.0, 1.0)
) -> Any:
    """The library's settings for a transform.

    Args:
        y: Where it stands when the transform does not say, in half canvas heights.
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
    notes, path = canvas.notes, f"{placed.path}.keyframes"
    apart = any(frame.property in ("scale_x", "scale_y") for frame in keyframes)
    for index, frame in enumerate(keyframes):
        where = f"{path}[{index}]"
        if frame.property == "scale" and apart:
            notes.note("scale_mixed", where, "warning")
        elif not picture and frame.property in _PICTURES_ONLY:
            notes.note("keyframe_without_effect", where, "warning", property=frame.property)
        elif placed.is_first and frame.at > (placed.whole_us or placed.duration_us):
            notes.note("keyframe_after_end", where, "warning", at=clock(frame.at))
    usable = [frame for frame in keyframes if not (apart and frame.property == "scale")]
    for name, at, value in stretch(usable, placed):
        segment.add_keyframe(_PROPERTIES[name], at, value)


def stretch(keyframes: Iterable[Keyframe], placed: PlacedClip) -> Iterable[tuple[str, int, float]]:
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
    """Put animations on a segment, in the order that the library wants; what cannot stand is reported.

    Args:
        kinds: The catalogue for each kind of animation that this sort of clip can have.
    """
    notes, taken, room_us = canvas.notes, set[str](), placed.duration_us
    numbered = sorted(enumerate(animations), key=lambda pair: _ORDER.index(pair[1].kind))
    for index, animation in numbered:
        path = f"{placed.path}.animations[{index}]"
        kind, duration = animation.kind, animation.duration
        if kind not in kinds:
            notes.note("animation_kind", f"{path}.kind", "warning", kind=kind, known=", ".join(kinds))
            continue
        if kind in taken:
            notes.note("animation_twice", path, "warning", kind=kind)
            continue
        if kind == "group" and taken:
            notes.note("animation_group_alone", path, "warning")
            continue
        if (kind == "in" and not placed.is_first) or (kind == "out" and not placed.is_last):
            continue  # in the middle of a loop
        member = canvas.name((kinds[kind],), animation.name, f"{path}.name")
        if member is None:
            continue
        if kind == "loop" and duration is not None:
            notes.note("loop_fills", f"{path}.duration", "info")
        natural = duration if duration is not None else member.value.duration
        # Nor can the two overlap in JianYing: `out` has what `in` leaves. A group fills the clip by itself.
        if kind in ("in", "out") or (kind == "group" and duration is not None):
            if not room_us:
                notes.note("animation_no_room", path, "warning")
                continue
            if natural > room_us:
                notes.note("animation_too_long", path, "info", length=clock(room_us))
                duration = natural = room_us
            room_us -= natural
        segment.add_animation(member, duration)
        taken.add(kind)
