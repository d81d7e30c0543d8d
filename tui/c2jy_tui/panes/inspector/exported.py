"""Writes tool calls into files for other programs: JSON lines, or HAR for HTTP inspectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from c2jy_tui import desktop, formatting
from c2jy_tui.panes.inspector.record import CallRecord


def write(records: Sequence[CallRecord], path: str) -> Path:
    """Write the calls into a new file: HAR when its name ends in `.har`, else one JSON object a line.

    `~` is the home folder.

    Raises:
        FileExistsError: There is such a file; it stays.
        OSError: The folder is missing, full or not writable.
    """
    file = Path(path).expanduser()
    if file.suffix.lower() == ".har":
        text = json.dumps(har(records), ensure_ascii=False, indent=1)
    else:
        text = "".join(json_line(record) + "\n" for record in records)
    desktop.create_file(file, text)
    return file


def json_line(record: CallRecord) -> str:
    """One call as one line of JSON; arguments and output as objects where they are JSON."""
    fields: dict[str, Any] = asdict(record.call)
    for name in ("arguments", "output"):
        fields[name] = formatting.parse_json(fields[name], fields[name])
    fields["status"] = record.status
    fields["replayed"] = record.replayed
    if record.asked is not None:
        fields["asked_at"] = record.asked.at
    return json.dumps(fields, ensure_ascii=False)


def har(records: Sequence[CallRecord]) -> dict[str, Any]:
    """The calls as an HTTP archive, version 1.2: each a POST of its arguments, answered by its output.

    What is no HTTP has the names that the format keeps for it, with a leading underscore.
    """
    creator = {"name": "c2jy-tui", "version": version("c2jy-tui")}
    return {"log": {"version": "1.2", "creator": creator, "entries": [_entry(record) for record in records]}}


def _entry(record: CallRecord) -> dict[str, Any]:
    call = record.call
    ran_ms = (record.ran_s or 0.0) * 1000
    begun, ended = call.started_at or call.requested_at, call.finished_at
    if record.ran_s is None and ended is not None:
        ran_ms = max(0.0, ended - begun) * 1000
    waited_ms = max(0.0, begun - call.requested_at) * 1000
    ok = record.status == "ok"
    empty: dict[str, Any] = {
        "httpVersion": "HTTP/1.1", "cookies": [], "headers": [], "headersSize": -1, "bodySize": -1,
    }  # fmt: skip
    return {
        "startedDateTime": datetime.fromtimestamp(call.requested_at, UTC).isoformat(),
        "time": waited_ms + ran_ms,
        "request": {
            **empty,
            "method": "POST",
            "url": f"tool://{call.source}/{call.tool}",
            "queryString": [],
            "postData": {"mimeType": "application/json", "text": call.arguments},
        },
        "response": {
            **empty,
            "status": 200 if ok else 500 if record.ended else 0,
            "statusText": record.status,
            "content": {"size": len(call.output), "mimeType": "application/json", "text": call.output},
            "redirectURL": "",
        },
        "cache": {},
        "timings": {"blocked": waited_ms, "send": 0, "wait": ran_ms, "receive": 0},
        "_call": {
            "call_id": call.call_id,
            "tool_call_id": call.tool_call_id,
            "chat_id": call.chat_id,
            "conversation_id": call.conversation_id,
            "error": call.error,
            "replayed": record.replayed,
        },
    }
