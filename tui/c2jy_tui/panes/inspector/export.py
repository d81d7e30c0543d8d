"""Calls in forms that leave the screen: a command line, JSON lines, a file."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from c2jy_bridge.safety import visible
from c2jy_tui.panes.inspector.record import CallRecord

# What a terminal might obey when the line is pasted; in JSON each of them can be written as \uXXXX.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def pretty(text: str) -> tuple[str, bool]:
    """JSON text with indentation, and whether it is JSON at all; other text comes back as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2), True
    except (ValueError, RecursionError):
        return text, False


def command_line(record: CallRecord) -> str:
    """The call as a command for a POSIX shell: `c2jy-tui tools call NAME 'JSON'`."""
    try:
        arguments = json.dumps(json.loads(record.call.arguments or "{}"), ensure_ascii=False)
        arguments = _UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", arguments)
    except (ValueError, RecursionError):
        arguments = visible(record.call.arguments)
    tool = visible(record.call.tool, newlines=False)
    return shlex.join(["c2jy-tui", "tools", "call", tool, arguments])


def json_line(record: CallRecord) -> str:
    """All of one call as one line of JSON; arguments and output as objects where they are JSON."""
    fields: dict[str, Any] = asdict(record.call)
    for name in ("arguments", "output"):
        fields[name] = _parsed(fields[name])
    fields["status"] = record.status
    fields["replayed"] = record.replayed
    if record.asked is not None:
        fields["asked_at"] = record.asked.at
    return json.dumps(fields, ensure_ascii=False)


def export(records: Iterable[CallRecord], folder: Path, now: float) -> Path:
    """Write `calls-<time>.jsonl`, one call a line, into `folder`; never over another file.

    Raises:
        OSError: The folder is missing, full or not ours to write.
    """
    text = "".join(json_line(record) + "\n" for record in records)
    return write(folder, f"calls-{_stamp(now)}", "jsonl", text)


def export_text(name: str, text: str, folder: Path, now: float) -> Path:
    """Write one text of a call into `folder`; never over another file.

    Raises:
        OSError: The folder is missing, full or not ours to write.
    """
    return write(folder, f"{name}-{_stamp(now)}", "txt", text)


def write(folder: Path, stem: str, suffix: str, text: str) -> Path:
    """Write `text` to a new file `<stem>[-N].<suffix>`; only its owner may read it.

    Raises:
        OSError: The folder is missing, full or not ours to write.
    """
    number = 1
    while True:
        path = folder / (f"{stem}.{suffix}" if number == 1 else f"{stem}-{number}.{suffix}")
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            number += 1
            continue
        path.write_text(text, encoding="utf-8", newline="\n")
        return path


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _stamp(now: float) -> str:
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
