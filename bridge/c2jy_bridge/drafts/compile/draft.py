"""Compiles a document to pyJianYingDraft's script: tracks from the bottom up, lanes, segments."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyJianYingDraft import AudioMaterial, ScriptFile, StickerSegment, Timerange, TrackType, VideoMaterial
from pyJianYingDraft.script_material import ScriptMaterial
from pyJianYingDraft.track import Track as LibraryTrack

from c2jy_bridge.core.gc_control import release_in_steps
from c2jy_bridge.drafts.compile.plan import PlacedClip, PlacedFile, place_track, resolve_overlaps
from c2jy_bridge.drafts.compile.segments import (
    PICTURE_EFFECTS,
    Canvas,
    MaterialPool,
    add_keyframes,
    clip_settings,
    find_effect,
    picture_segment,
    sliders,
    sound_segment,
    without_speed,
)
from c2jy_bridge.drafts.compile.texts import TextBuilder
from c2jy_bridge.drafts.errors import IssueCollector
from c2jy_bridge.drafts.spec.document import (
    AudioClip,
    DraftSpec,
    EffectClip,
    FilterClip,
    Marker,
    Overlap,
    PictureClip,
    StickerClip,
    TextClip,
    Track,
    TrackKind,
)


class UncheckedTrack(LibraryTrack):  # type: ignore[misc]  # the library ships no types
    """A track whose segments are known not to overlap."""

    def add_segment(self, segment: Any) -> UncheckedTrack:
        """Append without looking at the others."""
        self.segments.append(segment)
        return self


class KnownMaterials(ScriptMaterial):  # type: ignore[misc]  # the library ships no types
    """Materials with an index of the shared ones; the others belong to one segment and are always new."""

    def __init__(self) -> None:
        super().__init__()
        self._shared: set[str] = set()

    def __contains__(self, item: object) -> bool:
        if isinstance(item, (VideoMaterial, AudioMaterial)):
            if item.material_id in self._shared:
                return True
            self._shared.add(item.material_id)  # ScriptFile.add_material appends it right after asking
        return False


def content_of(script: Any) -> dict[str, Any]:
    """What `ScriptFile.dumps` of 0.3.1 writes, as an object: orjson serialises it fifty times faster."""
    content: dict[str, Any] = script.content
    content["fps"] = script.fps
    content["duration"] = script.duration
    content["config"]["maintrack_adsorb"] = script.maintrack_adsorb
    content["canvas_config"] = {"width": script.width, "height": script.height, "ratio": "original"}
    content["materials"] = script.materials.export_json()
    tracks = []
    for order, track in enumerate(script.tracks.values()):
        exported = track.export_json()
        for segment in exported["segments"]:
            segment["render_index"] = order
            segment["track_render_index"] = 0
        tracks.append(exported)
    content["tracks"] = tracks
    return content


def library_lists(script: Any, content: Mapping[str, Any]) -> Iterator[list[Any]]:
    """The long lists of a script that its content does not share; useless once there is content."""
    shared = {id(group) for group in content["materials"].values()}
    for track in script.tracks.values():
        yield track.segments
    for group in vars(script.materials).values():
        if isinstance(group, list) and id(group) not in shared:
            yield group


_HOLDS: Mapping[TrackKind, tuple[type, ...]] = {
    "video": (PictureClip,),
    "audio": (AudioClip,),
    "text": (TextClip,),
    "sticker": (StickerClip,),
    "effect": (EffectClip,),
    "filter": (FilterClip,),
}
_PAUSE_EVERY = 256


@dataclass(frozen=True, slots=True)
class CompiledDraft:
    """The content of draft_content.json, before it gets its own id."""

    content: dict[str, Any]
    duration_us: int
    tracks: int
    clips: int

    def release_in_steps(self) -> None:
        """Take the content apart once it is written, in steps."""
        for group in self.content["materials"].values():
            release_in_steps(group)
        for track in self.content["tracks"]:
            release_in_steps(track["segments"])


@dataclass(frozen=True, slots=True)
class _Lane:
    kind: TrackKind
    name: str
    mute: bool
    captions: bool
    clips: list[PlacedClip]


def compile_draft(
    spec: DraftSpec,
    files: Mapping[str, PlacedFile],
    collector: IssueCollector,
    *,
    more: Sequence[tuple[str, Track]] = (),
    path: str = "",
    at: float = 0.0,
    pause: Callable[[], None] = lambda: None,
) -> CompiledDraft:
    """Build the draft's content.

    Args:
        spec: The document.
        files: The fetched file of each media clip, by the clip's JSON path.
        collector: Gets what could not be done as asked. After an error in it the content is not to be used.
        more: Tracks above the document's own, each with its JSON path: the subtitles.
        path: What JSON paths begin with.
        at: Unix seconds, by which JianYing names what was imported together.
        pause: Called every few hundred clips; may raise to stop.

    Returns:
        Time and memory grow linearly with the clips.
    """
    canvas = Canvas(spec.width, spec.height, collector)
    prefix = f"{path}." if path else ""
    own = [(f"{prefix}tracks[{index}]", track) for index, track in enumerate(spec.tracks)]
    lanes = list(_lanes([*own, *more], spec.overlap, files, collector))
    _check_neighbours(lanes, collector)
    # whole frame rates stay whole numbers, as the library writes them
    fps = int(spec.fps) if spec.fps == int(spec.fps) else spec.fps
    script = ScriptFile(spec.width, spec.height, fps, spec.main_track_magnet)
    script.materials = KnownMaterials()
    pool, texts = MaterialPool(), TextBuilder(script, canvas)
    for lane, name in zip(lanes, _distinct(lanes), strict=True):
        kind = TrackType.from_name(lane.kind)
        script.tracks[name] = UncheckedTrack(kind, name, len(script.tracks), lane.mute)
        for index, placed in enumerate(lane.clips):
            if index % _PAUSE_EVERY == 0:
                pause()
            _add(script, name, placed, pool, texts, canvas)
    count = sum(len(track.segments) for track in script.tracks.values())
    if not count and not collector.failed:
        collector.add("nothing_to_show", path or "tracks", "error")
    compiled = CompiledDraft(content_of(script), script.duration, len(script.tracks), count)
    _mark_captions(compiled.content, lanes, at)
    if spec.markers:
        compiled.content["time_marks"] = _time_marks(spec.markers)
    for parts in (*library_lists(script, compiled.content), *(lane.clips for lane in lanes)):
        release_in_steps(parts)
    return compiled


_CAPTIONS: Final = 1
"""`flag` of a track of captions: 218 of 219 in drafts that CapCut 7.7 saved, all of JianYing 3.3 and 3.4."""
_IMPORTED: Final = 2
"""`add_type` of a caption from a file, as CapCut 5.8 to 7.8 write it; 1 is one that the app recognised."""


def _mark_captions(content: Mapping[str, Any], lanes: Sequence[_Lane], at: float) -> None:
    """Mark the texts of some tracks as captions that the user imported, as the apps do (measured)."""
    texts = {material["id"]: material for material in content["materials"]["texts"]}
    for number, (track, lane) in enumerate(zip(content["tracks"], lanes, strict=True)):
        if not lane.captions or lane.kind != "text":
            continue
        track["flag"] = _CAPTIONS
        group = f"import_{round(at * 1000) + number}"
        for segment in track["segments"]:
            mark = {"type": "subtitle", "add_type": _IMPORTED, "group_id": group}
            texts[segment["material_id"]].update(mark)


def _time_marks(markers: Sequence[Marker]) -> dict[str, Any]:
    """Markers as CapCut saves them (read in public drafts)."""
    items = [
        {
            "id": str(uuid.uuid4()).upper(),
            "time_range": {"start": mark.at, "duration": mark.duration},
            "color": mark.color[:7].upper(),
            "title": mark.name,
        }
        for mark in markers
    ]
    return {"id": str(uuid.uuid4()).upper(), "mark_items": items}


def _lanes(
    tracks: Sequence[tuple[str, Track]],
    overlap: Overlap,
    files: Mapping[str, PlacedFile],
    collector: IssueCollector,
) -> Iterator[_Lane]:
    for where, track in _main_track_first(tracks, collector):
        for number, clip in enumerate(track.clips):
            if not isinstance(clip, _HOLDS[track.type]):
                values = {"kind": clip.type, "track": track.type}
                collector.add("clip_on_wrong_track", f"{where}.clips[{number}]", "error", **values)
        placed = [
            clip
            for clip in place_track(track, where, files, collector)
            if isinstance(clip.clip, _HOLDS[track.type])
        ]
        if not placed:
            if not track.clips:
                collector.add("empty_track", where, "info")
            continue
        name = track.name or track.type
        for lane in resolve_overlaps(placed, track.overlap or overlap, where, collector):
            yield _Lane(track.type, name, track.mute, track.captions, lane)


def _main_track_first(
    tracks: Sequence[tuple[str, Track]], collector: IssueCollector
) -> list[tuple[str, Track]]:
    """JianYing's main track is the lowest video track, always at the bottom; what is below is hidden."""
    ordered = list(tracks)
    first = next((place for place, (_, track) in enumerate(ordered) if track.type == "video"), 0)
    if any(track.type != "audio" for _, track in ordered[:first]):
        collector.add("main_track_first", ordered[first][0], "info")
        ordered.insert(0, ordered.pop(first))
    return ordered


