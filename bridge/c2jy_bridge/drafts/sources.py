"""Which files a document needs, and whether what came is what its clips want."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.compile.notes import Notes
from c2jy_bridge.drafts.materials import Material, MaterialFailure
from c2jy_bridge.drafts.spec import AudioClip, DraftSpec, PictureClip, Source, nearest

_NAME_ONLY: Final = frozenset("/\\.:")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A clip's media: where it stands in the document and what to fetch for it."""

    path: str
    """JSON path of the clip."""
    source: Source
    sound: bool
    """An audio clip wants it, so it needs no picture."""


def wanted_media(spec: DraftSpec, path: str, notes: Notes) -> list[Wanted]:
    """Every clip's media, with names from the document's `media` looked up; a name not there is an error."""
    prefix = f"{path}." if path else ""
    found = []
    for track_number, track in enumerate(spec.tracks):
        for number, clip in enumerate(track.clips):
            if not isinstance(clip, (PictureClip, AudioClip)):
                continue
            where = f"{prefix}tracks[{track_number}].clips[{number}]"
            source = spec.media.get(clip.media.address, clip.media)
            if not source.address:
                notes.note("no_address", f"{where}.media", "error")
            elif source is clip.media and spec.media and not _NAME_ONLY & set(source.address):
                near = nearest(source.address, spec.media, 1) or list(spec.media)
                notes.note("unknown_media", f"{where}.media", "error", name=source.address, near=near[0])
            else:
                found.append(Wanted(where, source, isinstance(clip, AudioClip)))
    used = {item.source.address for item in found}
    for name, source in spec.media.items():
        if source.address not in used and not notes.failed:
            notes.note("unused_media", f"{prefix}media.{name}", "info", name=name)
    return found


def usable(
    wanted: list[Wanted],
    fetched: Mapping[str, Material | MaterialFailure],
    notes: Notes,
    stand_in: Callable[[str], Material] | None = None,
) -> Iterator[tuple[Wanted, Material]]:
    """The media that came and fit their clips; everything else is an error.

    Args:
        stand_in: Makes a placeholder for a picture that could not be had. A sound is then left out.
    """
    told: set[str] = set()
    for item in wanted:
        got = fetched[item.source.address]
        where = f"{item.path}.media"
        if isinstance(got, MaterialFailure) and stand_in:
            code = "sound_left_out" if item.sound else "placeholder"
            notes.note(code, where, "warning", reason=got.message, todo=got.fix)
            if not item.sound:
                yield item, stand_in(item.source.address)
            continue
        if isinstance(got, MaterialFailure):
            notes.take(Issue(got.code, where, "error", got.message, got.fix))
            continue
        if got.source not in told:
            told.add(got.source)
            notes.take(*got.issues)
        expected = item.source.sha256
        if expected and expected.lower() != got.sha256:
            notes.note("other_checksum", where, "error", expected=expected[:16], got=got.sha256[:16])
        elif item.source.kind and item.source.kind != got.kind and not (item.sound and got.has_audio):
            notes.note("other_kind", where, "error", expected=item.source.kind, got=got.kind)
        elif item.sound and got.kind == "video" and got.has_audio:
            notes.note("sound_of_video", where, "info")
            yield item, got
        elif item.sound != (got.kind == "audio"):
            notes.note("no_sound" if item.sound else "no_picture", where, "error", kind=got.kind)
        else:
            yield item, got


def addresses(wanted: Any) -> list[str]:
    """What to fetch, each once, in order."""
    return list(dict.fromkeys(item.source.address for item in wanted))
