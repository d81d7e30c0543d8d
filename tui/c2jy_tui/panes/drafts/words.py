"""What the drafts pane says of a draft: its row, the state of its media, its age, a line about it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from c2jy_bridge.events import Issue
from c2jy_bridge.i18n import catalogue
from c2jy_bridge.safety import visible
from c2jy_bridge.views import ClipView, DraftView
from c2jy_tui import measures
from c2jy_tui.rows import Cell, Column, Row, Tone
from c2jy_tui.words import LOCALE

say = catalogue("drafts_pane", LOCALE)

COLUMNS: Final = (
    Column("name", 14, grow=True),
    Column("length", 7, right=True, keep=90),
    Column("size", 8, right=True, keep=50),
    Column("tracks", 6, right=True, keep=20),
    Column("clips", 6, right=True, keep=30),
    Column("media", 13, grow=True, most=20, keep=80),
    Column("age", 8, grow=True, most=14, right=True, keep=70),
)

_KINDS: Final = ("video", "image", "audio", "text", "sticker", "effect", "filter")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def kind_word(kind: str) -> str:
    """`video` in words; a kind that nobody knows stays as it is."""
    return say(f"kind.{kind}") if kind in _KINDS else visible(kind, newlines=False)


def track_name(kind: str, name: str) -> str:
    """A track's kind in words and what its name adds to it: `text 2` becomes `文字 2`."""
    added = visible(name, newlines=False)
    if added.casefold().startswith(kind.casefold()):
        added = added[len(kind) :].strip(" _-")
    return f"{kind_word(kind)} {added}".rstrip()


def kind_letter(kind: str) -> str:
    """`video` in one letter or sign, for a block on the timeline."""
    return say(f"letter.{kind}") if kind in _KINDS else visible(kind, newlines=False)[:1].upper()


def media(view: DraftView) -> tuple[tuple[str, ...], Tone]:
    """The state of a draft and its media in words, longest first, and what that means."""
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


def row(view: DraftView, now: float, *, new: bool) -> Row:
    """The cells of one row."""
    states, tone = media(view)
    readable = view.state not in ("damaged", "encrypted")
    old = age(view.modified_at, now)
    return {
        "name": Cell((visible(view.name, newlines=False),), "strong" if new else "plain"),
        "length": Cell((measures.length(view.duration_us) if readable else "",)),
        "size": Cell((measures.size(view.size_bytes),), "muted"),
        "tracks": Cell((str(view.tracks) if readable else "",), "muted"),
        "clips": Cell((str(view.clips) if readable else "",), "muted"),
        "media": Cell(states, tone),
        "age": Cell((say("age.new", age=old), say("new")), "warn") if new else Cell((old,), "muted"),
    }


def about(view: DraftView, checked: Sequence[Issue] | None, written: Sequence[Issue]) -> str:
    """One line about a draft: what a check found, what its writing left out, or where it is."""
    if checked:
        return say("about.faults", count=len(checked), first=issue_line(checked[0]))
    if checked is not None:
        return say("about.whole")
    if written:
        return say("about.notes", count=len(written), first=issue_line(written[0]))
    size = f"{view.width}×{view.height}  " if view.width else ""
    return size + visible(view.path, newlines=False)


def state(total: int, shown: int, new: int, *, order: str, sifting: str) -> str:
    """The line about all drafts."""
    parts = [say("state.match", shown=shown, total=total) if sifting else say("state.drafts", total=total)]
    if new:
        parts.append(say("state.new", count=new))
    parts.append(say(f"order.{order}"))
    return " · ".join(parts)


def issue_line(issue: Issue) -> str:
    """An issue on one line, where it is and what is wrong."""
    where = visible(issue.path, newlines=False)
    message = visible(issue.message, newlines=False)
    return f"{where}: {message}" if where else message


def clip_lines(track: str, number: int, count: int, shown: ClipView) -> tuple[str, str]:
    """A clip in two lines: its place and length; its media or its text."""
    place = say(
        "clip.place",
        track=visible(track, newlines=False),
        number=number,
        count=count,
        start=measures.length(shown.start_us),
        end=measures.length(shown.start_us + shown.duration_us),
        length=measures.length(shown.duration_us),
    )
    label = visible(shown.label, newlines=False)
    if not shown.media:
        return place, label
    missing = "" if shown.media_ok else say("clip.missing")
    path = visible(shown.media, newlines=False)
    named = "" if path.endswith(label) else f"{label}  "
    return place, f"{missing}{named}{path}"
