"""Small dialogs of the app: a yes/no question, the list of conversations, the help on F1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option
from typing_extensions import override

from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import ConversationView
from c2jy_tui.formatting import clock_time
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


class SessionsScreen(BaseDialog[str]):
    """A list of conversations; the answer is the chosen one's id."""

    CSS_PATH = "dialogs.tcss"
    HELP = "tui:help.sessions"
    BINDINGS: ClassVar = [
        binding("tui", "sessions.down", "j", "move('down')", show=False),
        binding("tui", "sessions.up", "k", "move('up')", show=False),
        binding("tui", "sessions.open", "enter", "open"),
    ]

    def __init__(self, conversations: Sequence[ConversationView], *, current: str, now: float) -> None:
        """`conversations` are newest first; the cursor starts at the one whose id is `current`."""
        super().__init__()
        self._conversations = conversations
        self._current = current
        self._now = now

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("sessions.title")
            if not self._conversations:
                yield Static(say("sessions.none"), markup=False)
            yield OptionList(
                *(Option(self._line(one), id=one.conversation_id) for one in self._conversations),
                markup=False,
                compact=True,
            )

    def _line(self, one: ConversationView) -> Content:
        mark = "● " if one.conversation_id == self._current else "  "
        title = one_line(one.title) or say("sessions.untitled")
        when = clock_time(one.updated_at, self._now)[-1] if one.updated_at else ""
        turns = say("sessions.turns", n=one.turns)
        return Content.assemble(
            (mark, "$text-success"), (f"{when:>8}  ", "dim"), title, (f"  {turns}", "dim")
        )

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.display = bool(self._conversations)
        ids = [one.conversation_id for one in self._conversations]
        options.highlighted = ids.index(self._current) if self._current in ids else (0 if ids else None)
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_move(self, way: str) -> None:
        options = self.query_one(OptionList)
        if way == "down":
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_open(self) -> None:
        self.query_one(OptionList).action_select()


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
