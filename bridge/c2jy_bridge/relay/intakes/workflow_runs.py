"""Runs cloud workflows from here: runs the local tools they ask for, passes other questions to the user.

They ask through their question nodes and are resumed with the answer. Needs neither the queue nor a Bot; must
not know a screen: the caller passes a function that asks the user. A question node asks for tools with one
JSON object:

    {"c2jy": 1, "rid": "R", "tool": "T", "args": {...}}
    {"c2jy": 1, "rid": "R", "calls": [{"tool": "T", "args": {...}}, ...]}

Several calls at once save interrupts, each of which is billed. `rid` makes a repeated question the same one,
so that its tools do not run again.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.core.events import (
    Event,
    Problem,
    ToolCall,
    ToolCallFinished,
    WorkflowAnswered,
    WorkflowAsked,
    WorkflowEnded,
    WorkflowSaid,
    WorkflowStarted,
)
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.coze import CozeClient, CozeProblem
from c2jy_bridge.coze.workflow import (
    INPUT,
    LOCAL_PLUGIN,
    NodeMessage,
    RunEnded,
    RunRecord,
    Step,
    WorkflowClient,
    WorkflowInterrupt,
)
from c2jy_bridge.journal import WORKFLOW_CHAT, Owner
from c2jy_bridge.relay.calls import Runner, scope_of
from c2jy_bridge.relay.request import TRANSIENT, NotPlainJson, bridge_problem, read_object, say
from c2jy_bridge.relay.storage import Storage

MOST_STOPS: Final = 50
PATIENCE_S: Final = 60.0
"""Seconds for which Coze's record of a run is polled after its stream broke."""
LOOK_S: Final = 2.0
DAY_S: Final = 86_400.0
"""How long a question node waits (docs.coze.cn/guides/question_node)."""

Answer = Callable[[WorkflowAsked], Awaitable[str]]
"""Asks the user."""


