"""Puts open questions about tool calls to the maker, one dialog at a time."""

from __future__ import annotations

from collections.abc import Callable

from textual.widget import Widget

from c2jy_bridge.core.events import Decision, Event
from c2jy_bridge.core.ports import EnginePort
from c2jy_tui.approvals import Approvals
from c2jy_tui.labels import say


class Asking(Widget):
    """Invisible: it has a place in the main screen, and brings up the approval dialog over it."""

    DEFAULT_CSS = "Asking { display: none; }"

    def __init__(self, approvals: Approvals, clock: Callable[[], float]) -> None:
        super().__init__()
        self._approvals = approvals
        self._clock = clock
        self.engine: EnginePort | None = None

    def show(self, event: Event) -> None:
        """Take in one event: ask, or close a dialog whose call no longer waits."""
        self._approvals.take(event)
        self.resume()

    def ask(self, call_id: str) -> None:
        """Bring up the question about one call."""
        from c2jy_tui.screens.approval import ApprovalScreen

        question = self._approvals.get(call_id)
        if question is None:
            return

        def answered(decision: Decision | None) -> None:
            if decision is None:
                self._approvals.put_off(call_id)
            else:
                self.decide(call_id, decision)
            self.resume()

        bot = self.engine.connection.bot_name if self.engine else ""
        asker = say(f"source.{question.source}", bot=bot or say("header.no_bot"))
        tools = self.engine.tools() if self.engine else ()
        screen = ApprovalScreen(
            question,
            about=next((tool.about for tool in tools if tool.name == question.tool), ""),
            waiting=len(self._approvals),
            asker=asker,
            still_open=lambda: self._approvals.get(call_id) is not None,
            clock=self._clock,
        )
        self.app.push_screen(screen, answered)

    def decide(self, call_id: str, decision: Decision) -> None:
        """Hand the answer to the engine."""
        self._approvals.answered(call_id)
        if self.engine is not None and not self.engine.decide(call_id, decision):
            self.notify(say("approval.too_late"), severity="warning")

    def resume(self) -> None:
        """Ask the next open question, unless another dialog is up."""
        shown = self.app.screen
        if shown is self.screen:
            if (question := self._approvals.following()) is not None:
                self.ask(question.call_id)
            return
        from c2jy_tui.screens.approval import ApprovalScreen

        if isinstance(shown, ApprovalScreen) and self._approvals.get(shown.question.call_id) is None:
            shown.dismiss(None)
