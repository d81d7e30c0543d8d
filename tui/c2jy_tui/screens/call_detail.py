"""Shows one tool call, compares two of them, and edits the arguments of one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static
from typing_extensions import override

from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui import formatting
from c2jy_tui.formatting import Clock
from c2jy_tui.panes.inspector import labels
from c2jy_tui.panes.inspector.labels import say, timeline
from c2jy_tui.panes.inspector.record import CallRecord
from c2jy_tui.screens.json_field import JsonField
from c2jy_tui.screens.tabbed_detail import TabbedDetail
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar

CallIntent = Literal["rerun", "edit", "stop", "once", "always", "deny"]
"""What to do with the call when the detail closes."""

_ENDED: Final = ("rerun", "edit")


class CallDetailScreen(TabbedDetail[CallIntent | None]):
    """All details of one call, updated while it runs; returns the chosen action, if any."""

    TABS = ("arguments", "output", "error", "timeline")
    FILE_STEM = "call"
    HELP = "inspector:help.detail"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("inspector", "call_detail.copy_command", "c", "copy_command"),
        binding("inspector", "call_detail.rerun", "r", "answer('rerun')"),
        binding("inspector", "call_detail.edit", "e", "answer('edit')"),
        binding("inspector", "call_detail.stop", "X", "answer('stop')"),
        binding("inspector", "call_detail.approve", "a", "answer('once')"),
        binding("inspector", "call_detail.deny", "d", "answer('deny')"),
        binding("inspector", "call_detail.always", "A", "answer('always')"),
    ]

    record: reactive[CallRecord] = reactive[CallRecord](None, init=False)  # type: ignore[arg-type]  # set in __init__

    def __init__(self, record: CallRecord, *, clock: Clock, folder: Path | None = None) -> None:
        """Assign `record` anew when more is known; `w` writes texts into `folder`."""
        super().__init__(say, clock=clock, folder=folder)
        self.set_reactive(CallDetailScreen.record, record)

    @property
    @override
    def ended(self) -> bool:
        return self.record.ended

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the actions that the call's state allows."""
        if action != "answer":
            return True
        if parameters[0] in _ENDED and self.record.ended:
            return True
        if parameters[0] == "rerun":
            return False
        return self.record.status == ("running" if parameters[0] == "stop" else "waiting")

    @override
    def first_tab(self) -> str:
        if self.record.status in ("error", "timed_out", "denied"):
            return "error"
        if self.record.status == "running":
            return "timeline"  # with what the tool reports
        return "output" if self.record.call.output else "arguments"

    @override
    def headline(self) -> Content:
        call = self.record.call
        took = self.record.elapsed_s(self._clock())
        parts = [
            labels.status(self.record),
            "" if took is None else formatting.elapsed(took),
            say(f"source.{call.source}"),
            say("detail.replayed") if self.record.replayed else "",
        ]
        tool = one_line(call.tool)
        return Content.assemble((tool, "bold"), f"   {' · '.join(p for p in parts if p)}")

    @override
    def body(self, tab: str) -> Content:
        call = self.record.call
        text = {"arguments": call.arguments, "output": call.output}.get(tab, "")
        if text:
            return self.json_body(text)
        if tab == "timeline":
            return timeline(self.record, self._clock())
        return Content(self.whole(tab) or say(f"detail.no_{tab}"))

    @override
    def whole(self, tab: str) -> str:
        call = self.record.call
        match tab:
            case "arguments":
                return visible(formatting.pretty_json(call.arguments)[0])
            case "output":
                return visible(formatting.pretty_json(call.output)[0])
            case "error":
                return visible(call.error)
            case _:
                return timeline(self.record, self._clock()).plain

    def action_copy_command(self) -> None:
        self.app.copy_to_clipboard(labels.command_line(self.record))


COMPARED_LINES: Final = 2000
"""Lines of each text that are compared: difflib needs quadratic time for texts without common lines."""

_STYLES: Final = {"+": "$text-success", "-": "$text-error", "@": "$text-accent"}


def difference(first: str, second: str) -> list[str]:
    """The unified diff of two texts, JSON is indented first so that one changed field is one changed line."""
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

    CSS_PATH = "call_detail.tcss"
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

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="call-compare"):
            with VerticalScroll(can_focus=False):
                yield Static(Content("\n").join(self._coloured()))
            yield KeyBar(compact=True, show_command_palette=False)

    def _coloured(self) -> list[Content]:
        return [Content.styled(line, _STYLES.get(line[:1], "")) for line in self._lines]

    def action_copy_diff(self) -> None:
        self.app.copy_to_clipboard("\n".join(self._lines))

    def action_scroll(self, by: int) -> None:
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
            one_line(call.tool),
            labels.status(record),
            "" if took is None else formatting.elapsed(took),
        ]
        lines.append(f"{sign} " + "  ".join(fact for fact in facts if fact))
    for part in ("arguments", "output"):
        changes = difference(getattr(first.call, part), getattr(second.call, part))
        lines += ["", say(f"compare.{part}")]
        lines += changes or [say("compare.same")]
    return lines


class EditArgumentsScreen(BaseDialog[str | None]):
    """A text field with the arguments as JSON; returns the text of an object that the tool takes, or None."""

    CSS_PATH = "call_detail.tcss"
    HELP = "inspector:help.edit"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("inspector", "call_edit.run", "ctrl+r", "run"),
        binding("inspector", "call_edit.back", "escape", "back", priority=True),
    ]

    def __init__(self, tool: str, arguments: str, faults: Callable[[str], Sequence[str]]) -> None:
        """`faults` says why the tool would not take a text."""
        super().__init__()
        self._tool = tool
        self._faults = faults
        self._field = JsonField(visible(formatting.pretty_json(arguments or "{}")[0]))

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="call-edit"):
            tool = one_line(self._tool)
            yield Static(Content.styled(say("edit.title", tool=tool), "bold"), id="title")
            yield self._field
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._field.focus_text()

    def action_run(self) -> None:
        """Run with this text if the tool takes it."""
        if self._field.focus_fault():
            return
        if faults := self._faults(self._field.text):
            self._field.refuse("\n".join(faults))
        else:
            self.dismiss(self._field.text)
