"""Makes text tracks of a document's subtitles: in any format, fitted to the canvas on request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from c2jy_bridge.drafts.captions.fitting import columns_of, fitted
from c2jy_bridge.drafts.captions.formats import read_captions
from c2jy_bridge.drafts.errors import IssueCollector
from c2jy_bridge.drafts.materials import MaterialFailure
from c2jy_bridge.drafts.materials.material import Refused
from c2jy_bridge.drafts.spec.appearance import TextStyle
from c2jy_bridge.drafts.spec.document import DraftSpec, Subtitles, TextClip, Track
from c2jy_bridge.drafts.spec.input import decode_text
from c2jy_bridge.drafts.spec.model import LONGEST_US, Range

LARGEST: Final = 8 * 1024 * 1024
"""Bytes of a subtitle file; a film's is 200 KB."""
_AS_IMPORTED: Final = TextStyle(size=5)
"""As JianYing shows imported captions (pyJianYingDraft 0.3.1, ScriptFile.import_srt)."""


def subtitle_tracks(
    spec: DraftSpec,
    prefix: str,
    read_file: Callable[[str], bytes],
    texts: Mapping[str, bytes | MaterialFailure],
    collector: IssueCollector,
) -> Iterator[tuple[str, Track]]:
    """Read each entry of `subtitles` as a track of captions, with its JSON path; overlaps go to lanes.

    Args:
        prefix: What JSON paths begin with; empty or with a dot at the end.
        read_file: Bytes of a file in a declared folder; raises `Refused`.
        texts: What the links gave.
    """
    for index, entry in enumerate(spec.subtitles):
        path = f"{prefix}subtitles[{index}]"
        if (text := _text(entry, path, read_file, texts, collector)) is None:
            continue
        found = read_captions(text)
        if found.bad_lines:
            shown = ", ".join(map(str, found.bad_lines[:10]))
            collector.add("subtitle_lines", path, "warning", count=len(found.bad_lines), lines=shown)
        if found.marked_up:
            collector.add("subtitle_markup", path, "info", count=found.marked_up)
        if found.dropped:
            collector.add("subtitle_dropped", path, "warning", what=", ".join(found.dropped))
        cues = fitted(found.cues, columns_of(spec.width, spec.height)) if entry.fit else found.cues
        clips = tuple(
            TextClip(
                at=Range.of_us(cue.start_us + entry.offset, cue.end_us - cue.start_us),
                text=cue.text,
                style=entry.style or cue.style or _AS_IMPORTED,
                transform=entry.transform or cue.transform,
                animations=entry.animations,
            )
            for cue in cues
            if cue.end_us + entry.offset <= LONGEST_US
        )
        if clips:
            yield path, Track(type="text", name=entry.track, overlap="lane", captions=True, clips=clips)
        else:
            collector.add("no_captions", path, "error")


def _text(
    entry: Subtitles,
    path: str,
    read_file: Callable[[str], bytes],
    texts: Mapping[str, bytes | MaterialFailure],
    collector: IssueCollector,
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
        collector.add("subtitle_file", f"{path}.{field}", "error", reason=got.message, todo=got.fix)
        return None
    return decode_text(got)


def subtitle_links(specs: Iterable[DraftSpec]) -> list[str]:
    """What to fetch, each once, in order."""
    entries = (entry for spec in specs for entry in spec.subtitles)
    return list(dict.fromkeys(entry.url for entry in entries if entry.url is not None))
