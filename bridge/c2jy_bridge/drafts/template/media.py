"""Puts another file into a clip: which part of it is shown, for how long, and in which frame."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from c2jy_bridge.core.lossless_json import Lossless
from c2jy_bridge.drafts.errors import DraftError, IssueCollector, issue
from c2jy_bridge.drafts.library.snapshot import object_
from c2jy_bridge.drafts.materials import Material
from c2jy_bridge.drafts.template.content import EditableContent, Segment, field
from c2jy_bridge.drafts.write.paths import VERIFIED

Length = Literal["cut", "slow", "loop", "follow"]
"""What happens when a file is not as long as its slot: the tail is cut off (a shorter video is slowed down, a
shorter sound ends early); it is slowed down; it is repeated; or the slot becomes as long as the file."""
Framing = Literal["fill", "fit", "keep"]
"""The new picture is cropped to the shape of the old one; is shown whole within its bounds; or keeps the
corners of the old crop."""
LENGTHS: Final = get_args(Length)
FRAMINGS: Final = get_args(Framing)
_PHOTO_US: Final = 10_800_000_000
"""The length of a photo: three hours, as pyJianYingDraft 0.3.1 and the apps write it."""
_SLOWEST: Final = 0.1
_MOST_LOOPS: Final = 1000
_CORNERS: Final = ("upper_left", "upper_right", "lower_left", "lower_right")
_OF_THE_OLD_FILE: Final = (
    "media_path", "reverse_path", "intensifies_path", "reverse_intensifies_path",
    "intensifies_audio_path", "cartoon_path", "material_url", "material_id", "category_id", "formula_id",
    "resource_id", "music_id", "search_id", "request_id", "md5",
)  # fmt: skip
"""Fields of a material that name its old file, or what the app made of that, or where it had it from."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A file for a slot."""

    file: Material
    path: str
    """As the draft names it."""
    name: str
    length: Length = "cut"
    framing: Framing = "fill"
    begin_us: int = 0
    """Where in the file the clip begins."""


def replace_media(
    content: EditableContent, segment: Segment, new: Replacement, where: str, collector: IssueCollector
) -> int:
    """Show another file in a clip; returns by how much the clip became longer, microseconds.

    Args:
        content: The draft or compound clip.
        segment: The clip.
        new: The file.
        where: JSON path of the value, for issues.
        collector: Takes what was not done as asked.

    Raises:
        DraftError: The file does not fit: a sound in a picture's place or the other way round, or it ends
            before `begin_us`.
    """
    group, material = content.own_material(segment)
    if (group == "audios") != (new.file.kind == "audio") and not (group == "audios" and new.file.has_audio):
        code = "no_sound" if group == "audios" else "no_picture"
        raise DraftError([issue(code, where, kind=new.file.kind)])
    old = (field(material, "width", 0), field(material, "height", 0))
    _describe(material, group, new)
    if group == "videos":
        _frame(content, segment, material, old, new)
    return _fit_length(content, segment, new, where, collector)


def _describe(material: Lossless, group: str, new: Replacement) -> None:
    """Say in a material which file it is now."""
    file = new.file
    known: dict[str, Any] = {
        "path": new.path,
        "duration": _PHOTO_US if file.kind == "image" else file.duration_us,
        "local_material_id": local_id(file),
        "material_name" if group == "videos" else "name": new.name,
    }
    if group == "videos":
        known |= {"width": file.width, "height": file.height, "has_audio": file.has_audio}
        known["type"] = "photo" if file.kind == "image" else "video"
    else:
        known["type"] = "extract_music"
    if field(material, "category_name") not in (None, "local", ""):
        known["category_name"] = "local"
    if "check_flag" in material and group == "videos":
        known["check_flag"] = VERIFIED
    known |= {key: "" for key in _OF_THE_OLD_FILE if isinstance(field(material, key), str)}
    material.update(**known)


