"""Runs cloud workflows for the user and puts their questions to the user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.timer import Timer
from textual.widget import Widget

from c2jy_bridge.core.events import Event, WorkflowAsked, WorkflowEnded
from c2jy_bridge.core.safety import visible
from c2jy_bridge.core.views import WorkflowRequest
from c2jy_tui.controllers.approvals import AGAIN_S
from c2jy_tui.formatting import error_reason
from c2jy_tui.labels import say
from c2jy_tui.panes.chat import ChatPane
from c2jy_tui.panes.chat.cards import RunIntent

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


class WorkflowQuestions:
    """The open questions of running workflows, oldest first; outlives a change of language, as they do."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[WorkflowAsked, asyncio.Future[str]]] = {}
        self._put_off: set[str] = set()
        self.changed: Callable[[], None] = lambda: None
        """Called when a question was added or removed."""

    async def ask(self, question: WorkflowAsked) -> str:
        """Wait for the user's answer (engine.workflows.AnswersWorkflow)."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._open[question.run_id] = question, answer
        self.changed()
        try:
            return await answer
        finally:
            self._open.pop(question.run_id, None)
            self._put_off.discard(question.run_id)
            self.changed()

    def get(self, run_id: str) -> WorkflowAsked | None:
        """The open question of a run."""
        found = self._open.get(run_id)
        return found[0] if found and not found[1].done() else None

    def oldest(self) -> WorkflowAsked | None:
        """The oldest open question."""
        return next(filter(None, map(self.get, self._open)), None)

    def following(self) -> WorkflowAsked | None:
        """The oldest question that was neither answered nor put off."""
        waiting = (run_id for run_id in self._open if run_id not in self._put_off)
        return next(filter(None, map(self.get, waiting)), None)

    def put_off(self, run_id: str) -> None:
        """Do not ask again automatically; the run keeps waiting."""
        self._put_off.add(run_id)

    def answer(self, run_id: str, text: str) -> None:
        """Give the run the user's answer."""
        found = self._open.get(run_id)
        if found is not None and not found[1].done():
            found[1].set_result(text)


class WorkflowController:
    """Opens the workflow dialogs over the host screen and starts, resumes and stops runs."""

    def __init__(self, host: Widget, questions: WorkflowQuestions, chat: ChatPane) -> None:
        self._host = host
        self._questions = questions
        self._chat = chat
        self._engine: Engine | None = None
        self._again: Timer | None = None

    def start(self, changed: Callable[[], None]) -> None:
        """The host is mounted: from now on it shows the questions; `changed` is called for each change."""

        def changed_too() -> None:
            self.resume()
            changed()

        self._questions.changed = changed_too

    async def attach_engine(self, engine: Engine) -> None:
        """Use `engine` from now on; offer what an earlier process left waiting."""
        self._engine = engine
        for waiting in await engine.workflows.waiting():
            self._chat.offer_run(waiting)

    def show(self, event: Event) -> None:
        """Process one event: the question of a run that ended is dropped."""
        if isinstance(event, WorkflowEnded):
            self.resume()

    def resume(self) -> None:
        """Ask the next open question, unless another dialog is up; close one that is no longer waited for."""
        if not (self._host.is_mounted and self._host.is_running):
            return
        shown = self._host.app.screen
        if shown is self._host:
            if (question := self._questions.following()) is None:
                return
            if not self._chat.composer.in_use:
                self.answer(question.run_id)
            elif self._again is None:
                self._again = self._host.set_timer(AGAIN_S, self._look_again)
            return
        from c2jy_tui.screens.workflow_forms import WorkflowQuestionScreen

        if isinstance(shown, WorkflowQuestionScreen) and self._questions.get(shown.run_id) is None:
            shown.dismiss(None)

    def _look_again(self) -> None:
        self._again = None
        self.resume()

    # --- intents -----------------------------------------------------------------------------------

    def open_form(self) -> None:
        """Ask which workflow to run, and with which parameters."""
        self._host.run_worker(self._open_form(), group="workflow-form", exit_on_error=False)

    async def choose(self) -> None:
        """Let the user choose one of the account's workflows, then ask for its parameters."""
        if (engine := self._engine) is None:
            self._host.notify(say("run.no_engine"), severity="warning")
            return
        from c2jy_tui.screens.choice import Choice, ChoiceScreen

        try:
            found = await engine.workflows.published()
        except Exception as error:  # CozeProblem, whose text is for the user
            text = say("choice.failed", why=error_reason(error))
            self._host.notify(text, severity="error", markup=False)
            return
        choices = [Choice(one.workflow_id, one.name, one.workspace, one.about) for one in found]
        screen = ChoiceScreen(say("choice.workflows"), choices)
        workflow_id = await self._host.app.push_screen_wait(screen)
        if workflow_id:
            await self._open_form(workflow_id)

    async def _open_form(self, workflow_id: str = "") -> None:
        from c2jy_tui.screens.workflow_forms import WorkflowFormScreen

        if (engine := self._engine) is None:
            self._host.notify(say("run.no_engine"), severity="warning")
            return
        if isinstance(self._host.app.screen, WorkflowFormScreen):
            return
        remembered = await engine.workflows.remembered()
        if workflow_id and workflow_id != remembered.workflow_id:
            remembered = WorkflowRequest(workflow_id)
        form = WorkflowFormScreen(remembered, demo=engine.connection.demo)
        request = await self._host.app.push_screen_wait(form)
        if request is not None:
            running = engine.workflows.run(request.workflow_id, request.parameters, self._questions.ask)
            # The app's own worker: the run survives a change of language, which recreates the host.
            self._host.app.run_worker(running, group="workflow", exit_on_error=False)

    def answer(self, run_id: str) -> None:
        """Open the question of one run."""
        from c2jy_tui.screens.workflow_forms import WorkflowQuestionScreen

        question = self._questions.get(run_id)
        if question is None:
            return

        def answered(text: str | None) -> None:
            if text is None:
                self._questions.put_off(run_id)
            else:
                self._questions.answer(run_id, text)
            self.resume()

        screen = WorkflowQuestionScreen(question, self._chat.composer.insert)
        self._host.app.push_screen(screen, answered)

    def do(self, run_id: str, intent: RunIntent) -> None:
        """Answer a run, resume it, stop it or forget it."""
        self._host.run_worker(self._do(run_id, intent), group="workflow-intent", exit_on_error=False)

    async def _do(self, run_id: str, intent: RunIntent) -> None:
        if self._engine is None:
            return
        match intent:
            case "answer":
                self.answer(run_id)
            case "resume":
                # The app's own worker, as for a new run.
                resuming = self._resume_run(self._engine, run_id)
                self._host.app.run_worker(resuming, group="workflow", exit_on_error=False)
            case "stop":
                await self._engine.workflows.stop(run_id)
            case "drop":
                await self._engine.workflows.drop(run_id)
                self._chat.drop_run(run_id)

    async def _resume_run(self, engine: Engine, run_id: str) -> None:
        if await engine.workflows.resume(run_id, self._questions.ask) is None:
            self._chat.drop_run(run_id)
            self._host.notify(visible(say("run.gone")), severity="warning", markup=False)
