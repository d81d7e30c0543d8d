"""A draft's content that can be edited while everything that is not touched keeps its bytes."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.core.lossless_json import Lossless
from c2jy_bridge.drafts.library.quick_figures import number
from c2jy_bridge.drafts.library.snapshot import object_

NewId = Callable[[], str]
_REFERENCES: Final = ("extra_material_refs", "extra_material_ids")
"""Further materials of a segment: the name of JianYing 3.3 on, and the one before."""


def fresh_id() -> str:
    """An id as the apps make them."""
    return str(uuid.uuid4()).upper()


@dataclass(frozen=True, slots=True)
class Times:
    """A range on the timeline or in a file, microseconds."""

    start: int
    duration: int

    @classmethod
    def of(cls, value: object) -> Times:
        """From a `timerange`; zeros for what is none."""
        held = object_(value)
        return cls(number(held.get("start")), number(held.get("duration")))

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + self.duration


class Segment:
    """A clip on its track."""

    __slots__ = ("node", "track")

    def __init__(self, node: Lossless, track: Lossless) -> None:
        self.node, self.track = node, track

    @property
    def id(self) -> str:
        """Its id, empty when it has none."""
        return str(field(self.node, "id") or "")

    @property
    def material_id(self) -> str:
        """The id of what it shows."""
        return str(field(self.node, "material_id"))

    @property
    def track_type(self) -> str:
        """`video`, `text` ... of its track."""
        return str(field(self.track, "type") or "")

    @property
    def target(self) -> Times:
        """Where it is on the timeline."""
        return Times.of(field(self.node, "target_timerange"))

    @property
    def source(self) -> Times | None:
        """What it uses of its file; None for a clip without one."""
        held = field(self.node, "source_timerange")
        return Times.of(held) if isinstance(held, dict) else None

    @property
    def speed(self) -> float:
        """Its speed, 1.0 when it has none that is a number above zero."""
        speed = field(self.node, "speed")
        return float(speed) if isinstance(speed, (int, float)) and speed > 0 else 1.0

    def place(self, start: int, duration: int | None = None) -> None:
        """Put it elsewhere on the timeline."""
        values = {"start": start} if duration is None else {"start": start, "duration": duration}
        self.node["target_timerange"].update(**values)

    def use(self, start: int, duration: int) -> None:
        """Say what it uses of its file."""
        if isinstance(field(self.node, "source_timerange"), dict):
            self.node["source_timerange"].update(start=start, duration=duration)
        else:
            self.node["source_timerange"] = {"duration": duration, "start": start}

    @property
    def references(self) -> list[Lossless]:
        """Ids of its further materials."""
        for key in _REFERENCES:
            if isinstance(field(self.node, key), list):
                return list(self.node[key])
        return []

    @property
    def named(self) -> Iterator[str]:
        """Ids of all its materials."""
        yield self.material_id
        for key in _REFERENCES:
            if isinstance(known := field(self.node, key), list):
                yield from map(str, known)
                return

    def refer(self, old: str, new: str) -> None:
        """Replace the id of a further material."""
        for key in _REFERENCES:
            if key in self.node and self.node[key].is_array:
                for index, known in enumerate(self.node[key]):
                    if known.value == old:
                        self.node[key][index] = new


class EditableContent:
    """The content of a draft or a compound clip.

    Args:
        node: The object in a main file, or a compound clip's `draft`.
        new_id: Ids of what is added.
    """

    def __init__(self, node: Lossless, new_id: NewId = fresh_id) -> None:
        self.node, self.new_id = node, new_id
        self.materials: dict[str, tuple[str, Lossless]] = {}
        for group, listed in node["materials"].items():
            for material in listed if listed.is_array else ():
                if material.is_object:
                    self.materials[str(material.value.get("id"))] = (group, material)
        self._users = Counter(known for segment in self.segments() for known in segment.named)

    @property
    def tracks(self) -> list[Lossless]:
        """The tracks, bottom first."""
        return [track for track in self.node["tracks"] if track.is_object]

    def segments(self, track: Lossless | None = None) -> Iterator[Segment]:
        """The clips of a track, or all."""
        for each in self.tracks if track is None else (track,):
            if "segments" in each and each["segments"].is_array:
                for node in each["segments"]:
                    if node.is_object:
                        yield Segment(node, each)

    def segment(self, known: str) -> Segment:
        """The clip with an id; `KeyError` when there is none."""
        for segment in self.segments():
            if segment.id == known:
                return segment
        raise KeyError(known)

    def compounds(self) -> Iterator[tuple[str, Lossless]]:
        """(id, content) of what compound clips hold."""
        for known, (group, material) in self.materials.items():
            if group == "drafts" and "draft" in material and material["draft"].is_object:
                yield known, material["draft"]

    @property
    def canvas(self) -> tuple[int, int]:
        """Width and height, px."""
        canvas = object_(field(self.node, "canvas_config"))
        return number(canvas.get("width")) or 1920, number(canvas.get("height")) or 1080

    @property
    def duration_us(self) -> int:
        """Its length, microseconds."""
        return number(self.node["duration"].value) if "duration" in self.node else 0

    def add(self, group: str, material: object) -> Lossless:
        """Add a material to its group."""
        materials = self.node["materials"]
        if group not in materials or not materials[group].is_array:
            materials[group] = []
        added = materials[group].append(material)
        self.materials[str(added.value.get("id"))] = (group, added)
        return added

    def own_material(self, segment: Segment) -> tuple[str, Lossless]:
        """What a clip shows, its alone: shared with other clips it becomes a copy first."""
        known = segment.material_id
        if self._users[known] > 1:
            fresh = self.copy_material(known)
            self._users[known] -= 1
            self._users[fresh] += 1
            segment.node["material_id"] = fresh
            known = fresh
        return self.materials[known]

    def own_reference(self, segment: Segment, group: str) -> Lossless | None:
        """A clip's further material of a group, such as its speed, its alone; None when it has none."""
        for known in segment.references:
            if (found := self.materials.get(str(known.value))) and found[0] == group:
                if self._users[str(known.value)] == 1:
                    return found[1]
                fresh = self.copy_material(str(known.value))
                segment.refer(str(known.value), fresh)
                return self.materials[fresh][1]
        return None

    def copy_segment(self, segment: Segment) -> Segment:
        """A copy of a clip with ids and materials of its own, not on any track yet."""
        made = Segment(segment.node.copy(), segment.track)
        made.node["id"] = self.new_id()
        if segment.material_id in self.materials:
            made.node["material_id"] = self.copy_material(segment.material_id)
        for known in segment.references:
            if str(known.value) in self.materials:
                made.refer(str(known.value), self.copy_material(str(known.value)))
        self._users.update(made.named)
        return made

    def copy_material(self, known: str, source: Mapping[str, tuple[str, Lossless]] | None = None) -> str:
        """Copy a material, with the texts inside a text template; returns the new id.

        Args:
            known: Its id.
            source: Where it is, when it is another draft's.
        """
        held = self.materials if source is None else source
        group, material = held[known]
        made = material.copy()
        made["id"] = fresh = self.new_id()
        for key in ("text_info_resources", "non_text_info_resources"):
            resources = made[key] if key in made and made[key].is_array else ()
            for resource in resources:
                self._copy_resource(resource, held)
        self.add(group, made)
        return fresh

    def _copy_resource(self, resource: Lossless, held: Mapping[str, tuple[str, Lossless]]) -> None:
        if "text_material_id" in resource and resource["text_material_id"].value in held:
            resource["text_material_id"] = self.copy_material(resource["text_material_id"].value, held)
        if "extra_material_refs" in resource and resource["extra_material_refs"].is_array:
            references = resource["extra_material_refs"]
            for index, inner in enumerate(list(references)):
                if inner.value in held:
                    references[index] = self.copy_material(inner.value, held)

    def put(self, segment: Segment, behind: Segment) -> None:
        """Put a clip onto the track of another, behind it."""
        listed = behind.track["segments"]
        place = next(index for index, node in enumerate(listed) if node is behind.node)
        segment.track = behind.track
        listed.insert(place + 1, segment.node)

    def make_room(self, at: int, delta: int, besides: Container[str] = ()) -> list[str]:
        """Move all clips from a moment on, and lengthen pictures, texts and effects that last beyond it.

        Args:
            at: Microseconds.
            delta: By how much.
            besides: Ids of clips that stay.

        Returns:
            Ids of sounds and videos that last beyond `at`, which stay as long as they are.
        """
        kept = []
        for segment in self.segments():
            when = segment.target
            if segment.id in besides:
                continue
            if when.start >= at:
                segment.place(when.start + delta)
            elif when.end > at or (when.end == at and when.start == 0 and when.end == self.duration_us):
                if self.is_stretchable(segment):
                    segment.place(when.start, max(when.duration + delta, 1))
                else:
                    kept.append(segment.id)
        self.node.update(duration=max(self.duration_us + delta, 0))
        return kept

    def is_stretchable(self, segment: Segment) -> bool:
        """Whether a clip can last longer than it does: all but sounds, videos and compound clips."""
        group, material = self.materials.get(segment.material_id, ("", None))
        if group == "videos" and material is not None:
            return bool(field(material, "type") == "photo")
        return group not in ("audios", "drafts")

    def lengthen_to_clips(self) -> None:
        """Make the draft as long as its last clip, if that ends later."""
        last = max((segment.target.end for segment in self.segments()), default=0)
        if last > self.duration_us:
            self.node.update(duration=last)


def field(node: Lossless, key: str, default: Any = None) -> Any:
    """The plain value of a key of an object."""
    return node.get(key, default)
