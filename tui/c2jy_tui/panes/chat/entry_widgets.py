"""One widget for each kind of transcript entry; each redraws itself from its entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalGroup
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Static
from typing_extensions import override

from c2jy_bridge.core.i18n import byte_size
from c2jy_bridge.core.safety import one_line
from c2jy_tui.formatting import Clock, elapsed, is_json, pretty_json
from c2jy_tui.labels import say
from c2jy_tui.panes.chat.cards import CallCard, DraftCard, RunCard
from c2jy_tui.panes.chat.entries import (
    Answer,
    AnyEntry,
    Call,
    Draft,
    Entry,
    Failure,
    FollowUps,
    Notice,
    Question,
    Run,
    Thinking,
)
from c2jy_tui.panes.chat.suggestions import Suggestions
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.prose import Prose, TallStylesCache

E = TypeVar("E", bound=Entry)
_JSON_CHARS: Final = 200
"""Characters of folded JSON that may be shown; the line cuts them."""


class EntryView(VerticalGroup, Generic[E]):
    """The widget of one entry; `redraw` brings it up to date with the entry."""

    def __init__(self, entry: E, now: Clock) -> None:
        super().__init__()
        self._styles_cache = TallStylesCache()
        self.entry = entry
        self._now = now


class QuestionView(EntryView[Question]):
    """A question of the user."""

    @override
    def compose(self) -> ComposeResult:
        yield Prose(self.entry.text, markdown=False)

    def redraw(self) -> None:
        """Show whether Coze has accepted it."""
        self.border_subtitle = "" if self.entry.accepted else say("chat.sending")
        self.set_class(not self.entry.accepted, "-pending")


class FoldHead(Static):
    """The single line of a folded block."""


class ThinkingView(EntryView[Thinking], can_focus=True):
    """The reasoning, folded into one line until it is opened."""

    BINDINGS: ClassVar = [binding("tui", "chat.unfold", "enter,space", "unfold")]

    open: var[bool] = var(False, toggle_class="-open")

    _shown = 0
    """Parts of the text that are drawn."""

    @property
    def live(self) -> bool:
        """Whether its duration is still running."""
        return self.entry.ended_at is None

    @override
    def compose(self) -> ComposeResult:
        yield FoldHead(markup=False)

    def redraw(self) -> None:
        """Show its duration and, when unfolded, the text that is new."""
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
        self.open = not self.open

    @on(events.Click)
    def _clicked(self, event: events.Click) -> None:
        if isinstance(event.widget, FoldHead):
            self.action_unfold()

    async def watch_open(self, is_open: bool) -> None:
        if not self.is_mounted:
            return
        await self.query(Prose).remove()
        if is_open:
            self._shown = len(self.entry.parts)
            await self.mount(Prose("".join(self.entry.parts)))
        self.redraw()


class AnswerView(EntryView[Answer]):
    """One answer, streaming."""

    def __init__(self, entry: Answer, now: Clock) -> None:
        super().__init__(entry, now)
        self._shown = len(entry.text)
        self._replaced = entry.replaced
        self._prose = Prose(entry.text)

    @override
    def compose(self) -> ComposeResult:
        yield self._prose

    def redraw(self) -> None:
        """Bring the text on the screen up to date."""
        text = self.entry.text
        if self._replaced != self.entry.replaced:
            self._replaced = self.entry.replaced
            self._prose.replace(text)
        elif len(text) > self._shown:
            self._prose.append(text[self._shown :])
        self._shown = len(text)
        self.set_class(not self.entry.complete, "-streaming")


class JsonView(EntryView[Answer], can_focus=True):
    """An answer that is JSON, as of a workflow: one line until it is opened, then indented and coloured."""

    BINDINGS: ClassVar = [binding("tui", "chat.unfold_json", "enter,space", "unfold")]

    open: var[bool] = var(False, toggle_class="-open")

    @override
    def compose(self) -> ComposeResult:
        yield FoldHead(markup=False)

    def redraw(self) -> None:
        """Show its size and its first characters."""
        text = self.entry.text
        size = byte_size(len(text.encode("utf-8", "replace")))
        first = "" if self.open else f"  {one_line(text)[:_JSON_CHARS]}"
        head = Content.assemble(f"{'▾' if self.open else '▸'} JSON · {size}", (first, "dim"))
        self.query_one(FoldHead).update(head)

    def action_unfold(self) -> None:
        self.open = not self.open

    @on(events.Click)
    def _clicked(self, event: events.Click) -> None:
        if isinstance(event.widget, FoldHead):
            self.action_unfold()

    async def watch_open(self, is_open: bool) -> None:
        if not self.is_mounted:
            return
        await self.query(Prose).remove()
        if is_open:
            await self.mount(Prose(f"~~~~~json\n{pretty_json(self.entry.text)[0]}\n~~~~~"))
        self.redraw()


class FollowUpsView(Suggestions):
    """The questions that the Bot proposes."""

    def __init__(self, entry: FollowUps, now: Clock) -> None:
        super().__init__(entry.texts)
        self.entry = entry

    async def redraw(self) -> None:
        """Show those that arrived since."""
        await self.offer(self.entry.texts)


class NoticeView(EntryView[Notice]):
    """A remark of the app itself."""

    @override
    def compose(self) -> ComposeResult:
        yield Prose(markdown=False)

    def redraw(self) -> None:
        """Show it in the language in use."""
        self.query_one(Prose).replace("— " + say(self.entry.key, **self.entry.values))


class FailureView(EntryView[Failure]):
    """An error: what happened, what to do, and the log id for Coze's support."""

    @override
    def compose(self) -> ComposeResult:
        yield Prose(classes="message", markdown=False)
        yield Prose(classes="hint", markdown=False)
        yield Prose(classes="link", markdown=False)
        yield Prose(classes="logid", markdown=False)

    def redraw(self) -> None:
        """Show the parts that are present."""
        problem = self.entry.problem
        self.border_title = say("chat.failed")
        code = say("chat.code", code=problem.code) if problem.code else ""
        logid = f"logid {problem.logid}" if problem.logid else ""
        texts = {
            ".message": f"✗ {problem.message}",
            ".hint": f"→ {problem.hint}" if problem.hint else "",
            ".link": say("run.link", link=self.entry.link) if self.entry.link else "",
            ".logid": " · ".join(piece for piece in (code, logid) if piece),
        }
        for selector, text in texts.items():
            prose = self.query_one(selector, Prose)
            prose.display = bool(text)
            prose.replace(text)


class Earlier(Static, can_focus=True):
    """The line above the oldest entry that is shown."""

    BINDINGS: ClassVar = [binding("tui", "chat.earlier", "enter", "load")]

    class Requested(Message):
        """Request earlier entries."""

    def action_load(self) -> None:
        self.post_message(self.Requested())

    def on_click(self) -> None:
        self.post_message(self.Requested())


AnyView: TypeAlias = (
    QuestionView
    | JsonView
    | ThinkingView
    | AnswerView
    | FollowUpsView
    | NoticeView
    | FailureView
    | CallCard
    | DraftCard
    | RunCard
)

_VIEWS: Final[Mapping[type[Entry], Callable[[Any, Clock], AnyView]]] = {
    Question: QuestionView,
    Thinking: ThinkingView,
    Answer: AnswerView,
    Call: CallCard,
    Draft: DraftCard,
    FollowUps: FollowUpsView,
    Notice: NoticeView,
    Failure: FailureView,
    Run: RunCard,
}


def view_of(entry: AnyEntry, now: Clock) -> AnyView:
    """The widget for an entry."""
    if isinstance(entry, Answer) and entry.complete and is_json(entry.text):
        return JsonView(entry, now)
    return _VIEWS[type(entry)](entry, now)
