"""Subtitles to text tracks: a tolerant reader of SRT and WebVTT."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from c2jy_bridge.drafts.compile.notes import Notes
from c2jy_bridge.drafts.materials import MaterialFailure
from c2jy_bridge.drafts.materials.material import Refused
from c2jy_bridge.drafts.spec import LONGEST_US, DraftSpec, Range, Subtitles, TextClip, TextStyle, Track

_TIME: Final = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,3}))?"
_ARROW: Final = re.compile(rf"\s*{_TIME}\s*-{{1,3}}>\s*{_TIME}(.*)")
# <i>, </font>, {\an8}, {\pos(…)}, WebVTT's <c.yellow> and <00:00:01.000>
_MARKUP: Final = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>|<\d[\d:.]{0,12}>|\{\\[^{}\n]{0,200}\}")
_ENTITIES: Final = {"&lt;": "<", "&gt;": ">", "&nbsp;": "\u00a0", "&lrm;": "", "&rlm;": "", "&amp;": "&"}


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption; microseconds."""

    line: int
    """Where its times stand in the text, from 1."""
    start_us: int
    end_us: int
    text: str


@dataclass(frozen=True, slots=True)
class ReadCues:
    """What a text of subtitles holds."""

    cues: tuple[Cue, ...]
    bad_lines: tuple[int, ...] = ()
    """Lines with an arrow that are no times, or whose end is not after the start; from 1."""
    marked_up: int = 0
    """Captions whose markup was taken away: a draft has one style for all."""


def read_cues(text: str) -> ReadCues:
    """Read captions. Nothing is raised: what cannot be read is counted in `bad_lines`."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    vtt = lines[0].startswith("WEBVTT")
    cues: list[Cue] = []
    bad: list[int] = []
    marked = 0
    for number, start, end, body in _blocks(lines, bad):
        plain = _MARKUP.sub("", body)
        marked += plain != body
        if vtt:
            for entity, character in _ENTITIES.items():
                plain = plain.replace(entity, character)
        if plain := plain.strip():
            if end > start:
                cues.append(Cue(number, start, end, plain))
            else:
                bad.append(number)
    return ReadCues(tuple(cues), tuple(sorted(bad)), marked)


def _blocks(lines: list[str], bad: list[int]) -> Iterator[tuple[int, int, int, str]]:
    """(line, start, end, text) of each caption: from an arrow to the line before the next one."""
    arrows = []
    for index, line in enumerate(lines):
        if "->" not in line:
            continue
        if match := _ARROW.fullmatch(line):
            arrows.append((index, _micros(*match.group(1, 2, 3, 4)), _micros(*match.group(5, 6, 7, 8))))
        elif re.match(r"\s*\d+:\d", line):
            bad.append(index + 1)
    for position, (index, start, end) in enumerate(arrows):
        last = position + 1 == len(arrows)
        body = lines[index + 1 : len(lines) if last else arrows[position + 1][0]]
        if not last:
            body = _without_number(body)
        yield index + 1, start, end, "\n".join(_until_gap(body))


def _without_number(body: list[str]) -> list[str]:
    """Without the next caption's number, or WebVTT's name for it, which stands after a blank line."""
    while body and not body[-1].strip():
        body = body[:-1]
    if len(body) >= 2 and not body[-2].strip():
        return body[:-1]
    return body[:-1] if len(body) >= 2 and body[-1].strip().isdigit() else body


def _until_gap(body: list[str]) -> list[str]:
    """The text's lines. One blank line inside a caption is a slip, kept as a line end."""
    kept: list[str] = []
    for line in body:
        if line.startswith(("NOTE", "STYLE", "REGION")) and (not kept or not kept[-1].strip()):
            break
        kept.append(line.strip())
    return [line for line in kept if line]


def _micros(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int:
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1_000_000 + int((fraction or "0").ljust(3, "0")) * 1_000


def decode_text(data: bytes) -> str:
    """Text of a subtitle file: UTF-8, UTF-16 with its mark, else GB 18030, which holds GBK and GB 2312."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


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
