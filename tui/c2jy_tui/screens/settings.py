"""The settings screen: every field of `Settings` with its help, its value and where that comes from."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final

from rich.cells import cell_len
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from typing_extensions import override

from c2jy_bridge.core.safety import one_line, visible
from c2jy_bridge.core.settings import SettingsError
from c2jy_bridge.core.settings_file import Setting, SettingsEditor, all_settings
from c2jy_tui.labels import say
from c2jy_tui.screens.choice import Choice, ChoiceScreen
from c2jy_tui.widgets.bindings import BaseScreen, binding
from c2jy_tui.widgets.key_bar import KeyBar

_NAME_CELLS: Final = 26
AT_ONCE: Final = ("screen.theme", "screen.lang", "screen.keymap", "screen.alerts")
"""Settings that the screen takes at once; the others are read at the start."""


class SettingsList(OptionList):
    """The settings below the names of their groups."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "settings.change", "enter", "select"),
        binding("tui", "settings.down", "j", "cursor_down", show=False),
        binding("tui", "settings.up", "k", "cursor_up", show=False),
    ]


class SettingField(Input):
    """The value of a setting as a text; Esc leaves it as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [binding("tui", "settings.keep", "escape", "screen.keep")]


class SettingsScreen(BaseScreen):
    """Shows and changes the settings of one file."""

    CSS_PATH = "settings.tcss"
    HELP = "tui:help.settings"
    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "settings.reset", "delete", "reset"),
        binding("tui", "settings.take_back", "U", "take_back"),
        binding("tui", "settings.filter", "slash", "filter"),
        binding("tui", "dialog.back", "escape", "back"),
    ]

    def __init__(
        self,
        editor: SettingsEditor,
        changed: Callable[[str, Any], Awaitable[None]],
        choose_theme: Callable[[], Awaitable[bool]],
        choose_keys: Callable[[], Awaitable[None]],
    ) -> None:
        """Args:
        editor: The file and what is in force.
        changed: Called with a setting and its new value, for those that count at once.
        choose_theme: Lets the user choose a theme while it is seen.
        choose_keys: Shows the keys, to change them.
        """
        super().__init__()
        self._editor = editor
        self._changed = changed
        self._choose_theme = choose_theme
        self._choose_keys = choose_keys
        self._settings = {one.key: one for one in all_settings()}
        self._values: dict[str, Any] = {}
        self._named: set[str] = set()
        """Those that the file sets."""
        self._key = ""
        """The setting under the cursor."""
        self._list = SettingsList(id="list", markup=False, compact=True)
        self._field = SettingField(id="field", compact=True, select_on_focus=False)
        self._problem = Static(id="problem", markup=False)

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="settings"):
            yield Static(id="file", markup=False)
            with Container(id="body"):
                with Vertical(id="left"):
                    yield Input(id="words", compact=True, placeholder=say("settings.words"))
                    yield self._list
                with VerticalScroll(id="about", can_focus=False):
                    yield Static(id="help", markup=False)
                    yield self._field
                    yield self._problem
            yield KeyBar(compact=True)

    def on_mount(self) -> None:
        where = visible(str(self._editor.file.path))
        if self._editor.profile:
            where = say("settings.profile", path=where, profile=self._editor.profile)
        if self._editor.demo:
            where = say("settings.demo", path=where)
        self.query_one("#file", Static).update(
            Content.assemble((say("settings.title"), "bold"), f"  {where}")
        )
        self.show_values()
        self._fill("")

    def show_values(self) -> None:
        """Read the file again and show what is in force."""
        try:
            self._values, self._named = self._editor.values(), self._editor.file.named()
        except SettingsError as error:
            self._problem.update(Content(visible(self._editor.fault(error))))
        for option in self._list.options:
            if option.id and not option.disabled:
                self._list.replace_option_prompt(option.id, self._line(self._settings[option.id]))
        self._describe()

    def _fill(self, words: str) -> None:
        """List the settings whose name, help or group has all of the words."""
        listed: list[Option] = []
        group = ""
        for one in self._settings.values():
            title = say(f"settings.group.{one.key.rpartition('.')[0] or 'general'}")
            text = f"{one.key} {one.about} {title}".casefold()
            if not all(word in text for word in words.casefold().split()):
                continue
            if title != group:
                listed.append(Option(Content.styled(f" {title}", "bold"), disabled=True))
                group = title
            listed.append(Option(self._line(one), id=one.key))
        self._list.set_options(listed)
        at = next((n for n, option in enumerate(listed) if option.id == self._key), None)
        self._list.highlighted = at if at is not None else (1 if listed else None)
        self._describe()

    def _line(self, one: Setting) -> Content:
        name = one.key.rpartition(".")[2]
        space = " " * max(1, _NAME_CELLS - cell_len(name))
        mark = "• " if one.key in self._named else "  "
        fixed = f"  {self._editor.fixed_by(one.key)}" if self._editor.fixed_by(one.key) else ""
        return Content.assemble(f" {mark}{name}{space}", self._shown(one), (fixed, "dim"))

    def _shown(self, one: Setting) -> str:
        value = self._values.get(one.key)
        if one.kind == "secret":
            return say("settings.is_set") if value else say("settings.not_set")
        if one.kind == "switch":
            return say("settings.on") if value else say("settings.off")
        return one_line(_text(value)) or say("settings.not_set")

    # --- the setting under the cursor --------------------------------------------------------------

    @on(OptionList.OptionHighlighted, "#list")
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_id and event.option_id != self._key:
            self._key = event.option_id
            self._problem.update("")
            self._close_field()
            self._describe()

    def _describe(self) -> None:
        one = self._settings.get(self._key)
        if one is None or not self.is_mounted:
            return
        fixed = self._editor.fixed_by(one.key)
        default = "" if one.kind in ("secret", "table") else one_line(_text(one.default))
        head = Content.assemble((one.key, "$text-primary bold"), "  ", self._shown(one))
        lines = [head, Content(one.about)]
        facts = [say("settings.choices", choices=" · ".join(one.choices))] if one.choices else []
        facts += [say("settings.default", default=default)] if default else []
        lines += [Content.styled(fact, "$text-muted") for fact in facts]
        if fixed:
            lines.append(Content.styled(say("settings.fixed", where=fixed), "$text-warning"))
        elif one.key not in AT_ONCE:
            lines.append(Content.styled(say("settings.next_start"), "$text-muted"))
        self.query_one("#help", Static).update(Content("\n").join(lines))

    @on(OptionList.OptionSelected, "#list")
    @work(group="settings", exclusive=True, exit_on_error=False)
    async def _change(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        one = self._settings[event.option_id or self._key]
        if fixed := self._editor.fixed_by(one.key):
            self._problem.update(say("settings.fixed", where=fixed))
            return
        if one.key == "screen.theme":
            if await self._choose_theme():
                self.show_values()
        elif one.key == "screen.keymap":
            await self._choose_keys()
            self.show_values()
        elif one.kind == "switch":
            await self._write(one.key, not self._values.get(one.key))
        elif one.kind == "choice":
            now = str(self._values.get(one.key))
            choices = [Choice(value, value, "", "") for value in one.choices]
            chosen = await self.app.push_screen_wait(ChoiceScreen(one.key, choices, now))
            if chosen is not None:
                await self._write(one.key, chosen)
        else:
            self._open_field(one)

    def _open_field(self, one: Setting) -> None:
        self._field.password = one.kind == "secret"
        self._field.value = "" if one.kind == "secret" else _text(self._values.get(one.key))
        self._field.cursor_position = len(self._field.value)
        self._field.placeholder = say("settings.empty")
        self._field.add_class("-open")
        self._field.focus()
        self.call_after_refresh(self._field.scroll_visible, animate=False)

    def _close_field(self) -> None:
        if self._field.has_class("-open"):
            self._field.remove_class("-open")
            self._list.focus()

    @on(Input.Submitted, "#field")
    @work(group="settings", exclusive=True, exit_on_error=False)
    async def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if await self._write(self._key, event.value.strip() or None):
            self._close_field()

    @on(Input.Changed, "#field")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._problem.update("")

    async def _write(self, key: str, value: Any) -> bool:
        """Write a setting; a refusal is shown beside it."""
        try:
            self._editor.change(key, value)
        except SettingsError as error:
            self._problem.update(Content(visible(self._editor.fault(error))))
            self.call_after_refresh(self._problem.scroll_visible, animate=False)
            return False
        await self._written(key)
        return True

    async def _written(self, key: str) -> None:
        self._problem.update("")
        self.show_values()
        self.refresh_bindings()
        if key in AT_ONCE:
            await self._changed(key, self._values.get(key))

    # --- keys --------------------------------------------------------------------------------------

    def action_keep(self) -> None:
        """Leave the field; the setting stays as it is."""
        self._problem.update("")
        self._close_field()

    @work(group="settings", exclusive=True, exit_on_error=False)
    async def action_reset(self) -> None:
        """Give the setting its default again."""
        if self._key in self._named:
            await self._write(self._key, None)

    @work(group="settings", exclusive=True, exit_on_error=False)
    async def action_take_back(self) -> None:
        """Take back the last change."""
        try:
            key = self._editor.undo()
        except SettingsError as error:
            self._problem.update(Content(visible(self._editor.fault(error))))
            return
        key = next((one for one in self._settings if key == one or key.startswith(f"{one}.")), key)
        if any(option.id == key for option in self._list.options):
            self._list.highlighted = self._list.get_option_index(key)
        await self._written(key)

    def action_filter(self) -> None:
        words = self.query_one("#words", Input)
        words.add_class("-open")
        words.focus()

    @on(Input.Changed, "#words")
    def _filtered(self, event: Input.Changed) -> None:
        event.stop()
        self._fill(event.value)

    @on(Input.Submitted, "#words")
    def _filter_kept(self, event: Input.Submitted) -> None:
        event.stop()
        event.input.set_class(bool(event.value), "-open")
        self._list.focus()

    def action_back(self) -> None:
        """Leave the filter, then the screen."""
        words = self.query_one("#words", Input)
        if words.has_class("-open"):
            words.value = ""
            words.remove_class("-open")
            self._list.focus()
        else:
            self.dismiss(None)

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._editor.can_undo if action == "take_back" else True


def _text(value: Any) -> str:
    """A value as it is written into the field and read back from it."""
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(str(k))} = {json.dumps(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        words = [str(one) for one in value]
        return json.dumps(words) if any("," in word for word in words) else ", ".join(words)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
