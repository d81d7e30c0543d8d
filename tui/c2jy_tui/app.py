"""The app: paints first, then starts the engine, then hands every event to the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.app import App, SystemCommand
from textual.screen import Screen

from c2jy_bridge import i18n
from c2jy_bridge.events import Decision, Event, Problem
from c2jy_bridge.ports import EnginePort
from c2jy_bridge.safety import visible
from c2jy_tui import activity as activities
from c2jy_tui import clipboard
from c2jy_tui.activity import Activity
from c2jy_tui.approvals import Approvals
from c2jy_tui.bindings import binding
from c2jy_tui.frame import Look
from c2jy_tui.panes.chat import ChatPane, Transcript
from c2jy_tui.panes.chat.prose import warm_up
from c2jy_tui.panes.inspector import Inspector
from c2jy_tui.screens.main import MainScreen
from c2jy_tui.words import say
from c2jy_tui.workspace import BREAKPOINTS

_SLICE_S: Final = 0.004
"""Seconds of handing out events after which keys and drawing get their turn."""


class C2jyApp(App[None]):
    """c2jy-tui on a screen."""

    TITLE = "c2jy-tui"
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar = [
        binding("tui", "app.help", "f1", "help", priority=True),
        binding("tui", "app.new", "ctrl+n", "new_conversation", show=False, priority=True),
        binding("tui", "app.sessions", "ctrl+o", "sessions", show=False, priority=True),
        binding("tui", "app.quit", "ctrl+q", "quit", show=False, priority=True),
    ]

    def __init__(
        self,
        start_engine: Callable[[], Awaitable[EnginePort]],
        look: Look | None = None,
        lang: i18n.Language = "en",
        *,
        clock: Callable[[], float] = time.time,
        copy_folder: Path | None = None,
    ) -> None:
        """Args:
        start_engine: Makes the engine; awaited after the first paint.
        look: Theme and keys.
        lang: Language to begin with.
        clock: Unix seconds; the same clock as the engine's.
        copy_folder: Where a copy goes that no clipboard takes; the current directory when None.
        """
        i18n.use(lang)
        super().__init__()
        self._start_engine = start_engine
        self._look = look or Look()
        self._clock = clock
        self._copy_folder = copy_folder or Path.cwd()
        self._engine: EnginePort | None = None
        self._transcript = Transcript()
        self._approvals = Approvals()
        self._main = MainScreen(self._transcript, Activity(since=clock()), clock)

    # --- coming and going --------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return self._main

    def on_mount(self) -> None:
        """Dress, paint, then begin."""
        self.wear(self._look)
        self.call_after_refresh(self._begin)

    def wear(self, look: Look) -> None:
        """Take over a theme and keys; an unknown theme is ignored with a notice."""
        self._look = look
        if look.theme in self.available_themes:
            self.theme = look.theme
        else:
            self.notify(say("app.no_theme", theme=visible(look.theme)), severity="warning")
        self.set_keymap(dict(look.keymap))

    def _begin(self) -> None:
        self.run_worker(self._live(), group="engine", exit_on_error=False)

    async def _live(self) -> None:
        """Start the engine and live from its events."""
        try:
            engine = self._engine = await self._start_engine()
        except SystemExit as stop:
            self.exit(return_code=stop.code if isinstance(stop.code, int) else 1)
            return
        except Exception as error:
            # Whatever it is, the maker reads it here, and not in a terminal full of Python.
            self._fail("start", say("app.start_failed"), error)
            self._main.activity = activities.unavailable(self._main.activity, self._clock())
            return
        events = engine.events()
        self._main.activity = activities.ready(self._main.activity, self._clock())
        self.run_worker(self._meet(engine), group="load", exit_on_error=False)
        self.run_worker(warm_up, group="warm up", thread=True, exit_on_error=False)
        last_rest = time.perf_counter()
        async for event in events:
            self._take(event)
            if time.perf_counter() - last_rest > _SLICE_S:
                await asyncio.sleep(0.001)
                last_rest = time.perf_counter()

    async def _meet(self, engine: EnginePort, *, with_messages: bool = True) -> None:
        try:
            await self._main.connect(engine, with_messages=with_messages)
        except Exception as error:
            self._fail("load", say("app.load_failed"), error)
        for issue in engine.issues():
            self.notify(visible(f"{issue.path}: {issue.message} {issue.fix}"), severity="warning", timeout=12)

    def _fail(self, kind: str, what: str, error: Exception) -> None:
        problem = Problem(kind, f"{what} {error or type(error).__name__}", hint=say("app.failed_hint"))
        self._main.chat.fail(problem, self._clock())

    async def on_unmount(self) -> None:
        """Let the engine finish what it must."""
        if self._engine is not None:
            await self._engine.close()

    async def action_quit(self) -> None:
        """Leave; asks first when something would be lost."""
        if not self._main.activity.busy:
            self.exit()
            return
        from c2jy_tui.screens.confirm import ConfirmScreen

        def answered(leave: bool | None) -> None:
            if leave:
                self.exit()

        text = say("quit.turn") if self._main.activity.turn_id else say("quit.call")
        await self.push_screen(ConfirmScreen(say("quit.title"), text), answered)

    # --- events ------------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        self._approvals.take(event)
        self._main.show(event)
        self._ask_next()

    # --- approvals ---------------------------------------------------------------------------------

    def _ask_next(self) -> None:
        """Show the next open question, unless a dialog is up; close one that no longer waits."""
        from c2jy_tui.screens.approval import ApprovalScreen

        shown = self.screen
        if isinstance(shown, ApprovalScreen):
            if self._approvals.get(shown.ask.call_id) is None:
                shown.dismiss(None)
        elif shown is self._main and (ask := self._approvals.following()) is not None:
            self._show_approval(ask.call_id)

    def _show_approval(self, call_id: str) -> None:
        from c2jy_tui.screens.approval import ApprovalScreen

        ask = self._approvals.get(call_id)
        if ask is None:
            return

        def answered(decision: Decision | None) -> None:
            if decision is None:
                self._approvals.put_off(call_id)
            else:
                self._decide(call_id, decision)
            self._ask_next()

        bot = self._engine.connection.bot_name if self._engine else ""
        asker = say(f"source.{ask.source}", bot=bot or say("header.no_bot"))
        screen = ApprovalScreen(ask, waiting=len(self._approvals), asker=asker, clock=self._clock)
        self.push_screen(screen, answered)

    def _decide(self, call_id: str, decision: Decision) -> None:
        self._approvals.answered(call_id)
        if self._engine is not None and not self._engine.decide(call_id, decision):
            self.notify(say("approval.too_late"), severity="warning")

    @on(MainScreen.ApprovalWanted)
    @on(Inspector.ApprovalRequested)
    def _reopen(self, event: MainScreen.ApprovalWanted | Inspector.ApprovalRequested) -> None:
        self._show_approval(event.call_id)

    @on(Inspector.DecisionMade)
    def _decided(self, event: Inspector.DecisionMade) -> None:
        self._decide(event.call_id, event.decision)

    # --- copying -----------------------------------------------------------------------------------

    @on(ChatPane.CopyWanted)
    def _copy(self, event: ChatPane.CopyWanted) -> None:
        self.copy_to_clipboard(event.text)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy by the surest way there is, and say what happened."""
        self.run_worker(self._copy_out(text), group="copy", exit_on_error=False)

    async def _copy_out(self, text: str) -> None:
        self._clipboard = text  # Textual's own paste within the app reads it
        if await clipboard.copy(text, super().copy_to_clipboard):
            self.notify(say("copy.done", n=len(text)), timeout=3)
            return
        try:
            path = clipboard.write_file(text, self._copy_folder, self._clock())
        except OSError as error:
            self.notify(say("copy.failed", why=error.strerror or str(error)), severity="error")
        else:
            self.notify(say("copy.file", path=visible(str(path), newlines=False)), timeout=12)

    # --- the maker's wishes ------------------------------------------------------------------------

    async def action_help(self) -> None:
        """F1."""
        from c2jy_tui.screens.help import HelpScreen, help_text

        if isinstance(self.screen, HelpScreen):
            return
        focus = self.screen.focused or self.screen
        bindings = self.screen.active_bindings.values()
        await self.push_screen(
            HelpScreen(help_text(focus.ancestors_with_self, bindings, self.get_key_display))
        )

    async def action_new_conversation(self) -> None:
        """Begin another conversation."""
        if self._engine is None or self._turn_runs():
            return
        await self._engine.new_conversation()
        await self._main.load_conversation()
        self._main.action_go("chat")

    async def action_sessions(self) -> None:
        """Choose an earlier conversation."""
        if self._engine is None or self._turn_runs():
            return
        from c2jy_tui.screens.sessions import SessionsScreen

        engine = self._engine
        conversations = await engine.conversations()

        async def chosen(conversation_id: str | None) -> None:
            if conversation_id:
                await engine.open_conversation(conversation_id)
                await self._main.load_conversation()
                self._main.action_go("chat")

        screen = SessionsScreen(conversations, current=engine.conversation_id, now=self._clock())
        await self.push_screen(screen, chosen)

    def _turn_runs(self) -> bool:
        if self._main.activity.turn_id:
            self.notify(say("chat.busy"), severity="warning")
        return bool(self._main.activity.turn_id)

    async def action_language(self, language: i18n.Language) -> None:
        """Speak another language: the same state on a screen made anew."""
        i18n.use(language)
        old = self._main
        self._main = MainScreen(self._transcript, old.activity, self._clock)
        text = old.chat.composer.text
        await self.switch_screen(self._main)
        self._main.chat.composer.write(text)
        if self._engine is not None:
            self.run_worker(self._meet(self._engine, with_messages=False), group="load", exit_on_error=False)

    def action_command_palette(self) -> None:
        """Ctrl+P."""
        from textual.command import CommandPalette

        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(id="--command-palette", placeholder=say("palette.search")))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Everything the app can do, for the palette."""
        other: i18n.Language = "zh" if i18n.language() == "en" else "en"
        main = self._main
        commands: dict[str, Callable[[], object]] = {
            "new": self.action_new_conversation,
            "sessions": self.action_sessions,
            "stop": main.action_stop,
            "copy_answer": main.chat.action_copy_answer,
            "copy_code": main.chat.action_copy_code,
            "chat": lambda: main.action_go("chat"),
            "inspector": lambda: main.action_go("inspector"),
            "drafts": lambda: main.action_go("drafts"),
            "theme": self.action_change_theme,
            "language": lambda: self.run_action(f"app.language('{other}')"),
            "help": self.action_help,
            "screenshot": lambda: self.set_timer(0.1, self.deliver_screenshot),
            "quit": self.action_quit,
        }
        for name, action in commands.items():
            yield SystemCommand(say(f"command.{name}"), say(f"command.{name}.tip"), action)
