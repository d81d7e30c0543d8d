"""One widget for each kind of entry of the transcript; each redraws itself from its entry when told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalGroup
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Static

from c2jy_bridge.events import Outcome
from c2jy_bridge.safety import visible
from c2jy_tui.bindings import binding
from c2jy_tui.measures import elapsed, length
from c2jy_tui.panes.chat.prose import Prose
from c2jy_tui.panes.chat.suggestions import Suggestions
from c2jy_tui.panes.chat.transcript import (
    Answer,
    AnyEntry,
    Call,
    Draft,
    Failure,
    FollowUps,
    Notice,
    Question,
    Thinking,
)
from c2jy_tui.words import say

Now: TypeAlias = Callable[[], float]

# Shape and word say the same; the colour only repeats them.
_MARKS: Final[dict[Outcome, tuple[str, str]]] = {
    Outcome.OK: ("✓", "$text-success"),
    Outcome.ERROR: ("✗", "$text-error"),
    Outcome.DENIED: ("⊘", "$text-warning"),
    Outcome.CANCELLED: ("■", "$text-warning"),
    Outcome.TIMED_OUT: ("✗", "$text-error"),
}


class QuestionView(VerticalGroup):
    """What the maker asked."""

    def __init__(self, entry: Question, now: Now) -> None:
        super().__init__()
        self.entry = entry

    def compose(self) -> ComposeResult:
        """The words as they were typed."""
        yield Prose(self.entry.text, markdown=False)

    def redraw(self) -> None:
        """Show whether Coze has it."""
        self.border_subtitle = "" if self.entry.accepted else say("chat.sending")
        self.set_class(not self.entry.accepted, "-pending")


class FoldHead(Static):
    """The one line of a folded block."""


class ThinkingView(VerticalGroup, can_focus=True):
    """The reasoning, folded into one line until it is wanted."""

    BINDINGS: ClassVar = [
        binding("tui", "chat.unfold", "enter,space", "unfold"),
    ]

    open: var[bool] = var(False, toggle_class="-open")

    def __init__(self, entry: Thinking, now: Now) -> None:
        super().__init__()
        self.entry = entry
        self._now = now
        self._shown = 0

    @property
    def live(self) -> bool:
        """Its seconds still count."""
        return self.entry.ended_at is None

    def compose(self) -> ComposeResult:
        """The line; the text is made when it is unfolded."""
        yield FoldHead(markup=False)

    def redraw(self) -> None:
        """Show how long, and what is new when unfolded."""
        entry = self.entry
        arrow = "▾" if self.open else "▸"
        if not entry.timed:
            words = say("chat.thought")
        elif entry.ended_at is None:
            words = say("chat.thinking", time=elapsed(max(0.0, self._now() - entry.at)))
        else:
            words = say("chat.thought_for", time=elapsed(entry.ended_at - entry.at))
        self.query_one(FoldHead).update(Content(f"{arrow} {words}"))
        for prose in self.query(Prose):
            prose.append("".join(entry.parts[self._shown :]))
            self._shown = len(entry.parts)

    def action_unfold(self) -> None:
        """Fold or unfold."""
        self.open = not self.open

    @on(events.Click)
    def _clicked(self, event: events.Click) -> None:
        if isinstance(event.widget, FoldHead):
            self.action_unfold()

    async def watch_open(self, is_open: bool) -> None:
        """Make the text, or drop it."""
        if not self.is_mounted:
            return
        await self.query(Prose).remove()
        if is_open:
            self._shown = len(self.entry.parts)
            await self.mount(Prose("".join(self.entry.parts)))
        self.redraw()


class AnswerView(VerticalGroup):
    """One answer, streaming."""

    def __init__(self, entry: Answer, now: Now) -> None:
        super().__init__()
        self.entry = entry
        self._shown = len(entry.text)
        self._replaced = entry.replaced
        self._prose = Prose(entry.text)

    def compose(self) -> ComposeResult:
        """The text."""
        yield self._prose

    def redraw(self) -> None:
        """Let the text on the screen catch up."""
        text = self.entry.text
        if self._replaced != self.entry.replaced:
            self._replaced = self.entry.replaced
            self._prose.replace(text)
        elif len(text) > self._shown:
            self._prose.append(text[self._shown :])
        self._shown = len(text)
        self.set_class(not self.entry.complete, "-streaming")


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


class FollowUpsView(Suggestions):
    """The questions that the Bot proposes."""

    def __init__(self, entry: FollowUps, now: Now) -> None:
        super().__init__(entry.texts)
        self.entry = entry

    async def redraw(self) -> None:
        """Show those that came since."""
        await self.offer(self.entry.texts)


class NoticeView(VerticalGroup):
    """A remark of the app's own."""

    def __init__(self, entry: Notice, now: Now) -> None:
        super().__init__()
        self.entry = entry

    def compose(self) -> ComposeResult:
        """One sentence."""
        yield Prose(markdown=False)

    def redraw(self) -> None:
        """Say it in the language in use."""
        entry = self.entry
        self.query_one(Prose).replace("— " + (say(entry.key, **entry.values) if entry.key else entry.text))


class FailureView(VerticalGroup):
    """An error: what happened, what to do, and the id that Coze's support asks for."""

    def __init__(self, entry: Failure, now: Now) -> None:
        super().__init__()
        self.entry = entry

    def compose(self) -> ComposeResult:
        """Message, hint, logid."""
        yield Prose(classes="message", markdown=False)
        yield Prose(classes="hint", markdown=False)
        yield Prose(classes="logid", markdown=False)

    def redraw(self) -> None:
        """Fill in what there is."""
        problem = self.entry.problem
        self.border_title = say("chat.failed")
        code = say("chat.code", code=problem.code) if problem.code else ""
        logid = f"logid {problem.logid}" if problem.logid else ""
        texts = {
            ".message": f"✗ {problem.message}",
            ".hint": f"→ {problem.hint}" if problem.hint else "",
            ".logid": " · ".join(piece for piece in (code, logid) if piece),
        }
        for selector, text in texts.items():
            prose = self.query_one(selector, Prose)
            prose.display = bool(text)
            prose.replace(text)


AnyView: TypeAlias = (
    QuestionView | ThinkingView | AnswerView | CallView | DraftView | FollowUpsView | NoticeView | FailureView
)


def view_of(entry: AnyEntry, now: Now) -> AnyView:
    """The widget for an entry."""
    match entry:
        case Question():
            return QuestionView(entry, now)
        case Thinking():
            return ThinkingView(entry, now)
        case Answer():
            return AnswerView(entry, now)
        case Call():
            return CallView(entry, now)
        case Draft():
            return DraftView(entry, now)
        case FollowUps():
            return FollowUpsView(entry, now)
        case Notice():
            return NoticeView(entry, now)
        case Failure():
            return FailureView(entry, now)
