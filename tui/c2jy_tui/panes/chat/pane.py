"""The chat pane: a scrolling window of widgets over the transcript, the queued question, the composer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from c2jy_bridge.core.events import Event, Problem
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import (
    CallView,
    ConnectionView,
    MessageView,
    RecordedRun,
    WaitingWorkflow,
    WrittenDraft,
)
from c2jy_tui.formatting import Clock
from c2jy_tui.labels import say
from c2jy_tui.panes.chat.cards import CallCard, RunCard
from c2jy_tui.panes.chat.completion import Completions
from c2jy_tui.panes.chat.composer import Composer
from c2jy_tui.panes.chat.entries import AnyEntry, Call, Draft, FollowUps
from c2jy_tui.panes.chat.entry_widgets import AnyView, Earlier, ThinkingView, view_of
from c2jy_tui.panes.chat.search import SearchBar
from c2jy_tui.panes.chat.suggestions import Suggestions, Welcome
from c2jy_tui.panes.chat.transcript import Transcript
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.prose import Prose

FLUSH_S: Final = 1 / 18
"""Seconds between two redraws of a stream: smooth to read, and most of the loop stays free for keys."""
FIRST: Final = 60
"""Entries mounted as widgets when a conversation is opened."""
MORE: Final = 40
"""Entries mounted when the top is reached."""
MOST: Final = 160
"""Widgets beyond which the oldest are removed while the end is in view."""
TALLEST: Final = 20_000
"""Lines beyond which earlier turns are removed as well: a layout costs more the taller the transcript is."""


class TranscriptView(VerticalScroll, can_focus=True):
    """A scrolling window over the entries; sticks to the end until the user scrolls up."""

    BINDINGS: ClassVar = [
        binding("tui", "chat.scroll_up", "k", "scroll_up", show=False),
        binding("tui", "chat.scroll_down", "j", "scroll_down", show=False),
        binding("tui", "chat.newest", "end,G", "newest"),
        binding("tui", "chat.oldest", "home,g", "oldest", show=False),
    ]

    at_end: var[bool] = var(True)
    """Whether the newest line is in view, or will be once it is drawn."""

    class Moved(Message):
        """The end came into view or left it."""

    def __init__(self, now: Clock) -> None:
        super().__init__()
        self._now = now
        self._views: dict[AnyEntry, AnyView] = {}
        self._hidden: list[AnyEntry] = []
        """Entries older than the window, oldest first."""
        self._earlier = Earlier(markup=False)
        self._loading = False
        self._tall = False
        self._marked = ""
        self._greeting = False
        """Whether the conversation is empty: what is shown in its place is read from the top."""

    async def fill(self, entries: Sequence[AnyEntry], before: Widget | None = None) -> None:
        """Show another conversation, its newest entries first; `before` is shown when there are none."""
        self._views.clear()
        await self.remove_children()
        self._hidden = list(entries[:-FIRST])
        self._greeting = not entries
        shown = [self._create_view(entry) for entry in entries[-FIRST:]]
        head: list[Widget] = [self._earlier] if self._hidden else []
        if not shown and before is not None:
            head.append(before)
        self._count_hidden()
        await self.mount_all([*head, *shown])
        await self._redraw(shown)
        self.call_after_refresh(self._stick, anew=True)

    def watch_virtual_size(self) -> None:
        """Stick to the end when the text grew or was cleared."""
        self._stick()

    def on_resize(self) -> None:
        self._stick()

    def _stick(self, *, anew: bool = False) -> None:
        """Anchor to the end once there is more than fits; Textual would align a short text to the bottom."""
        tall = self.virtual_size.height > self.scrollable_content_region.height and not self._greeting
        if tall != self._tall or anew:
            self._tall = tall
            self.anchor(tall)
            if not tall:
                self.scroll_to(y=0, animate=False, immediate=True)

    async def update(self, entries: Iterable[AnyEntry]) -> None:
        """Mount new entries, redraw changed ones."""
        changed: list[AnyView] = []
        new: list[AnyView] = []
        for entry in entries:
            view = self._views.get(entry)
            if view is None:
                # An entry outside the window is drawn when it is mounted again.
                if entry in self._hidden:
                    continue
                new.append(view := self._create_view(entry))
            changed.append(view)
        if new:
            self._greeting = False
            await self.mount_all(new)
            await self._prune()
        await self._redraw(changed)

    def tick(self) -> None:
        """Redraw whatever shows a running time."""
        for view in self._views.values():
            if isinstance(view, CallCard | RunCard | ThinkingView) and view.live:
                view.redraw()

    async def forget(self, entry: AnyEntry) -> None:
        """Remove the widget of an entry."""
        if (view := self._views.pop(entry, None)) is not None:
            await view.remove()

    def view(self, entry: AnyEntry) -> AnyView | None:
        """The widget of an entry, if it is in the window."""
        return self._views.get(entry)

    @override
    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.at_end = new_value >= self.max_scroll_y - 1
        if new_value <= 0 and old_value > 0 and self._hidden:
            self.run_worker(self.load_earlier(), group="earlier", exclusive=True)

    def watch_at_end(self) -> None:
        """Notify the pane, which hints at newer entries below."""
        self.post_message(self.Moved())

    async def load_earlier(self) -> None:
        """Mount the entries before the oldest one shown, without moving what is in view."""
        if self._loading or not self._hidden:
            return
        self._loading = True
        try:
            entries, self._hidden = self._hidden[-MORE:], self._hidden[:-MORE]
            newer, self._views = self._views, {}
            views = [self._create_view(entry) for entry in entries]
            self._views |= newer  # oldest first: pruning counts on it
            height = self.virtual_size.height
            await self.mount_all(views, after=self._earlier)
            await self._redraw(views)
            self._count_hidden()
            self.call_after_refresh(self._keep_place, height)
        finally:
            self._loading = False

    async def reveal(self, entry: AnyEntry) -> None:
        """Bring an entry into view, mounting everything from it on."""
        while entry in self._hidden and not self._loading:
            await self.load_earlier()
        view = self._views.get(entry)
        if view is None:
            return
        self.release_anchor()
        line = next((found for prose in view.query(Prose) if (found := prose.marked_line) is not None), 0)
        target = view.virtual_region.y + line - self.scrollable_content_region.height // 3
        self.scroll_to(y=target, animate=False, immediate=True)

    def mark(self, words: str) -> None:
        """Highlight `words` in everything that is drawn; nothing when empty."""
        self._marked = words
        for prose in self.query(Prose):
            prose.mark(words)

    def _keep_place(self, height_before: int) -> None:
        grown = self.virtual_size.height - height_before
        if grown > 0 and not self.at_end:
            self.scroll_to(y=self.scroll_y + grown, animate=False, immediate=True)

    async def on_earlier_requested(self) -> None:
        await self.load_earlier()

    def action_newest(self) -> None:
        self._stick(anew=True)

    def action_oldest(self) -> None:
        self.scroll_home(animate=False)

    def _create_view(self, entry: AnyEntry) -> AnyView:
        above = next(reversed(self._views), None)
        view = self._views[entry] = view_of(entry, self._now)
        # Calls and their drafts have no gaps between them, only one above the first.
        view.set_class(not isinstance(above, Call | Draft), "-first")
        return view

    async def _redraw(self, views: Iterable[AnyView]) -> None:
        for view in views:
            if not view.is_mounted:
                continue  # the app is closing and mounts nothing more
            done = view.redraw()
            if isawaitable(done):
                await done
            if self._marked:
                for prose in view.query(Prose):
                    prose.mark(self._marked)

    async def _prune(self) -> None:
        if not self.at_end or not (oldest := self._surplus()):
            return
        self._hidden.extend(oldest)
        views = [self._views.pop(entry) for entry in oldest]
        with self.app.batch_update():
            await self.remove_children(views)
            if self._earlier.parent is None:
                await self.mount(self._earlier, before=0)
        self._count_hidden()

    def _surplus(self) -> list[AnyEntry]:
        """The oldest entries shown, as far as they are too many or too tall; none of the newest turn."""
        entries = list(self._views)
        if len(entries) > MOST:
            return entries[: len(entries) - MOST // 2]
        left = self.virtual_size.height - TALLEST
        surplus: list[AnyEntry] = []
        for entry in entries:
            if left <= 0 or entry.turn_id == entries[-1].turn_id:
                break
            left -= self._views[entry].size.height
            surplus.append(entry)
        return surplus

    def _count_hidden(self) -> None:
        self._earlier.display = bool(self._hidden)
        self._earlier.update(Content("↑ " + say("chat.earlier", n=len(self._hidden))))


class ChatPane(Vertical):
    """The conversation: draws the transcript and posts the user's intents as messages."""

    HELP = "tui:help.chat"

    BINDINGS: ClassVar = [
        binding("tui", "chat.copy_answer", "y", "screen.copy_answer"),
        binding("tui", "chat.copy_code", "c", "screen.copy_code", show=False),
        binding("tui", "chat.find", "slash", "find"),
        binding("tui", "chat.find_next", "n", "find_step(-1)", show=False),
        binding("tui", "chat.find_back", "N", "find_step(1)", show=False),
        binding("tui", "chat.retry", "r", "screen.retry", show=False),
        binding("tui", "chat.edit", "e", "screen.edit", show=False),
    ]

    @dataclass
    class Asked(Message):
        """The user sent a question."""

        text: str

    def __init__(
        self,
        transcript: Transcript,
        *,
        clock: Clock,
        commands: Callable[[], Sequence[tuple[str, str]]] = tuple,
        id: str | None = None,
    ) -> None:
        """`commands` are the names and descriptions of the slash commands, to complete them."""
        super().__init__(id=id)
        self._transcript = transcript
        self._touched: dict[AnyEntry, None] = {}
        self._flush_due = False
        self._flushing = asyncio.Lock()
        self._welcome: Welcome | None = None
        self._connection: ConnectionView | None = None
        self._view = TranscriptView(clock)
        self._newer = Static(id="newer", markup=False)
        self._queue_line = Static(id="queued", markup=False)
        self._waiting_line = Static(id="waiting", markup=False)
        self.search = SearchBar(lambda: transcript.entries, mark=self._view.mark, reveal=self._view.reveal)
        self.composer = Composer()
        self.composer.completions = Completions(commands)
        self.queued = ""
        """The question that is sent when the running turn ends."""

    @override
    def compose(self) -> ComposeResult:
        yield self._view
        yield self._newer
        yield self.search
        yield self._queue_line
        yield self._waiting_line
        assert self.composer.completions is not None
        yield self.composer.completions
        yield self.composer

    async def on_mount(self) -> None:
        """Draw the transcript, which after a change of language may be a whole conversation."""
        self.border_title = say("pane.chat")
        self.composer.placeholder = say("chat.placeholder")
        self.set_queued("")
        self.set_waiting("")
        await self.refill()
        self.set_interval(1.0, self._view.tick)

    def connect(self, connection: ConnectionView) -> None:
        """The engine is ready, or its connection changed."""
        self._connection = connection
        if self._welcome is not None:
            self._welcome.connect(connection)

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the composer a slash is text."""
        return not self.composer.has_focus if action == "find" else True

    # --- events ------------------------------------------------------------------------------------

    def show(self, event: Event) -> None:
        """Apply one event; the screen follows at the next flush."""
        self._touch(self._transcript.apply(event))

    def asked(self, turn_id: str, text: str, at: float) -> None:
        """The engine accepted a question."""
        self.composer.sent(text)
        self._touch(self._transcript.ask(turn_id, text, at))
        self._view.action_newest()

    def note(self, key: str, at: float, **values: str) -> None:
        """Add a remark to the transcript."""
        self._touch([self._transcript.note(key, at, **values)])

    def fail(self, problem: Problem, at: float) -> None:
        """Show an error that belongs to no turn."""
        self._touch([self._transcript.fail(problem, at)])

    def offer_run(self, waiting: WaitingWorkflow) -> None:
        """Show a workflow run that an earlier process left waiting."""
        self._touch(self._transcript.offer(waiting))

    def drop_run(self, run_id: str) -> None:
        """Stop offering a run that was left waiting."""
        self._touch(self._transcript.drop(run_id))

    async def load(
        self,
        messages: Sequence[MessageView],
        calls: Sequence[CallView],
        runs: Sequence[RecordedRun] = (),
        drafts: Sequence[WrittenDraft] = (),
    ) -> None:
        """Show a conversation from the journal."""
        self._transcript.load(messages, calls, runs, drafts)
        await self.refill()

    async def refill(self) -> None:
        """Redraw the whole transcript."""
        async with self._flushing:
            self._touched.clear()
            entries = self._transcript.entries
            self._welcome = None if entries else Welcome(self._connection)
            await self._view.fill(entries, before=self._welcome)
            self._count_suggestions()

    def _touch(self, entries: Sequence[AnyEntry]) -> None:
        if not entries:
            return
        self._touched.update(dict.fromkeys(entries))
        if not self._flush_due:
            self._flush_due = True
            self.set_timer(FLUSH_S, self.flush)

    async def flush(self) -> None:
        """Bring the screen up to date with the transcript."""
        async with self._flushing:
            self._flush_due = False
            touched, self._touched = list(self._touched), {}
            if not touched or not self.is_attached:
                return
            if self._welcome is not None:
                await self._welcome.remove()
                self._welcome = None
            await self._drop_old_follow_ups(touched)
            await self._view.update(touched)
            self._count_suggestions()

    def _count_suggestions(self) -> None:
        self.composer.can_suggest = bool(self.query(Suggestions))

    async def _drop_old_follow_ups(self, touched: Sequence[AnyEntry]) -> None:
        """Remove the suggestions of earlier turns once the next one begins."""
        newest = self._transcript.entries[-1].turn_id if self._transcript.entries else ""
        for entry in [e for e in self._transcript.entries if isinstance(e, FollowUps)]:
            if newest and entry.turn_id != newest:
                self._transcript.entries.remove(entry)
                await self._view.forget(entry)

    # --- intents -----------------------------------------------------------------------------------

    def focus_composer(self) -> None:
        """Focus the composer; a search ends."""
        self.search.close()
        self.composer.focus()

    def set_queued(self, text: str) -> None:
        """Queue one question until the turn ends; an empty text drops it."""
        self.queued = text
        if text:
            self.composer.sent(text)
        self._queue_line.display = bool(text)
        first = one_line(text)
        self._queue_line.update(Content.assemble((say("chat.queued") + " ", "bold"), first))

    def set_waiting(self, words: str) -> None:
        """Show above the composer what waits for the user, and its key; hide it for an empty text."""
        self._waiting_line.display = bool(words)
        self._waiting_line.update(Content(f"? {words}"))

    def unqueue(self) -> bool:
        """Put the queued question back into the composer; False when none is queued."""
        if not self.queued:
            return False
        self.composer.give_back(self.queued)
        self.set_queued("")
        return True

    @on(Composer.Submitted)
    def _submitted(self, event: Composer.Submitted) -> None:
        event.stop()
        self.post_message(self.Asked(event.text))

    @on(Suggestions.Picked)
    def _picked(self, event: Suggestions.Picked) -> None:
        event.stop()
        self.focus_composer()
        self.post_message(self.Asked(event.text))

    @on(Composer.Scrolled)
    def _scrolled(self, event: Composer.Scrolled) -> None:
        event.stop()
        match event.pages:
            case 0:
                self._view.action_newest()
            case pages if pages < 0:
                self._view.scroll_page_up(animate=False)
            case _:
                self._view.scroll_page_down(animate=False)

    @on(Composer.SuggestionsRequested)
    def _to_suggestions(self, event: Composer.SuggestionsRequested) -> None:
        event.stop()
        if offered := list(self.query(Suggestions)):
            offered[-1].focus_first()

    @on(SearchBar.Left)
    def _search_left(self, event: SearchBar.Left) -> None:
        event.stop()
        if event.closed:
            self.focus_composer()
        else:
            self._view.focus()

    def action_find(self, words: str = "") -> None:
        """Search for `words`, else ask for them; n and N go through what is found."""
        self.search.open(words)
        if words:
            self._view.focus()

    def action_find_step(self, step: int) -> None:
        self.search.action_step(step)

    @on(TranscriptView.Moved)
    def _moved(self, event: TranscriptView.Moved) -> None:
        event.stop()
        self._newer.display = not self._view.at_end
        self._newer.update(Content("↓ " + say("chat.newer")))

    def on_click(self, event: object) -> None:
        """Go to the end when the hint is clicked."""
        if getattr(event, "widget", None) is self._newer:
            self._view.action_newest()
