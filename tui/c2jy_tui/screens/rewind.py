"""Lists the questions of the open conversation, to go back to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option
from typing_extensions import override

from c2jy_bridge.core.safety import one_line
from c2jy_bridge.core.views import MessageView
from c2jy_tui.formatting import clock_time
from c2jy_tui.labels import say
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar


class QuestionList(OptionList):
    """One line a question."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "rewind.rewind", "enter", "select"),
        binding("tui", "rewind.down", "j", "cursor_down", show=False),
        binding("tui", "rewind.up", "k", "cursor_up", show=False),
    ]


class RewindScreen(BaseDialog[str]):
    """The questions, oldest first; the answer is the turn of the one to go back to."""

    CSS_PATH = "conversations.tcss"
    HELP = "tui:help.rewind"

    def __init__(self, questions: Sequence[MessageView], *, now: float) -> None:
        super().__init__()
        self._questions = questions
        self._now = now

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("rewind.title")
            yield Static(say("rewind.about"), markup=False, id="about")
            yield QuestionList(*map(self._option, self._questions), markup=False, compact=True, id="list")
            yield KeyBar(compact=True, show_command_palette=False)

    def _option(self, question: MessageView) -> Option:
        when = clock_time(question.at, self._now)[0].rpartition(":")[0]
        line = Content.assemble((f"{when}  ", "dim"), one_line(question.text))
        return Option(line, id=question.turn_id)

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.highlighted = len(self._questions) - 1
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option.id)
