"""Builds text segments, and text tracks from subtitles in SRT or WebVTT."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyJianYingDraft as library

from c2jy_bridge.drafts.compile.plan import PlacedClip
from c2jy_bridge.drafts.compile.segments import (
    CAPTION_Y,
    Canvas,
    add_animations,
    add_keyframes,
    clip_settings,
    without_speed,
)
from c2jy_bridge.drafts.errors import IssueCollector
from c2jy_bridge.drafts.kinds import NameKind
from c2jy_bridge.drafts.materials import MaterialFailure
from c2jy_bridge.drafts.materials.material import Refused
from c2jy_bridge.drafts.spec.appearance import TextBackground, TextBorder, TextShadow, TextStyle, Transform
from c2jy_bridge.drafts.spec.document import DraftSpec, Subtitles, TextClip, Track
from c2jy_bridge.drafts.spec.input import decode_text
from c2jy_bridge.drafts.spec.model import LONGEST_US, Range

_TIME: Final = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,3}))?"
_ARROW: Final = re.compile(rf"\s*{_TIME}\s*-{{1,3}}>\s*{_TIME}(.*)")
# <i>, </font>, {\an8}, {\pos(…)}, WebVTT's <c.yellow> and <00:00:01.000>
_MARKUP: Final = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>|<\d[\d:.]{0,12}>|\{\\[^{}\n]{0,200}\}")
_ENTITIES: Final = {"&lt;": "<", "&gt;": ">", "&nbsp;": "\u00a0", "&lrm;": "", "&rlm;": "", "&amp;": "&"}


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption; microseconds."""

    line: int
    """The line of its times in the text, from 1."""
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
    """Without the next caption's number, or WebVTT's name for it, which follows a blank line."""
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
    """Read each entry of `subtitles` as a track, with its JSON path; overlapping captions go to lanes.

    Args:
        prefix: What JSON paths begin with; empty or with a dot at the end.
        read_file: Bytes of a file in a declared folder; raises `Refused`.
        texts: What the links gave.
    """
    for index, entry in enumerate(spec.subtitles):
        path = f"{prefix}subtitles[{index}]"
        if (text := _text(entry, path, read_file, texts, collector)) is None:
            continue
        found = read_cues(text)
        if found.bad_lines:
            shown = ", ".join(map(str, found.bad_lines[:10]))
            collector.add("subtitle_lines", path, "warning", count=len(found.bad_lines), lines=shown)
        if found.marked_up:
            collector.add("subtitle_markup", path, "info", count=found.marked_up)
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
            yield path, Track(type="text", name=entry.track, overlap="lane", clips=clips)
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


_ANIMATIONS: Final[dict[str, NameKind]] = {"in": "text_in", "out": "text_out", "loop": "text_loop"}
_ALIGN: Final = {"left": 0, "center": 1, "right": 2}
_PLAIN: Final = TextStyle()
# As the library's json.dumps(..., ensure_ascii=False), without making an encoder for every call.
_json: Final = json.JSONEncoder(ensure_ascii=False).encode
_COUNT, _WORDS = 8_713_405_912_246_170_135, "e0c1f6b24d7a4c0f9b5a"
"""Placeholders for a number of characters and for words; unique in a text material."""


class StampedText:
    """A text segment copied from another with new words, time and ids: JSON only."""

    __slots__ = ("_exported",)

    def __init__(self, exported: dict[str, Any]) -> None:
        self._exported = exported

    def export_json(self) -> dict[str, Any]:
        """As the library's segments have it."""
        return self._exported


@dataclass(frozen=True, slots=True)
class _Stamp:
    segment: dict[str, Any]
    material: dict[str, Any]
    content: tuple[str, str, str]
    """The material's `content`, which is JSON in a string, around the number of characters and the words."""


