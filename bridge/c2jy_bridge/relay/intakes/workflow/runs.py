"""Cloud workflows run from here: what they want of this machine is done, what of the maker is asked."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

from c2jy_bridge.core.events import (
    Event,
    Problem,
    ToolCall,
    ToolCallFinished,
    WorkflowAsked,
    WorkflowEnded,
    WorkflowSaid,
    WorkflowStarted,
)
from c2jy_bridge.coze import CozeClient, CozeProblem
from c2jy_bridge.coze.workflow import (
    NodeMessage,
    RunEnded,
    RunRecord,
    Step,
    WorkflowClient,
    WorkflowInterrupt,
)
from c2jy_bridge.journal import Owner
from c2jy_bridge.relay.intakes.workflow.questions import ForTools, understood
from c2jy_bridge.relay.intakes.workflow.waiting import WaitingRun, WaitingRuns
from c2jy_bridge.relay.problems import PASSING, ours
from c2jy_bridge.relay.storage import Storage
from c2jy_bridge.relay.worker.calls import Runner, scope_of

WORKFLOW: Final = "workflow"
"""Stands for the chat of a workflow's tool calls in the journal."""
MOST_STOPS: Final = 50
PATIENCE_S: Final = 60.0
"""Seconds in which a run whose stream broke is looked for at Coze."""
LOOK_S: Final = 2.0
DAY_S: Final = 86_400.0
"""How long a question node waits (docs.coze.cn/guides/question_node)."""

Answer = Callable[[WorkflowAsked], Awaitable[str]]
"""Asks the maker."""


