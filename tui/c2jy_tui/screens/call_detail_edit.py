"""Edit the arguments of a tool call before it runs again."""

from __future__ import annotations

import json
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from c2jy_bridge.safety import visible
from c2jy_tui import json_text
from c2jy_tui.bindings import binding
from c2jy_tui.frame import FrameModal
from c2jy_tui.key_bar import KeyBar
from c2jy_tui.panes.inspector.words import say


class EditArgumentsScreen(FrameModal[str | None]):
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
        self._arguments = visible(json_text.pretty(arguments or "{}")[0])

    def compose(self) -> ComposeResult:
        """What is edited, the field, what is wrong with it, the keys."""
        with Vertical(id="call-edit"):
            tool = visible(self._tool, newlines=False)
            yield Static(Content.styled(say("edit.title", tool=tool), "bold"), id="title")
            yield TextArea(self._arguments, show_line_numbers=True, tab_behavior="indent", id="json")
            yield Static(id="fault")
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Straight into the text."""
        self.query_one(TextArea).focus()

    @on(TextArea.Changed)
    def _check(self) -> None:
        fault = self._fault()
        shown = Content(say("edit.valid")) if fault is None else Content(fault[0])
        self.query_one("#fault", Static).update(shown)
        self.set_class(fault is not None, "-faulty")

    def _fault(self) -> tuple[str, tuple[int, int]] | None:
        """What is wrong with the text and where (row, column), or None."""
        try:
            parsed = json.loads(self.query_one(TextArea).text)
        except json.JSONDecodeError as error:
            where = (error.lineno - 1, error.colno - 1)
            return say("edit.not_json", line=error.lineno, column=error.colno, error=error.msg), where
        except (ValueError, RecursionError) as error:
            return say("edit.not_usable", error=error), (0, 0)
        if not isinstance(parsed, dict):
            return say("edit.not_object"), (0, 0)
        return None

    def action_run(self) -> None:
        """Run with this text, unless it is not JSON of an object: then go to the fault."""
        area = self.query_one(TextArea)
        if (fault := self._fault()) is None:
            self.dismiss(area.text)
        else:
            area.move_cursor(fault[1])
            self.notify(fault[0], severity="error", markup=False)
