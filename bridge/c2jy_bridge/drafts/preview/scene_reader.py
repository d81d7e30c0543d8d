"""Reads what the preview draws from the content of a draft, by whatever app or version it was saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from c2jy_bridge.drafts.library.clip_looks import references
from c2jy_bridge.drafts.library.snapshot import number, object_, objects, real
from c2jy_bridge.drafts.library.timeline import Materials, inner_texts
from c2jy_bridge.drafts.preview.scene import (
    Background,
    Chroma,
    Clip,
    Curve,
    Layer,
    Mask,
    Note,
    Placement,
    Ramp,
    Scene,
    Transition,
)
from c2jy_bridge.drafts.preview.text_look import colour, text_look
from c2jy_bridge.drafts.preview.transitions import is_exact

_MOST_NESTED: Final = 8
"""Compound clips within each other; a draft that names itself would never end."""
_FADES: Final = frozenset({"渐显", "渐隐", "淡入", "淡出", "fade in", "fade out"})
"""Animations that are a fade of the whole clip, by the app's names."""
_CURVES: Final[Mapping[str, tuple[str, ...]]] = {
    "KFTypePositionX": ("x",),
    "KFTypePositionY": ("y",),
    "KFTypeScaleX": ("scale_x",),
    "KFTypeScaleY": ("scale_y",),
    "UNIFORM_SCALE": ("scale_x", "scale_y"),
    "KFTypeRotation": ("rotation",),
    "KFTypeAlpha": ("alpha",),
    "KFTypeGlobalAlpha": ("alpha",),
    "KFTypeSaturation": ("saturation",),
    "KFTypeContrast": ("contrast",),
    "KFTypeBrightness": ("brightness",),
    "KFTypeVolume": ("volume",),
}
"""Fields of `Placement` by `property_type` (pyJianYingDraft 0.3.1, KeyframeProperty; CapCut 8)."""
_MASKS: Final[Mapping[str, str]] = {
    "line": "line", "线性": "line", "mirror": "mirror", "镜面": "mirror",
    "circle": "circle", "圆形": "circle", "rectangle": "rectangle", "矩形": "rectangle",
    "爱心": "heart", "heart": "heart", "星形": "star", "star": "star", "stars": "star",
}  # fmt: skip
_UNDRAWN_TRACKS: Final[Mapping[str, str]] = {
    "effect": "effect",
    "filter": "filter",
    "adjust": "adjustment",
    "sticker": "sticker",
}
_CORNERS: Final = tuple(
    f"{corner}_{axis}"
    for corner in ("upper_left", "upper_right", "lower_right", "lower_left")
    for axis in ("x", "y")
)
_WHOLE: Final = (0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0)


def read_scene(content: Mapping[str, Any], nested: int = 0) -> Scene:
    """The scene of a draft's content.

    Args:
        content: The object in a draft's main file, or of a compound clip.
        nested: How many compound clips it is in.
    """
    canvas = object_(content.get("canvas_config"))
    return _Reader(content, nested).scene(
        number(canvas.get("width")) or 1920,
        number(canvas.get("height")) or 1080,
        real(content.get("fps"), 30.0) or 30.0,
    )


