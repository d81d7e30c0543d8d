"""The file formats: which adapter writes and reads each, and what each cannot hold of a timeline."""

from __future__ import annotations

import importlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.core.draft_views import TimelineFormat
from c2jy_bridge.core.places import install_command
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.interchange.from_draft import TEXT
from c2jy_bridge.drafts.interchange.losses import Losses
from c2jy_bridge.drafts.interchange.times import exact_rate, kept, us_of


@dataclass(frozen=True, slots=True)
class Format:
    """A file format and what its adapter writes; measured by writing and reading back, see the tests."""

    name: TimelineFormat
    title: str
    """Its name in messages."""
    adapter: str
    module: str
    many_tracks: bool = True
    speeds: bool = True
    transitions: bool = True
    texts: bool = True
    timeline_markers: bool = True
    compounds: bool = True
    hidden: bool = True
    whole_rate: bool = False
    """Only whole frame rates: the adapter cuts 29.97 to 29."""


FORMATS: Final[dict[TimelineFormat, Format]] = {
    "otio": Format("otio", "OTIO", "otio_json", "opentimelineio"),
    "fcpxml": Format(
        "fcpxml", "FCPXML", "fcpx_xml", "otio_fcpx_xml_adapter",
        speeds=False, transitions=False, texts=False, timeline_markers=False, compounds=False, hidden=False,
        whole_rate=True,
    ),
    "edl": Format(
        "edl", "EDL", "cmx_3600", "otio_cmx3600_adapter",
        many_tracks=False, transitions=False, texts=False, timeline_markers=False, compounds=False,
        hidden=False,
    ),
}  # fmt: skip


def format_of(path: Path) -> Format | None:
    """The format of a file by its suffix; None for none of ours."""
    return next((one for one in FORMATS.values() if path.suffix.lower() == f".{one.name}"), None)


def library(form: Format) -> Any:
    """The module opentimelineio.

    Raises:
        DraftError: It or the format's adapter is not installed.
    """
    for module in ("opentimelineio", form.module):
        if importlib.util.find_spec(module) is None:
            command = install_command("interchange")
            raise DraftError([issue("exchange_extra", "", form=form.title, command=command)])
    return importlib.import_module("opentimelineio")


def fitting(otio: Any, timeline: Any, form: Format, losses: Losses) -> Any:
    """The timeline, or a copy with what the format's adapter can write of it."""
    return timeline if form.name == "otio" else _fitting(otio, timeline, form, losses)


def write_text(otio: Any, timeline: Any, form: Format) -> str:
    """The text of a file.

    Args:
        otio: The module opentimelineio.
        timeline: What is `fitting`.
        form: The format.

    Raises:
        DraftError: The adapter cannot write it.
    """
    try:
        text = str(otio.adapters.write_to_string(timeline, form.adapter))
        return _edl(otio, timeline, text) if form.name == "edl" else text
    except Exception as error:  # adapters raise whatever their own code meets
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        raise DraftError([issue("exchange_unwritten", "", form=form.title, reason=reason)]) from error


def _edl(otio: Any, timeline: Any, text: str) -> str:
    """What the adapter wrote, with the frame rate that an EDL has no word for.

    The adapter divides a clip's length by its speed where it should multiply: a clip of two seconds at double
    speed ends one second into its source instead of four.
    """
    rate = timeline.global_start_time.rate
    clips = iter(list(timeline.find_clips()))

    def whole(event: re.Match[str]) -> str:
        clip = next(clips)
        speed = next((effect.time_scalar for effect in clip.effects), 1.0)
        span = clip.trimmed_range()
        frames = max(1, round(span.duration.value * speed))
        end = span.start_time + otio.opentime.RationalTime(frames, span.duration.rate)
        return f"{event[1]}{event[2]} {otio.opentime.to_timecode(end, rate)}"

    return f"{_SOURCE.sub(whole, text).rstrip()}\n* FRAME RATE: {rate:.6g}\n"


_EVENT: Final = re.compile(r"^\d", re.MULTILINE)
_SOURCE: Final = re.compile(r"^(\d+ +\S+ +\S+ +C +)(\S+) (\S+)(?= )", re.MULTILINE)
"""An event up to the end of its part of the source: number, reel, track, cut; in, out."""
_RATE: Final = re.compile(r"^\*\s*FRAME RATE:\s*([\d.]+)", re.MULTILINE)
_FRAME: Final = re.compile(r"\b\d\d:\d\d:\d\d[:;](\d\d)\b")
_RATES: Final = (24, 25, 30, 50, 60)
_FRACTION: Final = re.compile(r'\b(offset|duration|start)="(\d+)/(\d+)s"')


