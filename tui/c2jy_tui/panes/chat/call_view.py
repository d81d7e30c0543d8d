"""A tool call, and a draft that came of one, as a line each in the conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from c2jy_bridge.core.events import Outcome
from c2jy_bridge.core.safety import visible
from c2jy_tui.formatting import elapsed, length
from c2jy_tui.labels import say
from c2jy_tui.panes.chat.entry import Call, Draft
from c2jy_tui.widgets.bindings import binding

Now = Callable[[], float]

# Shape and word say the same; the colour only repeats them.
_MARKS: Final[dict[Outcome, tuple[str, str]]] = {
    Outcome.OK: ("✓", "$text-success"),
    Outcome.ERROR: ("✗", "$text-error"),
    Outcome.DENIED: ("⊘", "$text-warning"),
    Outcome.CANCELLED: ("■", "$text-warning"),
    Outcome.TIMED_OUT: ("✗", "$text-error"),
}


class CallView(Static, can_focus=True):
    """One tool call on one line: state in words, what it does, how long."""

    BINDINGS: ClassVar = [binding("tui", "chat.open_call", "enter", "open")]

    @dataclass
    class Opened(Message):
        """The maker wants to see this call, or to answer it when it waits for leave."""

        view: CallView
        call_id: str
        awaiting: bool

        @property
        def control(self) -> CallView:
            """The line."""
            return self.view

    def __init__(self, entry: Call, now: Now) -> None:
        super().__init__(markup=False)
        self.entry = entry
        self._now = now

    @property
    def live(self) -> bool:
        """Its seconds still count."""
        return self.entry.outcome is None and self.entry.started_at is not None

    def redraw(self) -> None:
        """Show the state."""
        entry = self.entry
        self.set_class(entry.awaiting, "-awaiting")
        mark, style = self._mark()
        line = Content.assemble(
            (f"{mark} ", style),
            (visible(entry.tool, newlines=False), "bold"),
            "  ",
            (self._state(), style),
            (self._detail(), "dim"),
        )
        if entry.error and entry.outcome is not Outcome.OK:
            line += Content.assemble("\n  ", (visible(entry.error, newlines=False), "dim"))
        self.update(line)

    def _mark(self) -> tuple[str, str]:
        if self.entry.outcome is not None:
            return _MARKS[self.entry.outcome]
        return ("?", "$text-warning") if self.entry.awaiting else ("●", "$text-primary")

    def _state(self) -> str:
        entry = self.entry
        if entry.outcome is not None:
            return say("call.replayed") if entry.replayed else say(f"call.{entry.outcome}")
        if entry.awaiting:
            return say("call.awaiting")
        return say("call.requested") if entry.started_at is None else say("call.running")

    def _detail(self) -> str:
        entry = self.entry
        pieces: list[str] = []
        if entry.elapsed_s is not None:
            pieces.append(elapsed(entry.elapsed_s))
        elif self.live and entry.started_at is not None:
            pieces.append(elapsed(max(0.0, self._now() - entry.started_at)))
        if (progress := entry.progress) is not None:
            pieces.append(visible(progress.message, newlines=False))
            if progress.total:
                pieces.append(f"{100 * progress.done // progress.total}%")
        return "".join(f" · {piece}" for piece in pieces if piece)

    def action_open(self) -> None:
        """Open it in the inspector, or answer it."""
        self.post_message(self.Opened(self, self.entry.call_id, self.entry.awaiting))

    def on_click(self) -> None:
        """The same by mouse."""
        self.action_open()


class DraftView(Static, can_focus=True):
    """A draft that appeared on disk."""

    BINDINGS: ClassVar = [binding("tui", "chat.open_draft", "enter", "open")]

    @dataclass
    class Opened(Message):
        """The maker wants to see this draft in the list."""

        view: DraftView
        name: str

        @property
        def control(self) -> DraftView:
            """The line."""
            return self.view

    def __init__(self, entry: Draft, now: Now) -> None:
        super().__init__(markup=False)
        self.entry = entry

    def redraw(self) -> None:
        """Say what appeared and how long it is."""
        entry = self.entry
        tail = f" · {length(entry.duration_us)}"
        if entry.issues:
            tail += " · " + say("chat.draft_issues", n=entry.issues)
        self.update(
            Content.assemble(
                ("◆ ", "$text-success"),
                say("chat.draft_written"),
                (visible(entry.name, newlines=False), "bold"),
                (tail, "dim"),
            )
        )

    def action_open(self) -> None:
        """Show it in the drafts list."""
        self.post_message(self.Opened(self, self.entry.name))

    def on_click(self) -> None:
        """The same by mouse."""
        self.action_open()
