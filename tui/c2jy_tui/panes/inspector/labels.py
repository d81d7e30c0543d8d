"""Formats tool calls: rows, status, progress, summary lines, timelines, command lines, exported files."""

from __future__ import annotations

import json
import shlex
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from textual.content import Content

from c2jy_bridge.core.events import ToolCallProgress
from c2jy_bridge.core.i18n import byte_progress, byte_size, catalogue
from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui import formatting
from c2jy_tui.labels import LOCALE
from c2jy_tui.panes.inspector.record import CallRecord, Moment, Status
from c2jy_tui.widgets.row_list import Cell, Column, Row, Tone

say = catalogue("inspector", LOCALE)

COLUMNS: Final = (
    Column("time", 8, priority=60),
    Column("source", 6, priority=20),
    Column("tool", 14, grow=True),
    Column("status", 13, grow=True, max_width=24, priority=95),
    Column("took", 7, right=True, priority=80),
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
    """How far a step is: `37%`, `1.2/3.4 MB`, `12`."""
    if step.unit == "bytes":
        return byte_progress(step.done, step.total) if step.total else byte_size(step.done)
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
    tool = one_line(call.tool)
    return {
        "time": Cell(formatting.clock_time(call.requested_at, now), "muted"),
        "source": Cell((say(f"source.{call.source}"),), "muted"),
        "tool": Cell((f"* {tool}" if marked else tool,), "strong" if marked else "plain"),
        "status": Cell(states, _TONES[record.status]),
        "took": Cell(("" if took is None else formatting.elapsed(took),), "plain"),
    }


def about(record: CallRecord) -> str:
    """One line about a call: its arguments, progress, result or error, with a prefix for the bridge's."""
    text = _about(record)
    return say("about.bridge", text=text) if record.call.source == "bridge" else text


def _about(record: CallRecord) -> str:
    match record.status:
        case "waiting" if record.asked:
            return say("about.waiting", reason=one_line(record.asked.reason))
        case "running" if record.progress:
            step = record.progress[-1]
            return f"{one_line(step.message)} {progress(step)}"
        case "running" | "requested" | "unfinished":
            return say(f"about.{record.status}")
        case "ok":
            return one_line(formatting.json_message(record.call.output) or record.call.arguments)
        case _:
            text = (
                record.call.error
                or formatting.json_message(record.call.output)
                or say(f"about.{record.status}")
            )
            return one_line(text)


def state(
    records: Sequence[CallRecord],
    shown: int,
    *,
    following: bool,
    filter_text: str,
    forgotten: int,
    hold: str | None,
) -> str:
    """The line about all calls; `hold` is the filter of held ones, in words."""
    statuses = Counter(record.status for record in records)
    total = len(records)
    parts = [say("state.hold", filter=hold)] if hold is not None else []
    parts.append(say("state.match" if filter_text else "state.calls", shown=shown, total=total))
    if statuses["running"]:
        parts.append(say("state.running", count=statuses["running"]))
    if statuses["waiting"]:
        parts.append(say("state.waiting", count=statuses["waiting"]))
    if failed := statuses["error"] + statuses["timed_out"]:
        parts.append(say("state.failed", count=failed))
    parts.append(say("state.following") if following else say("state.paused"))
    ran = sorted(r.elapsed_s(0.0) or 0.0 for r in records if r.ended and r.call.started_at is not None)
    if len(ran) > 1:
        median, high = (formatting.elapsed(ran[round(share * (len(ran) - 1))]) for share in (0.5, 0.95))
        parts.append(f"p50 {median} · p95 {high}")
    if forgotten:
        parts.append(say("state.forgotten", count=forgotten))
    return " · ".join(parts)


def timeline(record: CallRecord, now: float) -> Content:
    """The timeline of one call: offset and time since the previous moment in ms, then what happened."""
    moments = record.moments()
    start = moments[0].at
    begun = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(start))
    lines = [Content.styled(say("timeline.since", time=begun), "dim"), Content("")]
    before = start
    for moment in moments:
        offset = f"{round((moment.at - start) * 1000):+,} ms"
        gap = round((moment.at - before) * 1000)
        lines.append(
            Content.assemble(
                (f"{offset:>14}", "bold"),
                (f"{f'({gap:,} ms)' if gap else '':>14}  ", "dim"),
                _what(record, moment),
            )
        )
        before = moment.at
        if moment.kind == "started" and record.progress_forgotten:
            lines.append(Content(" " * 30 + say("timeline.forgotten", count=record.progress_forgotten)))
    if not record.ended:
        offset = f"{round((now - start) * 1000):+,} ms"
        lines.append(Content.assemble((f"{offset:>14}", "bold"), " " * 16, say("timeline.now")))
    return Content("\n").join([*lines, Content(""), *_ids(record)])


def _ids(record: CallRecord) -> list[Content]:
    """The ids that Coze's support asks for."""
    call = record.call
    ids = {
        "call": call.call_id,
        "tool_call": call.tool_call_id,
        "chat": call.chat_id,
        "conversation": call.conversation_id,
    }
    return [
        Content.assemble((f"{say(f'id.{name}')}  ", "dim"), one_line(value))
        for name, value in ids.items()
        if value
    ]


def _what(record: CallRecord, moment: Moment) -> str:
    match moment.kind:
        case "progress" if moment.progress is not None:
            message = one_line(moment.progress.message)
            return f"{progress(moment.progress)}  {message}"
        case "asked" if record.asked is not None:
            return say("timeline.asked", reason=one_line(record.asked.reason))
        case "started" if record.asked is not None:
            return say("timeline.approved")
        case "finished":
            return say("timeline.finished", status=status(record))
        case kind:
            return say(f"timeline.{kind}")


def command_line(record: CallRecord) -> str:
    """The call as a command for a POSIX shell: `c2jy-tui tools call NAME 'JSON'`."""
    try:
        arguments = formatting.pastable_json(json.loads(record.call.arguments or "{}"))
    except (ValueError, RecursionError):
        arguments = visible(record.call.arguments)
    tool = one_line(record.call.tool)
    return shlex.join(["c2jy-tui", "tools", "call", tool, arguments])
