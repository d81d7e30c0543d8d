"""What the inspector says of a call: its row, its status, its progress, a line about it."""

from __future__ import annotations

from typing import Final

from c2jy_bridge.core.events import ToolCallProgress
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.safety import visible
from c2jy_tui import formatting
from c2jy_tui.labels import LOCALE
from c2jy_tui.panes.inspector.record import CallRecord, Status
from c2jy_tui.widgets.columns import Cell, Column, Row, Tone

say = catalogue("inspector", LOCALE)

COLUMNS: Final = (
    Column("time", 8, keep=60),
    Column("source", 6, keep=20),
    Column("tool", 14, grow=True),
    Column("status", 13, grow=True, most=24, keep=95),
    Column("took", 7, right=True, keep=80),
)

# Narrow in every terminal: none is an emoji or of ambiguous width but the ellipsis.
_SIGNS: Final[dict[Status, str]] = {
    "requested": "·",
    "waiting": "?",
    "running": "…",
    "unfinished": "~",
    "ok": "✓",
    "error": "✗",
    "denied": "⊘",
    "cancelled": "-",
    "timed_out": "✗",
}
_TONES: Final[dict[Status, Tone]] = {
    "requested": "muted",
    "waiting": "warn",
    "running": "busy",
    "unfinished": "muted",
    "ok": "good",
    "error": "bad",
    "denied": "warn",
    "cancelled": "muted",
    "timed_out": "bad",
}


def status(record: CallRecord) -> str:
    """The status with its sign: `✓ done`."""
    return f"{_SIGNS[record.status]} {say(f'status.{record.status}')}"


def progress(step: ToolCallProgress) -> str:
    """How far: `37%`, `1.2/3.4 MB`, `12`."""
    if step.unit == "bytes":
        return formatting.size_of(step.done, step.total) if step.total else formatting.size(step.done)
    return f"{min(100, step.done * 100 // step.total)}%" if step.total else str(step.done)


def row(record: CallRecord, now: float, *, marked: bool) -> Row:
    """The cells of one row."""
    call = record.call
    word = status(record)
    states: tuple[str, ...] = (word,)
    if record.status == "running" and record.progress:
        far = progress(record.progress[-1])
        states = (f"{word} {far}", f"… {far}")
    took = record.elapsed_s(now)
    tool = visible(call.tool, newlines=False)
    return {
        "time": Cell(formatting.clock_time(call.requested_at, now), "muted"),
        "source": Cell((say(f"source.{call.source}"),), "muted"),
        "tool": Cell((f"* {tool}" if marked else tool,), "strong" if marked else "plain"),
        "status": Cell(states, _TONES[record.status]),
        "took": Cell(("" if took is None else formatting.elapsed(took),), "plain"),
    }


def about(record: CallRecord) -> str:
    """One line about a call: what it asks, does, found or failed at; said of the bridge's own."""
    text = _about(record)
    return say("about.bridge", text=text) if record.call.source == "bridge" else text


def _about(record: CallRecord) -> str:
    match record.status:
        case "waiting" if record.asked:
            return say("about.waiting", reason=visible(record.asked.reason, newlines=False))
        case "running" if record.progress:
            step = record.progress[-1]
            return f"{visible(step.message, newlines=False)} {progress(step)}"
        case "running" | "requested" | "unfinished":
            return say(f"about.{record.status}")
        case "ok":
            return visible(
                formatting.json_message(record.call.output) or record.call.arguments, newlines=False
            )
        case _:
            text = (
                record.call.error
                or formatting.json_message(record.call.output)
                or say(f"about.{record.status}")
            )
            return visible(text, newlines=False)


def state(
    total: int, shown: int, running: int, waiting: int, *, following: bool, sifting: str, forgotten: int
) -> str:
    """The line about all calls."""
    parts = [say("state.match", shown=shown, total=total) if sifting else say("state.calls", total=total)]
    if running:
        parts.append(say("state.running", count=running))
    if waiting:
        parts.append(say("state.waiting", count=waiting))
    parts.append(say("state.following") if following else say("state.paused"))
    if forgotten:
        parts.append(say("state.forgotten", count=forgotten))
    return " · ".join(parts)