def _distinct(lanes: Iterable[_Lane]) -> Iterator[str]:
    """Unique track names, as the library requires: text, text 2, text 3 ..."""
    taken: dict[str, int] = {}
    for lane in lanes:
        name = lane.name
        while name in taken:
            taken[lane.name] += 1
            name = f"{lane.name} {taken[lane.name]}"
        taken[name] = 1
        yield name


def _check_neighbours(lanes: list[_Lane], collector: IssueCollector) -> None:
    """Report what the library writes but JianYing ignores."""
    lowest = next((lane for lane in lanes if lane.kind == "video"), None)
    for lane in lanes:
        if lane.kind != "video":
            continue
        for index, placed in enumerate(lane.clips):
            clip = placed.clip
            if not isinstance(clip, PictureClip):
                continue
            following = lane.clips[index + 1] if index + 1 < len(lane.clips) else None
            if (
                clip.transition
                and placed.is_last
                and (following is None or following.start_us != placed.end_us)
            ):
                collector.add("transition_to_nothing", f"{placed.path}.transition", "warning")
            if clip.background and placed.is_first and lane is not lowest:
                collector.add("background_above", f"{placed.path}.background", "warning")


def _add(
    script: Any, track: str, placed: PlacedClip, pool: MaterialPool, texts: TextBuilder, canvas: Canvas
) -> None:
    clip = placed.clip
    if isinstance(clip, TextClip):
        texts.add(placed, clip, track)
    elif isinstance(clip, PictureClip):
        script.add_segment(picture_segment(placed, clip, pool, canvas), track)
    elif isinstance(clip, AudioClip):
        script.add_segment(sound_segment(placed, clip, pool, canvas), track)
    elif isinstance(clip, StickerClip):
        settings = clip_settings(clip.transform, canvas)
        segment = StickerSegment(clip.resource_id, _when(placed), clip_settings=settings)
        add_keyframes(segment, placed, clip.keyframes, canvas, picture=False)
        script.add_segment(without_speed(segment), track)
    elif isinstance(clip, EffectClip):
        member = find_effect(clip, PICTURE_EFFECTS, placed.path, canvas)
        if member is not None:
            params = sliders(clip.params, member, f"{placed.path}.params", canvas)
            script.add_effect(member, _when(placed), track, params=params)
    elif isinstance(clip, FilterClip):
        member = canvas.name(("filter",), clip.name, f"{placed.path}.name")
        if member is not None:
            script.add_filter(member, _when(placed), track, clip.intensity)


def _when(placed: PlacedClip) -> Any:
    return Timerange(placed.start_us, placed.duration_us)
