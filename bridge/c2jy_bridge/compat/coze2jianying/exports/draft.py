"""Converts one draft of an export to a `c2jy/1` document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports.fields import Fields, step
from c2jy_bridge.compat.coze2jianying.exports.issues import ImportIssueCollector, shown
from c2jy_bridge.compat.coze2jianying.exports.keyframes import ClipFrame
from c2jy_bridge.compat.coze2jianying.exports.segments import (
    TRACK_OF,
    Segment,
    Timing,
    address,
    clip,
    kind_of,
    timing,
)
from c2jy_bridge.compat.coze2jianying.exports.source_map import Origins
from c2jy_bridge.compat.coze2jianying.exports.units import ClipTime, Evidence, UnitDecision, odd_clips
from c2jy_bridge.compat.coze2jianying.exports.wrappers import INFOS, decoded, flat_kind
from c2jy_bridge.core.gc_control import release_in_steps
from c2jy_bridge.core.settings import TimeUnit

_RESOURCE: Final = ("resource_type", "duration_ms", "file_size", "format", "width", "height", "filename")


def project(fields: Fields) -> dict[str, Any]:
    """Canvas and name, ready for the spec."""
    inner = fields.inner("project") or Fields({}, fields.at("project"), fields.collector)
    canvas: dict[str, Any] = {}
    for name, most, default in (("width", 16384, 1920), ("height", 16384, 1080), ("fps", 240, 30)):
        number = (inner if name in inner else fields).bounded(default, 1, most, name)
        canvas[name] = number if name == "fps" else round(number)
    title = inner.text("name", "draft_name") or fields.text("draft_name", "name")
    if title:
        canvas["name"] = title
    for name in ("video_quality", "audio_quality", "background_color"):
        for holder in (inner, fields):
            kept, path = holder.take(name)
            if kept is not None:
                # Black is what JianYing shows anyway.
                loud = name == "background_color" and str(kept).lower() not in ("#000000", "#000", "black")
                holder.collector.add("no_place", path, "warning" if loud else "info", value=shown(kept))
    inner.close()
    return canvas


@dataclass(frozen=True, slots=True)
class Resource:
    """An entry of an export's media list; the length is 0 when it has none."""

    path: str
    name: str
    duration_us: int


def resources(fields: Fields) -> dict[str, Resource]:
    """The media that the export lists, by URL. Their sizes and formats are seen from the files."""
    found = {}
    for item, path in fields.items("media_resources"):
        if not isinstance(item, dict):
            fields.collector.add("not_an_object", path, value=shown(item))
            continue
        one = Fields(item, path, fields.collector)
        url, name, length_ms = one.text("url"), one.text("filename"), one.number("duration_ms")
        for known in _RESOURCE:
            one.take(known)
        one.close()
        if url:
            found[url] = Resource(path, name or "", round(max(0, length_ms or 0) * 1000))
    return found


_RECORDS: Final = (
    "created_timestamp",
    "last_modified",
    "status",
    "total_duration_ms",
    "format_version",
    "export_type",
    "draft_count",
    "exported_count",
    "success",
    "message",
)
"""Fields that describe the export itself; kept in the spec's `meta`."""
_CONTAINERS: Final = frozenset(
    {
        "time_range",
        "material_range",
        "transform",
        "crop",
        "effects",
        "speed",
        "audio",
        "background",
        "keyframes",
        "animations",
        "style",
        "properties",
        "flip",
        "dimensions",
        "target_timerange",
        "source_timerange",
        "clip_settings",
        "crop_settings",
        "text_style",
        "params",
    }
)
"""Fields of a segment that are objects or lists, and may come as JSON in a string (make_effect_info does)."""
_TRACK_WORDS: Final = {"image": "video", "caption": "text", "subtitle": "text", "music": "audio"}


@dataclass(frozen=True, slots=True)
class Mapped:
    """A draft of an export as a `c2jy/1` document that is not yet validated."""

    document: dict[str, Any]
    unit: UnitDecision
    evidence: Evidence
    """What the unit was decided by; the lengths of the media may come later."""
    origins: Origins
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Part:
    fields: Fields
    kind: str
    timing: Timing


