"""pyJianYingDraft's ScriptFile without its quadratic scans, and its content as an object.

The library looks through all earlier segments for an overlap and through all materials for a duplicate each
time a segment is added: 10,000 text segments take 26 of 28 seconds in that (facts of 2026-11). Overlaps are
found before by one sweep, materials are shared on purpose, so both checks are answered here in constant time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyJianYingDraft import AudioMaterial, ScriptFile, TrackType, VideoMaterial
from pyJianYingDraft.script_material import ScriptMaterial
from pyJianYingDraft.track import Track


class UncheckedTrack(Track):  # type: ignore[misc]  # the library ships no types
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


def new_script(width: int, height: int, fps: float, magnet: bool) -> Any:
    """An empty ScriptFile; whole frame rates stay whole numbers, as the library writes them."""
    script = ScriptFile(width, height, int(fps) if fps == int(fps) else fps, magnet)
    script.materials = KnownMaterials()
    return script


def append_track(script: Any, kind: str, name: str, mute: bool) -> None:
    """Add a track on top of the others; `name` must be new."""
    script.tracks[name] = UncheckedTrack(TrackType.from_name(kind), name, len(script.tracks), mute)


def without_speed(segment: Any) -> Any:
    """Take away a text's or sticker's reference to a speed that the library makes but never writes."""
    segment.extra_material_refs.remove(segment.speed.global_id)
    return segment


def content_of(script: Any) -> dict[str, Any]:
    """What `ScriptFile.dumps` of 0.3.1 writes, as an object: orjson needs a fiftieth of the time for it."""
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


def of_the_library(script: Any, content: Mapping[str, Any]) -> Iterator[list[Any]]:
    """The long lists of a script that its content does not share: nobody needs them once there is content."""
    shared = {id(group) for group in content["materials"].values()}
    for track in script.tracks.values():
        yield track.segments
    for group in vars(script.materials).values():
        if isinstance(group, list) and id(group) not in shared:
            yield group
