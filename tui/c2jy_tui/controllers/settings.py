"""Opens the settings, the choice of a theme and the keys; applies at once what can be, and remembers it."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from c2jy_bridge.core import i18n
from c2jy_bridge.core.safety import visible
from c2jy_bridge.core.settings import SettingsError
from c2jy_bridge.core.settings_file import SettingsEditor
from c2jy_tui import themes
from c2jy_tui.labels import say
from c2jy_tui.screens.choice import Choice, ChoiceScreen

if TYPE_CHECKING:
    from c2jy_tui.app import C2jyApp


class SettingsController:
    """Changes the settings of one file from the screen."""

    def __init__(self, app: C2jyApp, editor: SettingsEditor) -> None:
        self._app = app
        self.editor = editor

    async def open(self) -> None:
        """Show every setting."""
        from c2jy_tui.screens.settings import SettingsScreen

        async def choose() -> bool:
            return await choose_theme(self._app, lambda theme: self.editor.change("screen.theme", theme))

        await self._app.push_screen(SettingsScreen(self.editor, self._take, choose, self.choose_keys))

    async def _take(self, key: str, value: Any) -> None:
        """Show a setting that was changed, if it is one of the screen's look."""
        name = key.partition(".")[2]
        if name != "lang":
            self._app.apply_look(replace(self._app.look, **{name: value}))
            return
        # In a worker of the app: the screen with the settings, which waits for this, closes.
        self._app.run_worker(self._change_language(value if value != "auto" else i18n.detect()))

    async def _change_language(self, language: i18n.Language) -> None:
        if language != i18n.language():
            await self._app.pop_screen()  # the settings, whose words are in the other language
            await self._app.action_language(language)

    async def choose_keys(self) -> None:
        """Let the user choose other keys, which count at once."""
        # It imports every screen, to know their keys.
        keys = await asyncio.to_thread(importlib.import_module, "c2jy_tui.screens.keys")

        def change(name: str, key: str | None) -> str:
            try:
                self.editor.change(f"screen.keymap.{name}", key)
            except SettingsError as error:
                return visible(self.editor.fault(error))
            keymap = dict(self._app.look.keymap)
            keymap.pop(name, None)
            if key is not None:
                keymap[name] = key
            self._app.apply_look(replace(self._app.look, keymap=keymap))
            return ""

        await self._app.push_screen_wait(keys.KeysScreen(lambda: self._app.look.keymap, change))


async def choose_theme(app: C2jyApp, remember: Callable[[str], None]) -> bool:
    """Let the user choose a theme, which is seen at once; `remember` keeps it for the next start."""
    choices = [Choice(name, name, "", say(f"theme.{about}")) for name, about in themes.ABOUT.items()]
    choices += [Choice(name, name, "", "") for name in sorted(set(app.available_themes) - set(themes.ABOUT))]
    before = app.look
    chosen = await app.push_screen_wait(
        ChoiceScreen(
            say("theme.title"),
            choices,
            before.theme,
            preview=lambda name: app.apply_look(replace(before, theme=name)),
        )
    )
    if chosen is None:
        app.apply_look(before)
        return False
    app.apply_look(replace(before, theme=chosen))
    try:
        remember(chosen)
    except SettingsError as error:
        app.notify(visible(str(error)), severity="warning", markup=False)
    return True
