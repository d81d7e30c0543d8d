"""Edit the arguments of a tool call before it runs again."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from c2jy_bridge.core.safety import visible
from c2jy_tui import formatting
from c2jy_tui.panes.inspector.labels import say
from c2jy_tui.screens.json_field import JsonField
from c2jy_tui.widgets.base_screens import BaseDialog
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.key_bar import KeyBar


class EditArgumentsScreen(BaseDialog[str | None]):
    """A text field with the arguments as JSON; answers with valid JSON of an object, or None."""

    CSS_PATH = "call_detail_edit.tcss"
    HELP = "inspector:help.edit"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("inspector", "call_edit.run", "ctrl+r", "run", priority=True),
        binding("inspector", "call_edit.back", "escape", "back", priority=True),
    ]

    def __init__(self, tool: str, arguments: str) -> None:
        super().__init__()
        self._tool = tool
        self._field = JsonField(visible(formatting.pretty_json(arguments or "{}")[0]))

    def compose(self) -> ComposeResult:
        """What is edited, the field, the keys."""
        with Vertical(id="call-edit"):
            tool = visible(self._tool, newlines=False)
            yield Static(Content.styled(say("edit.title", tool=tool), "bold"), id="title")
            yield self._field
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Straight into the text."""
        self._field.focus_text()

    def action_run(self) -> None:
        """Run with this text, unless it is not JSON of an object."""
        if not self._field.refuse():
            self.dismiss(self._field.text)
