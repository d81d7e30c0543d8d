"""A run of a cloud workflow as one line of the conversation: how it stands, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from c2jy_bridge.core.safety import visible
from c2jy_tui.formatting import clock_time, elapsed
from c2jy_tui.labels import say
from c2jy_tui.panes.chat.call_view import Now
from c2jy_tui.panes.chat.entry import Run, RunState
from c2jy_tui.widgets.bindings import binding

Wish = Literal["answer", "resume", "stop", "drop"]

# Shape and word say the same; the colour only repeats them.
_MARKS: Final[dict[RunState, tuple[str, str]]] = {
    "running": ("●", "$text-primary"),
    "asking": ("?", "$text-warning"),
    "left": ("?", "$text-warning"),
    "done": ("✓", "$text-success"),
    "failed": ("✗", "$text-error"),
    "stopped": ("■", "$text-warning"),
    "dropped": ("-", "dim"),
}
_WAITING: Final = ("asking", "left")


class RunView(Static, can_focus=True):
    """The line; the messages and the tool calls of the run stand below it."""

    BINDINGS: ClassVar = [
        binding("tui", "run.open", "enter", "open"),
        binding("tui", "run.end", "X,delete", "end"),
        binding("tui", "run.copy_output", "y", "copy_output"),
        binding("tui", "run.copy_link", "u", "copy_link"),
    ]

    @dataclass
    class Wanted(Message):
        """The maker wants something done about this run."""

        view: RunView
        run_id: str
        wish: Wish

        @property
        def control(self) -> RunView:
            """The line."""
            return self.view

    def __init__(self, entry: Run, now: Now) -> None:
        super().__init__(markup=False)
        self.entry = entry
        self._now = now

    @property
    def live(self) -> bool:
        """Its seconds still count."""
        return self.entry.state == "running"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what the run allows in its state is offered."""
        match action:
            case "open":
                return self.entry.state in _WAITING
            case "end":
                return self.entry.open
            case "copy_output":
                return bool(self.entry.output)
            case "copy_link":
                return bool(self.entry.debug_url)
            case _:
                return True

    def redraw(self) -> None:
        """Show the state."""
        entry = self.entry
        self.set_class(entry.state in _WAITING, "-awaiting")
        mark, style = _MARKS[entry.state]
        name = say("run.name", workflow=visible(entry.workflow_id, newlines=False))
        line = Content.assemble(
            (f"{mark} ", style),
            (name, "bold"),
            "  ",
            (say(f"run.{entry.state}"), style),
            (self._when(), "dim"),
        )
        if entry.question and entry.state == "left":  # else it was said a line before
            line += Content.assemble("\n  ", visible(entry.question, newlines=False))
        if entry.debug_url and not entry.failed:
            line += Content.assemble("\n  ", (say("run.link", link=visible(entry.debug_url)), "dim"))
        self.update(line)
        self.refresh_bindings()

    def _when(self) -> str:
        entry = self.entry
        if entry.state == "left":
            return f" · {clock_time(entry.at, self._now())[-1]}"
        if self.live or entry.ended_at is not None:
            until = self._now() if entry.ended_at is None else entry.ended_at
            return f" · {elapsed(max(0.0, until - entry.at))}"
        return ""

    def action_open(self) -> None:
        """Answer its question, or go on with one that was left waiting."""
        self._want("answer" if self.entry.state == "asking" else "resume")

    def action_end(self) -> None:
        """Stop it; or forget one that was left waiting."""
        self._want("drop" if self.entry.state == "left" else "stop")

    def action_copy_output(self) -> None:
        """Copy what it said last."""
        self.app.copy_to_clipboard(visible(self.entry.output))

    def action_copy_link(self) -> None:
        """Copy the address of Coze's page about it."""
        self.app.copy_to_clipboard(visible(self.entry.debug_url, newlines=False))

    def on_click(self) -> None:
        """The same as Enter, by mouse."""
        if self.check_action("open", ()):
            self.action_open()

    def _want(self, wish: Wish) -> None:
        self.post_message(self.Wanted(self, self.entry.run_id, wish))
