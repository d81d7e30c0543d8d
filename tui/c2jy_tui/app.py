"""The app: draws the splash screen, then loads the main screen, then starts the engine."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.driver import Driver
from textual.filter import Monochrome, NoColor
from textual.message_pump import MessagePump
from textual.screen import Screen
from typing_extensions import override

from c2jy_bridge.core import gc_control, i18n
from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui import desktop, themes
from c2jy_tui.formatting import Clock, error_reason
from c2jy_tui.labels import say
from c2jy_tui.screens.splash import SplashScreen
from c2jy_tui.terminal.frame import Frame, FrameRate, erases_in_colour
from c2jy_tui.terminal.key_order import KeyOrder, Processed
from c2jy_tui.themes import Look
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.workspace import BREAKPOINTS

if TYPE_CHECKING:
    from rich.console import RenderableType

    # Imported after the first paint: with the events and the panes they take longer than Textual itself.
    from c2jy_bridge.core.settings_file import SettingsEditor
    from c2jy_bridge.engine import Engine
    from c2jy_bridge.engine.guide import Guide
    from c2jy_tui.controllers.settings import SettingsController
    from c2jy_tui.screens.main import MainScreen, Session


log: Final = logging.getLogger("c2jy_bridge.tui")
"""A child of the engine's logger, so that it writes to the engine's log."""
# Before that is open, logging would print warnings, which the app captures, and logs, and prints.
log.addHandler(logging.NullHandler())

_CATCH_UP_S: Final = 1.0
"""Seconds that a screen being replaced may take to process the keys that it has got."""
_PAUSE_S: Final = 3.0
"""Seconds without a key after which a full garbage collection is not noticed."""
_SLICE_S: Final = 0.004
"""Seconds of processing events after which keys and drawing get a turn."""


class C2jyApp(App[None]):
    """The Textual application."""

    TITLE = "c2jy-tui"
    # Textual loads the CSS of screens that are pushed, not that of the default screen.
    CSS_PATH: ClassVar = ["app.tcss", "screens/splash.tcss"]
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar = [
        binding("tui", "app.help", "f1", "help", priority=True),
        binding("tui", "app.jump", "ctrl+g", "jump", priority=True),
        binding("tui", "app.settings", "f9", "settings", show=False),
        binding("tui", "app.quit", "ctrl+q", "quit", show=False, priority=True),
        binding("tui", "app.interrupt", "ctrl+c", "interrupt", show=False, priority=True),
        binding("tui", "app.suspend", "ctrl+z", "suspend_process", show=False, priority=True),
        binding("tui", "app.redraw", "ctrl+l", "redraw", show=False),
    ]

    def __init__(
        self,
        start_engine: Callable[[], Awaitable[Engine]],
        look: Look | None = None,
        lang: i18n.Language = "en",
        *,
        clock: Clock = time.time,
        folder: Path | None = None,
        first_run: Callable[[], Awaitable[Guide | None]] | None = None,
        keep: Callable[[Mapping[str, object]], None] = lambda _settings: None,
        edit_settings: Callable[[], SettingsEditor] | None = None,
    ) -> None:
        """Args:
        start_engine: Makes the engine; awaited after the first paint.
        look: Theme and keys.
        lang: Language to begin with.
        clock: Unix seconds; the same clock as the engine's.
        folder: Where files go: exports, a copy that no clipboard takes; the current directory when None.
        first_run: Returns the guide when one is needed; awaited before the engine is made.
        keep: Writes settings of the screen, by their names, to the settings file; called in a thread.
        edit_settings: Makes what changes the settings; without it nothing is remembered.
        """
        i18n.use(lang)
        self.look = look or Look()
        super().__init__()
        for theme in themes.OURS:
            self.register_theme(theme)
        if self.no_color:
            # Of colours Textual 8.2.8 makes greys, which are colours too.
            self._filters = [NoColor() if isinstance(one, Monochrome) else one for one in self._filters]
        if self.look.low_bandwidth:
            self.animation_level = "none"
        self._start_engine = start_engine
        self._clock = clock
        self._folder = folder
        self._first_run = first_run
        self._keep_settings = keep
        self._edit_settings = edit_settings
        self._settings: SettingsController | None = None
        self._engine: Engine | None = None
        self._main: MainScreen | None = None
        self._keys = KeyOrder(self, super().on_event)
        self._held: list[events.Key | events.Paste] | None = None
        """Keys and pastes that wait while one screen replaces another; None when none is to wait."""
        self._leaving = False
        self._last_input = monotonic()
        self._frames = FrameRate(10) if self.look.low_bandwidth else None
        self._frame = Frame(erases_in_colour=erases_in_colour())

    # --- coming and going --------------------------------------------------------------------------

    @override
    def get_driver_class(self) -> type[Driver]:
        found = super().get_driver_class()
        if found.__module__ == "textual.drivers.windows_driver":
            from textual.drivers import win32

            from c2jy_tui.terminal.pastes import PasteParser

            # Its thread makes its parser by this name; there is no other place to put one in.
            vars(win32)["XTermParser"] = PasteParser
            return found
        if found.__module__ != "textual.drivers.linux_driver":
            return found  # a browser
        from c2jy_tui.terminal.driver import FrugalDriver, TerminalDriver

        return FrugalDriver if self.look.low_bandwidth else TerminalDriver

    @override
    def get_default_screen(self) -> Screen[None]:
        return SplashScreen(self.look.shares)

    def on_mount(self) -> None:
        """Apply the theme, draw the first frame, then start the engine."""
        self.apply_look(self.look)
        self.begin_capture_print(self)
        # Ctrl+Z: Textual 8.2.8 starts the terminal again, and leaves it empty.
        self.app_resume_signal.subscribe(self, lambda _app: self.refresh(layout=True))
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        self.run_worker(self._begin(), group="begin")

    def on_print(self, event: events.Print) -> None:
        """Log what tools print: it has no place on the screen."""
        if event.text.strip():
            log.warning("printed: %s", event.text.rstrip())

    def apply_look(self, look: Look) -> None:
        """Apply a theme and a keymap; an unknown theme is named in a notice."""
        self.look = look
        theme = themes.theme_for(look.theme, None if self.no_color else self.console.color_system)
        if theme in self.available_themes:
            self.theme = theme
        else:
            self.notify(say("app.no_theme", theme=visible(look.theme)), severity="warning", markup=False)
        self.set_keymap(dict(look.keymap))

    async def _begin(self) -> None:
        """Show the main screen, start the engine, then process its events."""
        await asyncio.to_thread(importlib.import_module, "c2jy_tui.screens.main")
        from c2jy_tui.controllers.activity import Activity
        from c2jy_tui.screens.main import Session
        from c2jy_tui.widgets.markdown_blocks import warm_up

        splash = self.screen
        async with self._keys_held(splash):
            main = await self._show_main(Session(Activity(since=self._clock()), shares=self.look.shares))
            if isinstance(splash, SplashScreen):
                main.chat.composer.write(splash.typed)
                if splash.asked:
                    await main.chat_controller.ask(splash.asked)
        self.run_worker(warm_up, group="warm up", thread=True, exit_on_error=False)
        gc_control.leave_full_collections()
        self.set_interval(_PAUSE_S, self._collect_in_pause)
        try:
            await self._guide_first()
            main = self._main or main
            self._engine = await self._start_engine()
        except SystemExit as stop:
            # Textual does not catch it; without this the terminal would not be restored.
            self.exit(return_code=stop.code if isinstance(stop.code, int) else 1)
        except Exception as error:
            # Whatever it is, the user reads it on the screen and not as a traceback.
            main.engine_failed(error)
        else:
            await self._process_events(self._engine, main)

    def _collect_in_pause(self) -> None:
        gc_control.collect_in_pause(idle=monotonic() - self._last_input > _PAUSE_S)

    async def _guide_first(self) -> None:
        """Show the first-run guide if one is needed, and wait for its end."""
        guide = await self._first_run() if self._first_run is not None else None
        if guide is None or self._main is None:
            return
        from c2jy_tui.screens.setup import SetupScreen

        before = i18n.language()
        await self.push_screen_wait(SetupScreen(guide))
        if i18n.language() != before:
            await self._show_main(self._main.session)

    @contextlib.asynccontextmanager
    async def _keys_held(self, taker: MessagePump) -> AsyncIterator[None]:
        """Hold keys back while the main screen is replaced, and give them to its composer in their order.

        `taker` has got keys so far: inside the block it has processed all of them.
        """
        self._held = []
        try:
            processed = asyncio.Event()
            taker.call_later(processed.set)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(processed.wait(), _CATCH_UP_S)
            yield
            if self._main is not None:
                self._main.set_focus(self._main.chat.composer)  # `focus` would take effect later
        finally:
            while self._held:
                await self._keys.take(self._held.pop(0))
            self._held = None

    @override
    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Draw an update, as far as it changes anything."""
        drawn = not self._batch_count and self._running and not self._closed and not self.is_headless
        if not drawn or not isinstance(renderable, LayoutUpdate | ChopsUpdate):
            super()._display(screen, renderable)
            return
        if self._frames is not None:
            self._frames.drawn(monotonic())
        update = self._frame.update(renderable, self.console)
        moved = self.screen.outer_size.clamp_offset(self.cursor_position) != self._previous_cursor_position
        super()._display(screen, update if update.text or moved else None)  # type: ignore[arg-type]  # as all updates

    @property
    def may_draw(self) -> bool:
        """Whether a screen that changed may be drawn now; if not, it asks again."""
        return self._frames is None or self._frames.allows(monotonic())

    @override
    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Resize):
            # Also when the app comes back from Ctrl+Z, with the size that it had: Textual would draw nothing.
            self.action_redraw()
        elif isinstance(event, events.InputEvent | events.Paste):
            self._last_input = monotonic()
            if self._frames is not None:
                self._frames.used(self._last_input)
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._held is not None:
            self._held.append(event)
        else:
            await self._keys.take(event)

    def on_processed(self, event: Processed) -> None:
        """The key before it has been processed."""
        self._keys.processed(event.number)

    def _keep(self, settings: Mapping[str, object]) -> None:
        self.run_worker(partial(self._keep_or_say, settings), group="keep", thread=True, exit_on_error=False)

    def _keep_or_say(self, settings: Mapping[str, object]) -> None:
        try:
            self._keep_settings(settings)
        except Exception as error:  # it is what the user sees already that could not be kept
            text = say("app.not_kept", why=one_line(str(error)))
            self.call_from_thread(self.notify, text, severity="warning", markup=False)

    async def _show_main(self, session: Session) -> MainScreen:
        """Create the main screen and switch to it; each language has its own mode, one at a time."""
        from c2jy_tui.screens.main import MainScreen

        self._main = main = MainScreen(
            session, self._clock, export_folder=self._folder, alert=self.alert, keep=self._keep
        )
        before = self.current_mode
        self.add_mode(i18n.language(), lambda: main)
        await self.switch_mode(i18n.language())
        if before in ("en", "zh"):
            await self.remove_mode(before)
        return main

    async def _process_events(self, engine: Engine, main: MainScreen) -> None:
        """Pass every event to the main screen, until the engine closes."""
        events = engine.events()
        self._attach_engine(engine, main)
        last_rest = time.perf_counter()
        async for event in events:
            if self._leaving:
                continue  # screens are being taken down: nothing may be drawn or opened any more
            screen = self._main or main  # a change of language makes another
            try:
                screen.show(event)
            except Exception as error:
                # An event that cannot be drawn must not hide the events after it.
                log.exception("%s", type(event).__name__)
                screen.fail("internal", say("app.show_failed"), error)
            if time.perf_counter() - last_rest > _SLICE_S:
                await asyncio.sleep(0.001)
                last_rest = time.perf_counter()

    def _attach_engine(self, engine: Engine, main: MainScreen, *, with_messages: bool = True) -> None:
        attaching = main.attach_engine(engine, with_messages=with_messages)
        self.run_worker(attaching, group="attach_engine", exit_on_error=False)

    async def on_unmount(self) -> None:
        """Close the engine, which first finishes what must not be lost."""
        if self._engine is not None:
            await self._engine.close()

    @override
    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        self._leaving = True
        super().exit(result, return_code, message)

    def action_interrupt(self) -> None:
        """Ctrl+C: copy what is selected; else say which key ends the app and which stops an answer."""
        selected = self.screen.get_selected_text() or getattr(self.focused, "selected_text", "")
        if selected:
            self.copy_to_clipboard(selected)
            return
        bound = (active.binding for active in self.screen.active_bindings.values())
        leave = next((one for one in bound if one.id == "app.quit"), None)
        self.notify(say("app.interrupt", key=self.get_key_display(leave) if leave else "ctrl+q"))

    @override
    def action_suspend_process(self) -> None:
        """Ctrl+Z: go back to the shell until `fg`; not where no shell could bring the app back."""
        if not desktop.has_job_control():
            self.notify(say("app.no_shell"), severity="warning")
        elif self._driver is not None and self._driver.can_suspend:
            self.app_suspend_signal.publish(self)
            os.killpg(0, signal.SIGTSTP)  # a wrapper that started us (uv run) has to stop as well

    @override
    async def action_quit(self) -> None:
        """Leave; asks first when something would be lost."""
        if self._main is None or not self._main.activity.busy:
            self.exit()
            return
        from c2jy_tui.screens.dialogs import ConfirmScreen

        if isinstance(self.screen, ConfirmScreen):
            return

        def answered(leave: bool | None) -> None:
            if leave:
                self.exit()

        activity = self._main.activity
        what = "turn" if activity.turn_id else "call" if activity.running else "workflow"
        text = say(f"quit.{what}")
        await self.push_screen(ConfirmScreen(say("quit.title"), text), answered)

    @override
    def get_key_display(self, binding: Binding) -> str:
        """How a key is written: F1 to F12 as on the keyboard."""
        shown = super().get_key_display(binding)
        return shown.upper() if shown[:1] == "f" and shown[1:].isdecimal() else shown

    def alert(self, text: str) -> None:
        """Ring, or show a notice on the desktop, as the settings say."""
        if self._driver is not None and (sequence := desktop.alert_sequence(self.look.alerts, text)):
            self._driver.write(sequence)
            self._driver.flush()

    # --- for everybody -----------------------------------------------------------------------------

    @override
    def copy_to_clipboard(self, text: str) -> None:
        """Copy in the most reliable way available, and report the result."""
        self.run_worker(self._copy(text), group="copy", exit_on_error=False)

    async def _copy(self, text: str) -> None:
        if await desktop.copy_text(text, super().copy_to_clipboard):
            self.notify(say("copy.done", n=len(text)), timeout=3)
            return
        try:
            path = desktop.write_copied_text(text, self._folder or Path.cwd(), self._clock())
        except OSError as error:
            why = error_reason(error)
            self.notify(say("copy.failed", why=why), severity="error", markup=False)
        else:
            where = one_line(str(path))
            self.notify(say("copy.file", path=where), timeout=12, markup=False)

    @override
    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Save a screenshot beside the other exports; Textual would need a downloads folder."""
        folder, picture = Path(path) if path else self._folder or Path.cwd(), self.export_screenshot()
        try:
            kept = desktop.write_new_file(folder, filename or "screen", "svg", picture, self._clock())
        except OSError as error:
            failed = say("detail.not_written", folder=visible(str(folder)), error=error_reason(error))
            self.notify(failed, severity="error", markup=False)
        else:
            self.notify(say("detail.written", path=visible(str(kept))), timeout=12, markup=False)

    def action_jump(self) -> None:
        """Ctrl+G: a letter on everything that can be gone to."""
        from c2jy_tui.screens.jump import jump

        jump(self.screen)

    async def action_help(self) -> None:
        """F1: what the focused pane is for, and its keys."""
        from c2jy_tui.screens.dialogs import HelpScreen, help_text

        if isinstance(self.screen, HelpScreen):
            return
        focus = self.screen.focused or self.screen
        bindings = self.screen.active_bindings.values()
        text = help_text(focus.ancestors_with_self, bindings, self.get_key_display)
        await self.push_screen(HelpScreen(text))

    async def action_language(self, language: i18n.Language) -> None:
        """Switch the language: the same session on a new screen."""
        if self._main is None or language == i18n.language():
            return
        i18n.use(language)
        before = self._main
        async with self._keys_held(before.chat.composer):
            draft, queued = before.chat.composer.text, before.chat.queued
            main = await self._show_main(before.session)
            main.chat.composer.write(draft)
            main.chat.set_queued(queued)
        if self._engine is not None:
            self._attach_engine(self._engine, main, with_messages=False)

    def action_redraw(self) -> None:
        """Ctrl+L: write the whole screen again, after something else wrote to the terminal."""
        self._frame.forget()
        self.refresh()

    async def action_other_language(self) -> None:
        other: i18n.Language = "zh" if i18n.language() == "en" else "en"
        await self.action_language(other)
        self._keep({"lang": other})

    @property
    def settings(self) -> SettingsController | None:
        """What changes the settings, made when it is first needed."""
        if self._settings is None and self._edit_settings is not None:
            from c2jy_tui.controllers.settings import SettingsController

            self._settings = SettingsController(self, self._edit_settings())
        return self._settings

    def action_settings(self, part: str = "") -> None:
        """F9: all settings, or the keys; not above a dialog, which may be a question."""
        if self.settings is not None and self.screen is self._main:
            opening = self.settings.choose_keys() if part == "keys" else self.settings.open()
            self.run_worker(opening, group="choose", exit_on_error=False)

    @override
    def action_command_palette(self) -> None:
        from textual.command import CommandPalette

        from c2jy_tui.screens.palette import command_palette

        if not isinstance(self.screen, CommandPalette):
            self.push_screen(command_palette())

    @override
    def action_change_theme(self) -> None:
        from c2jy_tui.controllers.settings import choose_theme

        choosing = choose_theme(self, lambda theme: self._keep({"theme": theme}))
        self.run_worker(choosing, group="choose", exit_on_error=False)

    @override
    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The commands of the palette for a screen."""
        from c2jy_tui.screens.palette import app_commands

        for name, _, run in app_commands(self, screen):
            yield SystemCommand(say(f"command.{name}"), say(f"command.{name}.tip"), run)
