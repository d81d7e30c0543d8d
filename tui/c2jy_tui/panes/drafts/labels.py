"""Formats drafts, clips and issues for the drafts pane: rows, ages, summary lines, progress."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from c2jy_bridge.core.draft_views import Progress
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.i18n import byte_progress, byte_size, catalogue
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import ClipView, DraftView, TrackView
from c2jy_tui import formatting
from c2jy_tui.labels import LOCALE
from c2jy_tui.widgets.row_list import Cell, Column, Row, Tone, truncate_start

say = catalogue("drafts_pane", LOCALE)

COLUMNS: Final = (
    Column("name", 14, grow=True),
    Column("length", 7, right=True, priority=90),
    Column("size", 8, right=True, priority=50),
    Column("tracks", 6, right=True, priority=20),
    Column("clips", 6, right=True, priority=30),
    Column("media", 13, grow=True, max_width=20, priority=80),
    Column("age", 8, grow=True, max_width=14, right=True, priority=70),
)

KINDS: Final = ("video", "image", "audio", "text", "sticker", "effect", "filter")
"""Kinds of clips that have a name and a colour."""
_NAMED: Final = (*KINDS, "text_template", "compound", "adjustment", "handwriting", "unknown")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_CHECKSUM: Final = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,64}")
"""The engine names a file by its checksum when its link carries no name."""


def kind_word(kind: str) -> str:
    """The name of a kind such as `video`; an unknown one stays as it is."""
    return say(f"kind.{kind}") if kind in _NAMED else one_line(kind)


def track_name(kind: str, name: str) -> str:
    """A track's kind and what its name adds to it: `text 2` becomes `文字 2`."""
    added = one_line(name)
    if added.casefold().startswith(kind.casefold()):
        added = added[len(kind) :].strip(" _-")
    return f"{kind_word(kind)} {added}".rstrip()


def kind_letter(kind: str) -> str:
    """A kind as one letter or character, for a block on the timeline."""
    return say(f"letter.{kind}") if kind in _NAMED else one_line(kind)[:1].upper()


def media(view: DraftView) -> tuple[tuple[str, ...], Tone]:
    """The state of a draft and its media, longest variant first, and its tone."""
    missing = say("media.missing", count=view.media_missing)
    match view.state:
        case "damaged" | "encrypted":
            return (say(f"media.{view.state}"),), "bad" if view.state == "damaged" else "muted"
        case "foreign" if view.media_missing:
            return (f"{say('media.foreign')}, {missing}", missing), "bad"
        case "foreign":
            return (say("media.foreign"),), "muted"
        case "media_missing":
            return (missing,), "bad"
        case _:
            return (say("media.ok", count=view.media) if view.media else say("media.none"),), "good"


