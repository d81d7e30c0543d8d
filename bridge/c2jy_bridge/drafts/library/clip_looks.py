"""How the clips of a draft are shown and heard: place, size, volume, keyframes, what is applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from c2jy_bridge.core.views import ClipLook
from c2jy_bridge.drafts.library.quick_figures import number
from c2jy_bridge.drafts.library.snapshot import object_, objects

_APPLIED: Final[Mapping[str, str]] = {
    "common_mask": "mask",
    "masks": "mask",
    "effects": "filter",
    "video_effects": "effect",
    "audio_effects": "effect",
    "audio_fades": "fade",
    "chromas": "chroma",
    "material_animations": "animation",
}
"""What is applied, by the group of its material."""
_MOST: Final = 12


class _Materials(Protocol):
    def get(self, known: object) -> tuple[str, Mapping[str, Any]]: ...


def references(segment: Mapping[str, Any]) -> list[Any]:
    """The further materials of a segment, under the name of JianYing 3.3 on or the one before."""
    for key in ("extra_material_refs", "extra_material_ids"):
        if isinstance(found := segment.get(key), list):
            return found
    return []


def keyframes(segment: Mapping[str, Any]) -> tuple[int, ...]:
    """Times of a segment's keyframes from its start, each once."""
    points = (
        point
        for curve in objects(segment.get("common_keyframes"))
        for point in objects(curve.get("keyframe_list"))
    )
    return tuple(sorted({number(point.get("time_offset")) for point in points}))


def look(segment: Mapping[str, Any], material: Mapping[str, Any], materials: _Materials) -> ClipLook:
    """How a segment is shown and heard."""
    clip = object_(segment.get("clip"))
    at, scale, flip = (object_(clip.get(key)) for key in ("transform", "scale", "flip"))
    source = segment.get("source_timerange")
    return ClipLook(
        source_start_us=number(source.get("start")) if isinstance(source, Mapping) else None,
        width=number(material.get("width")),
        height=number(material.get("height")),
        x=_float(at.get("x"), 0.0),
        y=_float(at.get("y"), 0.0),
        scale_x=_float(scale.get("x"), 1.0),
        scale_y=_float(scale.get("y"), 1.0),
        rotation=_float(clip.get("rotation"), 0.0),
        opacity=_float(clip.get("alpha"), 1.0),
        volume=_float(segment["volume"], 1.0) if "volume" in segment else None,
        flipped=bool(flip.get("horizontal") or flip.get("vertical")),
        applied=_applied(segment, materials),
    )


def _applied(segment: Mapping[str, Any], materials: _Materials) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for known in references(segment)[:100]:
        group, material = materials.get(known)
        if (kind := _APPLIED.get(group)) is None:
            continue
        if kind == "animation":
            names = [
                str(one.get("name") or one.get("type") or "") for one in objects(material.get("animations"))
            ]
        else:
            names = [str(material.get("name") or "")]
        for name in names:
            found[kind, name] = None
    return tuple(found)[:_MOST]


def _float(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else otherwise
