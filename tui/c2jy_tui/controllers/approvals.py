"""Tracks tool calls that wait for approval and asks the user about them, one dialog at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.screen import Screen
from textual.timer import Timer

from c2jy_bridge.core.events import (
    ApprovalAnswer,
    Decision,
    Event,
    ToolCallAwaitingApproval,
    ToolCallFinished,
    ToolCallStarted,
)
from c2jy_tui.formatting import Clock
from c2jy_tui.labels import say
from c2jy_tui.panes.chat.composer import Composer

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine

AGAIN_S: Final = 0.5
"""Seconds between two looks whether the composer is still in use."""


class Approvals:
    """The questions that are open, oldest first; outlives a change of language."""

    def __init__(self) -> None:
        self._waiting: dict[str, ToolCallAwaitingApproval] = {}
        self._put_off: set[str] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, event: Event) -> None:
        """Open a question, or close it when the call went on without an answer from here."""
        match event:
            case ToolCallAwaitingApproval(call_id=call_id):
                self._waiting[call_id] = event
            case ToolCallStarted(call_id=call_id):
                self._waiting.pop(call_id, None)
            case ToolCallFinished(call_id=call_id):
                self._waiting.pop(call_id, None)
                self._put_off.discard(call_id)

    def get(self, call_id: str) -> ToolCallAwaitingApproval | None:
        """The question about one call, while it is open."""
        return self._waiting.get(call_id)

    def oldest(self) -> ToolCallAwaitingApproval | None:
        """The oldest open question."""
        return next(iter(self._waiting.values()), None)

    def following(self) -> ToolCallAwaitingApproval | None:
        """The oldest question that was neither answered nor put off."""
        return next((ask for call_id, ask in self._waiting.items() if call_id not in self._put_off), None)

    def put_off(self, call_id: str) -> None:
        """Do not ask again automatically; the call keeps waiting."""
        self._put_off.add(call_id)

    def answered(self, call_id: str) -> None:
        """The answer was given; the event that follows it may take a moment."""
        self._waiting.pop(call_id, None)


class ApprovalController:
    """Opens the approval dialog over the host screen and passes the answer to the engine."""

    def __init__(self, host: Screen[None], approvals: Approvals, composer: Composer, clock: Clock) -> None:
        self._host = host
        self._approvals = approvals
        self._composer = composer
        self._clock = clock
        self._engine: Engine | None = None
        self._again: Timer | None = None

    def attach_engine(self, engine: Engine) -> None:
        """Use `engine` from now on."""
        self._engine = engine

    def show(self, event: Event) -> None:
        """Process one event: ask, or close a dialog whose call no longer waits."""
        self._approvals.take(event)
        self.resume()

    def ask(self, call_id: str) -> None:
        """Open the dialog for one call."""
        from c2jy_tui.screens.approval import ApprovalScreen

        question = self._approvals.get(call_id)
        if question is None:
            return

        def answered(answer: ApprovalAnswer | None) -> None:
            if answer is None:
                self._approvals.put_off(call_id)
            else:
                self._pass_on(call_id, answer)
            self.resume()

        bot = self._engine.connection.bot_name if self._engine else ""
        asker = say(f"source.{question.source}", bot=bot or say("header.no_bot"))
        tools = self._engine.tools() if self._engine else ()
        screen = ApprovalScreen(
            question,
            about=next((tool.about for tool in tools if tool.name == question.tool), ""),
            waiting=len(self._approvals),
            asker=asker,
            still_open=lambda: self._approvals.get(call_id) is not None,
            faults=lambda text: self._engine.argument_faults(question.tool, text) if self._engine else (),
            clock=self._clock,
            typed=self._composer.insert,
        )
        self._host.app.push_screen(screen, answered)

    def decide(self, call_id: str, answer: ApprovalAnswer) -> None:
        """Answer a question from its row; an "always" once the user has agreed to its scope."""
        question = self._approvals.get(call_id)
        if question is None or answer is not Decision.ALWAYS:
            self._pass_on(call_id, answer)
            return
        from c2jy_tui.screens.approval import AlwaysScreen

        def agreed(yes: bool | None) -> None:
            if yes:
                self._pass_on(call_id, Decision.ALWAYS)

        if question.scope:
            self._host.app.push_screen(AlwaysScreen(question), agreed)
        else:
            self._host.notify(say("approval.no_scope"), severity="warning")

    def _pass_on(self, call_id: str, answer: ApprovalAnswer) -> None:
        self._approvals.answered(call_id)
        if self._engine is not None and not self._engine.decide(call_id, answer):
            self._host.notify(say("approval.too_late"), severity="warning")

    def resume(self) -> None:
        """Ask the next open question, unless another dialog is up; close one that is answered already.

        A composer in use keeps the focus: the question waits in the chat until it is free.
        """
        if not self._host.is_running:
            return  # the app is closing
        shown = self._host.app.screen
        if shown is self._host:
            if (question := self._approvals.following()) is None:
                return
            if not self._composer.in_use:
                self.ask(question.call_id)
            elif self._again is None:
                self._again = self._host.set_timer(AGAIN_S, self._look_again)
            return
        from c2jy_tui.screens.approval import AlwaysScreen, ApprovalScreen

        if isinstance(shown, AlwaysScreen) and self._approvals.get(shown.question.call_id) is None:
            shown.dismiss(False)
        elif isinstance(shown, ApprovalScreen) and self._approvals.get(shown.question.call_id) is None:
            shown.dismiss(None)

    def _look_again(self) -> None:
        self._again = None
        self.resume()