@dataclass(frozen=True, slots=True)
class _Track:
    path: str
    fields: Fields | None
    kind: str
    parts: tuple[_Part, ...]


def map_draft(
    value: dict[str, Any] | list[Any],
    path: str,
    collector: ImportIssueCollector,
    *,
    asked: TimeUnit,
    durations_us: Mapping[str, int],
) -> Mapped:
    """Map one draft.

    Args:
        value: The draft as it is in the export; a list when it is loose infos of the make_* tools.
        path: Its JSON path there.
        collector: Collects everything that is changed, guessed, or has no place.
        asked: The unit, when the caller knows it.
        durations_us: Real lengths of media by address.
    """
    loose = value if isinstance(value, list) else []
    fields = Fields({} if isinstance(value, list) else value, path, collector)
    listed = resources(fields)
    names = {url: resource.name for url, resource in listed.items()}
    declared_us = {url: resource.duration_us for url, resource in listed.items()}
    tracks = [*_tracks(fields, collector), *_loose(loose, path, collector)]
    evidence = _evidence(tracks, fields, asked, declared_us)
    unit = evidence.decide(durations_us)
    collector.extend(odd_clips(evidence.clips, unit.unit))
    for track in tracks:
        for part in track.parts:
            part.timing.to_microseconds(unit.unit)
    if unit.reason not in ("none", "raw"):
        collector.extend([unit.issue(path)])
    canvas = project(fields)
    meta = {name: kept for name in _RECORDS if (kept := fields.take(name)[0]) is not None}
    document: dict[str, Any] = {**canvas, "tracks": []}
    if draft_id := fields.text("draft_id", "id"):
        document["id"] = draft_id
    origins = Origins(path=path)
    for track in tracks:
        _place(track, document, origins, unit, names, collector)
    used = {address(part.fields) for track in tracks for part in track.parts}
    for url, resource in listed.items():
        if url not in used:
            collector.add("resource_unused", resource.path, "info", url=shown(url))
    fields.close()
    if not document["tracks"]:
        collector.add("empty_draft", path)
    read = [part for track in tracks for part in track.parts]
    tracks.clear()  # no name may hold a track here: its parts would all go at once with it
    release_in_steps(read)
    return Mapped(document, unit, evidence, origins, meta)


def _tracks(fields: Fields, collector: ImportIssueCollector) -> Iterator[_Track]:
    given, path = fields.take("tracks")
    given = decoded(given, path)
    if given is not None:
        inner = Fields({"tracks": given}, fields.path, collector)
        for item, item_path in inner.items("tracks"):
            item = decoded(item, item_path)
            if isinstance(item, dict):
                yield _track(Fields(item, item_path, collector))
            else:
                collector.add("not_an_object", item_path, value=shown(item))
    for name, kind in INFOS.items():
        infos, infos_path = fields.take(name)
        if infos is not None:
            parts = tuple(_parts({"segments": infos}, infos_path, "", kind, collector))
            if parts:
                yield _Track(infos_path, None, kind, parts)


def _loose(items: list[Any], path: str, collector: ImportIssueCollector) -> Iterator[_Track]:
    """Tracks of infos that lie about in one list, a track for each kind."""
    for name, kind in INFOS.items():
        mine = [(item, f"{path}[{index}]") for index, item in enumerate(items) if flat_kind(item) == name]
        parts = tuple(part for item, item_path in mine if (part := _part(item, item_path, kind, collector)))
        if parts:
            yield _Track(path, None, kind, parts)


def _track(fields: Fields) -> _Track:
    named = (fields.text("track_type", "type") or "").strip().lower()
    kind = _TRACK_WORDS.get(named, named)
    segments = fields.take("segments", "clips")[0]
    parts = tuple(_parts({"segments": segments}, fields.path, "segments", named, fields.collector))
    if kind not in TRACK_OF.values():
        kind = TRACK_OF[parts[0].kind] if parts else "video"
        fields.collector.add("track_type", fields.at("track_type"), value=shown(named), used=kind)
    return _Track(fields.path, fields, kind, parts)


