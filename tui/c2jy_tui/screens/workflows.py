"""Runs cloud workflows for the maker, and puts to them what a run asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import work
from textual.widget import Widget

from c2jy_bridge.core.events import Event, WorkflowEnded
from c2jy_bridge.core.ports import EnginePort
from c2jy_bridge.core.safety import visible
from c2jy_tui.labels import say
from c2jy_tui.panes.chat import ChatPane
from c2jy_tui.panes.chat.cards import RunIntent
from c2jy_tui.workflow_questions import WorkflowQuestions

if TYPE_CHECKING:
    from c2jy_bridge.core.views import WorkflowWish


class WorkflowRunning(Widget):
    """Invisible: it has a place in the main screen, and brings up its dialogs over it."""

    DEFAULT_CSS = "WorkflowRunning { display: none; }"

    def __init__(self, questions: WorkflowQuestions, chat: ChatPane, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._questions = questions
        self._chat = chat
        self._engine: EnginePort | None = None

    def on_mount(self) -> None:
        """From now on this screen is told of questions."""
        self._questions.changed = self.resume

    async def attach_engine(self, engine: EnginePort) -> None:
        """The engine is there: offer what an earlier process left waiting."""
        self._engine = engine
        for waiting in await engine.workflows.waiting():
            self._chat.offer_run(waiting)

    def show(self, event: Event) -> None:
        """Take in one event: a run that ended asks nothing more."""
        if isinstance(event, WorkflowEnded):
            self.resume()

    def resume(self) -> None:
        """Ask the next open question, unless another dialog is up; close one that nobody waits for."""
        if not self.is_mounted:
            return
        shown = self.app.screen
        if shown is self.screen:
            if (question := self._questions.following()) is not None:
                self.answer(question.run_id)
            return
        from c2jy_tui.screens.workflow_question import WorkflowQuestionScreen

        if isinstance(shown, WorkflowQuestionScreen) and self._questions.get(shown.run_id) is None:
            shown.dismiss(None)

    # --- what the maker wants ----------------------------------------------------------------------

    @work(group="workflow-form", exit_on_error=False)
    async def open_form(self) -> None:
        """Ask which workflow, and with what."""
        from c2jy_tui.screens.workflow_form import WorkflowFormScreen

        if self._engine is None:
            self.notify(say("run.no_engine"), severity="warning")
            return
        if isinstance(self.app.screen, WorkflowFormScreen):
            return
        remembered = await self._engine.workflows.remembered()
        form = WorkflowFormScreen(remembered, demo=self._engine.connection.demo)
        wish = await self.app.push_screen_wait(form)
        if wish is not None:
            self._run(wish)

    def answer(self, run_id: str) -> None:
        """Bring up the question of one run."""
        from c2jy_tui.screens.workflow_question import WorkflowQuestionScreen

        question = self._questions.get(run_id)
        if question is None:
            return

        def answered(text: str | None) -> None:
            if text is None:
                self._questions.put_off(run_id)
            else:
                self._chat.run_went_on(run_id, text, self._clock())
                self._questions.answer(run_id, text)
            self.resume()

        self.app.push_screen(WorkflowQuestionScreen(question), answered)

    @work(group="workflow-wish", exit_on_error=False)
    async def do(self, run_id: str, intent: RunIntent) -> None:
        """Answer it, go on with it, stop it or forget it."""
        if self._engine is None:
            return
        match intent:
            case "answer":
                self.answer(run_id)
            case "resume":
                # The app's own worker: a change of language makes this screen anew, and the run goes on.
                self.app.run_worker(
                    self._resumed(self._engine, run_id), group="workflow", exit_on_error=False
                )
            case "stop":
                await self._engine.workflows.stop(run_id)
            case "drop":
                await self._engine.workflows.drop(run_id)
                self._chat.drop_run(run_id)

    def _run(self, wish: WorkflowWish) -> None:
        if self._engine is not None:
            running = self._engine.workflows.run(wish.workflow_id, wish.parameters, self._questions.ask)
            self.app.run_worker(running, group="workflow", exit_on_error=False)

    async def _resumed(self, engine: EnginePort, run_id: str) -> None:
        if await engine.workflows.resume(run_id, self._questions.ask) is None:
            self._chat.drop_run(run_id)
            self.notify(visible(say("run.gone")), severity="warning", markup=False)