class _Reader:
    def __init__(self, content: Mapping[str, Any], nested: int) -> None:
        self._content, self._nested = content, nested
        self._materials = Materials.of(content)
        self._notes: list[Note] = []

    def scene(self, width: int, height: int, fps: float) -> Scene:
        layers: list[tuple[int, Layer]] = []
        sounds: list[Clip] = []
        has_main = False
        for track in objects(self._content.get("tracks")):
            kind = str(track.get("type", ""))
            muted = bool(number(track.get("attribute")) & 1)
            segments = [s for s in objects(track.get("segments")) if s.get("visible") is not False]
            is_main = kind == "video" and not has_main
            has_main = has_main or is_main
            clips = sorted(
                (clip for s in segments for clip in self._clips(s, kind, is_main, muted)),
                key=lambda clip: clip.start_us,
            )
            if kind == "audio":
                sounds += [clip for clip in clips if not muted]
            elif clips:
                # The app orders clips by this; its texts are above 10,000 (measured, CapCut 7.8 to 9.1).
                layers.append((number(segments[0].get("render_index")), Layer(tuple(clips))))
        layers.sort(key=lambda pair: pair[0])
        ends = [clip.end_us for _, layer in layers for clip in layer.clips]
        ends += [clip.end_us for clip in sounds]
        return Scene(
            width,
            height,
            number(self._content.get("duration")) or max(ends, default=0),
            fps,
            tuple(layer for _, layer in layers),
            tuple(sounds),
            tuple(self._notes),
        )

    def _clips(self, segment: Mapping[str, Any], track: str, is_main: bool, muted: bool) -> Iterator[Clip]:
        kind = self._materials.kind(segment, track)
        if kind == "text_template":
            yield from self._template(segment)
        elif track in _UNDRAWN_TRACKS or kind in ("effect", "filter", "adjustment", "sticker"):
            self._note(_UNDRAWN_TRACKS.get(track, kind), self._named(segment), segment)
        elif kind in ("video", "image", "text", "audio", "compound"):
            yield self._clip(segment, kind, is_main, muted)
        else:
            self._note("unknown_clip", self._named(segment) or track, segment)

    def _clip(self, segment: Mapping[str, Any], kind: str, is_main: bool, muted: bool) -> Clip:
        _, material = self._materials.get(segment.get("material_id"))
        when, source = object_(segment.get("target_timerange")), object_(segment.get("source_timerange"))
        extras = [self._materials.get(known) for known in references(segment)]
        named = dict(reversed(extras))
        duration = number(when.get("duration"))
        speed = real(segment.get("speed"), 1.0)
        fade = named.get("audio_fades", {})
        for group, found in extras:
            self._note_extra(group, found, segment)
        return Clip(
            kind=kind,  # type: ignore[arg-type]  # the caller passes only these
            start_us=number(when.get("start")),
            duration_us=duration,
            path=str(material.get("path") or "") if kind in ("video", "image", "audio") else "",
            source_start_us=number(source.get("start")),
            source_duration_us=number(source.get("duration")) or round(duration * speed),
            reverse=segment.get("reverse") is True,
            crop=_crop(material),
            placement=self._placement(segment, muted),
            curves=self._curves(segment),
            ramps=tuple(self._ramps(named.get("material_animations", {}), segment, duration)),
            background=_background(named.get("canvases", {})) if is_main else None,
            mask=self._mask(named.get("common_mask") or named.get("masks"), segment),
            chroma=_chroma(named.get("chromas", {})),
            mix_mode=next((_name(m) for _, m in extras if m.get("type") == "mix_mode"), ""),
            transition=_transition(named.get("transitions", {})),
            text=text_look(material) if kind == "text" else None,
            inside=self._inside(segment) if kind == "compound" else None,
            fade_in_us=number(fade.get("fade_in_duration")),
            fade_out_us=number(fade.get("fade_out_duration")),
            keep_pitch=segment.get("is_tone_modify") is not True,
        )

    def _placement(self, segment: Mapping[str, Any], muted: bool) -> Placement:
        clip = object_(segment.get("clip"))
        scale, move = object_(clip.get("scale")), object_(clip.get("transform"))
        flip = object_(clip.get("flip"))
        return Placement(
            x=real(move.get("x"), 0.0),
            y=real(move.get("y"), 0.0),
            scale_x=real(scale.get("x"), 1.0),
            scale_y=real(scale.get("y"), 1.0),
            rotation=real(clip.get("rotation"), 0.0),
            alpha=real(clip.get("alpha"), 1.0),
            flip_horizontal=flip.get("horizontal") is True,
            flip_vertical=flip.get("vertical") is True,
            volume=0.0 if muted else real(segment.get("volume"), 1.0),
        )

    def _curves(self, segment: Mapping[str, Any]) -> dict[str, Curve]:
        curves: dict[str, Curve] = {}
        for listed in objects(segment.get("common_keyframes")):
            frames = objects(listed.get("keyframe_list"))
            points = []
            for frame in frames:
                values = frame.get("values")
                if isinstance(values, list) and values:
                    points.append((number(frame.get("time_offset")), real(values[0], 0.0)))
            property_type = str(listed.get("property_type"))
            fields = _CURVES.get(property_type, ())
            if not points:
                continue
            if not fields:
                self._note("keyframes", property_type, segment)
            elif any(frame.get("curveType", "Line") != "Line" for frame in frames):
                self._note("keyframe_curve", property_type, segment, approximate=True)
            curves |= dict.fromkeys(fields, tuple(sorted(points)))
        together = object_(segment.get("uniform_scale")).get("on") is True
        if together and "scale_x" in curves and "scale_y" not in curves:
            curves["scale_y"] = curves["scale_x"]
        return curves

    def _ramps(self, held: Mapping[str, Any], segment: Mapping[str, Any], whole_us: int) -> Iterator[Ramp]:
        for animation in objects(held.get("animations")):
            kind, name = str(animation.get("type")), _name(animation)
            if kind in ("in", "out") and name.lower() in _FADES:
                length = number(animation.get("duration"))
                start = number(animation.get("start")) if kind == "in" else whole_us - length
                yield Ramp(start, length, fades_in=kind == "in")
            elif name:
                self._note("animation", name, segment)

    def _mask(self, held: Mapping[str, Any] | None, segment: Mapping[str, Any]) -> Mask | None:
        if not held:
            return None
        config = object_(held.get("config"))
        shape = _MASKS.get(_name(held).lower()) or _MASKS.get(str(held.get("resource_type")))
        if shape is None:
            self._note("mask", _name(held), segment)
            return None
        if shape in ("heart", "star"):
            self._note("mask_shape", _name(held), segment, approximate=True)
        return Mask(
            shape=shape,
            x=real(config.get("centerX"), 0.0),
            y=real(config.get("centerY"), 0.0),
            width=real(config.get("width"), 0.5),
            height=real(config.get("height"), 0.5),
            rotation=real(config.get("rotation"), 0.0),
            feather=real(config.get("feather"), 0.0),
            round_corner=real(config.get("roundCorner"), 0.0),
            invert=config.get("invert") is True,
        )

    def _inside(self, segment: Mapping[str, Any]) -> Scene | None:
        compound = self._materials.compound(segment) or {}
        if self._nested >= _MOST_NESTED:
            return None
        inner = read_scene(object_(compound.get("draft")), self._nested + 1)
        when, source = object_(segment.get("target_timerange")), object_(segment.get("source_timerange"))
        shift = number(when.get("start")) - number(source.get("start"))
        self._notes += [replace(note, start_us=note.start_us + shift) for note in inner.notes]
        return inner

    def _template(self, segment: Mapping[str, Any]) -> Iterator[Clip]:
        """The texts of a text template, all in its place: their own places are in a file of the app."""
        _, template = self._materials.get(segment.get("material_id"))
        self._note("text_template", _name(template), segment, approximate=True)
        for known in inner_texts(template):
            if self._materials.get(known)[0] == "texts":
                yield self._clip({**segment, "material_id": known}, "text", False, False)

    def _note_extra(self, group: str, material: Mapping[str, Any], segment: Mapping[str, Any]) -> None:
        if group == "video_effects":
            self._note("effect", _name(material), segment)
        elif group == "effects" and material.get("type") == "filter":
            self._note("filter", _name(material), segment)
        elif group == "effects" and material.get("type") in ("text_effect", "text_shape"):
            self._note("text_effect", _name(material) or str(material.get("effect_id", "")), segment)
        elif group == "audio_effects":
            self._note("audio_effect", _name(material), segment)
        elif group == "chromas" and colour(material.get("color")):
            self._note("chroma", "", segment, approximate=True)
        elif material.get("type") == "mix_mode" and not _knows_mode(_name(material)):
            self._note("mix_mode", _name(material), segment)
        elif group == "transitions" and not is_exact(_name(material)):
            self._note_transition(material, segment)
        elif group == "speeds" and object_(material.get("curve_speed")):
            self._note("speed_curve", "", segment, approximate=True)

    def _note_transition(self, material: Mapping[str, Any], segment: Mapping[str, Any]) -> None:
        when, length = object_(segment.get("target_timerange")), number(material.get("duration"))
        cut = number(when.get("start")) + number(when.get("duration"))
        self._notes.append(Note("transition", _name(material), "approximate", cut - length // 2, length))

    def _named(self, segment: Mapping[str, Any]) -> str:
        _, material = self._materials.get(segment.get("material_id"))
        return _name(material) or str(material.get("resource_id") or "")

    def _note(self, code: str, name: str, segment: Mapping[str, Any], *, approximate: bool = False) -> None:
        when = object_(segment.get("target_timerange"))
        fidelity: Any = "approximate" if approximate else "not_drawn"
        note = Note(code, name, fidelity, number(when.get("start")), number(when.get("duration")))
        self._notes.append(note)


def _knows_mode(name: str) -> bool:
    from c2jy_bridge.drafts.preview.picture_effects import knows_mode  # imports numpy

    return knows_mode(name)


def _name(material: Mapping[str, Any]) -> str:
    return str(material.get("name") or "")


def _crop(material: Mapping[str, Any]) -> tuple[float, ...]:
    held = object_(material.get("crop"))
    corners = tuple(
        min(1.0, max(0.0, real(held.get(key), default)))
        for key, default in zip(_CORNERS, _WHOLE, strict=True)
    )
    return () if corners == _WHOLE else corners


def _background(canvas: Mapping[str, Any]) -> Background | None:
    kind = canvas.get("type")
    if kind == "canvas_blur":
        return Background("blur", blur=real(canvas.get("blur"), 0.0))
    if kind == "canvas_image" and canvas.get("image"):
        return Background("image", path=str(canvas.get("image")))
    found = colour(canvas.get("color"))
    return Background("colour", found[:3]) if kind == "canvas_color" and found and found[3] else None


def _chroma(held: Mapping[str, Any]) -> Chroma | None:
    found = colour(held.get("color"))
    if found is None:
        return None
    return Chroma(found[:3], real(held.get("intensity_value"), 0.2), real(held.get("edge_smooth_value"), 0.0))


def _transition(held: Mapping[str, Any]) -> Transition | None:
    length = number(held.get("duration"))
    return Transition(_name(held), length) if length > 0 else None