@asynccontextmanager
async def open_workflow_runs(settings: Settings, **parts: Any) -> AsyncIterator[WorkflowRuns]:
    """Make a WorkflowRuns of these parts on the journal's file, with or without bridge mode."""
    storage = await asyncio.to_thread(Storage, settings.data_dir / "journal.db")
    try:
        yield WorkflowRuns(bot_id=settings.coze.bot_id, storage=storage, **parts)
    finally:
        await storage.aclose()


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
        emit: Callable[[Event], Awaitable[None]],
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Nothing is opened before the first run.

        Args:
            client: Connects to Coze; may raise CozeProblem.
            bot_id: The Bot that a workflow's database and variable nodes belong to.
            runner: Runs the tools.
            storage: Stores runs that wait for an answer.
            owner: This process: while it lives, no other resumes its runs.
            emit: Awaited for every event before the run continues.
            clock: Unix seconds.
            new_id: Ids of runs and of calls.
            sleep: Waits between two polls.
        """
        self._client = client
        self._bot_id = bot_id
        self._runner = runner
        self._storage = storage
        self._owner = owner
        self._emit = emit
        self._clock = clock
        self._new_id = new_id
        self._sleep = sleep

    async def run(self, workflow_id: str, parameters: Mapping[str, Any], answer: Answer) -> WorkflowEnded:
        """Run a published workflow to its end; `answer` asks the user an ordinary question."""
        run_id = self._new_id()
        await self._emit(WorkflowStarted(at=self._clock(), run_id=run_id, workflow_id=workflow_id))
        try:
            workflows = WorkflowClient(await self._client())
            steps = workflows.run(workflow_id, parameters, bot_id=self._bot_id)
            return await self._to_its_end(run_id, workflow_id, workflows, steps, answer)
        except CozeProblem as error:
            return await self._ended(run_id, problem=error.problem)

    async def waiting(self) -> Sequence[WaitingRun]:
        """Waiting runs that no other living process follows, oldest first; Coze keeps them for a day."""

        def free() -> list[WaitingRun]:
            rows = self._storage.database.all("SELECT * FROM bridge_runs ORDER BY at")
            return [_run(row) for row in rows if self._is_free(row)]

        runs, horizon = await self._storage.run(free), self._clock() - DAY_S
        for run in runs:
            if run.at < horizon:
                await self._delete(run.run_id)
        return [run for run in runs if run.at >= horizon]

    async def claim(self, run_id: str) -> WaitingRun | None:
        """Make a waiting run this process's own; None when it has ended or a living process follows it."""

        def write() -> WaitingRun | None:
            with self._storage.database.transaction() as db:
                row = db.execute("SELECT * FROM bridge_runs WHERE run_id = ?", (run_id,)).fetchone()
                if row is None or not self._is_free(row):
                    return None
                db.execute("UPDATE bridge_runs SET owner = ? WHERE run_id = ?", (self._owner.name, run_id))
                return _run(row)

        return await self._storage.run(write)

    async def forget(self, run_id: str) -> None:
        """Drop a waiting run, unless another living process follows it."""
        if await self.claim(run_id) is not None:
            await self._delete(run_id)

    async def resume(self, run: WaitingRun, answer: Answer) -> WorkflowEnded:
        """Bring a claimed run to its end; tools that have run do not run again."""
        began = WorkflowStarted(at=self._clock(), run_id=run.run_id, workflow_id=run.workflow_id)
        await self._emit(began)
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
        steps: AsyncGenerator[Step, None],
        answer: Answer,
        waits: WaitingRun | None = None,
    ) -> WorkflowEnded:
        for _ in range(MOST_STOPS):
            try:
                last, said = await self._follow(run_id, steps)
            except CozeProblem as error:
                return await self._after_break(run_id, waits, workflows, error.problem)
            if last is None:
                return await self._ended(run_id, problem=bridge_problem("workflow_lost"))
            if isinstance(last, RunEnded):
                found = await self._record(waits, workflows) if waits and not last.debug_url else None
                debug_url = found.debug_url if found else last.debug_url
                return await self._ended(run_id, output=said, debug_url=debug_url)
            waits = WaitingRun(run_id, workflow_id, last, said, self._clock())
            await self._store(waits)
            steps = await self._resumed(waits, workflows, answer)
        return await self._ended(run_id, problem=bridge_problem("workflow_loop", times=MOST_STOPS))

    async def _follow(
        self, run_id: str, steps: AsyncGenerator[Step, None]
    ) -> tuple[WorkflowInterrupt | RunEnded | None, str]:
        """Emit messages up to an interrupt or the end; returns that and the last message before it."""
        said = ""
        async with aclosing(steps) as happening:
            async for step in happening:
                if not isinstance(step, NodeMessage):
                    return step, said
                said = step.text
                event = WorkflowSaid(
                    at=self._clock(), run_id=run_id, node=step.node, text=step.text, complete=step.complete
                )
                await self._emit(event)
        return None, said

    async def _resumed(
        self, run: WaitingRun, workflows: WorkflowClient, answer: Answer
    ) -> AsyncGenerator[Step, None]:
        question = parse_interrupt(run.stop, run.question)
        if isinstance(question, ToolQuestion):
            text = question.answer(await self._outputs(run, question))
        else:
            asked = WorkflowAsked(
                at=self._clock(), run_id=run.run_id, text=question.text, fields=question.fields
            )
            await self._emit(asked)
            text = await answer(asked)
            await self._emit(WorkflowAnswered(at=self._clock(), run_id=run.run_id, text=text))
        return workflows.resume(run.workflow_id, run.stop.event_id, run.stop.kind, text)

    async def _outputs(self, run: WaitingRun, question: ToolQuestion) -> list[str]:
        execute_id = run.stop.event_id.partition("/")[0]
        key = f"{execute_id}/{question.rid}" if question.rid else run.stop.event_id
        calls = [
            ToolCall(
                call_id=self._new_id(),
                tool=use.tool,
                arguments=use.arguments,
                conversation_id=scope_of("workflow"),
                chat_id=WORKFLOW_CHAT,
                tool_call_id=f"{key}#{number}",
                turn_id=run.run_id,
                source="bridge",
            )
            for number, use in enumerate(question.uses)
        ]
        outputs: dict[str, str] = {}
        async with aclosing(self._runner.run(calls)) as events:
            async for event in events:
                await self._emit(event)
                if isinstance(event, ToolCallFinished):
                    outputs[event.call_id] = event.output
        return [outputs[call.call_id] for call in calls]

    async def _after_break(
        self, run_id: str, waits: WaitingRun | None, workflows: WorkflowClient, problem: Problem
    ) -> WorkflowEnded:
        """A stream broke, or Coze refused an answer which it may have accepted: consult Coze's record."""
        if waits is None:
            return await self._ended(run_id, problem=problem)
        unclear = problem.kind in TRANSIENT or problem.kind == "bad_request"
        found: RunRecord | None = None
        for _ in range(int(PATIENCE_S / LOOK_S) if unclear else 1):
            found = await self._record(waits, workflows)
            if found is not None and not found.running:
                failed = found.problem_code or not unclear
                why = problem if failed else None
                return await self._ended(run_id, output=found.output, debug_url=found.debug_url, problem=why)
            await self._sleep(LOOK_S)
        if unclear and found is not None:
            # It continued to another interrupt, and only the lost stream had its event_id.
            lost = bridge_problem("workflow_lost")
            return await self._ended(run_id, debug_url=found.debug_url, problem=lost)
        # Coze is unreachable: the next process tries again.
        return await self._ended(run_id, forget=not unclear, problem=problem)

    async def _record(self, waits: WaitingRun, workflows: WorkflowClient) -> RunRecord | None:
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
        if forget:
            await self._delete(run_id)
        else:
            await self._execute("UPDATE bridge_runs SET owner = '' WHERE run_id = ?", run_id)
        ended = WorkflowEnded(
            at=self._clock(), run_id=run_id, output=output, debug_url=debug_url, problem=problem
        )
        await self._emit(ended)
        return ended

    async def _store(self, run: WaitingRun) -> None:
        """Store a run of this process, in place of its earlier interrupt."""
        stop = run.stop
        await self._execute(
            "INSERT OR REPLACE INTO bridge_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(run.run_id, run.workflow_id, stop.event_id, stop.kind, stop.node, stop.data),
            *(run.question, run.at, self._owner.name),
        )

    async def _delete(self, run_id: str) -> None:
        await self._execute("DELETE FROM bridge_runs WHERE run_id = ?", run_id)

    async def _execute(self, sql: str, *values: object) -> None:
        await self._storage.run(lambda: self._storage.database.run(sql, values))

    def _is_free(self, row: sqlite3.Row) -> bool:
        return row["owner"] == self._owner.name or self._owner.is_gone(row["owner"])


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """An interrupted run; `at` is Unix seconds."""

    run_id: str
    workflow_id: str
    stop: WorkflowInterrupt
    question: str
    at: float