class TextBuilder:
    """Adds text clips to a script; the library builds the first of each style, the others are copies."""

    def __init__(self, script: Any, canvas: Canvas) -> None:
        self._script, self._canvas = script, canvas
        self._stamps: dict[tuple[TextStyle | None, Transform | None], _Stamp] = {}

    def add(self, placed: PlacedClip, clip: TextClip, track: str) -> None:
        """Put a clip on the track of this name."""
        style = clip.style
        plain = not (clip.animations or clip.keyframes or (style and (style.bubble or style.flower)))
        look = (style, clip.transform)
        if plain and (stamp := self._stamps.get(look)):
            self._stamp(stamp, placed, clip.text, track)
            return
        before = self._canvas.collector.count
        segment = without_speed(text_segment(placed, clip, self._canvas))
        self._script.add_segment(segment, track)
        # A style with something to report is built each time, so that it is reported for each clip.
        if plain and self._canvas.collector.count == before:
            material = self._script.materials.texts[-1]
            self._stamps[look] = _Stamp(segment.export_json(), material, _around(material["content"]))

    def _stamp(self, stamp: _Stamp, placed: PlacedClip, text: str, track: str) -> None:
        material_id = os.urandom(16).hex()
        before, between, after = stamp.content
        content = f"{before}{len(text)}{between}{_json(text)}{after}"
        material = {**stamp.material, "id": material_id, "content": content}
        segment = {
            **stamp.segment,
            "id": os.urandom(16).hex(),
            "material_id": material_id,
            "target_timerange": {"start": placed.start_us, "duration": placed.duration_us},
        }
        script = self._script
        script.materials.texts.append(material)
        script.tracks[track].add_segment(StampedText(segment))
        script.duration = max(script.duration, placed.end_us)


def _around(content: str) -> tuple[str, str, str]:
    """A text material's content before its number of characters, up to its words, and after them."""
    value = json.loads(content)
    value["styles"][0]["range"], value["text"] = [0, _COUNT], _WORDS
    before, _, rest = _json(value).partition(str(_COUNT))
    between, _, after = rest.partition(_json(_WORDS))
    return before, between, after


def text_segment(placed: PlacedClip, clip: TextClip, canvas: Canvas) -> Any:
    """The segment of a text clip."""
    style = clip.style or _PLAIN
    font = canvas.name(("font",), style.font, f"{placed.path}.style.font") if style.font else None
    segment = library.TextSegment(
        clip.text,
        library.Timerange(placed.start_us, placed.duration_us),
        font=font,
        style=_style(style),
        clip_settings=clip_settings(clip.transform, canvas, y=CAPTION_Y),
        border=_border(style.border),
        background=_background(style.background),
        shadow=_shadow(style.shadow),
    )
    if clip.animations:
        add_animations(segment, placed, clip.animations, _ANIMATIONS, canvas)
    if style.bubble:
        segment.add_bubble(style.bubble.effect_id, style.bubble.resource_id)
    if style.flower:
        segment.add_effect(style.flower)
    add_keyframes(segment, placed, clip.keyframes, canvas, picture=False)
    return segment


def _split(colour: tuple[float, ...], alpha: float) -> tuple[tuple[float, ...], float]:
    """Red, green, blue; and the opacity, multiplied by the colour's own where it has one."""
    return colour[:3], alpha * colour[3] if len(colour) == 4 else alpha


def _style(style: TextStyle) -> Any:
    colour, alpha = _split(style.color, style.alpha)
    return library.TextStyle(
        size=style.size,
        bold=style.bold,
        italic=style.italic,
        underline=style.underline,
        color=colour,
        alpha=alpha,
        align=_ALIGN[style.align],
        vertical=style.vertical,
        letter_spacing=style.letter_spacing,
        line_spacing=style.line_spacing,
        auto_wrapping=style.wrap,
        max_line_width=style.max_line_width,
    )


def _border(border: TextBorder | None) -> Any | None:
    if border is None:
        return None
    colour, alpha = _split(border.color, border.alpha)
    return library.TextBorder(alpha=alpha, color=colour, width=border.width)


def _shadow(shadow: TextShadow | None) -> Any | None:
    if shadow is None:
        return None
    colour, alpha = _split(shadow.color, shadow.alpha)
    return library.TextShadow(
        alpha=alpha, color=colour, diffuse=shadow.diffuse, distance=shadow.distance, angle=shadow.angle
    )


def _background(background: TextBackground | None) -> Any | None:
    if background is None:
        return None
    opacity = int(background.color[7:9], 16) / 255 if len(background.color) == 9 else 1.0
    return library.TextBackground(
        color=background.color[:7],
        style=background.style,
        alpha=background.alpha * opacity,
        round_radius=background.round_radius,
        height=background.height,
        width=background.width,
        horizontal_offset=background.horizontal_offset,
        vertical_offset=background.vertical_offset,
    )
