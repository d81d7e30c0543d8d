"""One-line widgets of the conversation: a tool call, a draft that was written, a workflow run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Generic, Literal, TypeVar

from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from typing_extensions import override

from c2jy_bridge.core.events import Outcome
from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui.formatting import Clock, clock_time, elapsed, length
from c2jy_tui.labels import say
from c2jy_tui.panes.chat.entries import Call, Draft, Entry, Run, RunState
from c2jy_tui.widgets.bindings import binding

E = TypeVar("E", bound=Entry)
RunIntent = Literal["answer", "resume", "stop", "drop"]

# Symbol and text carry the same information; the colour only repeats it.
_CALL_MARKS: Final[dict[Outcome, tuple[str, str]]] = {
    Outcome.OK: ("✓", "$text-success"),
    Outcome.ERROR: ("✗", "$text-error"),
    Outcome.DENIED: ("⊘", "$text-warning"),
    Outcome.CANCELLED: ("■", "$text-warning"),
    Outcome.TIMED_OUT: ("✗", "$text-error"),
}


_RUN_MARKS: Final[dict[RunState, tuple[str, str]]] = {
    "running": ("●", "$text-primary"),
    "asking": ("?", "$text-warning"),
    "left": ("?", "$text-warning"),
    "done": ("✓", "$text-success"),
    "failed": ("✗", "$text-error"),
    "stopped": ("■", "$text-warning"),
    "dropped": ("-", "dim"),
}
_WAITING: Final = ("asking", "left")


class Card(Static, Generic[E], can_focus=True):
    """One line about an entry; Enter or a click opens it."""

    def __init__(self, entry: E, now: Clock) -> None:
        super().__init__(markup=False)
        self.entry = entry
        self._now = now

    def on_click(self) -> None:
        if self.check_action("open", ()):
            self.action_open()

    def action_open(self) -> None:
        raise NotImplementedError


class CallCard(Card[Call]):
    """A tool call: its name, its state, its progress, its duration."""

    BINDINGS: ClassVar = [binding("tui", "chat.open_call", "enter", "open")]

    @dataclass
    class Opened(Message):
        """The user wants to see this call, or to answer it when it waits for approval."""

        call_id: str
        awaiting: bool

    @property
    def live(self) -> bool:
        """Whether its duration is still running."""
        return self.entry.outcome is None and self.entry.started_at is not None

    def redraw(self) -> None:
        """Draw the entry's current state."""
        entry = self.entry
        self.set_class(entry.awaiting, "-awaiting")
        mark, style = self._mark()
        line = Content.assemble(
            (f"{mark} ", style),
            (one_line(entry.tool), "bold"),
            "  ",
            (self._state(), style),
            (self._detail(), "dim"),
        )
        if entry.error and entry.outcome is not Outcome.OK:
            line += Content.assemble("\n  ", (one_line(entry.error), "dim"))
        self.update(line)

    def _mark(self) -> tuple[str, str]:
        if self.entry.outcome is not None:
            return _CALL_MARKS[self.entry.outcome]
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
            pieces.append(one_line(progress.message))
            if progress.total:
                pieces.append(f"{100 * progress.done // progress.total}%")
        return "".join(f" · {piece}" for piece in pieces if piece)

    @override
    def action_open(self) -> None:
        """Open it in the inspector, or answer it."""
        self.post_message(self.Opened(self.entry.call_id, self.entry.awaiting))


class DraftCard(Card[Draft]):
    """A draft that was written to disk."""

    BINDINGS: ClassVar = [binding("tui", "chat.open_draft", "enter", "open")]

    @dataclass
    class Opened(Message):
        """The user wants to see this draft in the list."""

        name: str

    def redraw(self) -> None:
        """Draw the draft's name, length and number of issues."""
        entry = self.entry
        tail = f" · {length(entry.duration_us)}"
        if entry.issues:
            tail += " · " + say("chat.draft_issues", n=entry.issues)
        self.update(
            Content.assemble(
                ("◆ ", "$text-success"),
                say("chat.draft_written"),
                (one_line(entry.name), "bold"),
                (tail, "dim"),
            )
        )

    @override
    def action_open(self) -> None:
        self.post_message(self.Opened(self.entry.name))


class RunCard(Card[Run]):
    """A workflow run; its messages and tool calls are entries below it."""

    BINDINGS: ClassVar = [
        binding("tui", "run.open", "enter", "open"),
        binding("tui", "run.end", "X,delete", "end"),
        binding("tui", "run.copy_output", "y", "copy_output"),
        binding("tui", "run.copy_link", "c", "copy_link"),
    ]

    @dataclass
    class Requested(Message):
        """The user requested an action on this run."""

        run_id: str
        intent: RunIntent

    @property
    def live(self) -> bool:
        """Whether its duration is still running."""
        return self.entry.state == "running"

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
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
        """Draw the entry's current state."""
        entry = self.entry
        self.set_class(entry.state in _WAITING, "-awaiting")
        mark, style = _RUN_MARKS[entry.state]
        name = say("run.name", workflow=one_line(entry.workflow_id))
        line = Content.assemble(
            (f"{mark} ", style),
            (name, "bold"),
            "  ",
            (say(f"run.{entry.state}"), style),
            (self._when(), "dim"),
        )
        if entry.question and entry.state == "left":  # otherwise the line above shows it
            line += Content.assemble("\n  ", one_line(entry.question))
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

    @override
    def action_open(self) -> None:
        """Answer its question, or resume a run that was left waiting."""
        self._request("answer" if self.entry.state == "asking" else "resume")

    def action_end(self) -> None:
        """Stop it, or drop a run that was left waiting."""
        self._request("drop" if self.entry.state == "left" else "stop")

    def action_copy_output(self) -> None:
        self.app.copy_to_clipboard(visible(self.entry.output))

    def action_copy_link(self) -> None:
        self.app.copy_to_clipboard(one_line(self.entry.debug_url))

    def _request(self, intent: RunIntent) -> None:
        self.post_message(self.Requested(self.entry.run_id, intent))