def _frame(
    content: EditableContent, segment: Segment, material: Lossless, old: tuple[int, int], new: Replacement
) -> None:
    """Crop or scale the new picture so that it takes the place of the old one."""
    width, height = new.file.width, new.file.height
    if not (new.framing != "keep" and all((*old, width, height))):
        return
    crop = object_(field(material, "crop"))
    left, top, right, bottom = _bounds(crop)
    shown = (right - left) * old[0], (bottom - top) * old[1]
    if new.framing == "fill":
        if min(shown) <= 0:
            return
        wanted, given = shown[0] / shown[1], width / height
        across = (1 - wanted / given) / 2 if given > wanted else 0.0
        down = (1 - given / wanted) / 2 if given < wanted else 0.0
        _set_crop(material, across, down)
        return
    _set_crop(material, 0.0, 0.0)
    canvas = content.canvas
    was, now = _fitted(shown, canvas), _fitted((width, height), canvas)
    factor = min(was[0] / now[0], was[1] / now[1])
    if "clip" in segment.node and segment.node["clip"].is_object and "scale" in segment.node["clip"]:
        scale = segment.node["clip"]["scale"]
        for axis in ("x", "y"):
            scale.update(**{axis: field(scale, axis, 1.0) * factor})


def _bounds(crop: Any) -> tuple[float, float, float, float]:
    if not crop:
        return 0.0, 0.0, 1.0, 1.0
    across = [float(crop.get(f"{corner}_x", 0.0 if "left" in corner else 1.0)) for corner in _CORNERS]
    down = [float(crop.get(f"{corner}_y", 0.0 if "upper" in corner else 1.0)) for corner in _CORNERS]
    return min(across), min(down), max(across), max(down)


def _set_crop(material: Lossless, across: float, down: float) -> None:
    values = {}
    for corner in _CORNERS:
        values[f"{corner}_x"] = across if "left" in corner else 1.0 - across
        values[f"{corner}_y"] = down if "upper" in corner else 1.0 - down
    if "crop" in material and material["crop"].is_object:
        material["crop"].update(**values)
    elif across or down:
        material["crop"] = values


def _fitted(size: tuple[float, float], canvas: tuple[int, int]) -> tuple[float, float]:
    """The size at which the apps show a picture at scale 1: the largest that fits into the canvas."""
    scale = min(canvas[0] / max(size[0], 1), canvas[1] / max(size[1], 1))
    return size[0] * scale, size[1] * scale


def _fit_length(
    content: EditableContent, segment: Segment, new: Replacement, where: str, collector: IssueCollector
) -> int:
    slot = segment.target
    if new.file.kind == "image":
        segment.use(0, slot.duration)
        _set_speed(content, segment, 1.0)
        return 0
    length = new.file.duration_us - new.begin_us
    if length <= 0:
        raise DraftError([issue("begins_beyond", where, name=new.name)])
    speed = segment.speed
    wanted = round(slot.duration * speed)
    if new.length == "follow":
        duration = max(round(length / speed), 1)
        segment.use(new.begin_us, length)
        segment.place(slot.start, duration)
        return duration - slot.duration
    if length >= wanted:
        segment.use(new.begin_us, wanted)
        return 0
    if new.length == "loop":
        _loop(content, segment, new.begin_us, length)
        return 0
    if new.length == "cut" and new.file.kind == "audio":
        segment.use(new.begin_us, length)
        segment.place(slot.start, max(round(length / speed), 1))
        collector.add("slot_ends_early", where, "info", name=new.name)
        return 0
    slower = length / slot.duration
    if slower < _SLOWEST:
        raise DraftError([issue("too_short_for_slot", where, name=new.name)])
    segment.use(new.begin_us, length)
    _set_speed(content, segment, slower)
    collector.add("slowed_down", where, "info", name=new.name, speed=f"{slower:.2f}")
    return 0


def _set_speed(content: EditableContent, segment: Segment, speed: float) -> None:
    if segment.speed == speed and field(segment.node, "speed") is not None:
        return
    segment.node["speed"] = speed
    if (held := content.own_reference(segment, "speeds")) is not None:
        held.update(speed=speed)
        if field(held, "curve_speed") is not None:
            held.update(curve_speed=None, mode=0)


def _loop(content: EditableContent, segment: Segment, begin: int, length: int) -> None:
    """Repeat a clip within its slot."""
    slot, speed = segment.target, segment.speed
    each = max(round(length / speed), 1)
    count = -(-slot.duration // each)
    if count > _MOST_LOOPS:
        each, count = -(-slot.duration // _MOST_LOOPS), _MOST_LOOPS
    copies = [content.copy_segment(segment) for _ in range(count - 1)]
    behind = segment
    for number, part in enumerate([segment, *copies]):
        start = slot.start + number * each
        duration = min(each, slot.end - start)
        part.use(begin, min(length, round(duration * speed)))
        part.place(start, duration)
        if number:
            content.put(part, behind)
            behind = part


def local_id(file: Material) -> str:
    """The id by which content and meta file know a file, as the apps write it: a UUID in lower case."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, file.sha256))
