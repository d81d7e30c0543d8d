"""Exports tool calls: as a command line, as JSON lines, to a file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from c2jy_bridge.core.safety import visible
from c2jy_tui import desktop, formatting
from c2jy_tui.panes.inspector.record import CallRecord


def command_line(record: CallRecord) -> str:
    """The call as a command for a POSIX shell: `c2jy-tui tools call NAME 'JSON'`."""
    try:
        arguments = formatting.pastable_json(json.loads(record.call.arguments or "{}"))
    except (ValueError, RecursionError):
        arguments = visible(record.call.arguments)
    tool = visible(record.call.tool, newlines=False)
    return shlex.join(["c2jy-tui", "tools", "call", tool, arguments])


def json_line(record: CallRecord) -> str:
    """One call as one line of JSON; arguments and output as objects where they are JSON."""
    fields: dict[str, Any] = asdict(record.call)
    for name in ("arguments", "output"):
        fields[name] = _parsed(fields[name])
    fields["status"] = record.status
    fields["replayed"] = record.replayed
    if record.asked is not None:
        fields["asked_at"] = record.asked.at
    return json.dumps(fields, ensure_ascii=False)


def export(records: Iterable[CallRecord], folder: Path, now: float) -> Path:
    """Write `calls-<time>.jsonl`, one call a line, into `folder`, never overwriting another.

    Raises:
        OSError: The folder is missing, full or not writable.
    """
    text = "".join(json_line(record) + "\n" for record in records)
    return desktop.write_new_file(folder, "calls", "jsonl", text, now)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
