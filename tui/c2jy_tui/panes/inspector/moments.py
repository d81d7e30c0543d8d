"""The timeline of one call as lines: when each thing happened, in milliseconds after it was asked for."""

from __future__ import annotations

import time

from textual.content import Content

from c2jy_bridge.core.safety import visible
from c2jy_tui.panes.inspector import labels
from c2jy_tui.panes.inspector.labels import say
from c2jy_tui.panes.inspector.record import CallRecord, Moment


def timeline(record: CallRecord, now: float) -> Content:
    """The timeline: offset and time since the moment before, both in ms, then what happened."""
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
    """What Coze's support asks for."""
    call = record.call
    ids = {
        "call": call.call_id,
        "tool_call": call.tool_call_id,
        "chat": call.chat_id,
        "conversation": call.conversation_id,
    }
    return [
        Content.assemble((f"{say(f'id.{name}')}  ", "dim"), visible(value, newlines=False))
        for name, value in ids.items()
        if value
    ]


def _what(record: CallRecord, moment: Moment) -> str:
    match moment.kind:
        case "progress" if moment.progress is not None:
            message = visible(moment.progress.message, newlines=False)
            return f"{labels.progress(moment.progress)}  {message}"
        case "asked" if record.asked is not None:
            return say("timeline.asked", reason=visible(record.asked.reason, newlines=False))
        case "started" if record.asked is not None:
            return say("timeline.approved")
        case "finished":
            return say("timeline.finished", status=labels.status(record))
        case kind:
            return say(f"timeline.{kind}")
