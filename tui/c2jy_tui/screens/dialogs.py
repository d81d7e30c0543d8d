"""Small dialogs of the app: a yes/no question, one line of text, the help on F1."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.dom import DOMNode
from textual.widgets import Button, Input, Static
from typing_extensions import override

from c2jy_bridge.core.safety import one_line
from c2jy_tui.labels import label, say
from c2jy_tui.screens.settling import SettlingDialog
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.prose import Prose


class ConfirmScreen(SettlingDialog[bool]):
    """Yes or no; Esc is no. Keys count as soon as the question is on the screen."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar = [
        binding("tui", "confirm.yes", "y", "answer(True)"),
        binding("tui", "confirm.no", "n", "answer(False)"),
        binding("tui", "confirm.next", "left,right", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._heading = title
        self._text = text

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = self._heading
            yield Prose(self._text, markdown=False)
            with Horizontal(id="answers"):
                yield Button(f"Y {say('key.yes')}", id="yes", variant="error", compact=True)
                yield Button(f"N {say('key.no')}", id="no", compact=True)

    @property
    @override
    def quiet_s(self) -> float:
        return 0.0

    def on_mount(self) -> None:
        """Focus No, the safe answer."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if self.settled:
            self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)


class LineScreen(BaseDialog[str]):
    """Asks for one line of text; the answer is not blank, unless that is an answer too."""

    CSS_PATH = "dialogs.tcss"

    def __init__(self, title: str, text: str, about: str = "", *, may_be_blank: bool = False) -> None:
        """`text` is there to be changed; `about` is a line below it."""
        super().__init__()
        self._may_be_blank = may_be_blank
        self._heading = title
        self._text = text
        self._about = about

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = self._heading
            yield Input(one_line(self._text), select_on_focus=False, compact=True)
            yield Static(self._about, id="about", markup=False)

    def on_mount(self) -> None:
        self.query_one("#about").display = bool(self._about)
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() or self._may_be_blank:
            self.dismiss(event.value.strip())


def help_text(
    focused: Iterable[DOMNode], bindings: Iterable[ActiveBinding], key_of: Callable[[Binding], str]
) -> str:
    """The help for where the focus is, as Markdown.

    Args:
        focused: The focused widget and its ancestors, nearest first; the first with a `HELP` explains.
        bindings: Every binding that works there, in words.
        key_of: How a key is written.
    """
    about = label(next((str(node.HELP) for node in focused if node.HELP), "tui:help.app"))
    rows: dict[str, tuple[str, list[str]]] = {}
    # What the footer shows comes first.
    for active in sorted(bindings, key=lambda active: not active.binding.show):
        binding = active.binding
        if binding.id and binding.description:
            keys = rows.setdefault(binding.id, (binding.tooltip or binding.description, []))[1]
            if (key := key_of(binding)) not in keys:
                keys.append(key)
    table = [f"| {say('help.key')} | {say('help.what')} | {say('help.id')} |", "|---|---|---|"]
    table += [f"| {' '.join(keys)} | {what} | `{identity}` |" for identity, (what, keys) in rows.items()]
    return "\n".join([about, "", *table, "", say("help.remap")])


class HelpScreen(BaseDialog[None]):
    """Shows a help text."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar = [
        binding("tui", "help.back", "f1,q", "back", show=False),
        binding("tui", "help.down", "j", "scroll(1)", show=False),
        binding("tui", "help.up", "k", "scroll(-1)", show=False),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("help.title")
            dialog.border_subtitle = say("help.close")
            with VerticalScroll(id="text"):
                yield Prose(self._text)

    def on_mount(self) -> None:
        self.query_one("#text").focus()

    def action_scroll(self, step: int) -> None:
        self.query_one("#text").scroll_relative(y=step, animate=False)