class WorkflowRuns:
    """Runs workflows one after another or several at once; each run ends with one WorkflowEnded."""

    def __init__(
        self,
        *,
        client: Callable[[], Awaitable[CozeClient]],
        bot_id: str,
        runner: Runner,
        storage: Storage,
        owner: Owner,
        saw: Callable[[Event], Awaitable[None]],
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Put the parts together.

        Args:
            client: The way to Coze; may raise CozeProblem.
            bot_id: The Bot that a workflow's database and variable nodes belong to.
            runner: Runs the tools.
            storage: Remembers runs that wait.
            owner: This process: what it follows, no other takes up while it lives.
            saw: Awaited for every event before the run goes on.
            clock: Unix seconds.
            new_id: Ids of runs and of calls.
            sleep: Waits between two looks.
        """
        self._client = client
        self._bot_id = bot_id
        self._runner = runner
        self._waiting = WaitingRuns(storage, owner)
        self._saw = saw
        self._clock = clock
        self._new_id = new_id
        self._sleep = sleep

    async def run(self, workflow_id: str, parameters: Mapping[str, Any], answer: Answer) -> WorkflowEnded:
        """Run a workflow to its end.

        Args:
            workflow_id: A published workflow.
            parameters: Of its start node.
            answer: Asks the maker an ordinary question.
        """
        run_id = self._new_id()
        await self._saw(WorkflowStarted(at=self._clock(), run_id=run_id, workflow_id=workflow_id))
        try:
            workflows = WorkflowClient(await self._client())
            steps = workflows.run(workflow_id, parameters, bot_id=self._bot_id)
            return await self._to_its_end(run_id, workflow_id, workflows, steps, answer)
        except CozeProblem as error:
            return await self._ended(run_id, problem=error.problem)

    async def waiting(self) -> Sequence[WaitingRun]:
        """Runs that nobody follows any more, oldest first; Coze keeps them for a day."""
        runs = await self._waiting.free()
        for run in runs:
            if run.at < self._clock() - DAY_S:
                await self._waiting.forget(run.run_id)
        return [run for run in runs if run.at >= self._clock() - DAY_S]

    async def claim(self, run_id: str) -> WaitingRun | None:
        """A run to be taken up, now followed by this process; None: it ended, or another one was quicker."""
        return await self._waiting.claim(run_id)

    async def forget(self, run_id: str) -> None:
        """A run that waits shall not be taken up again; one that another process follows is left to it."""
        if await self._waiting.claim(run_id) is not None:
            await self._waiting.forget(run_id)

    async def take_up(self, run: WaitingRun, answer: Answer) -> WorkflowEnded:
        """Bring a claimed run to its end; tools that had run are not run again."""
        began = WorkflowStarted(at=self._clock(), run_id=run.run_id, workflow_id=run.workflow_id)
        await self._saw(began)
        try:
            workflows = WorkflowClient(await self._client())
            steps = await self._resumed(run, workflows, answer)
            return await self._to_its_end(run.run_id, run.workflow_id, workflows, steps, answer, run)
        except CozeProblem as error:
            return await self._ended(run.run_id, problem=error.problem)

    async def _to_its_end(
        self,
        run_id: str,
        workflow_id: str,
        workflows: WorkflowClient,
        steps: AsyncIterator[Step],
        answer: Answer,
        waits: WaitingRun | None = None,
    ) -> WorkflowEnded:
        for _ in range(MOST_STOPS):
            try:
                last, said = await self._follow(run_id, steps)
            except CozeProblem as error:
                return await self._after_break(run_id, waits, workflows, error.problem)
            if last is None:
                return await self._ended(run_id, problem=ours("workflow_lost"))
            if isinstance(last, RunEnded):
                found = await self._found(waits, workflows) if waits and not last.debug_url else None
                debug_url = found.debug_url if found else last.debug_url
                return await self._ended(run_id, output=said, debug_url=debug_url)
            waits = WaitingRun(run_id, workflow_id, last, said, self._clock())
            await self._waiting.keep(waits)
            steps = await self._resumed(waits, workflows, answer)
        return await self._ended(run_id, problem=ours("workflow_loop", times=MOST_STOPS))

    async def _follow(
        self, run_id: str, steps: AsyncIterator[Step]
    ) -> tuple[WorkflowInterrupt | RunEnded | None, str]:
        """Tell what is said, up to a stop or the end; returns that and the last message before it."""
        said = ""
        async with aclosing(steps) as happening:  # type: ignore[type-var]  # it is a generator
            async for step in happening:
                if not isinstance(step, NodeMessage):
                    return step, said
                said = step.text
                event = WorkflowSaid(at=self._clock(), run_id=run_id, node=step.node, text=step.text)
                await self._saw(event)
        return None, said

    async def _resumed(
        self, run: WaitingRun, workflows: WorkflowClient, answer: Answer
    ) -> AsyncIterator[Step]:
        wish = understood(run.stop, run.question)
        if isinstance(wish, ForTools):
            text = wish.answer(await self._outputs(run, wish))
        else:
            asked = WorkflowAsked(at=self._clock(), run_id=run.run_id, text=wish.text, fields=wish.fields)
            await self._saw(asked)
            text = await answer(asked)
        return workflows.resume(run.workflow_id, run.stop.event_id, run.stop.kind, text)

    async def _outputs(self, run: WaitingRun, wish: ForTools) -> list[str]:
        execute_id = run.stop.event_id.partition("/")[0]
        key = f"{execute_id}/{wish.rid}" if wish.rid else run.stop.event_id
        calls = [
            ToolCall(
                call_id=self._new_id(),
                tool=use.tool,
                arguments=use.arguments,
                conversation_id=scope_of("workflow"),
                chat_id=WORKFLOW,
                tool_call_id=f"{key}#{number}",
                turn_id=run.run_id,
                source="bridge",
            )
            for number, use in enumerate(wish.uses)
        ]
        outputs: dict[str, str] = {}
        async with aclosing(self._runner.run(calls)) as events:  # type: ignore[type-var]  # it is a generator
            async for event in events:
                await self._saw(event)
                if isinstance(event, ToolCallFinished):
                    outputs[event.call_id] = event.output
        return [outputs[call.call_id] for call in calls]

    async def _after_break(
        self, run_id: str, waits: WaitingRun | None, workflows: WorkflowClient, problem: Problem
    ) -> WorkflowEnded:
        """A stream broke, or Coze refused an answer: perhaps it had taken it. Coze's record says what is."""
        if waits is None:
            return await self._ended(run_id, problem=problem)
        unclear = problem.kind in PASSING or problem.kind == "bad_request"
        found: RunRecord | None = None
        for _ in range(int(PATIENCE_S / LOOK_S) if unclear else 1):
            found = await self._found(waits, workflows)
            if found is not None and not found.running:
                failed = found.problem_code or not unclear
                return await self._ended(
                    run_id,
                    output=found.output,
                    debug_url=found.debug_url,
                    problem=problem if failed else None,
                )
            await self._sleep(LOOK_S)
        if unclear and found is not None:
            # It went on to another stop, and only the lost stream knew its event_id.
            return await self._ended(run_id, debug_url=found.debug_url, problem=ours("workflow_lost"))
        # Coze was not to be reached: the next process tries once more.
        return await self._ended(run_id, forget=not unclear, problem=problem)

    async def _found(self, waits: WaitingRun, workflows: WorkflowClient) -> RunRecord | None:
        try:
            return await workflows.run_record(waits.workflow_id, waits.stop.event_id.partition("/")[0])
        except CozeProblem:
            return None

    async def _ended(
        self,
        run_id: str,
        *,
        output: str = "",
        debug_url: str = "",
        problem: Problem | None = None,
        forget: bool = True,
    ) -> WorkflowEnded:
        ended = WorkflowEnded(
            at=self._clock(), run_id=run_id, output=output, debug_url=debug_url, problem=problem
        )
        if forget:
            await self._waiting.forget(run_id)
        else:
            await self._waiting.release_in_steps(run_id)
        await self._saw(ended)
        return ended
