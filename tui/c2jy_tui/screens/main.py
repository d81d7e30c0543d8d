"""The main screen: header, panes and footer, updated from the events of one engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.timer import Timer
from textual.widget import Widget
from typing_extensions import override

from c2jy_bridge.core.events import ConnectionChanged, Event, JournalResumed, JournalStopped, Problem
from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui.controllers.activity import Activity
from c2jy_tui.controllers.alerts import Alerts
from c2jy_tui.controllers.approvals import ApprovalController, Approvals
from c2jy_tui.controllers.bridge import BridgeController
from c2jy_tui.controllers.bridge_mode import BridgeMode
from c2jy_tui.controllers.chat import ChatController
from c2jy_tui.controllers.conversations import ConversationController
from c2jy_tui.controllers.slash_commands import SlashCommands
from c2jy_tui.controllers.workflows import WorkflowController, WorkflowQuestions
from c2jy_tui.formatting import Clock
from c2jy_tui.labels import say
from c2jy_tui.panes.chat import ChatPane, Transcript
from c2jy_tui.panes.chat.cards import CallCard, DraftCard, RunCard
from c2jy_tui.panes.chat.composer import Composer
from c2jy_tui.panes.drafts import DraftsPane
from c2jy_tui.panes.inspector import Inspector
from c2jy_tui.widgets.bindings import BaseScreen, binding
from c2jy_tui.widgets.header_bar import HeaderBar
from c2jy_tui.widgets.key_bar import KeyBar
from c2jy_tui.widgets.workspace import SHARES, PaneName, PaneTabs, Workspace, layout_for

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine

    # Imported when it is first needed; its messages are handled by name.
    from c2jy_tui.panes.bridge import BridgePane


_STAYS_S: Final = 0.5
"""Seconds after which an edge counts as moved to where it is to stay."""


@dataclass(slots=True)
class Session:
    """The stores that events are folded into: a change of language recreates the screen, not these."""

    activity: Activity
    transcript: Transcript = field(default_factory=Transcript)
    approvals: Approvals = field(default_factory=Approvals)
    bridge: BridgeMode = field(default_factory=BridgeMode)
    questions: WorkflowQuestions = field(default_factory=WorkflowQuestions)
    shares: Mapping[str, int] = field(default_factory=lambda: SHARES)


class MainScreen(BaseScreen):
    """Creates panes and controllers; passes events to all of them, and intents to the controllers."""

    CSS_PATH = "main.tcss"
    BINDINGS: ClassVar = [
        binding("tui", "app.stop", "escape", "stop"),
        binding("tui", "app.chat", "f3", "go('chat')", show=False),
        binding("tui", "app.inspector", "f4", "go('inspector')", show=False),
        binding("tui", "app.drafts", "f5", "go('drafts')", show=False),
        binding("tui", "pane.bridge", "f6", "go('bridge')", show=False, priority=True),
        binding("tui", "app.zoom", "alt+z", "zoom", show=False),
        binding("tui", "app.edge_left", "alt+left", "move_edge(-1, 0)", show=False),
        binding("tui", "app.edge_right", "alt+right", "move_edge(1, 0)", show=False),
        binding("tui", "app.edge_up", "alt+up", "move_edge(0, -1)", show=False),
        binding("tui", "app.edge_down", "alt+down", "move_edge(0, 1)", show=False),
        binding("tui", "bridge.toggle", "f2", "toggle_bridge"),
        binding("tui", "app.workflow", "f7", "run_workflow", show=False, priority=True),
        binding("tui", "app.question", "f8", "open_question"),
        binding("tui", "app.new", "ctrl+n", "new_conversation", show=False, priority=True),
        binding("tui", "app.sessions", "ctrl+o", "sessions", show=False, priority=True),
    ]

    def __init__(
        self,
        session: Session,
        clock: Clock,
        *,
        export_folder: Path | None = None,
        alert: Callable[[str], None] = lambda _text: None,
        keep: Callable[[Mapping[str, object]], None] = lambda _settings: None,
    ) -> None:
        """Args:
        session: The same for a screen in another language.
        clock: Unix seconds.
        export_folder: Where calls are exported.
        alert: Calls the user back to the terminal.
        keep: Writes settings of the screen, by their names, to the settings file.
        """
        super().__init__()
        self.session = session
        self._clock = clock
        self._keep = keep
        self._keeping: Timer | None = None
        self._engine: Engine | None = None
        self._is_asked = False
        self._is_attached = False
        self.header = HeaderBar(clock)
        self.header.set_reactive(HeaderBar.activity, session.activity)
        self.chat = ChatPane(session.transcript, clock=clock, commands=self._command_names, id="chat")
        self.inspector = Inspector(clock=clock, export_folder=export_folder, id="inspector")
        self.drafts = DraftsPane(clock=clock, id="drafts")
        panes: dict[PaneName, Widget] = {
            "chat": self.chat,
            "inspector": self.inspector,
            "drafts": self.drafts,
        }
        self.workspace = Workspace(panes, session.shares)
        self.commands = SlashCommands(
            self,
            {
                "find": self.chat.action_find,
                "export": lambda path: self.action_export(path),
            },
            self.chat.composer.write,
        )
        self.chat_controller = ChatController(self, session.activity, self.chat, clock)
        self.conversations = ConversationController(
            self, self.chat_controller, self.chat, clock, export_folder
        )
        self.approvals = ApprovalController(self, session.approvals, self.chat.composer, clock)
        self.bridge = BridgeController(self, session.bridge, self.workspace, clock)
        self.alerts = Alerts(lambda: self.app.app_focus, alert)
        self.workflows = WorkflowController(self, session.questions, self.chat)

    @override
    def compose(self) -> ComposeResult:
        # The first layout is the right one already; Textual sets this class only after it.
        self.add_class(layout_for(self.app.size.width))
        yield self.header
        yield self.workspace
        yield KeyBar(compact=True)

    def on_mount(self) -> None:
        self.inspector.is_loading = self.drafts.is_loading = True
        self.chat_controller.changed = self._activity_changed
        self.bridge.changed = self._bridge_changed
        self._activity_changed(self.activity)
        self._bridge_changed(self.bridge.mode)
        self.bridge.start()
        self.workflows.start(self._show_waiting)
        self.chat.focus_composer()

    def on_screen_suspend(self) -> None:
        """Below a dialog the keys do nothing, and are not to be seen."""
        self.query_one(KeyBar).visible = False

    def on_screen_resume(self) -> None:
        """Another dialog may have kept a question waiting."""
        self.query_one(KeyBar).visible = True
        self.approvals.resume()
        self.workflows.resume()
        self._show_waiting()

    def _command_names(self) -> Sequence[tuple[str, str]]:
        return self.commands.names()

    @override
    def _on_timer_update(self) -> None:
        # Not drawn now: the timer, which is not paused then, asks again.
        if getattr(self.app, "may_draw", True):
            super()._on_timer_update()

    @property
    def activity(self) -> Activity:
        """The app's activity."""
        return self.chat_controller.activity

    # --- the engine --------------------------------------------------------------------------------

    async def attach_engine(self, engine: Engine, *, with_messages: bool = True) -> None:
        """Show what the engine has stored; without `with_messages` the transcript stays as it is."""
        self._engine = engine
        self.chat_controller.attach_engine(engine)
        self.conversations.attach_engine(engine)
        self.approvals.attach_engine(engine)
        try:
            self.refresh_connection()
            self.chat.composer.remember(await engine.questions())
            await asyncio.to_thread(self.commands.read_prompts, engine.settings.config_dir / "prompts")
            if with_messages:
                await self.chat_controller.load(loose_runs=True)
            await self.inspector.load(engine)
            await self.drafts.load(engine)
            await self.bridge.attach_engine(engine)
            await self.workflows.attach_engine(engine)
        except Exception as error:
            # One pane that cannot be filled must not take the others down.
            self.fail("load", say("app.load_failed"), error)
        self.inspector.is_loading = self.drafts.is_loading = False
        self._is_attached = True
        connection = engine.connection
        self.chat_controller.loaded(named=bool(connection.bot_name))
        if connection.problem is not None and with_messages:  # known before anything listened to events
            self.show(ConnectionChanged(at=self._clock(), bot_name="", problem=connection.problem))
        for issue in engine.issues():
            words = " ".join(piece for piece in (issue.path, issue.message, issue.fix) if piece)
            self.notify(visible(words), severity="warning", timeout=12, markup=False)
        self.chat_controller.resume()

    def fail(self, kind: str, what: str, error: Exception) -> None:
        """Show an error that belongs to no turn."""
        hint = say("app.failed_hint")
        self.chat.fail(Problem(kind, f"{what} {error or type(error).__name__}", hint), self._clock())

    def engine_failed(self, error: Exception) -> None:
        """The engine could not be started."""
        self.inspector.is_loading = self.drafts.is_loading = False
        self.fail("start", say("app.start_failed"), error)
        self.chat_controller.engine_failed()

    def refresh_connection(self) -> None:
        """Show the connection as it is now."""
        if self._engine is not None:
            self.header.connection = self._engine.connection
            self.chat.connect(self._engine.connection)

    def _activity_changed(self, activity: Activity) -> None:
        self.session.activity = self.header.activity = activity
        self.refresh_bindings()

    def _bridge_changed(self, mode: BridgeMode) -> None:
        self.session.bridge = self.header.bridge = mode

    def show(self, event: Event) -> None:
        """Pass one event to every pane and controller."""
        self.chat.show(event)
        self.inspector.show(event)
        self.drafts.show(event)
        self.chat_controller.show(event)
        self.approvals.show(event)
        self.bridge.show(event)
        self.workflows.show(event)
        self.alerts.show(event)
        match event:
            case ConnectionChanged(problem=problem):
                self.refresh_connection()
                if problem is not None and self._is_attached:
                    self.chat.fail(problem, event.at)
            case JournalStopped(problem=problem):
                self.chat.fail(problem, event.at)
            case JournalResumed():
                self.chat.note("notice.journal_resumed", event.at)
        self._show_waiting()

    def _show_waiting(self) -> None:
        """Say above the composer what waits for the user; its key opens it."""
        if not self.is_running:
            return
        words = ""
        if (ask := self.session.approvals.oldest()) is not None:
            words = say("chat.needs_approval", tool=one_line(ask.tool))
            if (more := len(self.session.approvals) - 1) > 0:
                words += " " + say("chat.needs_more", n=more)
        elif self.session.questions.oldest() is not None:
            words = say("chat.needs_answer")
        self._is_asked = bool(words)  # before the look-up: the key is there only then
        if words:
            bound = (a.binding for a in self.active_bindings.values() if a.binding.id == "app.question")
            if (key := next(bound, None)) is not None:
                words = say("chat.needs_key", words=words, key=self.app.get_key_display(key))
        self.chat.set_waiting(words)
        self.refresh_bindings()

    # --- intents -----------------------------------------------------------------------------------

    @on(ChatPane.Asked)
    async def _asked(self, event: ChatPane.Asked) -> None:
        if not (event.text.startswith("/") and await self.commands.run(event.text)):
            await self.chat_controller.ask(event.text)

    @on(Composer.QuestionRequested)
    def action_open_question(self) -> None:
        """Open the oldest question that waits for the user: an approval, else a workflow's."""
        if (ask := self.session.approvals.oldest()) is not None:
            self.approvals.ask(ask.call_id)
        elif (asked := self.session.questions.oldest()) is not None:
            self.workflows.answer(asked.run_id)

    @on(CallCard.Opened)
    def _open_call(self, event: CallCard.Opened) -> None:
        if event.awaiting:
            self.approvals.ask(event.call_id)
            return
        self.reveal_call(event.call_id)

    @on(RunCard.Requested)
    def _do_with_run(self, event: RunCard.Requested) -> None:
        self.workflows.do(event.run_id, event.intent)

    def on_bridge_pane_call_requested(self, event: BridgePane.CallRequested) -> None:
        self.reveal_call(event.call_id)

    def reveal_call(self, call_id: str) -> None:
        """Show a tool call in the inspector."""
        self.go("inspector")
        self.inspector.reveal(call_id)

    @on(Inspector.ApprovalRequested)
    def _ask_again(self, event: Inspector.ApprovalRequested) -> None:
        self.approvals.ask(event.call_id)

    @on(Inspector.DecisionMade)
    def _decided(self, event: Inspector.DecisionMade) -> None:
        self.approvals.decide(event.call_id, event.answer)
        self._show_waiting()

    @on(DraftCard.Opened)
    def _open_draft(self, event: DraftCard.Opened) -> None:
        self.go("drafts")
        self.drafts.reveal(event.name)

    @on(PaneTabs.Chosen)
    def _tab_chosen(self, event: PaneTabs.Chosen) -> None:
        self.go(event.pane)

    def action_go(self, pane: PaneName) -> None:
        """Go to a pane; once there, the same key zooms it."""
        # Not where the focus is: it moves later, and the key may come twice before. Above the composer F3
        # leads down to it first.
        above = self.chat.has_focus_within and not self.chat.composer.has_focus
        if self.workspace.front == pane and not (pane == "chat" and above):
            self.workspace.zoom()
        else:
            self.go(pane)

    def action_zoom(self) -> None:
        self.workspace.zoom()

    def action_move_edge(self, across: int, down: int) -> None:
        """Move the edge between the panes, and keep it for the next start once it stays."""
        if not self.workspace.move_edge(across, down):
            return
        self.session.shares = self.workspace.shares
        if self._keeping is not None:
            self._keeping.stop()
        self._keeping = self.set_timer(_STAYS_S, lambda: self._keep(self.session.shares))

    def go(self, pane: PaneName) -> None:
        """Bring a pane to the front; the chat is ready to type at once."""
        if pane == "bridge":
            self.bridge.open()
            return
        self.workspace.go(pane)
        if pane == "chat":
            self.chat.focus_composer()

    def action_toggle_bridge(self) -> None:
        self.bridge.toggle()

    def action_run_workflow(self) -> None:
        self.workflows.open_form()

    def action_choose_workflow(self) -> None:
        """Choose a workflow by its name, then its parameters."""
        self.run_worker(self.workflows.choose(), group="choose", exit_on_error=False)

    def action_choose_bot(self) -> None:
        """Choose another Bot by its name, until the app ends."""
        self.run_worker(self.conversations.choose_bot(), group="choose", exit_on_error=False)

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer Esc only when there is something to stop or to return to."""
        if action == "open_question":
            return self._is_asked
        if action != "stop":
            return True
        return self.chat_controller.stoppable or self.focused is not self.chat.composer

    @property
    @override
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The bindings of the focus chain; the label of Esc names its current action."""
        found = super().active_bindings
        if not self.chat_controller.stoppable:
            for key, active in found.items():
                if active.binding.action == "stop":
                    binding = replace(active.binding, description=say("key.chat"))
                    found[key] = active._replace(binding=binding, tooltip=say("key.chat.tip"))
        return found

    async def action_stop(self) -> None:
        """Esc: withdraw the waiting question, else stop the answer, else return to the composer."""
        if not await self.chat_controller.stop():
            self.go("chat")

    def action_copy_answer(self) -> None:
        """Copy the Markdown source of the newest answer."""
        if (answer := self.session.transcript.last_answer()) is not None:
            self.app.copy_to_clipboard(answer.text)

    def action_copy_code(self) -> None:
        """Copy the newest code block of the newest answer, as it was written: without our line ends."""
        from c2jy_tui.widgets.markdown_blocks import last_code

        answer = self.session.transcript.last_answer()
        if answer is not None and (code := last_code(answer.text)):
            self.app.copy_to_clipboard(code)

    async def action_new_conversation(self) -> None:
        if await self.chat_controller.new_conversation():
            self.go("chat")

    async def action_sessions(self) -> None:
        await self.conversations.choose(self._opened)

    def _opened(self, words: str) -> None:
        """A conversation was opened; `words` were searched for in all of them."""
        self.go("chat")
        if words:
            self.chat.action_find(words)

    def action_find(self) -> None:
        self.go("chat")
        self.chat.action_find()

    async def action_retry(self) -> None:
        """Ask the last question again."""
        if (question := self.session.transcript.last_question()) is not None:
            self.go("chat")
            await self.chat_controller.ask(question.text)

    def action_edit(self) -> None:
        """Go back to before the last question, with its text in the composer."""
        if (question := self.session.transcript.last_question()) is not None:
            self.run_worker(self.conversations.fork(question.turn_id), group="fork", exit_on_error=False)

    @on(Composer.RewindRequested)
    def action_fork(self) -> None:
        """Go back to an earlier question, in a new conversation with what came before it."""
        self.run_worker(self.conversations.choose_question(), group="fork", exit_on_error=False)

    def action_export(self, path: str = "") -> None:
        """Export the open conversation as Markdown; asks for the file without a path."""
        self.run_worker(self.conversations.export_open(path), group="export", exit_on_error=False)
