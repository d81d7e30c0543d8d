"""Earlier conversations, to open one of them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from c2jy_bridge.core.safety import visible
from c2jy_bridge.core.views import ConversationView
from c2jy_tui.formatting import clock_time
from c2jy_tui.labels import say
from c2jy_tui.widgets.base_screens import BaseDialog
from c2jy_tui.widgets.bindings import binding


class SessionsScreen(BaseDialog[str]):
    """A list of conversations; the answer is the chosen one's id."""

    CSS_PATH = "sessions.tcss"
    HELP = "tui:help.sessions"
    BINDINGS: ClassVar = [
        binding("tui", "sessions.down", "j", "move('down')", show=False),
        binding("tui", "sessions.up", "k", "move('up')", show=False),
        binding("tui", "sessions.open", "enter", "open"),
    ]

    def __init__(self, conversations: Sequence[ConversationView], *, current: str, now: float) -> None:
        """Args:
        conversations: Newest first.
        current: The id of the open one; the cursor starts there.
        now: Unix seconds, to say today's times without their date.
        """
        super().__init__()
        self._conversations = conversations
        self._current = current
        self._now = now

    def compose(self) -> ComposeResult:
        """One line a conversation: when, what it began with, how many turns."""
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
        title = visible(one.title, newlines=False) or say("sessions.untitled")
        when = clock_time(one.updated_at, self._now)[-1] if one.updated_at else ""
        turns = say("sessions.turns", n=one.turns)
        return Content.assemble(
            (mark, "$text-success"), (f"{when:>8}  ", "dim"), title, (f"  {turns}", "dim")
        )

    def on_mount(self) -> None:
        """Start at the open conversation."""
        options = self.query_one(OptionList)
        options.display = bool(self._conversations)
        ids = [one.conversation_id for one in self._conversations]
        options.highlighted = ids.index(self._current) if self._current in ids else (0 if ids else None)
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open it."""
        self.dismiss(event.option.id)

    def action_move(self, way: str) -> None:
        """j and k."""
        options = self.query_one(OptionList)
        if way == "down":
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_open(self) -> None:
        """Open the one under the cursor."""
        self.query_one(OptionList).action_select()
