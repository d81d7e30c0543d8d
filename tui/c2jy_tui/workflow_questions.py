"""What running workflows ask of the maker; outlives a change of language, as the runs do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from c2jy_bridge.core.events import WorkflowAsked


class WorkflowQuestions:
    """The questions that are open, oldest first."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[WorkflowAsked, asyncio.Future[str]]] = {}
        self._put_off: set[str] = set()
        self.changed: Callable[[], None] = lambda: None
        """Called when there is another question, or one less."""

    async def ask(self, question: WorkflowAsked) -> str:
        """Wait for the maker's answer (ports.AnswersWorkflow)."""
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

    def following(self) -> WorkflowAsked | None:
        """The oldest question that was neither answered nor put off."""
        waiting = (run_id for run_id in self._open if run_id not in self._put_off)
        return next(filter(None, map(self.get, waiting)), None)

    def put_off(self, run_id: str) -> None:
        """Do not ask again by itself; the run goes on waiting."""
        self._put_off.add(run_id)

    def answer(self, run_id: str, text: str) -> None:
        """The maker has answered."""
        found = self._open.get(run_id)
        if found is not None and not found[1].done():
            found[1].set_result(text)
