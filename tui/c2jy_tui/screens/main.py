"""The one full screen: header, the three panes, footer; and where the maker's wishes become calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.reactive import var
from textual.widgets import Footer

from c2jy_bridge.events import ConnectionChanged, Event, TurnCompleted, TurnEnded
from c2jy_bridge.ports import Busy, EnginePort
from c2jy_tui import activity as activities
from c2jy_tui.activity import Activity
from c2jy_tui.bindings import binding
from c2jy_tui.frame import FrameScreen
from c2jy_tui.header import HeaderBar
from c2jy_tui.panes.chat import ChatPane, Transcript
from c2jy_tui.panes.chat.entries import CallView, DraftView
from c2jy_tui.panes.drafts import DraftsPane
from c2jy_tui.panes.inspector import Inspector
from c2jy_tui.words import say
from c2jy_tui.workspace import PaneName, Tabs, Workspace, layout_for


class MainScreen(FrameScreen):
    """Chat, inspector and drafts around one engine."""

    BINDINGS: ClassVar = [
        binding("tui", "app.stop", "escape", "stop"),
        binding("tui", "app.chat", "f3", "go('chat')", show=False),
        binding("tui", "app.inspector", "f4", "go('inspector')", show=False),
        binding("tui", "app.drafts", "f5", "go('drafts')", show=False),
    ]

    @dataclass
    class ApprovalWanted(Message):
        """The maker wants to see the question about a call again."""

        call_id: str

    activity: var[Activity] = var(Activity, init=False, bindings=True)
    """What goes on, folded from the events."""

    def __init__(self, transcript: Transcript, activity: Activity, clock: Callable[[], float]) -> None:
        """Args:
        transcript: What was said so far; a screen made anew in another language shows it again.
        activity: What goes on.
        clock: Unix seconds.
        """
        super().__init__()
        self._transcript = transcript
        self._clock = clock
        self._engine: EnginePort | None = None
        self.header = HeaderBar(clock)
        self.set_reactive(MainScreen.activity, activity)
        self.header.set_reactive(HeaderBar.activity, activity)
        self.chat = ChatPane(transcript, clock=clock, id="chat")
        self.inspector = Inspector(clock=clock, id="inspector")
        self.drafts = DraftsPane(clock=clock, id="drafts")
        self.workspace = Workspace(self.chat, self.inspector, self.drafts)

    def compose(self) -> ComposeResult:
        """Header, panes, footer."""
        # The first picture is the right one already; Textual sets this class only after it.
        self.add_class(layout_for(self.app.size.width))
        yield self.header
        yield self.workspace
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Ready to type."""
        self.chat.focus_composer()

    # --- the engine --------------------------------------------------------------------------------

    async def connect(self, engine: EnginePort, *, with_messages: bool) -> None:
        """The engine is there: show what it has.

        Args:
            engine: The engine.
            with_messages: Show the open conversation from the journal; False keeps the transcript as it is.
        """
        self._engine = engine
        self.refresh_connection()
        self.chat.composer.remember(await engine.questions())
        if with_messages:
            await self.load_conversation()
        await self.inspector.load(engine)
        await self.drafts.load(engine)

    def refresh_connection(self) -> None:
        """Who is on the other end has changed."""
        if self._engine is not None:
            self.header.connection = self._engine.connection
            self.chat.connect(self._engine.connection)

    async def load_conversation(self) -> None:
        """Show the open conversation."""
        if self._engine is None:
            return
        conversation_id = self._engine.conversation_id
        messages = await self._engine.messages(conversation_id) if conversation_id else ()
        calls = await self._engine.calls(conversation_id) if conversation_id else ()
        await self.chat.load(messages, calls)

    def watch_activity(self, activity: Activity) -> None:
        """The header says it."""
        self.header.activity = activity

    def show(self, event: Event) -> None:
        """Hand one event to every pane."""
        self.activity = activities.after(self.activity, event)
        self.chat.show(event)
        self.inspector.show(event)
        self.drafts.show(event)
        if isinstance(event, ConnectionChanged):
            self.refresh_connection()
        elif isinstance(event, TurnEnded) and not self.activity.turn_id and self.chat.queued:
            if isinstance(event, TurnCompleted):
                text = self.chat.queued
                self.chat.wait_with("")
                self.run_worker(self._ask(text), group="ask")
            else:
                self.chat.take_back()

    # --- what the maker wants ----------------------------------------------------------------------

    @on(ChatPane.Asked)
    async def _asked(self, event: ChatPane.Asked) -> None:
        await self._ask(event.text)

    async def _ask(self, text: str) -> None:
        if self._engine is None:
            self.notify(say("chat.not_ready"), severity="warning")
            return
        if self.activity.turn_id:
            self._queue(text)
            return
        try:
            turn_id = await self._engine.send(text)
        except Busy:
            self._queue(text)
            return
        self._clear_composer(text)
        at = self._clock()
        self.activity = activities.asked(self.activity, turn_id, at)
        self.chat.asked(turn_id, text, at)

    def _queue(self, text: str) -> None:
        if self.chat.queued:
            self.notify(say("chat.queue_full"), severity="warning")
            return
        self.chat.wait_with(text)
        self._clear_composer(text)

    def _clear_composer(self, text: str) -> None:
        if self.chat.composer.text.strip() == text:
            self.chat.composer.sent(text)

    @on(CallView.Opened)
    def _open_call(self, event: CallView.Opened) -> None:
        if event.awaiting:
            self.post_message(self.ApprovalWanted(event.call_id))
            return
        self.action_go("inspector")
        self.inspector.reveal(event.call_id)

    @on(DraftView.Opened)
    def _open_draft(self, event: DraftView.Opened) -> None:
        self.action_go("drafts")
        self.drafts.reveal(event.name)

    @on(Tabs.Chosen)
    def _tab_chosen(self, event: Tabs.Chosen) -> None:
        self.action_go(event.pane)

    def action_go(self, pane: PaneName) -> None:
        """Bring a pane to the front; the chat is ready to type at once."""
        self.workspace.go(pane)
        if pane == "chat":
            self.chat.focus_composer()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc is offered when there is something to stop, or somewhere to go back to."""
        if action != "stop":
            return True
        return bool(self.activity.turn_id or self.chat.queued) or self.focused is not self.chat.composer

    async def action_stop(self) -> None:
        """Esc: take the waiting question back, else stop the answer, else go back to the composer."""
        if self.chat.take_back():
            return
        if self.activity.turn_id and self._engine is not None:
            await self._engine.cancel()
        else:
            self.action_go("chat")
