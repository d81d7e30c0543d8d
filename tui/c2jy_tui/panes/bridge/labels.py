"""Formats bridge requests: rows, states, summary lines, curl commands, and the text of an empty list."""

from __future__ import annotations

import json
import shlex
from typing import Final

from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.safety import one_line
from c2jy_tui import formatting
from c2jy_tui.controllers.bridge_mode import BridgeMode
from c2jy_tui.labels import LOCALE, source_label
from c2jy_tui.panes.bridge.record import RequestRecord
from c2jy_tui.widgets.row_list import Cell, Column, Row, Tone

say = catalogue("bridge_pane", LOCALE)

REQUESTS_PATH: Final = "/v1/requests"
"""Path of the bridge's HTTP intake for requests (docs/bridge.md)."""
CURL_WAIT_S: Final = 20
"""Seconds the command waits for the result."""

COLUMNS: Final = (
    Column("time", 8, priority=60),
    Column("source", 8, priority=30),
    Column("tool", 12, grow=True),
    Column("state", 12, grow=True, max_width=16, priority=95),
    Column("attempts", 5, right=True, priority=20),
    Column("took", 7, right=True, priority=80),
)

# Narrow in every terminal, as in the inspector.
_SIGNS: Final = {
    "queued": "·",
    "relaying": "…",
    "running": "…",
    "needs_login": "!",
    "needs_quota": "!",
    "succeeded": "✓",
    "failed": "✗",
    "cancelled": "-",
}
_TONES: Final[dict[str, Tone]] = {
    "queued": "muted",
    "relaying": "busy",
    "running": "busy",
    "needs_login": "warn",
    "needs_quota": "warn",
    "succeeded": "good",
    "failed": "bad",
    "cancelled": "muted",
}


def state_word(state: str) -> str:
    """A state with its sign: `✓ done`; an unknown one stays as it is."""
    return f"{_SIGNS[state]} {say(f'state.{state}')}" if state in _SIGNS else one_line(state)


def tool(record: RequestRecord) -> str:
    """The tool's name, or that the request attends a workflow's own chat."""
    return one_line(record.view.tool) if record.repeatable else say("tool.chat")


def row(record: RequestRecord, now: float) -> Row:
    """The cells of one row."""
    view = record.view
    return {
        "time": Cell(formatting.clock_time(view.accepted_at, now), "muted"),
        "source": Cell((source_label(view.source),), "muted"),
        "tool": Cell((tool(record),)),
        "state": Cell((state_word(view.state),), _TONES.get(view.state, "plain")),
        "attempts": Cell((str(view.attempts) if view.attempts else "",), "muted"),
        "took": Cell((formatting.elapsed(record.elapsed_s(now)),)),
    }


def about(record: RequestRecord) -> str:
    """One line about a request: its problem, its result, or its arguments."""
    view = record.view
    if view.problem is not None:
        text = problem_line(view.problem)
    elif view.state == "relaying" and view.attempts > 1:
        text = say("about.again", count=view.attempts)
    else:
        text = one_line(formatting.json_message(view.result) or view.result or view.arguments)
    return f"{one_line(view.machine)} · {text}" if view.machine else text


def state(total: int, shown: int, still_open: int, mode: BridgeMode, *, filter_text: str) -> str:
    """The line about all requests, and about bridge mode where something is wrong with it."""
    parts = [say("all.match", shown=shown, total=total) if filter_text else say("all.requests", total=total)]
    if still_open:
        parts.append(say("all.open", count=still_open))
    if mode.switching:
        parts.append(say(f"mode.switching_{mode.switching}"))
    elif mode.view.on:
        parts += [f"! {problem_line(problem)}" for problem in mode.problems[:1]]
        if mode.mailbox:
            parts.append(say("mode.mailbox", conversation=one_line(mode.mailbox)))
    else:
        parts.append(say("mode.off"))
    return " · ".join(parts)


def empty(mode: BridgeMode, *, demo: bool, filter_text: str) -> str:
    """The text of an empty list: how to send the first request."""
    if filter_text:
        return say("empty.filter")
    if mode.http_address:
        token = "c2jy-tui --demo bridge token" if demo else "c2jy-tui bridge token"
        return say("empty.http", address=one_line(mode.http_address), token=token)
    if mode.view.on:
        return say(
            "empty.studio" if mode.view.machine else "empty.mailbox", machine=one_line(mode.view.machine)
        )
    if mode.problem is not None:
        return say("empty.refused", problem=problem_line(mode.problem))
    return say("empty.off")


def problem_line(problem: Problem) -> str:
    """A problem on one line: what happened, what to do."""
    gap = "" if problem.message.endswith("。") else " "
    return one_line(gap.join(filter(None, (problem.message, problem.hint))))


def curl_command(address: str, tool: str, arguments: str) -> str:
    """A request as a `curl` command for a POSIX shell; the shell fills in `$TOKEN`."""
    body = formatting.pastable_json({"tool": tool, "arguments": json.loads(arguments)})
    headers = ["Content-Type: application/json", f"Prefer: wait={CURL_WAIT_S}"]
    words = ["curl", "-sS", '-H "Authorization: Bearer $TOKEN"']
    words += [f"-H {shlex.quote(header)}" for header in headers]
    words += [f"-d {shlex.quote(body)}", shlex.quote(one_line(address) + REQUESTS_PATH)]
    return " ".join(words)


def first_curl_command(address: str) -> str:
    """A first command to try: it changes nothing and needs no arguments."""
    return curl_command(address, "list_drafts", "{}")