def _parts(
    holder: dict[str, Any], path: str, name: str, track_type: str, collector: ImportIssueCollector
) -> Iterator[_Part]:
    """The segments of a track; each may be an object or JSON in a string, and so may their list."""
    list_path = f"{path}.{name}" if name else path
    segments = decoded(holder["segments"], list_path)
    if isinstance(segments, dict):
        segments = [segments]
    if segments is not None and not isinstance(segments, list):
        collector.add("not_a_list", list_path, "error", value=shown(segments))
        return
    for index, item in enumerate(segments or ()):
        item_path = f"{list_path}[{index}]"
        if part := _part(decoded(item, item_path), item_path, track_type, collector):
            yield part


def _part(item: Any, path: str, track_type: str, collector: ImportIssueCollector) -> _Part | None:
    if item is None:
        return None
    if not isinstance(item, dict):
        collector.add("not_an_object", path, "error", value=shown(item))
        return None
    nested = {
        name: decoded(inner, step(path, name)) if name in _CONTAINERS else inner
        for name, inner in item.items()
    }
    fields = Fields(nested, path, collector)
    kind = kind_of(fields, track_type)
    if kind not in TRACK_OF:
        collector.add("segment_unknown", path, "error", value=shown(kind))
        return None
    when = timing(fields)
    return None if when is None else _Part(fields, kind, when)


def _evidence(
    tracks: list[_Track], fields: Fields, asked: TimeUnit, declared_us: Mapping[str, int]
) -> Evidence:
    parts = [part for track in tracks for part in track.parts]
    clips = []
    for when, given in ((part.timing, part.fields) for part in parts):
        if not when.raw and when.end is not None:
            speed = given.peek("speed.speed") or given.peek("audio.speed") or given.peek("speed")
            rate = float(speed) if isinstance(speed, (int, float)) and speed > 0 else 1.0
            clips.append(ClipTime(when.path, when.start, when.end, address(given), rate))
    total = fields.peek("total_duration_ms")
    total_ms = total if isinstance(total, (int, float)) and total > 0 else None
    return Evidence(tuple(clips), asked, declared_us, total_ms, any(part.timing.raw for part in parts))


def _place(
    track: _Track,
    document: dict[str, Any],
    origins: Origins,
    unit: UnitDecision,
    names: Mapping[str, str],
    collector: ImportIssueCollector,
) -> None:
    """Map a track's segments; clips that its kind of track cannot hold get one of their own above it."""
    head: dict[str, Any] = {}
    volume = 1.0
    if track.fields is not None:
        if name := track.fields.text("name", "track_name"):
            head["name"] = name
        if track.fields.flag("muted", "mute"):
            head["mute"] = True
        volume = track.fields.bounded(1, 0, 10, "volume")
        if volume != 1:
            collector.add("track_volume", track.fields.at("volume"), "info", value=f"{volume:g}")
        track.fields.close()
    by_kind: dict[str, list[tuple[dict[str, Any], Fields]]] = {}
    for part in track.parts:
        frame = ClipFrame(
            part.timing.start_us, part.timing.length_us, unit.unit, document["width"], document["height"]
        )
        made = clip(Segment(part.fields, part.kind, part.timing, frame, names, volume))
        if made is not None:
            by_kind.setdefault(TRACK_OF[part.kind], []).append((made, part.fields))
    kinds = sorted(by_kind, key=lambda kind: kind != track.kind)
    if len(kinds) > 1 or (kinds and kinds[0] != track.kind):
        where = track.fields.path if track.fields is not None else ""
        collector.add("track_split", where, "info", kinds=", ".join(kinds), kind=track.kind)
    for kind in kinds:
        index = len(document["tracks"])
        origins.tracks[f"tracks[{index}]"] = track.path
        for number, (_, fields) in enumerate(by_kind[kind]):
            origins.clips[f"tracks[{index}].clips[{number}]"] = (fields.path, fields.value)
        document["tracks"].append({**head, "type": kind, "clips": [made for made, _ in by_kind[kind]]})
