"""Runs of cloud workflows as the transcript keeps them, folded from their events."""

from __future__ import annotations

from collections.abc import Sequence

from c2jy_bridge.core.events import (
    WorkflowAsked,
    WorkflowEnded,
    WorkflowEvent,
    WorkflowSaid,
    WorkflowStarted,
)
from c2jy_bridge.core.views import WaitingWorkflow
from c2jy_tui.formatting import is_tool_request
from c2jy_tui.panes.chat.entry import Answer, AnyEntry, Failure, Run


class Runs:
    """The runs of this process, and those that an earlier one left waiting, by their ids."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    @property
    def open(self) -> list[Run]:
        """Those that have not ended: they stay in view whatever conversation is open."""
        return [run for run in self._runs.values() if run.open]

    def apply(self, event: WorkflowEvent) -> tuple[Sequence[AnyEntry], Sequence[AnyEntry]]:
        """Take in one event; the entries that are new, and those that changed."""
        run = self._runs.get(event.run_id)
        if run is None:
            if not isinstance(event, WorkflowStarted):
                return (), ()
            run = Run(at=event.at, run_id=event.run_id, workflow_id=event.workflow_id)
            self._runs[event.run_id] = run
            return (run,), ()
        match event:
            case WorkflowStarted(at=at):
                run.at, run.state, run.question = at, "running", ""
            case WorkflowSaid(text=text):
                # What it asks of our tools is seen as the calls that come of it.
                if text.strip() and not is_tool_request(text):
                    run.state = "running"
                    run.output = text
                    said = Answer(at=event.at, message_id=f"{run.run_id}-{event.at}", complete=True)
                    said.parts.append(text)
                    return (said,), (run,)
            case WorkflowAsked(text=text):
                run.state, run.question = "asking", text
            case WorkflowEnded():
                return self._ended(run, event), (run,)
            case _:
                pass
        return (), (run,)

    def _ended(self, run: Run, event: WorkflowEnded) -> Sequence[AnyEntry]:
        run.ended_at, run.debug_url = event.at, event.debug_url
        run.output = event.output or run.output
        if event.problem is None:
            run.state = "done"
            return ()
        run.state = "stopped" if event.problem.kind == "cancelled" else "failed"
        return (Failure(at=event.at, problem=event.problem, link=event.debug_url),) if run.failed else ()

    def went_on(self, run_id: str) -> Run:
        """The maker has answered."""
        run = self._runs[run_id]
        run.state, run.question = "running", ""
        return run

    def left(self, waiting: WaitingWorkflow) -> Run | None:
        """One that an earlier process left waiting; None when it is known already."""
        if waiting.run_id in self._runs:
            return None
        question = "" if is_tool_request(waiting.question) else waiting.question
        run = Run(
            at=waiting.at,
            run_id=waiting.run_id,
            workflow_id=waiting.workflow_id,
            state="left",
            question=question,
        )
        self._runs[waiting.run_id] = run
        return run

    def drop(self, run_id: str) -> Run:
        """The maker does not want to go on with one that was left."""
        run = self._runs[run_id]
        run.state = "dropped"
        return run