def age(at: float, now: float) -> str:
    """How long ago: `just now`, `5 min`, `3 h`, `2 d`, and beyond four weeks the date."""
    seconds = max(0.0, now - at)
    if seconds < _MINUTE:
        return say("age.now")
    for unit, name, most in ((_MINUTE, "minutes", _HOUR), (_HOUR, "hours", _DAY), (_DAY, "days", 28 * _DAY)):
        if seconds < most:
            return say(f"age.{name}", count=int(seconds // unit))
    return time.strftime("%y-%m-%d", time.localtime(at))


def row(view: DraftView, now: float, *, new: bool, marked: bool = False) -> Row:
    """The cells of one row; the tags are left out where they do not fit beside the name."""
    name = f"* {one_line(view.name)}" if marked else one_line(view.name)
    names = (f"{name}  {tags(view)}", name) if view.tags else (name,)
    states, tone = media(view)
    readable = view.state not in ("damaged", "encrypted")
    old = age(view.modified_at, now)
    return {
        "name": Cell(names, "strong" if new or marked else "plain"),
        "length": Cell((formatting.length(view.duration_us) if readable else "",)),
        "size": Cell((byte_size(view.size_bytes),), "muted"),
        "tracks": Cell((str(view.tracks) if readable else "",), "muted"),
        "clips": Cell((str(view.clips) if readable else "",), "muted"),
        "media": Cell(states, tone),
        "age": Cell((say("age.new", age=old), say("new")), "warn")
        if new
        else Cell((old, old.replace(" ", "")), "muted"),
    }


def tags(view: DraftView) -> str:
    """The tags of a draft as the filter takes them."""
    return " ".join(f"#{one_line(tag)}" for tag in view.tags)


def about(
    view: DraftView, checked: Sequence[Issue] | None, written: Sequence[Issue], packed: str, width: int
) -> str:
    """One line about a draft: the findings of a check, what could not be written, or its path.

    Args:
        view: The draft.
        checked: What a check found; None when it was not checked since it changed.
        written: What could not be written as requested.
        packed: The zip it was last packed into; empty when none.
        width: Cells available; a path is cut at its beginning.
    """
    if checked:
        return say("about.faults", count=len(checked), first=issue_line(checked[0]))
    if checked is not None:
        return say("about.whole")
    if packed:
        return _with_path(say("about.packed"), packed, width)
    if written:
        return say("about.notes", count=len(written), first=issue_line(written[0]))
    before = f"{tags(view)}  " if view.tags else ""
    return _with_path(before + (f"{view.width}×{view.height}  " if view.width else ""), view.path, width)


def _with_path(before: str, path: str, width: int) -> str:
    shown = one_line(path)
    room = width - cell_len(before)
    return before + truncate_start(shown, room)


def state(total: int, shown: int, new: int, marked: int, *, order: str, filter_text: str) -> str:
    """The line about all drafts."""
    parts = [
        say("state.match", shown=shown, total=total) if filter_text else say("state.drafts", total=total)
    ]
    if marked:
        parts.insert(0, say("state.marked", count=marked))
    if new:
        parts.append(say("state.new", count=new))
    parts.append(say(f"order.{order}"))
    return " · ".join(parts)


def issue_line(issue: Issue) -> str:
    """An issue on one line: its path and message."""
    where = one_line(issue.path)
    message = one_line(issue.message)
    return f"{where}: {message}" if where else message


def issue_lines(issue: Issue) -> str:
    """An issue, with its fix on the next line."""
    fix = one_line(issue.fix)
    return f"{issue_line(issue)}\n→ {fix}" if fix else issue_line(issue)


def refusal(issues: Sequence[Issue]) -> str:
    """The first issues for which something was refused, each with its fix."""
    return "\n".join(issue_lines(issue) for issue in issues[:4])


def progress_line(progress: Progress) -> str:
    """The step of a job and its progress: `Packing 1.2/3.4 MB`."""
    what, done, total = one_line(progress.message), progress.done, progress.total
    if progress.unit == "bytes":
        far = byte_progress(done, total) if total else byte_size(done)
    else:
        far = f"{done}/{total}" if total else str(done)
    return f"{what} {far}"


def clip_name(shown: ClipView) -> str:
    """The name of a clip: its text, or its file name unless that is only a checksum."""
    label = one_line(shown.label)
    stem = label.rpartition(".")[0] or label
    return kind_word(shown.kind) if shown.media and _CHECKSUM.fullmatch(stem) else label


def clip_lines(track: str, number: int, count: int, shown: ClipView) -> tuple[str, str]:
    """A clip in two lines: its place and length, then its media or text."""
    place = say(
        "clip.place",
        track=one_line(track),
        number=number,
        count=count,
        start=formatting.length(shown.start_us),
        end=formatting.length(shown.start_us + shown.duration_us),
        length=formatting.length(shown.duration_us),
    )
    label = clip_name(shown)
    if shown.inside:
        clips = sum(len(track.clips) for track in shown.inside)
        label = say("clip.compound", label=label, tracks=len(shown.inside), clips=clips)
    if shown.speed_curve or shown.speed != 1.0:
        place += say("clip.curve") if shown.speed_curve else f" ×{shown.speed:g}"
    if not shown.media:
        return place, label
    missing = "" if shown.media_ok else say("clip.missing")
    path = one_line(shown.media)
    named = "" if path.endswith(label) else f"{label}  "
    return place, f"{missing}{named}{path}"


def clip_properties(shown: ClipView, draft: DraftView) -> list[tuple[str, str]]:
    """Names and values of what a clip has beyond its place: only what is not as a new clip has it.

    Args:
        shown: The clip.
        draft: For the canvas, on which places are told in pixels.
    """
    look = shown.look
    found: list[tuple[str, str]] = []
    if shown.media and look.source_start_us is not None:
        found.append(("source", formatting.length(look.source_start_us)))
    if look.width and shown.kind != "audio":
        found.append(("size", f"{look.width}×{look.height}"))
    if look.x or look.y:
        spot = f"{look.x * draft.width / 2:+.0f}, {look.y * draft.height / 2:+.0f} px" if draft.width else ""
        found.append(("position", spot or f"{look.x:+g}, {look.y:+g}"))
    if (look.scale_x, look.scale_y) != (1.0, 1.0):
        both = f"{look.scale_x:.0%}" + (f" × {look.scale_y:.0%}" if look.scale_y != look.scale_x else "")
        found.append(("scale", both))
    if look.rotation:
        found.append(("rotation", f"{look.rotation:g}°"))
    if look.flipped:
        found.append(("flipped", say("property.yes")))
    if look.opacity != 1.0:
        found.append(("opacity", f"{look.opacity:.0%}"))
    if look.volume is not None and shown.kind in ("video", "audio") and look.volume != 1.0:
        found.append(("volume", f"{look.volume:.0%}"))
    if shown.transition:
        found.append(
            ("transition", f"{one_line(shown.transition)} {formatting.elapsed(shown.transition_us / 1e6)}")
        )
    if times := shown.keyframes_us:
        listed = ", ".join(formatting.length(at) for at in times[:6]) + (" …" if len(times) > 6 else "")
        found.append(("keyframes", f"{len(times)}: {listed}"))
    by_kind: dict[str, list[str]] = {}
    for kind, name in look.applied:
        by_kind.setdefault(kind, []).append(one_line(name))
    found += [
        (kind, ", ".join(filter(None, names)) or say("property.yes")) for kind, names in by_kind.items()
    ]
    return [(say(f"property.{name}"), value) for name, value in found]


@dataclass(slots=True)
class MediaFile:
    """A file of a draft and how many clips show it."""

    path: str
    name: str
    kind: str
    ok: bool
    clips: int = 0


def media_files(tracks: Sequence[TrackView]) -> list[MediaFile]:
    """The files of all clips, those inside compound clips too; missing ones first, then by their use."""
    found: dict[str, MediaFile] = {}

    def collect(tracks: Sequence[TrackView]) -> None:
        for track in tracks:
            for shown in track.clips:
                collect(shown.inside)
                if shown.media:
                    name = one_line(shown.label or shown.media)
                    file = MediaFile(shown.media, name, shown.kind, shown.media_ok)
                    found.setdefault(shown.media, file).clips += 1

    collect(tracks)
    return sorted(found.values(), key=lambda file: (file.ok, -file.clips))
