"""The clips of a draft that any version of the apps saved, each with its kind; nothing of it is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import ClipView, DraftDetail, TimelineContents, TrackView
from c2jy_bridge.drafts.library.clip_looks import keyframes, look, references
from c2jy_bridge.drafts.library.quick_figures import number
from c2jy_bridge.drafts.library.snapshot import (
    TIMELINES,
    Snapshot,
    exists,
    load,
    object_,
    objects,
    project_timelines,
    view,
)
from c2jy_bridge.drafts.write.paths import CONTENTS, pure

_LABEL: Final = 120
_TAGS: Final = re.compile(r"<[^<>]{0,500}>")
_KINDS: Final[Mapping[str, str]] = {
    "audios": "audio",
    "texts": "text",
    "text_templates": "text_template",
    "stickers": "sticker",
    "video_effects": "effect",
    "handwrites": "handwriting",
}
"""Kind of clip by the group that its material is in; videos and effects have several each."""
_BARE_TRACKS: Final[Mapping[str, str]] = {"adjust": "adjustment", "filter": "filter", "effect": "effect"}
"""Kind of clip by the type of its track, where the material does not say."""


@dataclass(frozen=True, slots=True)
class Materials:
    """The materials of a content by id, each with the name of its group."""

    by_id: Mapping[str, tuple[str, Mapping[str, Any]]]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Materials:
        """Those of a draft, or of a compound clip."""
        groups = object_(content.get("materials")).items()
        found = ((kind, material) for kind, group in groups for material in objects(group))
        return cls({str(material.get("id")): (kind, material) for kind, material in found})

    def get(self, known: object) -> tuple[str, Mapping[str, Any]]:
        """A material with its group; empty when there is none."""
        return self.by_id.get(str(known), ("", {}))

    def compound(self, segment: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a segment is made of when it is a compound clip: an entry of `drafts`."""
        for known in (segment.get("material_id"), *references(segment)):
            kind, material = self.get(known)
            if kind == "drafts":
                return material
        return None

    def kind(self, segment: Mapping[str, Any], track: str) -> str:
        """What a clip is; `unknown` for what this program has no word for."""
        if self.compound(segment) is not None:
            return "compound"
        group, material = self.get(segment.get("material_id"))
        if group == "videos":
            return "image" if material.get("type") == "photo" else "video"
        if group == "effects":
            return "filter" if material.get("type") == "filter" or track == "filter" else "adjustment"
        return _KINDS.get(group) or _BARE_TRACKS.get(track, "unknown")

    def words(self, segment: Mapping[str, Any]) -> str:
        """The words of a text or, one line each, of a text template."""
        group, material = self.get(segment.get("material_id"))
        if group != "text_templates":
            return words(material.get("content"))
        inner = (self.get(known) for known in inner_texts(material))
        return "\n".join(words(text.get("content")) for kind, text in inner if kind == "texts")


def inner_texts(template: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the texts that a text template is made of, in order."""
    for resource in objects(template.get("text_info_resources")):
        yield str(resource.get("text_material_id"))


def words(content: object) -> str:
    """The words of a text material: JSON since JianYing 4, marked-up or plain text before."""
    text = content if isinstance(content, str) else ""
    try:
        held = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _TAGS.sub("", text).strip("[]")
    return str(held.get("text", "")) if isinstance(held, dict) else text


def detail(
    folder: Path, snapshot: Snapshot, content: Mapping[str, Any] | None, issues: tuple[Issue, ...]
) -> DraftDetail:
    """A draft with its tracks, bottom first, and its further timelines."""
    seen = view(folder, snapshot)
    if content is None:
        return DraftDetail(seen, issues=issues)
    fps = content.get("fps")
    is_there = cache(lambda path: exists(path, folder))
    return DraftDetail(
        seen,
        float(fps) if isinstance(fps, (int, float)) else 0.0,
        tracks_of(content, is_there),
        issues,
        tuple(_other_timelines(folder, content, is_there)),
    )


def tracks_of(content: Mapping[str, Any], is_there: Callable[[str], bool]) -> tuple[TrackView, ...]:
    """The tracks of a content, bottom first; those inside a compound clip are in its `inside`.

    Args:
        content: Of a draft or a compound clip.
        is_there: Whether a media file is on this machine.
    """
    materials = Materials.of(content)
    return tuple(
        TrackView(
            str(track.get("type", "")),
            str(track.get("name", "")),
            tuple(
                _clip(segment, str(track.get("type", "")), materials, is_there)
                for segment in objects(track.get("segments"))
            ),
        )
        for track in objects(content.get("tracks"))
    )


def _clip(
    segment: Mapping[str, Any], track: str, materials: Materials, is_there: Callable[[str], bool]
) -> ClipView:
    group, material = materials.get(segment.get("material_id"))
    when = object_(segment.get("target_timerange"))
    path = str(material.get("path") or "") if group in ("videos", "audios") else ""
    compound = materials.compound(segment)
    speeds = [s for kind, s in map(materials.get, references(segment)) if kind == "speeds"]
    speed = segment.get("speed")
    transition = next((t for kind, t in map(materials.get, references(segment)) if kind == "transitions"), {})
    return ClipView(
        kind=materials.kind(segment, track),
        start_us=number(when.get("start")),
        duration_us=number(when.get("duration")),
        label=_label(materials, segment, compound, path)[:_LABEL],
        media=path,
        media_ok=not path or is_there(path),
        speed=float(speed) if isinstance(speed, (int, float)) and not isinstance(speed, bool) else 1.0,
        speed_curve=any(object_(speed.get("curve_speed")) for speed in speeds),
        inside=tracks_of(object_(compound.get("draft")), is_there) if compound else (),
        transition=str(transition.get("name") or transition.get("resource_id") or "") if transition else "",
        transition_us=number(transition.get("duration")),
        keyframes_us=keyframes(segment),
        look=look(segment, material, materials),
    )


def _label(
    materials: Materials, segment: Mapping[str, Any], compound: Mapping[str, Any] | None, path: str
) -> str:
    group, material = materials.get(segment.get("material_id"))
    if compound:
        material = {**material, "name": compound.get("name") or material.get("material_name")}
    elif group in ("texts", "text_templates") and (text := materials.words(segment)):
        return text
    named = material.get("material_name") or material.get("name") or pure(path).name
    return str(named or material.get("resource_id") or "")


def _other_timelines(
    folder: Path, content: Mapping[str, Any], is_there: Callable[[str], bool]
) -> Iterator[TimelineContents]:
    """Further timelines of the draft; the one that its main file holds as well is left out."""
    main, listed = project_timelines(folder)
    for known, name in listed.items():
        if known in (main, content.get("id")):
            continue
        for file in CONTENTS:
            held, _, _ = load(folder / TIMELINES / known / file)
            if held is not None:
                yield TimelineContents(name, number(held.get("duration")), tracks_of(held, is_there))
                break