def _run(row: sqlite3.Row) -> WaitingRun:
    stop = WorkflowInterrupt(row["event_id"], row["kind"], row["node"], row["data"])
    return WaitingRun(row["run_id"], row["workflow_id"], stop, row["question"], row["at"])


MARK: Final = "c2jy"


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool to run; arguments as JSON text."""

    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolQuestion:
    """A question for tools; `rid` is empty when the workflow gave none."""

    uses: tuple[ToolUse, ...]
    rid: str = ""
    several: bool = False
    """The workflow sent a list and gets a list back."""

    def answer(self, outputs: Sequence[str]) -> str:
        """The text to resume the run with."""
        if not self.several:
            return outputs[0]
        return json.dumps({"results": [json.loads(output) for output in outputs]}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class UserQuestion:
    """A question for the user."""

    text: str
    fields: tuple[str, ...] = ()


def parse_interrupt(stop: WorkflowInterrupt, said: str) -> ToolQuestion | UserQuestion:
    """Parse an interrupt; `said` is the message before it."""
    for text in (said, stop.data, *_messages(stop.data)):
        if question := _tool_question(_object(text)):
            return question
    if stop.kind == LOCAL_PLUGIN:
        return _plugin_call(_object(stop.data)) or UserQuestion(say("workflow.local_plugin", data=stop.data))
    if stop.kind == INPUT:
        return UserQuestion(said or stop.node, _fields(_object(stop.data)))
    return UserQuestion(said or next(iter(_messages(stop.data)), "") or stop.node)


def _tool_question(body: Mapping[str, Any]) -> ToolQuestion | None:
    if not body.get(MARK):
        return None
    calls = body.get("calls")
    several = isinstance(calls, list)
    uses = [_use(call) for call in calls] if isinstance(calls, list) else [_use(body)]
    whole = [use for use in uses if use is not None]
    if not whole or len(whole) != len(uses):
        return None
    return ToolQuestion(tuple(whole), str(body.get("rid", "")), several)


def _use(call: Any) -> ToolUse | None:
    if not isinstance(call, dict) or not isinstance(call.get("tool"), str):
        return None
    arguments = call.get("args", call.get("arguments", {}))
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolUse(call["tool"], text)


def _plugin_call(body: Mapping[str, Any]) -> ToolQuestion | None:
    """One call in the form of a chat's required_action, which Coze may send here."""
    calls = body.get("tool_calls")
    if not (isinstance(calls, list) and len(calls) == 1 and isinstance(calls[0], dict)):
        return None
    function = calls[0].get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return None
    use = ToolUse(function["name"], str(function.get("arguments", "{}")))
    return ToolQuestion((use,), str(calls[0].get("id", "")))


def _fields(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in an input node's list (Coze docs, workflow_resume)."""
    try:
        listed = json.loads(str(body.get("content", "[]")))
    except ValueError:
        return ()
    fields = listed if isinstance(listed, list) else []
    return tuple(str(field["name"]) for field in fields if isinstance(field, dict) and "name" in field)


def _messages(data: str) -> list[str]:
    """Texts in the form in which coze-studio's interrupts carry them."""
    messages = _object(data).get("messages")
    found = messages if isinstance(messages, list) else []
    return [str(m["content"]) for m in found if isinstance(m, dict) and m.get("content")]


def _object(text: str) -> dict[str, Any]:
    try:
        return read_object(text)
    except NotPlainJson:
        return {}
