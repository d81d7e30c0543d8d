"""Reads an OpenTimelineIO timeline, of whatever program, as a `c2jy/1` document."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from c2jy_bridge.drafts.interchange.from_draft import TEXT
from c2jy_bridge.drafts.interchange.losses import Losses
from c2jy_bridge.drafts.interchange.markers import colour_of
from c2jy_bridge.drafts.interchange.times import exact_rate, kept, kept_us, us_of
from c2jy_bridge.drafts.spec.document import SCHEMA

_IMAGES: Final = frozenset(("png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "avif", "heic", "heif"))
_DISSOLVE: Final = "叠化"
"""JianYing's name of a plain dissolve."""
_DRIVE: Final = re.compile(r"/[A-Za-z]:[\\/]")
"""How the path of a `file:` URL from Windows begins."""
_MOST_NESTED: Final = 32
_ENDLESS: Final = 2**62
_CANVAS: Final = (1920, 1080)


@dataclass(slots=True)
class _Placed:
    """A clip where it is seen or heard, with what becomes of it in the document."""

    start_us: int
    end_us: int
    document: dict[str, Any]
    key: tuple[Any, ...] = ()
    """Media, place and part: by this the sound of a video is found."""
    path: str = ""
    without_sound: str = ""
    """Why a video of ours has no clip on a track of sound: `none` in its file, or it was `off`."""

    @property
    def clip(self) -> dict[str, Any]:
        """The clip of the document."""
        return {**self.document, "at": {"start": self.start_us, "duration": self.end_us - self.start_us}}


@dataclass(slots=True)
class _Lane:
    """A track of the document."""

    kind: str
    name: str
    mute: bool = False
    captions: bool = False
    clips: list[_Placed] = field(default_factory=list)


def document_of(otio: Any, timeline: Any, folder: Path, losses: Losses) -> dict[str, Any]:
    """The document of a timeline; times in microseconds, media as paths and links.

    Args:
        otio: The module opentimelineio.
        timeline: The Timeline.
        folder: Relative paths of media begin there.
        losses: Gets what the document cannot say.
    """
    held = kept(timeline)
    rate = _rate(otio, timeline)
    reader = _Reader(otio, folder, rate, losses)
    reader.stack(timeline.tracks, 0, (0, _ENDLESS), "tracks", 0, {})
    lanes = [lane for lane in reader.lanes if lane.clips]
    _join_sounds(lanes, losses)
    width, height = (
        _pixels(held.get(side), usual) for side, usual in zip(("width", "height"), _CANVAS, strict=True)
    )
    return {
        "schema": SCHEMA,
        "time_unit": "us",
        "name": str(timeline.name or "")[:80],
        "width": width,
        "height": height,
        "fps": rate,
        **({"main_track_magnet": False} if held.get("main_track_magnet") is False else {}),
        "tracks": [_track(lane) for lane in lanes if lane.clips],
        "markers": sorted(reader.markers, key=lambda mark: mark["at"]),
    }


def _pixels(value: Any, usual: int) -> int:
    return value if isinstance(value, int) and 1 <= value <= 16384 else usual


def _rate(otio: Any, timeline: Any) -> float:
    """Frames per second: of the timeline's start, else of its first clip."""
    if timeline.global_start_time is not None:
        return exact_rate(float(timeline.global_start_time.rate))
    for clip in timeline.find_clips():
        return exact_rate(float(clip.duration().rate))
    return 30.0


def _track(lane: _Lane) -> dict[str, Any]:
    clips = sorted(lane.clips, key=lambda placed: placed.start_us)
    track: dict[str, Any] = {"type": lane.kind, "clips": [placed.clip for placed in clips]}
    if lane.name:
        track["name"] = lane.name
    if lane.mute:
        track["mute"] = True
    if lane.captions:
        track["captions"] = True
    return track


def _join_sounds(lanes: list[_Lane], losses: Losses) -> None:
    """Put the sound of each video back into it, and silence the videos whose sound is on no track.

    A timeline without any track of sound was not made by a program that parts the two: its videos sound.
    """
    sounds = {placed.key: (lane, placed) for lane in lanes if lane.kind == "audio" for placed in lane.clips}
    has_sounds = any(lane.kind == "audio" for lane in lanes)
    for lane in lanes:
        for placed in lane.clips:
            if placed.document["type"] != "video":
                continue
            if (found := sounds.pop(placed.key, None)) is not None and not found[0].mute:
                for key in ("volume", "fade", "keep_pitch"):
                    if key in found[1].document:
                        placed.document[key] = found[1].document[key]
                found[0].clips.remove(found[1])
            elif placed.without_sound == "off" or (has_sounds and not placed.without_sound):
                placed.document["volume"] = 0
                placed.document.pop("fade", None)
                if not placed.without_sound:
                    losses.note("no_sound_track", placed.path, placed.start_us, fate="changed")


