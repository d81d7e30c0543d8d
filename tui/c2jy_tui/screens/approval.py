"""Asks whether a tool may run: shows exactly what would run, and for whom."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static
from typing_extensions import override

from c2jy_bridge.core.bridge_requests import SOURCES
from c2jy_bridge.core.events import ApprovalAnswer, Decision, RunWith, ToolCallAwaitingApproval
from c2jy_bridge.core.safety import one_line
from c2jy_tui.formatting import Clock, countable
from c2jy_tui.labels import say
from c2jy_tui.screens import settling
from c2jy_tui.screens.dialogs import ConfirmScreen
from c2jy_tui.screens.settling import SettlingDialog
from c2jy_tui.widgets.bindings import binding
from c2jy_tui.widgets.prose import Prose

_HEIGHTS: Final = [(0, "-low"), (30, "-tall")]


def scope_text(question: ToolCallAwaitingApproval) -> str:
    """The scope of an "always", in words; empty when the call has no scope to remember it for."""
    if not question.scope:
        return ""
    tool, intake = one_line(question.tool), _intake(question)
    return say("approval.scope", tool=tool) if intake else say("approval.scope_chat", tool=tool)


def _intake(question: ToolCallAwaitingApproval) -> str:
    intake = question.scope.removeprefix("bridge/") if question.source == "bridge" else ""
    return intake if intake in SOURCES else ""


class AlwaysScreen(ConfirmScreen):
    """Explains the scope of an "always" before it takes effect; leaves time to read it."""

    def __init__(self, question: ToolCallAwaitingApproval) -> None:
        super().__init__(say("approval.always_title"), scope_text(question))
        self.question = question

    @property
    @override
    def quiet_s(self) -> float:
        return settling.QUIET_S


class ApprovalScreen(SettlingDialog[ApprovalAnswer]):
    """Once, with other arguments, always in its scope, or not at all; Esc leaves the question open."""

    CSS_PATH = "approval.tcss"
    VERTICAL_BREAKPOINTS = _HEIGHTS
    HELP = "tui:help.approval"
    BINDINGS: ClassVar = [
        binding("tui", "approval.once", "a", "decide('once')"),
        binding("tui", "approval.always", "A", "decide('always')"),
        binding("tui", "approval.deny", "d", "decide('deny')"),
        binding("tui", "approval.edit_arguments", "e", "edit"),
        binding("tui", "approval.later", "escape", "back"),
        binding("tui", "approval.down", "j", "scroll(1)", show=False),
        binding("tui", "approval.up", "k", "scroll(-1)", show=False),
        binding("tui", "approval.previous", "left", "app.focus_previous", show=False),
        binding("tui", "approval.next", "right", "app.focus_next", show=False),
    ]

    def __init__(
        self,
        question: ToolCallAwaitingApproval,
        *,
        about: str,
        waiting: int,
        asker: str,
        still_open: Callable[[], bool],
        faults: Callable[[str], Sequence[str]],
        clock: Clock,
        typed: Callable[[str], object] | None = None,
    ) -> None:
        """Args:
        question: What is asked.
        about: What the tool does, in a line; empty when unknown.
        waiting: How many questions are open, this one included.
        asker: Who wants the call, in words.
        still_open: Whether the call still waits for an answer.
        faults: Why the tool would not take these arguments.
        clock: For the countdown.
        typed: Gets text that was on its way when the dialog came up.
        """
        super().__init__(typed)
        self.question = question
        self._about = about
        self._waiting = waiting
        self._asker = asker
        self._still_open = still_open
        self._faults = faults
        self._clock = clock

    @override
    def compose(self) -> ComposeResult:
        question = self.question
        intake = _intake(question)
        always = say(f"approval.always_{intake}") if intake else say("approval.always")
        with Vertical(id="dialog") as dialog:
            dialog.border_title = say("approval.title")
            queue = say("approval.queue", n=self._waiting - 1) if self._waiting > 1 else ""
            dialog.border_subtitle = " · ".join(filter(None, (queue, f"Esc {say('key.later')}")))
            with Vertical(id="tool"):
                yield Static(Content.styled(one_line(question.tool), "$text-primary bold"))
                if self._about:
                    yield Prose(self._about, markdown=False, classes="reason")
            yield Prose(say("approval.asker", asker=self._asker), markdown=False)
            yield Prose(say("approval.reason", reason=question.reason), markdown=False, classes="reason")
            yield Static(say("approval.arguments"), classes="label", markup=False)
            with VerticalScroll(id="arguments", can_focus=True):
                # Exactly what the tool would get.
                yield Prose(json.dumps(question.arguments, ensure_ascii=False, indent=2), markdown=False)
            yield Static(id="countdown", markup=False)
            if intake:
                yield Prose(scope_text(question), markdown=False, classes="reason")
            with Horizontal(id="answers"):
                yield Button(_key("a", say("approval.once")), id="once", compact=True)
                if question.scope:
                    yield Button(_key("A", f"{always}…"), id="always", compact=True)
                yield Button(_key("d", say("approval.deny")), id="deny", variant="error", compact=True)
                yield Button(_key("e", say("approval.edit")), id="edit", compact=True)

    def on_mount(self) -> None:
        """Focus the arguments first: scrolling them cannot answer the question."""
        self.query_one("#arguments").focus()
        self.set_interval(1.0, self._count)
        self._count()

    def on_screen_resume(self) -> None:
        """A dialog above this one has closed; the call may have continued meanwhile."""
        if self.app.screen is self and not self._still_open():
            self.dismiss(None)

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if parameters == ("always",) and not self.question.scope:
            return False
        return super().check_action(action, parameters)

    def _count(self) -> None:
        line = self.query_one("#countdown", Static)
        line.display = self.question.deadline_s is not None
        if self.question.deadline_s is not None:
            left = max(0.0, self.question.at + self.question.deadline_s - self._clock())
            line.update(say("approval.countdown", time=countable(math.ceil(left))))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "edit" and self.settled:
            self.action_edit()
        elif event.button.id and self.settled:
            self.action_decide(event.button.id)

    def action_edit(self) -> None:
        """Let the user write other arguments, and run with them once."""
        from c2jy_tui.screens.call_detail import EditArgumentsScreen

        def edited(arguments: str | None) -> None:
            if arguments is not None and self.app.screen is self and self._still_open():
                self.dismiss(RunWith(arguments))

        arguments = json.dumps(self.question.arguments, ensure_ascii=False)
        self.app.push_screen(EditArgumentsScreen(self.question.tool, arguments, self._faults), edited)

    def action_decide(self, decision: str) -> None:
        """Answer; an "always" only once its scope was read and agreed to."""
        if decision != Decision.ALWAYS:
            self.dismiss(Decision(decision))
            return

        def agreed(yes: bool | None) -> None:
            if yes and self.app.screen is self and self._still_open():
                self.dismiss(Decision.ALWAYS)

        self.app.push_screen(AlwaysScreen(self.question), agreed)

    def action_scroll(self, step: int) -> None:
        self.query_one("#arguments").scroll_relative(y=step, animate=False)


def _key(key: str, words: str) -> Content:
    return Content.assemble((key, "bold underline"), " ", words)
