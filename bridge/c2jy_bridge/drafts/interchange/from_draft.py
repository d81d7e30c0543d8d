"""Makes an OpenTimelineIO timeline of a draft that any version of JianYing or CapCut saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from c2jy_bridge.drafts.captions.from_draft import CAPTIONS, place_of, style_of
from c2jy_bridge.drafts.interchange.losses import Losses
from c2jy_bridge.drafts.interchange.markers import colour_name, time_marks
from c2jy_bridge.drafts.interchange.times import KEY, exact_rate, frames_of
from c2jy_bridge.drafts.library.clip_looks import references
from c2jy_bridge.drafts.library.snapshot import number, object_, objects, real
from c2jy_bridge.drafts.library.timeline import Materials
from c2jy_bridge.drafts.write.paths import pure

_MOST_NESTED: Final = 8
"""Compound clips within each other; a draft that names itself would never end."""
_MUTED: Final = 1
"""Bit of a track's `attribute`."""
_ASIDE: Final = ("effect", "filter", "adjustment", "sticker", "unknown", "handwriting")
_EFFECTS: Final = {"mix_mode": "mix_mode", "text_effect": "text_effect", "text_shape": "text_effect"}
"""What of the material group `effects` is no filter."""
_DISSOLVES: Final = frozenset({"叠化", "dissolve", "Dissolve"})
TEXT: Final = "c2jy.text"
"""`generator_kind` of a text; its words are the parameter `text`."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """What is known of a clip's file."""

    address: str
    """A `file:` URL; the path as it is in the draft when that leads nowhere on this machine."""
    is_there: bool
    has_sound: bool


FindMedia = Callable[[Mapping[str, Any]], MediaFile]
"""Finds the file of a material."""


def timeline_of(otio: Any, content: Mapping[str, Any], name: str, find: FindMedia, losses: Losses) -> Any:
    """The timeline of a draft: its tracks from the bottom up, then the tracks of sound.

    Times are whole frames for the other programs; the exact microseconds, and what OpenTimelineIO has no word
    for but we read again, are in the metadata under `c2jy`. The sound of a video is a clip on a track of its
    own, as editing programs have it.

    Args:
        otio: The module opentimelineio.
        content: The object in the draft's main file.
        name: What the timeline is called.
        find: Finds media files.
        losses: Gets what does not fit.
    """
    rate = exact_rate(real(content.get("fps"), 30.0))
    canvas = object_(content.get("canvas_config"))
    timeline = otio.schema.Timeline(name, global_start_time=otio.opentime.RationalTime(0, rate))
    timeline.tracks = _Exporter(otio, content, rate, find, losses).stack()
    timeline.tracks.name = name
    timeline.metadata[KEY] = {
        "width": number(canvas.get("width")) or 1920,
        "height": number(canvas.get("height")) or 1080,
        "fps": rate,
        "main_track_magnet": object_(content.get("config")).get("maintrack_adsorb") is not False,
    }
    for mark in time_marks(content):
        timeline.tracks.markers.append(
            otio.schema.Marker(
                name=mark.name,
                marked_range=_range(otio, mark.start_us, mark.duration_us, rate, shortest=0),
                color=colour_name(mark.colour),
                metadata={
                    KEY: {"at_us": mark.start_us, "duration_us": mark.duration_us, "color": mark.colour}
                },
            )
        )
    return timeline


def _range(otio: Any, start_us: int, duration_us: int, rate: float, shortest: int = 1) -> Any:
    first, end = frames_of(start_us, rate), frames_of(start_us + duration_us, rate)
    time = otio.opentime.RationalTime
    return otio.opentime.TimeRange(time(first, rate), time(max(shortest, end - first), rate))


@dataclass(slots=True)
class _Row:
    """A track that is being filled."""

    track: Any
    end: int = 0
    """The first free frame."""
    last: Any = None
    fade_out_us: int = 0
    """Of the last clip."""
    transition: tuple[str, int, str, int] | None = None
    """Behind the last clip: name, length (us), path and start (us) of that clip."""


