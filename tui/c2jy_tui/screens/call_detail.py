"""One tool call opened: arguments, output, error, timeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual.binding import BindingType
from textual.content import Content
from textual.reactive import reactive

from c2jy_bridge.core.safety import visible
from c2jy_tui import formatting
from c2jy_tui.panes.inspector import export, labels
from c2jy_tui.panes.inspector.labels import say, timeline
from c2jy_tui.panes.inspector.record import CallRecord
from c2jy_tui.screens.tabbed_detail import TabbedDetail
from c2jy_tui.widgets.bindings import binding

CallIntent = Literal["rerun", "edit", "stop", "once", "always", "deny"]
"""What the maker wants of the call when the detail closes."""

_ENDED: Final = ("rerun", "edit")


class CallDetailScreen(TabbedDetail[CallIntent | None]):
    """All of one call, following it while it runs; answers with what to do about it, if anything."""

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

    def __init__(self, record: CallRecord, *, clock: Callable[[], float], folder: Path | None = None) -> None:
        """Show `record`.

        Args:
            record: The call as it is now; assign `record` anew when more is known.
            clock: Unix seconds.
            folder: Where `w` writes a text; the current directory when None.
        """
        super().__init__(say, clock=clock, folder=folder)
        self.set_reactive(CallDetailScreen.record, record)

    def watch_record(self, _before: CallRecord, _after: CallRecord) -> None:
        """More is known."""
        if self.is_mounted:
            self.draw()

    def tick(self) -> None:
        """The clock went on."""
        if self.is_mounted and not self.record.ended:
            self.draw_headline()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what the call allows in its state is offered."""
        if action != "answer":
            return True
        if parameters[0] in _ENDED:
            return self.record.ended
        return self.record.status == ("running" if parameters[0] == "stop" else "waiting")

    def first_tab(self) -> str:
        """What came of it, when something did."""
        if self.record.status in ("error", "timed_out", "denied"):
            return "error"
        return "output" if self.record.call.output else "arguments"

    def headline(self) -> Content:
        """Tool, status, time, who asked."""
        call = self.record.call
        took = self.record.elapsed_s(self._clock())
        parts = [
            labels.status(self.record),
            "" if took is None else formatting.elapsed(took),
            say(f"source.{call.source}"),
            say("detail.replayed") if self.record.replayed else "",
        ]
        tool = visible(call.tool, newlines=False)
        return Content.assemble((tool, "bold"), f"   {' · '.join(p for p in parts if p)}")

    def body(self, tab: str) -> Content:
        """What stands under a tab."""
        call = self.record.call
        text = {"arguments": call.arguments, "output": call.output}.get(tab, "")
        if text:
            return self.json_body(text)
        if tab == "timeline":
            return timeline(self.record, self._clock())
        return Content(self.whole(tab) or say(f"detail.no_{tab}"))

    def whole(self, tab: str) -> str:
        """All of a tab's text, safe to show and to copy."""
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

    def action_answer(self, intent: CallIntent) -> None:
        """Close, and have this done about the call."""
        self.dismiss(intent)

    def action_copy_command(self) -> None:
        """Copy the call as a command line."""
        self.app.copy_to_clipboard(export.command_line(self.record))