def read_text(otio: Any, data: bytes, form: Format, path: Path, losses: Losses) -> Any:
    """What an adapter reads of a file.

    Raises:
        DraftError: It is not such a file.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    options: dict[str, Any] = {}
    if form.name == "edl":
        options["rate"] = _edl_rate(text, losses)
        # The adapter takes comments only behind an event.
        head, events = _split_at(text, _EVENT.search(text))
        text = "\n".join(line for line in head.splitlines() if not line.startswith("*")) + events
    elif form.name == "fcpxml":
        # The adapter cuts 57/25 s x 25, which is 56.99999 in floats, to 56 frames.
        text = _FRACTION.sub(r'\1="\2.001/\3s"', text)
    try:
        return otio.adapters.read_from_string(text, form.adapter, **options)
    except Exception as error:  # adapters raise whatever their own code meets
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        raise DraftError(
            [issue("exchange_unreadable", "", file=path, form=form.title, reason=reason)]
        ) from error


def _split_at(text: str, match: re.Match[str] | None) -> tuple[str, str]:
    at = match.start() if match else len(text)
    return text[:at].rstrip("\n"), f"\n{text[at:]}"


def _edl_rate(text: str, losses: Losses) -> float:
    """Frames per second of an EDL: as our own say, else the lowest usual rate that its times fit."""
    if (said := _RATE.search(text)) and 1 <= (rate := float(said[1])) <= 240:
        return exact_rate(rate)
    highest = max((int(frame) for frame in _FRAME.findall(text)), default=0)
    guess = float(next((rate for rate in _RATES if highest < rate), 60))
    losses.note("edl_rate", "", 0, name=f"{guess:g}", fate="changed")
    return guess


def _fitting(otio: Any, timeline: Any, form: Format, losses: Losses) -> Any:
    """A copy without what the adapter drops or fails at; each such thing goes to the losses."""
    copy = timeline.deepcopy()
    if not form.timeline_markers:
        for mark in copy.tracks.markers:
            losses.note("marker", "time_marks", kept(mark).get("at_us", 0), name=mark.name)
        del copy.tracks.markers[:]
    main_seen = False
    tracks = []
    for track in list(copy.tracks):
        is_picture = track.kind == otio.schema.TrackKind.Video
        main = is_picture and not main_seen and kept(track).get("type") != "text"
        if not form.many_tracks and not main:
            _lose_track(otio, track, losses)
            continue
        main_seen = main_seen or main
        if not track.enabled and not form.hidden:
            _lose_track(otio, track, losses)
            continue
        _fit_track(otio, track, form, losses)
        tracks.append(track)
    # A connected clip needs something on the main track below it.
    length = max((track.duration() for track in tracks), default=None)
    if tracks and length is not None and tracks[0].duration() < length and form.many_tracks:
        tracks[0].append(otio.schema.Gap(duration=length - tracks[0].duration()))
    del copy.tracks[:]
    copy.tracks.extend(tracks)
    return _at_whole_rate(otio, copy, losses) if form.whole_rate else copy


def _lose_track(otio: Any, track: Any, losses: Losses) -> None:
    for clip in track:
        if not isinstance(clip, otio.schema.Gap | otio.schema.Transition) and "sound_of" not in kept(clip):
            what = "other_sound" if track.kind == otio.schema.TrackKind.Audio else "other_track"
            _lose(what, clip, losses)


def _lose(what: str, item: Any, losses: Losses, name: str | None = None) -> None:
    held = kept(item)
    losses.note(
        what, str(held.get("from", "")), held.get("at_us", 0), name=item.name if name is None else name
    )


def _fit_track(otio: Any, track: Any, form: Format, losses: Losses) -> None:
    schema = otio.schema
    before = None
    for index, child in reversed(list(enumerate(track))):
        if isinstance(child, schema.Transition) and not form.transitions:
            before = track[index - 1] if index else child
            what = "fade" if kept(child).get("kind") == "fade" else "transition"
            _lose(what, before, losses, child.name)
            del track[index]
        elif isinstance(child, schema.Stack) and not form.compounds:
            _replace(otio, track, index, "compound", losses)
        elif isinstance(child, schema.Clip):
            reference = child.media_reference
            is_text = isinstance(reference, schema.GeneratorReference) and reference.generator_kind == TEXT
            if is_text and not form.texts:
                _replace(otio, track, index, "words", losses)
            elif not child.enabled and not form.hidden:
                _replace(otio, track, index, "hidden", losses)
            elif not form.speeds and child.effects:
                _lose("speed", child, losses)
                del child.effects[:]


def _replace(otio: Any, track: Any, index: int, what: str, losses: Losses) -> None:
    """Put a gap where something was."""
    _lose(what, track[index], losses)
    duration = track[index].duration()
    del track[index]
    track.insert(index, otio.schema.Gap(duration=duration))


def _at_whole_rate(otio: Any, timeline: Any, losses: Losses) -> Any:
    """The same at a whole number of frames per second, every cut on the nearest frame."""
    rate = timeline.global_start_time.rate
    whole = float(round(rate))
    if whole == rate:
        return timeline
    losses.note("rate", "fps", 0, name=f"{rate:.3f} → {whole:g}", fate="changed")
    time, span = otio.opentime.RationalTime, otio.opentime.TimeRange

    def moved(at: Any) -> Any:
        return time(round(us_of(at) * whole / 1_000_000), whole)

    for track in timeline.tracks:
        at = time(0, rate)
        for child in track:
            start, end = moved(at), moved(at + child.duration())
            at += child.duration()
            begin = child.source_range.start_time if child.source_range is not None else time(0, rate)
            child.source_range = span(moved(begin), end - start)
            reference = getattr(child, "media_reference", None)
            if reference is not None and (there := reference.available_range) is not None:
                reference.available_range = span(moved(there.start_time), moved(there.duration))
    timeline.global_start_time = time(0, whole)
    return timeline
