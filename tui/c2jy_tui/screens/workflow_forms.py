"""Dialogs that ask which workflow to run, and what a running workflow asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static
from typing_extensions import override

from c2jy_bridge.core.events import WorkflowAsked
from c2jy_bridge.core.safety import one_line, visible
from c2jy_bridge.core.views import WorkflowRequest
from c2jy_tui.labels import say
from c2jy_tui.screens.json_field import JsonField
from c2jy_tui.screens.settling import SettlingDialog
from c2jy_tui.widgets.bindings import BaseDialog, binding
from c2jy_tui.widgets.key_bar import KeyBar
from c2jy_tui.widgets.prose import Prose


class WorkflowFormScreen(BaseDialog[WorkflowRequest]):
    """Asks for id and parameters; begins with those of the last run, which typing replaces."""

    CSS_PATH = "workflow_forms.tcss"
    HELP = "tui:help.workflow"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "workflow.run", "ctrl+r", "run"),
        binding("tui", "workflow.back", "escape", "back", priority=True),
    ]

    def __init__(self, remembered: WorkflowRequest, *, demo: bool = False) -> None:
        super().__init__()
        hint = say("workflow.id_demo") if demo else say("workflow.id_hint")
        self._workflow = Input(one_line(remembered.workflow_id), placeholder=hint, compact=True)
        self._missing = Static(id="missing", markup=False)
        self._parameters = JsonField(visible(json.dumps(remembered.parameters, ensure_ascii=False, indent=2)))

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("workflow.title")
            yield Static(say("workflow.id"), classes="label", markup=False)
            yield self._workflow
            yield self._missing
            yield Static(say("workflow.parameters"), classes="label", markup=False)
            yield self._parameters
            yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Focus the id; the previous one is selected, so that another can be typed at once."""
        self._workflow.focus()

    @on(Input.Submitted)
    def _id_entered(self) -> None:
        self._parameters.focus_text()

    def action_run(self) -> None:
        """Run it if id and parameters are valid."""
        workflow_id = self._workflow.value.strip()
        if not workflow_id:
            self._workflow.focus()
            self._missing.update(say("workflow.no_id"))
            return
        if not self._parameters.focus_fault():
            self.dismiss(WorkflowRequest(workflow_id, self._parameters.value or {}))


class AnswerInput(Input):
    """A field of a question; Enter answers, after the letters that were typed before it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "workflow_question.answer", "enter", "submit"),
    ]

    def __init__(self, placeholder: str = "") -> None:
        super().__init__(placeholder=placeholder, compact=True)


class WorkflowQuestionScreen(SettlingDialog[str]):
    """One line for an ordinary question, one for each field of an input node; Esc leaves it open."""

    CSS_PATH = "workflow_forms.tcss"
    HELP = "tui:help.workflow_question"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "workflow_question.later", "escape", "back"),
    ]

    def __init__(self, question: WorkflowAsked, typed: Callable[[str], object] | None = None) -> None:
        """`typed` gets the text that was typed before the dialog took keys."""
        super().__init__(typed)
        self.run_id = question.run_id
        self._question = question

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("workflow_question.title")
            with VerticalScroll(id="question", can_focus=False):
                yield Prose(self._question.text or say("workflow_question.none"), markdown=False)
            for name in self._question.fields:
                yield Static(one_line(name), classes="label", markup=False)
                yield AnswerInput()
            if not self._question.fields:
                yield AnswerInput(say("workflow_question.hint"))
            yield KeyBar(compact=True, show_command_palette=False)

    def watch_settled(self, settled: bool) -> None:
        """Focus the field once keys count."""
        if settled and self.focused is None:
            self.query(Input).first().focus()

    @on(Input.Submitted)
    def _entered(self) -> None:
        """Go to the next field, or answer with all of them."""
        inputs = list(self.query(Input))
        blank = next((one for one in inputs if not one.value.strip()), None)
        if blank is not None:
            blank.focus()
            return
        values = [one.value for one in inputs]
        fields = self._question.fields
        whole = dict(zip(fields, values, strict=True)) if fields else {}
        self.dismiss(json.dumps(whole, ensure_ascii=False) if fields else values[0])
