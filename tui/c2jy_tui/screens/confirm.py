"""A question with two answers, before something is lost."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button

from c2jy_tui.labels import say
from c2jy_tui.panes.chat.prose import Prose
from c2jy_tui.widgets.base_screens import BaseDialog
from c2jy_tui.widgets.bindings import binding


class ConfirmScreen(BaseDialog[bool]):
    """Yes or no; Esc is no."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar = [
        binding("tui", "confirm.yes", "y", "answer(True)"),
        binding("tui", "confirm.no", "n", "answer(False)"),
        binding("tui", "confirm.next", "left,right", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._heading = title
        self._text = text

    def compose(self) -> ComposeResult:
        """The question and its answers."""
        with Vertical(id="dialog") as dialog:
            dialog.border_title = self._heading
            yield Prose(self._text, markdown=False)
            with Horizontal(id="answers"):
                yield Button(f"Y {say('key.yes')}", id="yes", variant="error", compact=True)
                yield Button(f"N {say('key.no')}", id="no", compact=True)

    def on_mount(self) -> None:
        """No is the safe answer."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A click, or Enter on a button."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by key."""
        self.dismiss(yes)
