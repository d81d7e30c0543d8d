"""Runs cloud workflows, each in a task of its own; the relay is imported on first use."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from c2jy_bridge.core.events import Event, Problem, WorkflowAsked, WorkflowEnded, WorkflowStarted
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.views import PublishedWorkflow, WaitingWorkflow, WorkflowRequest
from c2jy_bridge.coze import CozeClient
from c2jy_bridge.journal import Owner
from c2jy_bridge.plugin import ToolRunner

if TYPE_CHECKING:
    from c2jy_bridge.relay.intakes.workflow_runs import WorkflowRuns

say: Final = catalogue("engine")

AnswersWorkflow = Callable[[WorkflowAsked], Awaitable[str]]
"""Passes a workflow's question to the user; the answer is a JSON object when the question has fields."""
REMEMBERED: Final = "workflow.json"
"""File in the data folder with the last run's request."""


class Workflows:
    """Runs cloud workflows and publishes their `WorkflowEvent`s."""

    def __init__(
        self,
        settings: Settings,
        *,
        owner: Owner,
        conversation_id: Callable[[], str],
        runner: ToolRunner,
        client: Callable[[], Awaitable[CozeClient]],
        emit: Callable[[Event], Awaitable[None]],
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        """Opens and imports nothing yet.

        Args:
            settings: Those of the data folder and the host.
            owner: This process.
            conversation_id: The open conversation, to which a run that begins belongs.
            runner: Runs the tools.
            client: Connects to Coze; may raise CozeProblem.
            emit: Awaited for every event before a run continues.
            clock: Unix seconds.
            new_id: Ids of runs and of calls.
        """
        self._settings = settings
        self._owner = owner
        self._conversation_id = conversation_id
        self._runner = runner
        self._client = client
        self._emit = emit
        self._clock = clock
        self._new_id = new_id
        self._tasks: dict[str, asyncio.Task[WorkflowEnded]] = {}
        self._stopped: set[str] = set()

    async def published(self) -> Sequence[PublishedWorkflow]:
        """The account's published workflows, to choose one by its name; raises CozeProblem."""
        return await (await self._client()).workflows()

    async def remembered(self) -> WorkflowRequest:
        """The last run's request, else one for the workflow in the settings."""
        return await asyncio.to_thread(_read, self._file, self._settings.coze.workflow_id)

    async def run(
        self, workflow_id: str, parameters: Mapping[str, Any], answer: AnswersWorkflow
    ) -> WorkflowEnded:
        """Run a workflow to its end: its tool calls are run, its other questions go to `answer`."""
        request = WorkflowRequest(workflow_id, dict(parameters))
        with contextlib.suppress(OSError):  # then it is not offered next time
            await asyncio.to_thread(_write, self._file, request)
        async with self._runs() as runs:
            return await self._follow(runs, lambda: runs.run(workflow_id, parameters, answer))

    async def waiting(self) -> Sequence[WaitingWorkflow]:
        """Runs that wait since an earlier process, oldest first."""
        async with self._runs() as runs:
            return [
                WaitingWorkflow(run.run_id, run.workflow_id, run.question, run.at)
                for run in await runs.waiting()
                if run.run_id not in self._tasks
            ]

    async def resume(self, run_id: str, answer: AnswersWorkflow) -> WorkflowEnded | None:
        """Continue a waiting run to its end; None when it does not wait."""
        async with self._runs() as runs:
            found = None if run_id in self._tasks else await runs.claim(run_id)
            if found is None:
                return None
            return await self._follow(runs, lambda: runs.resume(found, answer))

    async def stop(self, run_id: str) -> bool:
        """Stop and forget a run of this process; False when it is not running."""
        task = self._tasks.get(run_id)
        if task is None:
            return False
        self._stopped.add(run_id)
        task.cancel()
        await asyncio.wait([task])
        return True

    async def drop(self, run_id: str) -> None:
        """Forget a waiting run."""
        async with self._runs() as runs:
            await runs.forget(run_id)

    async def aclose(self) -> None:
        """Stop following all runs; the next process can resume those that wait for an answer."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(
        self, runs: WorkflowRuns, begin: Callable[[], Awaitable[WorkflowEnded]]
    ) -> WorkflowEnded:
        """Follow a run in its own task, so that it can be stopped alone."""

        async def run_in_task() -> WorkflowEnded:
            return await begin()

        task = asyncio.create_task(run_in_task())
        try:
            return await task
        except asyncio.CancelledError:
            run_id = next((one for one, its in self._tasks.items() if its is task), "")
            if run_id not in self._stopped:
                task.cancel()
                raise
            self._stopped.discard(run_id)
            await runs.forget(run_id)
            problem = Problem("cancelled", say("workflow.stopped"), say("workflow.stopped.fix"))
            ended = WorkflowEnded(at=self._clock(), run_id=run_id, problem=problem)
            await self._emit(ended)
            return ended
        finally:
            for run_id in [one for one, its in self._tasks.items() if its is task]:
                del self._tasks[run_id]

    async def _track(self, event: Event) -> None:
        if isinstance(event, WorkflowStarted):
            event = replace(event, conversation_id=self._conversation_id())
            if (task := asyncio.current_task()) is not None:
                self._tasks[event.run_id] = task
        await self._emit(event)

    @asynccontextmanager
    async def _runs(self) -> AsyncIterator[WorkflowRuns]:
        # In a thread, because the import takes long.
        module = await asyncio.to_thread(importlib.import_module, "c2jy_bridge.relay.intakes.workflow_runs")
        async with module.open_workflow_runs(
            self._settings,
            owner=self._owner,
            runner=self._runner,
            client=self._client,
            emit=self._track,
            clock=self._clock,
            new_id=self._new_id,
        ) as runs:
            yield runs

    @property
    def _file(self) -> Path:
        return self._settings.data_dir / REMEMBERED


def _read(path: Path, default_id: str) -> WorkflowRequest:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return WorkflowRequest(str(kept["workflow_id"]) or default_id, dict(kept["parameters"]))
    except (OSError, ValueError, KeyError, TypeError):
        return WorkflowRequest(default_id)


def _write(path: Path, request: WorkflowRequest) -> None:
    text = json.dumps(
        {"workflow_id": request.workflow_id, "parameters": request.parameters}, ensure_ascii=False
    )
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)  # parameters are private
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