class _Reader:
    def __init__(self, otio: Any, folder: Path, rate: float, losses: Losses) -> None:
        self._otio, self._folder, self._rate, self._losses = otio, folder, rate, losses
        self.lanes: list[_Lane] = []
        self.markers: list[dict[str, Any]] = []

    def stack(
        self,
        stack: Any,
        start_us: int,
        window: tuple[int, int],
        path: str,
        nested: int,
        known: dict[int, list[_Lane]],
    ) -> None:
        """Read a stack's tracks.

        Args:
            stack: The stack.
            start_us: Where its zero is in the draft.
            window: Where it is seen in the draft, microseconds.
            path: Of it in the timeline.
            nested: How many stacks it is in.
            known: The lanes of its tracks by number, shared by stacks that follow each other on a track.
        """
        self._marks(stack, start_us, f"{path}.markers")
        if nested > _MOST_NESTED:
            self._losses.note("too_deep", path, max(0, start_us), name=stack.name)
            return
        for effect in stack.effects:
            self._losses.note("effect", path, max(0, start_us), name=effect.effect_name or effect.name)
        for index, child in enumerate(stack):
            where = f"{path}.children[{index}]"
            track = child
            if not isinstance(child, self._otio.schema.Track):
                track = self._otio.schema.Track(kind="Video", children=[child.deepcopy()])
            self._track(track, start_us, window, where, nested, known.setdefault(index, []))

    def _track(
        self, track: Any, start_us: int, window: tuple[int, int], path: str, nested: int, lanes: list[_Lane]
    ) -> None:
        is_sound = track.kind == self._otio.schema.TrackKind.Audio
        held = kept(track)
        if not track.enabled and not is_sound and held.get("type") != "text":
            self._losses.note("hidden", path, 0, name=track.name)
            return
        if not lanes:
            kind = "audio" if is_sound else "text" if held.get("type") == "text" else "video"
            lanes.append(_Lane(kind, str(track.name or ""), not track.enabled, held.get("captions") is True))
            self.lanes.append(lanes[0])
        if track.source_range is not None:
            begin = start_us
            start_us -= us_of(track.source_range.start_time)
            window = max(window[0], begin), min(window[1], begin + us_of(track.source_range.duration))
        self._marks(track, start_us, f"{path}.markers")
        for effect in track.effects:
            self._losses.note("effect", path, max(0, start_us), name=effect.effect_name or effect.name)
        self._children(track, start_us, window, path, nested, lanes)

    def _children(
        self, track: Any, start_us: int, window: tuple[int, int], path: str, nested: int, lanes: list[_Lane]
    ) -> None:
        """Read what is on a track one after another; transitions take no time of their own."""
        at = self._otio.opentime.RationalTime(0, self._rate)
        before: _Placed | None = None
        pending: Any = None
        inner: dict[int, list[_Lane]] = {}
        for index, child in enumerate(track):
            where = f"{path}.children[{index}]"
            if isinstance(child, self._otio.schema.Transition):
                pending = child
                self._ending(child, before, lanes[0].kind, where)
                continue
            first, at = start_us + us_of(at), at + child.duration()
            end = start_us + us_of(at)
            placed = None
            seen = max(first, window[0]), min(end, window[1])
            if isinstance(child, self._otio.schema.Gap) or seen[0] >= seen[1]:
                self._marks(child, first, f"{where}.markers")
            elif not child.enabled:
                self._losses.note("hidden", where, seen[0], name=child.name)
            elif isinstance(child, self._otio.schema.Clip):
                placed = self._clip(child, (first, end), seen, where)
                if placed is not None:
                    self._lane_for(placed, lanes).clips.append(placed)
            elif isinstance(child, self._otio.schema.Stack | self._otio.schema.Track):
                self._losses.note("unpacked", where, seen[0], name=child.name, fate="changed")
                self._nested(child, first, seen, where, nested, inner)
            else:
                self._losses.note("unknown_clip", where, seen[0], name=child.schema_name())
            if pending is not None:
                self._beginning(pending, before, placed, lanes[0].kind, where)
            before, pending = placed, None

    def _nested(
        self,
        child: Any,
        first: int,
        seen: tuple[int, int],
        where: str,
        nested: int,
        known: dict[int, list[_Lane]],
    ) -> None:
        if isinstance(child, self._otio.schema.Track):
            child = self._otio.schema.Stack(children=[child.deepcopy()])
        begin = us_of(child.source_range.start_time) if child.source_range is not None else 0
        self.stack(child, first - begin, seen, where, nested + 1, known)

    def _lane_for(self, placed: _Placed, lanes: list[_Lane]) -> _Lane:
        """The track's own lane, or one beside it for clips of another kind: texts among pictures."""
        kind = {"image": "video"}.get(placed.document["type"], placed.document["type"])
        for lane in lanes:
            if lane.kind == kind:
                return lane
        if not lanes[0].clips and len(lanes) == 1:
            lanes[0].kind = kind
            return lanes[0]
        made = _Lane(kind, lanes[0].name, lanes[0].mute)
        self.lanes.insert(self.lanes.index(lanes[-1]) + 1, made)
        lanes.append(made)
        return made

    # --- transitions ----------------------------------------------------------------------------------

    def _ending(self, transition: Any, before: _Placed | None, kind: str, where: str) -> None:
        """What a transition does to the clip before it: the fade out of a sound."""
        length_us = _kept_length(transition, "in_us", transition.in_offset, self._rate)
        if kind == "audio" and before is not None and length_us:
            before.document.setdefault("fade", {})["out"] = length_us

    def _beginning(
        self, transition: Any, before: _Placed | None, after: _Placed | None, kind: str, where: str
    ) -> None:
        """What a transition does to the clip behind it, once that is known."""
        in_us = _kept_length(transition, "in_us", transition.in_offset, self._rate)
        out_us = _kept_length(transition, "out_us", transition.out_offset, self._rate)
        if kind == "audio":
            if after is not None and out_us:
                after.document.setdefault("fade", {})["in"] = out_us
            if before and after and in_us and out_us and kept(transition).get("kind") != "fade":
                self._losses.note("crossfade", where, after.start_us, fate="changed")
        elif before is None or after is None or kind != "video":
            at_us = (after or before).start_us if after or before else 0  # type: ignore[union-attr]
            self._losses.note("transition", where, at_us, name=transition.name)
        else:
            ours = kept(transition).get("kind") == "transition" and transition.name
            before.document["transition"] = {
                "name": transition.name if ours else _DISSOLVE,
                "duration": in_us + out_us,
            }
            plain = transition.transition_type == self._otio.schema.TransitionTypes.SMPTE_Dissolve
            if not ours and not plain:
                name = transition.name or transition.transition_type
                self._losses.note("as_dissolve", where, after.start_us, name=name, fate="changed")

    # --- clips ----------------------------------------------------------------------------------------

    def _clip(self, clip: Any, whole: tuple[int, int], seen: tuple[int, int], where: str) -> _Placed | None:
        held = kept(clip)
        start_us, end_us = whole
        self._marks(clip, start_us - us_of(clip.trimmed_range().start_time), f"{where}.markers")
        reference = clip.media_reference
        if isinstance(reference, self._otio.schema.GeneratorReference):
            document = self._text(clip, held, where, start_us)
            source_us, speed = 0, 1.0
        elif isinstance(reference, self._otio.schema.ExternalReference):
            source_us, speed, document = self._media(clip, held, where, start_us)
        else:
            what = "no_media" if reference is None or reference.is_missing_reference else "unknown_media"
            self._losses.note(what, where, start_us, name=clip.name or reference.schema_name())
            return None
        if document is None:
            return None
        if seen == whole:
            exact = kept_us(held, "at_us", start_us, self._rate)
            was = held.get("duration_us")
            until = (
                kept_us({"end": exact + was}, "end", end_us, self._rate) if isinstance(was, int) else end_us
            )
            seen = (exact, until) if until > exact else whole
        else:
            source_us += round((seen[0] - start_us) * speed)
        if document["type"] in ("video", "audio"):
            document["trim"] = {"start": source_us, "duration": max(1, round((seen[1] - seen[0]) * speed))}
            document["speed"] = speed
        media = document.get("media", {})
        key = (media.get("path") or media.get("url"), *seen, source_us, speed)
        return _Placed(*seen, document, key, where, str(held.get("without_sound") or ""))

    def _media(
        self, clip: Any, held: dict[str, Any], where: str, at_us: int
    ) -> tuple[int, float, dict[str, Any] | None]:
        reference = clip.media_reference
        address = _address(str(reference.target_url or ""), self._folder)
        if not address:
            self._losses.note("no_media", where, at_us, name=clip.name)
            return 0, 1.0, None
        begin = clip.trimmed_range().start_time
        if reference.available_range is not None and begin >= reference.available_range.start_time:
            begin -= reference.available_range.start_time  # cameras count their files from a clock
        source_us = kept_us(held, "source_us", us_of(begin), self._rate)
        parent = clip.parent()
        is_sound = parent is not None and parent.kind == self._otio.schema.TrackKind.Audio
        extension = PurePosixPath(urlsplit(address).path).suffix.lstrip(".").lower()
        kind = "audio" if is_sound else "image" if extension in _IMAGES else "video"
        speed = self._speed(clip, where, at_us) if kind != "image" else 1.0
        if isinstance(was := held.get("speed"), float) and abs(was - speed) < 1e-9:
            speed = was
        document: dict[str, Any] = {"type": kind, "media": {"url" if "://" in address else "path": address}}
        if clip.name:
            document["media"]["name"] = str(clip.name)[:200]
        if kind != "image":
            if isinstance(volume := held.get("volume"), int | float) and 0 <= volume <= 10:
                document["volume"] = volume
            if held.get("keep_pitch") is False:
                document["keep_pitch"] = False
            if held.get("kind") == "video" and "fade" in held and not is_sound:
                document["fade"] = held["fade"]
        if kind != "audio" and isinstance(held.get("transform"), dict):
            document["transform"] = held["transform"]
        return source_us, speed, document

    def _speed(self, clip: Any, where: str, at_us: int) -> float:
        speed = 1.0
        for effect in clip.effects:
            if isinstance(effect, self._otio.schema.FreezeFrame):
                self._losses.note("freeze", where, at_us)
            elif isinstance(effect, self._otio.schema.LinearTimeWarp):
                if effect.time_scalar == 0:
                    self._losses.note("freeze", where, at_us)
                    continue
                if effect.time_scalar < 0:
                    self._losses.note("reverse", where, at_us)
                speed *= abs(effect.time_scalar)
            else:
                self._losses.note("effect", where, at_us, name=effect.effect_name or effect.name)
        return speed

    def _text(self, clip: Any, held: dict[str, Any], where: str, at_us: int) -> dict[str, Any] | None:
        reference = clip.media_reference
        text = reference.parameters.get("text")
        if not isinstance(text, str) or not text.strip():
            name = reference.generator_kind or reference.name or clip.name
            self._losses.note("generator", where, at_us, name=name)
            return None
        if reference.generator_kind != TEXT:
            self._losses.note("text_style", where, at_us)
        document: dict[str, Any] = {"type": "text", "text": text}
        for key in ("style", "transform"):
            if isinstance(held.get(key), dict):
                document[key] = held[key]
        return document

    def _marks(self, item: Any, zero_us: int, path: str) -> None:
        for mark in item.markers:
            held = kept(mark)
            seen = us_of(mark.marked_range.start_time)
            at_us = zero_us + kept_us(held, "at_us", seen, self._rate)
            length_us = kept_us(held, "duration_us", us_of(mark.marked_range.duration), self._rate)
            colour = held.get("color")
            self.markers.append(
                {
                    "at": max(0, at_us),
                    "duration": max(0, length_us),
                    "name": str(mark.name or ""),
                    "color": colour if isinstance(colour, str) else colour_of(str(mark.color or "")),
                }
            )


