"""The chat pane: the transcript, the queued question, the composer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from typing_extensions import override

from c2jy_bridge.core.events import Event, Problem
from c2jy_bridge.core.safety import visible
from c2jy_bridge.core.views import CallView, ConnectionView, MessageView, WaitingWorkflow
from c2jy_tui.labels import say
from c2jy_tui.panes.chat.cards import Now
from c2jy_tui.panes.chat.composer import Composer
from c2jy_tui.panes.chat.entries import AnyEntry, FollowUps
from c2jy_tui.panes.chat.suggestions import Suggestions, Welcome
from c2jy_tui.panes.chat.transcript import Transcript
from c2jy_tui.panes.chat.transcript_view import TranscriptView
from c2jy_tui.widgets.bindings import binding

FLUSH_S: Final = 1 / 18
"""Seconds between two redraws of a stream: smooth to read, and most of the loop stays free for keys."""


class ChatPane(Vertical):
    """The conversation: draws the transcript and posts the user's intents as messages."""

    HELP = "tui:help.chat"

    BINDINGS: ClassVar = [
        binding("tui", "chat.copy_answer", "y", "copy_answer"),
        binding("tui", "chat.copy_code", "c", "copy_code", show=False),
    ]

    @dataclass
    class Asked(Message):
        """The user sent a question."""

        text: str

    @dataclass
    class CopyRequested(Message):
        """The user wants `text` on the clipboard."""

        text: str

    def __init__(self, transcript: Transcript, *, clock: Now, id: str | None = None) -> None:
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
        self.composer = Composer()
        self.queued = ""
        """The question that is sent when the running turn ends."""

    @override
    def compose(self) -> ComposeResult:
        yield self._view
        yield self._newer
        yield self._queue_line
        yield self.composer

    async def on_mount(self) -> None:
        """Draw the transcript, which after a change of language may be a whole conversation."""
        self.border_title = say("pane.chat")
        self.composer.placeholder = say("chat.placeholder")
        self.wait_with("")
        await self.refill()
        self.set_interval(1.0, self._view.tick)

    def connect(self, connection: ConnectionView) -> None:
        """The engine is ready, or its connection changed."""
        self._connection = connection
        if self._welcome is not None:
            self._welcome.connect(connection)

    # --- events ------------------------------------------------------------------------------------

    def show(self, event: Event) -> None:
        """Apply one event; the screen follows at the next flush."""
        self._touch(self._transcript.apply(event))

    def asked(self, turn_id: str, text: str, at: float) -> None:
        """The engine accepted a question."""
        self.composer.taken(text)
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

    def run_went_on(self, run_id: str, answer: str, at: float) -> None:
        """A run was answered."""
        self._touch(self._transcript.went_on(run_id, answer, at))

    def drop_run(self, run_id: str) -> None:
        """Stop offering a run that was left waiting."""
        self._touch(self._transcript.drop(run_id))

    async def load(self, messages: Sequence[MessageView], calls: Sequence[CallView]) -> None:
        """Show a conversation from the journal."""
        self._transcript.load(messages, calls)
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
        """Focus the composer."""
        self.composer.focus()

    def wait_with(self, text: str) -> None:
        """Queue one question until the turn ends; an empty text drops it."""
        self.queued = text
        if text:
            self.composer.taken(text)
        self._queue_line.display = bool(text)
        first = visible(text, newlines=False)
        self._queue_line.update(Content.assemble((say("chat.queued") + " ", "bold"), first))

    def take_back(self) -> bool:
        """Put the queued question back into the composer; False when none is queued."""
        if not self.queued:
            return False
        if not self.composer.text:
            self.composer.write(self.queued)
        self.wait_with("")
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

    @on(TranscriptView.Moved)
    def _moved(self, event: TranscriptView.Moved) -> None:
        event.stop()
        self._newer.display = not self._view.at_end
        self._newer.update(Content("↓ " + say("chat.newer")))

    def on_click(self, event: object) -> None:
        """Go to the end when the hint is clicked."""
        if getattr(event, "widget", None) is self._newer:
            self._view.action_newest()

    def action_copy_answer(self) -> None:
        """Copy the Markdown source of the newest answer."""
        if (answer := self._transcript.last_answer()) is not None:
            self.post_message(self.CopyRequested(answer.text))

    def action_copy_code(self) -> None:
        """Copy the newest code block of the newest answer."""
        from c2jy_tui.widgets.markdown_blocks import last_code

        answer = self._transcript.last_answer()
        if answer is not None and (code := last_code(answer.text)):
            self.post_message(self.CopyRequested(code))
