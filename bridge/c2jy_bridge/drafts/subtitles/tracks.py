"""A document's subtitles as text tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from c2jy_bridge.drafts.compile.notes import Notes
from c2jy_bridge.drafts.materials import MaterialFailure
from c2jy_bridge.drafts.materials.failure import Refused
from c2jy_bridge.drafts.spec import LONGEST_US, DraftSpec, Range, Subtitles, TextClip, TextStyle, Track
from c2jy_bridge.drafts.subtitles.srt import decode_text, read_cues

LARGEST: Final = 8 * 1024 * 1024
"""Bytes of a subtitle file; a film's is 200 KB."""
_AS_IMPORTED: Final = TextStyle(size=5)
"""As JianYing shows imported captions (pyJianYingDraft 0.3.1, ScriptFile.import_srt)."""


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    """One entry of `subtitles` as a track."""

    path: str
    """JSON path of the entry."""
    track: Track


def subtitle_tracks(
    spec: DraftSpec,
    prefix: str,
    read_file: Callable[[str], bytes],
    texts: Mapping[str, bytes | MaterialFailure],
    notes: Notes,
) -> Iterator[SubtitleTrack]:
    """Read every entry; overlapping captions will go to lanes.

    Args:
        prefix: What JSON paths begin with; empty or with a dot at the end.
        read_file: Bytes of a file in a declared folder; raises `Refused`.
        texts: What the links gave.
    """
    for index, entry in enumerate(spec.subtitles):
        path = f"{prefix}subtitles[{index}]"
        if (text := _text(entry, path, read_file, texts, notes)) is None:
            continue
        found = read_cues(text)
        if found.bad_lines:
            shown = ", ".join(map(str, found.bad_lines[:10]))
            notes.note("subtitle_lines", path, "warning", count=len(found.bad_lines), lines=shown)
        if found.marked_up:
            notes.note("subtitle_markup", path, "info", count=found.marked_up)
        clips = tuple(
            TextClip(
                at=Range.of_us(cue.start_us + entry.offset, cue.end_us - cue.start_us),
                text=cue.text,
                style=entry.style or _AS_IMPORTED,
                transform=entry.transform,
                animations=entry.animations,
            )
            for cue in found.cues
            if cue.end_us + entry.offset <= LONGEST_US
        )
        if clips:
            yield SubtitleTrack(path, Track(type="text", name=entry.track, overlap="lane", clips=clips))
        else:
            notes.note("no_captions", path, "error")


def _text(
    entry: Subtitles,
    path: str,
    read_file: Callable[[str], bytes],
    texts: Mapping[str, bytes | MaterialFailure],
    notes: Notes,
) -> str | None:
    if entry.srt is not None:
        return entry.srt
    got: bytes | MaterialFailure
    if entry.path is not None:
        field = "path"
        try:
            got = read_file(entry.path)
        except Refused as refused:
            got = refused.failure(entry.path)
    else:
        field, got = "url", texts[entry.url or ""]
    if isinstance(got, MaterialFailure):
        notes.note("subtitle_file", f"{path}.{field}", "error", reason=got.message, todo=got.fix)
        return None
    return decode_text(got)


def subtitle_links(specs: Iterable[DraftSpec]) -> list[str]:
    """What to fetch, each once, in order."""
    entries = (entry for spec in specs for entry in spec.subtitles)
    return list(dict.fromkeys(entry.url for entry in entries if entry.url is not None))
