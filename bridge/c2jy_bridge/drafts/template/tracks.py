"""Puts further tracks on top of a filled draft: of our own spec, or out of another draft."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.core.lossless_json import Lossless
from c2jy_bridge.drafts.build.pipeline import ClipMedia, clip_media, usable_media
from c2jy_bridge.drafts.compile.draft import compile_draft
from c2jy_bridge.drafts.compile.plan import PlacedFile
from c2jy_bridge.drafts.errors import DraftError, IssueCollector, issue
from c2jy_bridge.drafts.materials import Material, MaterialFailure
from c2jy_bridge.drafts.spec.document import SCHEMA, DraftSpec
from c2jy_bridge.drafts.spec.reading import parse_spec
from c2jy_bridge.drafts.template.content import EditableContent, field
from c2jy_bridge.drafts.template.media import local_id
from c2jy_bridge.drafts.template.values import Take
from c2jy_bridge.drafts.write.paths import VERIFIED, local_view

Adopt = Callable[[Path], str]
"""Takes a file into the new draft; returns its path there, as a content names it."""
_ON_TOP: Final = 1


def read_tracks(
    tracks: Sequence[Any], content: EditableContent, collector: IssueCollector
) -> tuple[DraftSpec, list[ClipMedia]]:
    """Read tracks of a `c2jy/1` document for a draft's canvas.

    Raises:
        DraftError: They cannot be read.
    """
    width, height = content.canvas
    fps = field(content.node, "fps", 30)
    document = {"schema": SCHEMA, "width": width, "height": height, "tracks": list(tracks)}
    if isinstance(fps, (int, float)) and fps >= 1:
        document["fps"] = fps
    read = parse_spec(document)
    collector.extend(*read.issues)
    return read.spec, clip_media(read.spec, "", collector)


def add_tracks(
    content: EditableContent,
    spec: DraftSpec,
    media: Sequence[ClipMedia],
    fetched: Mapping[str, Material | MaterialFailure],
    path_of: Callable[[Material], str],
    collector: IssueCollector,
) -> None:
    """Compile tracks and put them on top.

    Args:
        content: The draft.
        spec: The tracks.
        media: Of its clips.
        fetched: The files by address.
        path_of: Where a file is in the new draft, as a content names it.
        collector: Takes what is wrong; raised with it when it is an error.
    """
    placed = {}
    for item, material in usable_media(media, fetched, collector):
        shown = item.source.name or material.name
        placed[item.path] = PlacedFile(material, path_of(material), shown)
    collector.raise_if_failed()
    compiled = compile_draft(spec, placed, collector).content
    collector.raise_if_failed()
    ids = {path_of(found): local_id(found) for found in fetched.values() if isinstance(found, Material)}
    for group, listed in compiled["materials"].items():
        for material in listed:
            if group in ("videos", "audios"):
                material["local_material_id"] = ids[material["path"]]
            if group == "videos":
                material["check_flag"] = VERIFIED
            content.add(group, material)
    for track in compiled["tracks"]:
        _put_on_top(content, Lossless.of(track))


def take_track(content: EditableContent, take: Take, folder: Path, adopt: Adopt, where: str) -> None:
    """Copy a track of another draft to the top.

    Args:
        content: The draft that gets it.
        take: Which one: by name, by type when there is one of it, or by number from the bottom.
        folder: The other draft.
        adopt: Takes a media file of the other draft in; media elsewhere keep their paths.
        where: JSON path, for issues.

    Raises:
        DraftError: The other draft cannot be read, or has no such track.
    """
    from c2jy_bridge.drafts.template.folder import read_template

    other = EditableContent(read_template(folder).content, content.new_id)
    track = _wanted(other, take, where).copy()
    track["id"] = content.new_id()
    for segment in other.segments(track):
        segment.node["id"] = content.new_id()
        for known in (segment.material_id, *(str(reference.value) for reference in segment.references)):
            if known not in other.materials:
                continue
            fresh = content.copy_material(known, other.materials)
            _adopt_media(content.materials[fresh][1], content.materials[fresh][0], folder, adopt)
            if known == segment.material_id:
                segment.node["material_id"] = fresh
            else:
                segment.refer(known, fresh)
        segment.place(segment.target.start + take.at_us)
    _put_on_top(content, track)


def _wanted(other: EditableContent, take: Take, where: str) -> Lossless:
    tracks = other.tracks
    if isinstance(take.track, int):
        if 0 <= take.track < len(tracks):
            return tracks[take.track]
    else:
        for key in ("name", "type"):
            found = [track for track in tracks if field(track, key) == take.track]
            if len(found) == 1:
                return found[0]
    named = ", ".join(f"{n}: {field(t, 'name') or field(t, 'type')}" for n, t in enumerate(tracks))
    raise DraftError([issue("no_track", f"{where}.track", track=take.track, draft=take.draft, tracks=named)])


def _adopt_media(material: Lossless, group: str, folder: Path, adopt: Adopt) -> None:
    """Take the files of a material along that lie inside its draft."""
    if group == "drafts" and "draft" in material and material["draft"].is_object:
        inner = EditableContent(material["draft"])
        for kind, held in inner.materials.values():
            _adopt_media(held, kind, folder, adopt)
    elif group in ("videos", "audios") and isinstance(path := field(material, "path"), str) and path:
        here = local_view(path, folder)
        if here is not None and here.is_relative_to(folder) and here.is_file():
            material["path"] = adopt(here)


def _put_on_top(content: EditableContent, track: Lossless) -> None:
    above = [field(segment.node, "render_index", 0) for segment in content.segments()]
    top = max((index for index in above if isinstance(index, int)), default=0) + _ON_TOP
    for segment in content.segments(track):
        segment.node.update(render_index=top)
    content.node["tracks"].append(track)
    content.lengthen_to_clips()