def _kept_length(transition: Any, key: str, offset: Any, rate: float) -> int:
    return max(0, kept_us(kept(transition), key, us_of(offset), rate))


def _address(url: str, folder: Path) -> str:
    """A link, or an absolute path, on whatever machine; empty for nothing."""
    scheme = urlsplit(url).scheme.lower() if "://" in url else ""
    if scheme in ("http", "https"):
        return url
    path = url
    if url[:5].lower() == "file:":
        parts = urlsplit(url)
        path = unquote(parts.path)
        if parts.netloc and parts.netloc.lower() != "localhost":
            path = f"//{parts.netloc}{path}"
        if _DRIVE.match(path):
            path = path[1:]
    if os.name != "nt" and path[:1] != "/" and PureWindowsPath(path).is_absolute():
        return path
    return os.path.normpath(folder / path) if path else ""


def timelines_in(otio: Any, held: Any) -> Iterator[Any]:
    """The timelines of what an adapter read: one, or those of a collection."""
    if isinstance(held, otio.schema.Timeline):
        yield held
    elif isinstance(held, otio.schema.SerializableCollection):
        for child in held:
            yield from timelines_in(otio, child)
    elif isinstance(held, otio.schema.Stack | otio.schema.Track):
        timeline = otio.schema.Timeline(held.name)
        if isinstance(held, otio.schema.Stack):
            timeline.tracks = held.deepcopy()
        else:
            timeline.tracks.append(held.deepcopy())
        yield timeline
