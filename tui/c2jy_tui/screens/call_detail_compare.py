"""Two tool calls compared as a unified diff."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from c2jy_bridge.core.safety import visible
from c2jy_tui import formatting
from c2jy_tui.panes.inspector import labels
from c2jy_tui.panes.inspector.labels import say
from c2jy_tui.panes.inspector.record import CallRecord
from c2jy_tui.widgets.base_screens import BaseDialog
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.key_bar import KeyBar

COMPARED_LINES: Final = 2000
"""Lines of each text that are compared: difflib needs quadratic time where nothing is alike."""

_STYLES: Final = {"+": "$text-success", "-": "$text-error", "@": "$text-accent"}


def difference(first: str, second: str) -> list[str]:
    """The unified diff of two texts, JSON laid out first so that one changed field is one changed line."""
    changes = difflib.unified_diff(_lines(first), _lines(second), lineterm="")
    # The first two lines name files, of which there are none.
    return list(islice(changes, 2, None))


def _lines(text: str) -> list[str]:
    lines = visible(formatting.pretty_json(text)[0]).splitlines()
    kept = lines[:COMPARED_LINES]
    if len(lines) > COMPARED_LINES:
        kept.append(say("compare.cut", count=len(lines) - COMPARED_LINES))
    return kept


class CompareCallsScreen(BaseDialog[None]):
    """What differs between two calls: status and time, arguments, output."""

    CSS_PATH = "call_detail_compare.tcss"
    HELP = "inspector:help.compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("inspector", "call_compare.back", "q", "back"),
        binding("inspector", "call_compare.copy_diff", "y", "copy_diff"),
        binding("inspector", "call_compare.down", "j,down", "scroll(1)", show=False),
        binding("inspector", "call_compare.up", "k,up", "scroll(-1)", show=False),
        binding("inspector", "call_compare.page_down", "pagedown", "scroll(10)", show=False),
        binding("inspector", "call_compare.page_up", "pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, first: CallRecord, second: CallRecord, *, now: float) -> None:
        super().__init__()
        self._lines = _compared(first, second, now)

    def compose(self) -> ComposeResult:
        """The diff and the keys."""
        with Vertical(id="call-compare"):
            with VerticalScroll(can_focus=False):
                yield Static(Content("\n").join(self._coloured()))
            yield KeyBar(compact=True, show_command_palette=False)

    def _coloured(self) -> list[Content]:
        return [Content.styled(line, _STYLES.get(line[:1], "")) for line in self._lines]

    def action_copy_diff(self) -> None:
        """Copy the diff."""
        self.app.copy_to_clipboard("\n".join(self._lines))

    def action_scroll(self, by: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)


def _compared(first: CallRecord, second: CallRecord, now: float) -> list[str]:
    lines = []
    for sign, record in (("---", first), ("+++", second)):
        call = record.call
        when = formatting.clock_time(call.requested_at, now)[0]
        took = record.elapsed_s(now)
        facts = [
            when,
            say(f"source.{call.source}"),
            visible(call.tool, newlines=False),
            labels.status(record),
            "" if took is None else formatting.elapsed(took),
        ]
        lines.append(f"{sign} " + "  ".join(fact for fact in facts if fact))
    for part in ("arguments", "output"):
        changes = difference(getattr(first.call, part), getattr(second.call, part))
        lines += ["", say(f"compare.{part}")]
        lines += changes or [say("compare.same")]
    return lines
