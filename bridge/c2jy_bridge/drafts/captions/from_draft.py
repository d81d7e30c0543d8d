"""Takes the captions out of a draft of any version of JianYing and CapCut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from c2jy_bridge.drafts.captions.cues import Cue
from c2jy_bridge.drafts.library.quick_figures import number
from c2jy_bridge.drafts.library.snapshot import object_, objects
from c2jy_bridge.drafts.library.timeline import Materials
from c2jy_bridge.drafts.spec.appearance import TextStyle, Transform

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_DEEPEST: Final = 8
"""Compound clips in compound clips that are looked into."""
CAPTIONS: Final = 1
"""`flag` of a track of captions."""


def captions_of(content: Mapping[str, Any], track: str | None = None) -> list[Cue]:
    """The captions of a draft in the order of their time.

    They are the texts on tracks of captions; in a draft that has none, the texts of type `subtitle`; in one
    without those, all texts. Those of compound clips are among them, at the time when they are shown.

    Args:
        content: The object in a draft's main file.
        track: Only the text track of this name, or of this number among the text tracks from 1, whatever is
            on it.
    """
    return _sorted(_captions(content, track, 0))


def _captions(content: Mapping[str, Any], track: str | None, depth: int) -> Iterator[Cue]:
    materials = Materials.of(content)
    tracks = [one for one in objects(content.get("tracks")) if one.get("type") == "text"]
    subtitles_only = False
    if track is not None:
        named = [one for one in tracks if one.get("name") == track]
        tracks = named or tracks[int(track) - 1 : int(track)] if track.isdecimal() else named
    else:
        if depth < _DEEPEST:
            yield from _inside_compounds(content, materials, depth)
        flagged = [one for one in tracks if _flag(one) and any(_subtitles(one, materials))]
        subtitles_only = not flagged and any(any(_subtitles(one, materials)) for one in tracks)
        tracks = flagged or tracks
    for one in tracks:
        yield from _cues(one, materials, subtitles_only=subtitles_only)


def _inside_compounds(content: Mapping[str, Any], materials: Materials, depth: int) -> Iterator[Cue]:
    """The captions of compound clips, where the clip shows them."""
    for track in objects(content.get("tracks")):
        for segment in objects(track.get("segments")):
            if (compound := materials.compound(segment)) is None:
                continue
            shown, source = (object_(segment.get(f"{name}_timerange")) for name in ("target", "source"))
            begin, length = number(shown.get("start")), number(shown.get("duration"))
            skipped, used = number(source.get("start")), number(source.get("duration")) or length
            for cue in _captions(object_(compound.get("draft")), None, depth + 1):
                start, end = (
                    begin + (at - skipped) * length // max(1, used) for at in (cue.start_us, cue.end_us)
                )
                start, end = max(begin, start), min(begin + length, end)
                if end > start:
                    yield replace(cue, start_us=start, end_us=end)


def text_tracks(content: Mapping[str, Any]) -> list[str]:
    """The names of a draft's text tracks, bottom first; empty texts where they have none."""
    tracks = objects(content.get("tracks"))
    return [str(track.get("name") or "") for track in tracks if track.get("type") == "text"]


def _flag(track: Mapping[str, Any]) -> bool:
    flag = track.get("flag")
    return isinstance(flag, int) and bool(flag & CAPTIONS)


def _subtitles(track: Mapping[str, Any], materials: Materials) -> Iterator[bool]:
    for segment in objects(track.get("segments")):
        yield materials.get(segment.get("material_id"))[1].get("type") == "subtitle"


def _cues(track: Mapping[str, Any], materials: Materials, *, subtitles_only: bool = False) -> Iterator[Cue]:
    for index, segment in enumerate(objects(track.get("segments")), 1):
        _, material = materials.get(segment.get("material_id"))
        when = object_(segment.get("target_timerange"))
        start, length = number(when.get("start")), number(when.get("duration"))
        # A terminal would obey control characters, and no caption has any.
        words = _CONTROL.sub("", materials.words(segment).replace("\r\n", "\n").replace("\r", "\n")).strip()
        if words and start >= 0 and length > 0 and (not subtitles_only or material.get("type") == "subtitle"):
            yield Cue(index, start, start + length, words, style_of(material), place_of(segment))


def _sorted(cues: Iterable[Cue]) -> list[Cue]:
    return sorted(cues, key=lambda cue: (cue.start_us, cue.end_us))


def style_of(material: Mapping[str, Any]) -> TextStyle | None:
    """Size, colour and face of a text, as far as they can be read: of its first span, else as a whole."""
    try:
        held = orjson.loads(str(material.get("content")))
        span = objects(object_(held).get("styles"))[0]
        fill = object_(object_(object_(span.get("fill")).get("content")).get("solid"))
        found = {
            "size": span.get("size"),
            "color": fill.get("color"),
            **{name: span.get(name) for name in ("bold", "italic", "underline")},
        }
    except (orjson.JSONDecodeError, IndexError):
        found = {"size": material.get("font_size"), "color": material.get("text_color")}
    try:
        return TextStyle.model_validate({key: value for key, value in found.items() if value is not None})
    except ValueError:
        return None


def place_of(segment: Mapping[str, Any]) -> Transform | None:
    """Where a text is; None when that is not a place on or near the canvas."""
    moved = object_(object_(segment.get("clip")).get("transform"))
    x, y = moved.get("x"), moved.get("y")
    numbers = [value for value in (x, y) if isinstance(value, (int, float)) and -10 <= value <= 10]
    return Transform(x=numbers[0], y=numbers[1]) if len(numbers) == 2 else None
