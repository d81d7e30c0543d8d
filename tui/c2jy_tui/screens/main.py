"""The one full screen: header, the panes, footer, all living from one engine's events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.reactive import var

from c2jy_bridge.events import ConnectionChanged, Event, Problem, TurnCompleted, TurnEnded
from c2jy_bridge.ports import Busy, EnginePort
from c2jy_bridge.safety import visible
from c2jy_tui import activity as activities
from c2jy_tui.activity import Activity
from c2jy_tui.bindings import binding
from c2jy_tui.bridge_mode import BridgeMode
from c2jy_tui.frame import FrameScreen
from c2jy_tui.header import HeaderBar
from c2jy_tui.key_bar import KeyBar
from c2jy_tui.panes.chat import ChatPane
from c2jy_tui.panes.chat.call_view import CallView, DraftView
from c2jy_tui.panes.drafts import DraftsPane
from c2jy_tui.panes.inspector import Inspector
from c2jy_tui.screens.asking import Asking
from c2jy_tui.screens.bridging import Bridging
from c2jy_tui.session import Session
from c2jy_tui.words import say
from c2jy_tui.workspace import PaneName, PaneTabs, Workspace, layout_for

if TYPE_CHECKING:
    # Imported when it is first wanted; its messages are handled by name.
    from c2jy_tui.panes.bridge import BridgePane


class MainScreen(FrameScreen):
    """Chat, inspector and drafts around one engine."""

    CSS_PATH = "main.tcss"
    BINDINGS: ClassVar = [
        binding("tui", "app.stop", "escape", "stop"),
        binding("tui", "app.chat", "f3", "go('chat')", show=False),
        binding("tui", "app.inspector", "f4", "go('inspector')", show=False),
        binding("tui", "app.drafts", "f5", "go('drafts')", show=False),
        binding("tui", "pane.bridge", "f6", "go('bridge')", show=False, priority=True),
        binding("tui", "bridge.toggle", "f2", "toggle_bridge"),
        binding("tui", "app.new", "ctrl+n", "new_conversation", show=False, priority=True),
        binding("tui", "app.sessions", "ctrl+o", "sessions", show=False, priority=True),
    ]

    activity: var[Activity] = var(Activity, init=False, bindings=True)
    """What goes on, folded from the events."""

    def __init__(
        self, session: Session, clock: Callable[[], float], *, export_folder: Path | None = None
    ) -> None:
        """Args:
        session: What was said and done so far; a screen made anew in another language shows it again.
        clock: Unix seconds.
        export_folder: Where calls are written to; the current directory when None.
        """
        super().__init__()
        self.session = session
        self._clock = clock
        self._engine: EnginePort | None = None
        self.header = HeaderBar(clock)
        self.header.set_reactive(HeaderBar.activity, session.activity)
        self.set_reactive(MainScreen.activity, session.activity)
        self.chat = ChatPane(session.transcript, clock=clock, id="chat")
        self.inspector = Inspector(clock=clock, export_folder=export_folder, id="inspector")
        self.drafts = DraftsPane(clock=clock, id="drafts")
        self.workspace = Workspace(self.chat, self.inspector, self.drafts)
        self.asking = Asking(session.approvals, clock)
        self.bridging = Bridging(session.bridge, self.workspace, clock)

    def compose(self) -> ComposeResult:
        """Header, panes, footer."""
        # The first layout is the right one already; Textual sets this class only after it.
        self.add_class(layout_for(self.app.size.width))
        yield self.header
        yield self.workspace
        yield KeyBar(compact=True)
        yield self.asking
        yield self.bridging

    def on_mount(self) -> None:
        """Ready to type."""
        self.watch(self.bridging, "mode", self._bridge_changed)
        self.chat.focus_composer()

    def on_screen_resume(self) -> None:
        """Another dialog may have kept a question waiting."""
        self.asking.go_on()

    # --- the engine --------------------------------------------------------------------------------

    def begin(self) -> None:
        """The engine runs."""
        self.activity = activities.ready(self.activity, self._clock())

    async def meet(self, engine: EnginePort, *, with_messages: bool = True) -> None:
        """Show what the engine has.

        Args:
            engine: The engine.
            with_messages: Show the open conversation from the journal; False keeps the transcript as it is.
        """
        self._engine = self.asking.engine = engine
        try:
            self.refresh_connection()
            self.chat.composer.remember(await engine.questions())
            if with_messages:
                await self.load_conversation()
            await self.inspector.load(engine)
            await self.drafts.load(engine)
            await self.bridging.meet(engine)
        except Exception as error:
            # One pane that cannot be filled must not take the others down.
            self.fail("load", say("app.load_failed"), error)
        for issue in engine.issues():
            words = " ".join(piece for piece in (issue.path, issue.message, issue.fix) if piece)
            self.notify(visible(words), severity="warning", timeout=12, markup=False)
        # What was typed while the engine was still on its way.
        if self.chat.queued and not self.activity.turn_id:
            self._ask_queued()

    def fail(self, kind: str, what: str, error: Exception) -> None:
        """Show an error that belongs to no turn."""
        hint = say("app.failed_hint")
        self.chat.fail(Problem(kind, f"{what} {error or type(error).__name__}", hint), self._clock())

    def give_up(self, error: Exception) -> None:
        """The engine could not be started."""
        self.chat.take_back()
        self.fail("start", say("app.start_failed"), error)
        self.activity = activities.unavailable(self.activity, self._clock())

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
        self.session.activity = self.header.activity = activity

    def _bridge_changed(self, mode: BridgeMode) -> None:
        self.session.bridge = self.header.bridge = mode

    def show(self, event: Event) -> None:
        """Hand one event to every pane."""
        self.activity = activities.after(self.activity, event)
        self.chat.show(event)
        self.inspector.show(event)
        self.drafts.show(event)
        self.asking.show(event)
        self.bridging.show(event)
        if isinstance(event, ConnectionChanged):
            self.refresh_connection()
            if event.problem is not None:
                self.chat.fail(event.problem, event.at)
        elif isinstance(event, TurnEnded) and not self.activity.turn_id and self.chat.queued:
            if isinstance(event, TurnCompleted):
                self._ask_queued()
            else:
                self.chat.take_back()

    # --- what the maker wants ----------------------------------------------------------------------

    @on(ChatPane.Asked)
    async def _asked(self, event: ChatPane.Asked) -> None:
        await self.ask(event.text)

    async def ask(self, text: str) -> None:
        """Ask the Bot; what cannot be asked yet waits."""
        if self._engine is None or self.activity.turn_id:
            self._queue(text)
            return
        try:
            turn_id = await self._engine.send(text)
        except Busy:
            self._queue(text)
            return
        at = self._clock()
        self.activity = activities.asked(self.activity, turn_id, at)
        self.chat.asked(turn_id, text, at)

    def _ask_queued(self) -> None:
        text = self.chat.queued
        self.chat.wait_with("")
        self.run_worker(self.ask(text), group="ask")

    def _queue(self, text: str) -> None:
        if self.chat.queued:
            self.notify(say("chat.queue_full"), severity="warning")
        else:
            self.chat.wait_with(text)

    @on(CallView.Opened)
    def _open_call(self, event: CallView.Opened) -> None:
        if event.awaiting:
            self.asking.ask(event.call_id)
            return
        self.reveal_call(event.call_id)

    def on_bridge_pane_call_wanted(self, event: BridgePane.CallWanted) -> None:
        """Show the tool call of a bridge request."""
        self.reveal_call(event.call_id)

    def reveal_call(self, call_id: str) -> None:
        """Show a tool call in the inspector."""
        self.action_go("inspector")
        self.inspector.reveal(call_id)

    @on(Inspector.ApprovalRequested)
    def _ask_again(self, event: Inspector.ApprovalRequested) -> None:
        self.asking.ask(event.call_id)

    @on(Inspector.DecisionMade)
    def _decided(self, event: Inspector.DecisionMade) -> None:
        self.asking.decide(event.call_id, event.decision)

    @on(DraftView.Opened)
    def _open_draft(self, event: DraftView.Opened) -> None:
        self.action_go("drafts")
        self.drafts.reveal(event.name)

    @on(PaneTabs.Chosen)
    def _tab_chosen(self, event: PaneTabs.Chosen) -> None:
        self.action_go(event.pane)

    @on(ChatPane.CopyWanted)
    def _copy(self, event: ChatPane.CopyWanted) -> None:
        self.app.copy_to_clipboard(event.text)

    def action_go(self, pane: PaneName) -> None:
        """Bring a pane to the front; the chat is ready to type at once."""
        if pane == "bridge":
            self.bridging.open()
            return
        self.workspace.go(pane)
        if pane == "chat":
            self.chat.focus_composer()

    def action_toggle_bridge(self) -> None:
        """F2: bridge mode on or off."""
        self.bridging.toggle()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc is offered when there is something to stop, or somewhere to go back to."""
        if action != "stop":
            return True
        return self._stoppable or self.focused is not self.chat.composer

    @property
    def _stoppable(self) -> bool:
        return bool(self.activity.turn_id or self.chat.queued)

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The bindings of the focus chain; Esc is called what it does now."""
        found = super().active_bindings
        if not self._stoppable:
            for key, active in found.items():
                if active.binding.action == "stop":
                    binding = replace(active.binding, description=say("key.chat"))
                    found[key] = active._replace(binding=binding, tooltip=say("key.chat.tip"))
        return found

    async def action_stop(self) -> None:
        """Esc: take the waiting question back, else stop the answer, else go back to the composer."""
        if self.chat.take_back():
            return
        if self.activity.turn_id and self._engine is not None:
            await self._engine.cancel()
        else:
            self.action_go("chat")

    def action_copy_answer(self) -> None:
        """Copy the newest answer, from wherever the focus is."""
        self.chat.action_copy_answer()

    def action_copy_code(self) -> None:
        """Copy the newest code block, from wherever the focus is."""
        self.chat.action_copy_code()

    async def action_new_conversation(self) -> None:
        """Begin another conversation."""
        if self._engine is None or self._turn_runs():
            return
        await self._engine.new_conversation()
        await self._turn_to_conversation()
        self.action_go("chat")

    async def action_sessions(self) -> None:
        """Choose an earlier conversation."""
        if self._engine is None or self._turn_runs():
            return
        from c2jy_tui.screens.sessions import SessionsScreen

        engine = self._engine

        async def chosen(conversation_id: str | None) -> None:
            if conversation_id:
                await engine.open_conversation(conversation_id)
                await self._turn_to_conversation()
                self.action_go("chat")

        conversations = await engine.conversations()
        screen = SessionsScreen(conversations, current=engine.conversation_id, now=self._clock())
        await self.app.push_screen(screen, chosen)

    async def _turn_to_conversation(self) -> None:
        """Show another conversation; what went wrong in the one before is not its state."""
        self.begin()
        await self.load_conversation()

    def _turn_runs(self) -> bool:
        if self.activity.turn_id:
            self.notify(say("chat.busy"), severity="warning")
        return bool(self.activity.turn_id)