@dataclass(slots=True)
class _Rows:
    """The tracks that one track of the draft becomes: more than one only where its clips overlap."""

    make: Callable[[], Any]
    rows: list[_Row] = field(default_factory=list)

    def at(self, first: int) -> _Row:
        """One that is free from this frame on."""
        for row in self.rows:
            if row.end <= first:
                return row
        self.rows.append(_Row(self.make()))
        return self.rows[-1]


class _Exporter:
    def __init__(
        self,
        otio: Any,
        content: Mapping[str, Any],
        rate: float,
        find: FindMedia,
        losses: Losses,
        where: str = "",
        nested: int = 0,
    ) -> None:
        self._otio, self._content, self._rate = otio, content, rate
        self._find, self._losses, self._where, self._nested = find, losses, where, nested
        self._materials = Materials.of(content)

    def stack(self) -> Any:
        """All tracks: pictures and texts as they lie on each other, then sounds."""
        stack = self._otio.schema.Stack()
        seen: list[tuple[int, list[Any]]] = []
        sounds: list[Any] = []
        for index, track in enumerate(objects(self._content.get("tracks"))):
            pictures, heard = self._track(track, f"{self._where}tracks[{index}]")
            segments = objects(track.get("segments"))
            # The app orders clips by this; its texts are above 10,000 (measured, CapCut 7.8 to 9.1).
            layer = number(segments[0].get("render_index")) if segments else 0
            seen.append((layer, pictures))
            sounds += heard
        for _, pictures in sorted(seen, key=lambda pair: pair[0]):
            stack.extend(pictures)
        stack.extend(sounds)
        return stack

    def _track(self, track: Mapping[str, Any], where: str) -> tuple[list[Any], list[Any]]:
        kind, name = str(track.get("type", "")), str(track.get("name") or "")
        muted = bool(number(track.get("attribute")) & _MUTED)
        form = self._otio.schema.TrackKind
        held = {"type": "text" if kind == "text" else "video", "captions": _is_captions(track)}
        pictures = _Rows(lambda: self._new_track(name, form.Video, held, muted and kind == "text"))
        sounds = _Rows(
            lambda: self._new_track(name, form.Audio, {"type": "audio"}, muted and kind == "audio")
        )
        segments = enumerate(objects(track.get("segments")))
        placed = sorted(
            segments, key=lambda pair: number(object_(pair[1].get("target_timerange")).get("start"))
        )
        for index, segment in placed:
            self._segment(segment, kind, f"{where}.segments[{index}]", pictures, sounds, muted)
        for row in (*pictures.rows, *sounds.rows):
            self._close(row)
        return [row.track for row in pictures.rows], [row.track for row in sounds.rows]

    def _new_track(self, name: str, kind: str, held: dict[str, Any], muted: bool) -> Any:
        track = self._otio.schema.Track(name, kind=kind, metadata={KEY: held})
        track.enabled = not muted
        return track

    def _segment(
        self, segment: Mapping[str, Any], track: str, where: str, pictures: _Rows, sounds: _Rows, muted: bool
    ) -> None:
        _, material = self._materials.get(segment.get("material_id"))
        kind = self._materials.kind(segment, track)
        when = object_(segment.get("target_timerange"))
        at_us, duration_us = number(when.get("start")), number(when.get("duration"))
        title = str(material.get("name") or material.get("material_name") or "")
        if kind in _ASIDE:
            name = title or str(material.get("resource_id") or track)
            self._losses.note(
                "unknown_clip" if kind in ("unknown", "handwriting") else kind, where, at_us, name=name
            )
            return
        if duration_us <= 0 or at_us < 0:
            self._losses.note("no_length", where, max(0, at_us), name=title)
            return
        extras = dict(reversed([self._materials.get(known) for known in references(segment)]))
        held = self._aside(segment, extras, kind, where, at_us) | {
            "kind": kind, "at_us": at_us, "duration_us": duration_us, "from": where,
        }  # fmt: skip
        if kind in ("text", "text_template") and not self._materials.words(segment).strip():
            self._losses.note("blank_text", where, at_us)
        elif kind in ("text", "text_template"):
            self._place(pictures, self._text(segment, kind, held), segment)
        elif kind == "compound":
            self._place(pictures, self._compound(segment, where, held), segment, extras, sound=False)
        elif kind == "audio":
            self._place(sounds, self._clip(segment, material, held, where), segment, extras)
        else:
            off = muted or real(segment.get("volume"), 1.0) <= 0
            sounds_too = kind == "video" and not off and self._find(material).has_sound
            if kind == "video" and not sounds_too:
                held["without_sound"] = "off" if off else "none"
            self._place(pictures, self._clip(segment, material, held, where), segment, extras, sound=False)
            if sounds_too:
                clip = self._clip(segment, material, {**held, "sound_of": True}, where)
                self._place(sounds, clip, segment, extras)

    def _place(
        self,
        rows: _Rows,
        clip: Any,
        segment: Mapping[str, Any],
        extras: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        sound: bool = True,
    ) -> None:
        """Append a clip at its time, behind a gap, with the transition or the fades beside it."""
        when, extras = object_(segment.get("target_timerange")), extras or {}
        start_us = number(when.get("start"))
        first = frames_of(start_us, self._rate)
        row = rows.at(first)
        fade = object_(extras.get("audio_fades")) if sound else {}
        fade_in_us, fade_out_us = (number(fade.get(f"fade_{side}_duration")) for side in ("in", "out"))
        abuts = row.last is not None and row.end == first
        if row.end < first:
            self._close(row)
            row.track.append(self._otio.schema.Gap(duration=self._time(first - row.end)))
        if abuts and row.transition:
            name, length_us, where, at_us = row.transition
            self._between(row, name, length_us // 2, length_us - length_us // 2, "transition")
            if name not in _DISSOLVES:
                self._losses.note("as_dissolve", where, at_us, name=name, fate="changed")
        elif fade_in_us or (abuts and row.fade_out_us):
            self._between(row, "fade", row.fade_out_us if abuts else 0, fade_in_us, "fade")
        row.track.append(clip)
        clip.enabled = segment.get("visible") is not False
        row.end = first + round(clip.duration().value)
        row.last, row.fade_out_us = clip, fade_out_us
        row.transition = None
        if not sound and (transition := object_(extras.get("transitions"))):
            length_us = number(transition.get("duration"))
            held = clip.metadata[KEY]
            row.transition = str(transition.get("name") or ""), length_us, held["from"], start_us

    def _close(self, row: _Row) -> None:
        if row.fade_out_us:
            self._between(row, "fade", row.fade_out_us, 0, "fade")
        if row.transition:
            name, _, where, at_us = row.transition
            self._losses.note("transition", where, at_us, name=name)
        row.fade_out_us, row.transition = 0, None

    def _between(self, row: _Row, name: str, before_us: int, after_us: int, kind: str) -> None:
        """A dissolve at the end of a row: a transition, or the fades of a sound."""
        held = {"kind": kind, "in_us": before_us, "out_us": after_us}
        row.track.append(
            self._otio.schema.Transition(
                name=name,
                transition_type=self._otio.schema.TransitionTypes.SMPTE_Dissolve,
                in_offset=self._time(frames_of(before_us, self._rate)),
                out_offset=self._time(frames_of(after_us, self._rate)),
                metadata={KEY: held},
            )
        )

    def _time(self, frames: int) -> Any:
        return self._otio.opentime.RationalTime(frames, self._rate)

    def _clip(
        self, segment: Mapping[str, Any], material: Mapping[str, Any], held: dict[str, Any], where: str
    ) -> Any:
        otio = self._otio
        path, file = str(material.get("path") or ""), self._find(material)
        name = str(material.get("material_name") or material.get("name") or pure(path).name)
        source = object_(segment.get("source_timerange"))
        speed = real(segment.get("speed"), 1.0) or 1.0
        start_us = number(source.get("start")) if held["kind"] != "image" else 0
        length_us = number(material.get("duration"))
        if not file.is_there and "sound_of" not in held:
            self._losses.note("file", where, held["at_us"], name=pure(path).name or name, fate="missing")
        reference = (
            otio.schema.ExternalReference(target_url=file.address) if path else otio.schema.MissingReference()
        )
        when = _range(otio, held["at_us"], held["duration_us"], self._rate)
        if held["kind"] == "image" or length_us <= 0:
            # A picture lasts as long as it is shown; the app says three hours.
            length_us = start_us + round(held["duration_us"] * speed)
        reference.available_range = _range(otio, 0, length_us, self._rate)
        clip = otio.schema.Clip(
            name=name,
            media_reference=reference,
            source_range=otio.opentime.TimeRange(self._time(frames_of(start_us, self._rate)), when.duration),
            metadata={KEY: {**held, "source_us": start_us, "speed": speed}},
        )
        if speed != 1.0 and held["kind"] != "image":
            clip.effects.append(otio.schema.LinearTimeWarp(name="speed", time_scalar=speed))
        return clip

    def _text(self, segment: Mapping[str, Any], kind: str, held: dict[str, Any]) -> Any:
        _, material = self._materials.get(segment.get("material_id"))
        text, where = self._materials.words(segment), held["from"]
        if kind == "text_template":
            name = str(material.get("name") or "")
            self._losses.note("template_look", where, held["at_us"], name=name)
        else:
            self._losses.note("text_style", where, held["at_us"])
            if (style := style_of(material)) is not None:
                held["style"] = style.model_dump(mode="json", exclude_defaults=True)
            if (place := place_of(segment)) is not None:
                held["transform"] = held.get("transform") or {"x": place.x, "y": place.y}
        self._losses.note("text", where, held["at_us"], fate="kept")
        when = _range(self._otio, held["at_us"], held["duration_us"], self._rate)
        source = self._otio.opentime.TimeRange(self._time(0), when.duration)
        reference = self._otio.schema.GeneratorReference("text", TEXT, source, {"text": text})
        return self._otio.schema.Clip(text[:60], reference, source, metadata={KEY: held})

    def _compound(self, segment: Mapping[str, Any], where: str, held: dict[str, Any]) -> Any:
        compound = self._materials.compound(segment) or {}
        inner = object_(compound.get("draft"))
        if self._nested >= _MOST_NESTED:
            inner = {}
        stack = _Exporter(
            self._otio, inner, self._rate, self._find, self._losses, f"{where}.", self._nested + 1
        ).stack()
        when = _range(self._otio, held["at_us"], held["duration_us"], self._rate)
        start = frames_of(number(object_(segment.get("source_timerange")).get("start")), self._rate)
        stack.name = str(compound.get("name") or "")
        stack.source_range = self._otio.opentime.TimeRange(self._time(start), when.duration)
        stack.metadata[KEY] = held
        return stack

    def _aside(
        self,
        segment: Mapping[str, Any],
        extras: Mapping[str, Mapping[str, Any]],
        kind: str,
        where: str,
        at_us: int,
    ) -> dict[str, Any]:
        """What the metadata keep of a clip; everything else that makes its look goes to the losses."""
        held: dict[str, Any] = {}
        for what, name in self._looks(segment, extras, kind):
            self._losses.note(what, where, at_us, name=name)
        if kind in ("video", "image", "text") and (moved := _moved(object_(segment.get("clip")))):
            held["transform"] = moved
            if kind != "text":
                self._losses.note("transform", where, at_us, fate="kept")
        elif kind == "compound":
            self._losses_of_compound(segment, where, at_us)
        if kind in ("video", "audio"):
            volume = real(segment.get("volume"), 1.0)
            if volume != 1.0:
                held["volume"] = volume
                self._losses.note("volume", where, at_us, fate="kept")
            if segment.get("is_tone_modify") is True:
                held["keep_pitch"] = False
        fade = object_(extras.get("audio_fades"))
        if fade:
            held["fade"] = {side: number(fade.get(f"fade_{side}_duration")) for side in ("in", "out")}
        return held

    def _losses_of_compound(self, segment: Mapping[str, Any], where: str, at_us: int) -> None:
        """What a stack of OpenTimelineIO cannot say of the whole compound clip, and is not in its clips."""
        if _moved(object_(segment.get("clip"))):
            self._losses.note("transform", where, at_us)
        if real(segment.get("volume"), 1.0) != 1.0:
            self._losses.note("volume", where, at_us)
        if real(segment.get("speed"), 1.0) != 1.0:
            _, material = self._materials.get(segment.get("material_id"))
            self._losses.note("speed", where, at_us, name=str(material.get("material_name") or ""))

    def _looks(
        self, segment: Mapping[str, Any], extras: Mapping[str, Mapping[str, Any]], kind: str
    ) -> Iterator[tuple[str, str]]:
        """(what, name) of everything on a clip that OpenTimelineIO has no word for."""
        _, material = self._materials.get(segment.get("material_id"))
        for known in references(segment):
            group, held = self._materials.get(known)
            name = str(held.get("name") or held.get("resource_id") or "")
            if group == "video_effects":
                yield "effect", name
            elif group == "effects":
                of = str(held.get("type"))
                yield _EFFECTS.get(of, "filter"), name if of in _EFFECTS else name or of
            elif group == "audio_effects":
                yield "audio_effect", name
            elif group == "material_animations":
                for animation in objects(held.get("animations")):
                    yield "animation", str(animation.get("name") or "")
            elif group in ("common_mask", "masks") and (
                group == "common_mask" or "common_mask" not in extras
            ):
                yield "mask", name
            elif group == "chromas" and held.get("color"):
                yield "chroma", ""
            elif group == "canvases" and (held.get("type") != "canvas_color" or held.get("color")):
                yield "background", ""
            elif group == "speeds" and object_(held.get("curve_speed")):
                yield "speed_curve", ""
        for listed in objects(segment.get("common_keyframes")):
            if objects(listed.get("keyframe_list")):
                yield "keyframes", str(listed.get("property_type"))
        if segment.get("reverse") is True:
            yield "reverse", ""
        if _is_cropped(object_(material.get("crop"))):
            yield "crop", ""


def _is_captions(track: Mapping[str, Any]) -> bool:
    flag = track.get("flag")
    return isinstance(flag, int) and bool(flag & CAPTIONS)


def _moved(clip: Mapping[str, Any]) -> dict[str, Any]:
    """A clip's place and size as our document has them; only what is not as it would be without."""
    scale, move, flip = (object_(clip.get(key)) for key in ("scale", "transform", "flip"))
    values = {
        "x": (real(move.get("x"), 0.0), 0.0),
        "y": (real(move.get("y"), 0.0), 0.0),
        "scale_x": (real(scale.get("x"), 1.0), 1.0),
        "scale_y": (real(scale.get("y"), 1.0), 1.0),
        "rotation": (real(clip.get("rotation"), 0.0), 0.0),
        "opacity": (real(clip.get("alpha"), 1.0), 1.0),
        "flip_horizontal": (flip.get("horizontal") is True, False),
        "flip_vertical": (flip.get("vertical") is True, False),
    }
    return {key: value for key, (value, plain) in values.items() if value != plain}


def _is_cropped(crop: Mapping[str, Any]) -> bool:
    return any(
        abs(real(crop.get(f"{row}_{side}_{axis}"), far) - far) > 1e-6
        for row in ("upper", "lower")
        for side in ("left", "right")
        for axis in ("x", "y")
        for far in [float((side == "right") if axis == "x" else (row == "lower"))]
    )
