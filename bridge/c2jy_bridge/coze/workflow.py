"""Runs cloud workflows as streams of node messages, interrupts and ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from c2jy_bridge.coze.client import CozeClient
from c2jy_bridge.coze.errors import CozeProblem, problem_of, refused

if TYPE_CHECKING:
    import httpx

QUESTION: Final = 2
INPUT: Final = 5
LOCAL_PLUGIN: Final = 6
"""Kinds of interrupts (Coze docs, workflow_resume); what one of a local plugin carries is not documented."""


@dataclass(frozen=True, slots=True)
class NodeMessage:
    """A node's message is complete."""

    node: str
    text: str


@dataclass(frozen=True, slots=True)
class WorkflowInterrupt:
    """The run stopped and waits to be resumed with an answer; a question node waits 24 hours."""

    event_id: str
    """`<execute_id>/<number>`, needed to resume."""
    kind: int
    node: str
    data: str
    """What the interrupt itself carries; empty for question nodes, whose question was said before."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over and went well; its output is what was said last."""

    debug_url: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What Coze keeps of a run."""

    running: bool
    output: str
    debug_url: str
    problem_code: int
    problem_words: str


Step = NodeMessage | WorkflowInterrupt | RunEnded


class WorkflowClient:
    """Cloud workflows by their ids. Every call may raise CozeProblem and nothing else."""

    def __init__(self, client: CozeClient) -> None:
        self._client = client

    def run(
        self, workflow_id: str, parameters: Mapping[str, Any], *, bot_id: str = ""
    ) -> AsyncIterator[Step]:
        """Begin a run; the stream ends with an WorkflowInterrupt or a RunEnded.

        Args:
            workflow_id: A published workflow.
            parameters: Of its start node.
            bot_id: For workflows with nodes that belong to a Bot (databases, variables).
        """
        body = {"workflow_id": workflow_id, "parameters": dict(parameters)}
        return self._stream("stream_run", {**body, "bot_id": bot_id} if bot_id else body)

    def resume(self, workflow_id: str, event_id: str, kind: int, answer: str) -> AsyncIterator[Step]:
        """Go on with a run that waits; the stream ends as that of `run`."""
        body = {"workflow_id": workflow_id, "event_id": event_id}
        return self._stream("stream_resume", {**body, "interrupt_type": kind, "resume_data": answer})

    async def run_record(self, workflow_id: str, execute_id: str) -> RunRecord:
        """What became of a run."""
        try:
            histories = self._client.coze.workflows.runs.run_histories
            run = await histories.retrieve(workflow_id=workflow_id, execute_id=execute_id)
        except Exception as error:  # whatever cozepy makes of a strange answer
            raise CozeProblem(problem_of(error, self._client.host)) from error
        running = str(run.execute_status.value).lower() == "running"
        return RunRecord(running, run.output, run.debug_url, run.error_code, run.error_message or "")

    async def _stream(self, call: str, body: Mapping[str, Any]) -> AsyncIterator[Step]:
        said: dict[str, list[str]] = {}
        try:
            async for name, data in self._events(call, body):
                if name == "message":
                    node = str(data.get("node_title", ""))
                    said.setdefault(node, []).append(str(data.get("content", "")))
                    if data.get("node_is_finish", True):
                        yield NodeMessage(node, "".join(said.pop(node)))
                elif name == "interrupt":
                    yield _interrupt(data)
                    return
                elif name == "error":
                    code, words = data.get("error_code", 0), str(data.get("error_message", ""))
                    raise CozeProblem(refused(int(code), words))
                elif name == "done":
                    yield RunEnded(str(data.get("debug_url", "")))
                    return
        except CozeProblem:
            raise
        except Exception as error:
            raise CozeProblem(problem_of(error, self._client.host)) from error

    async def _events(self, call: str, body: Mapping[str, Any]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        # Through cozepy's own requests but not its models: those drop what an interrupt carries, and
        # coze-studio's interrupts (no node_title) would break them (cozepy 0.20, workflows/runs).
        from cozepy.model import AsyncStream

        runs = self._client.coze.workflows.runs
        url = f"{runs._base_url}/v1/workflow/{call}"
        stream = await runs._requester.arequest("post", url, True, cast(Any, None), body=dict(body))
        fields = ["id", "event", "data"]
        async for event in AsyncStream(stream.data, fields, _event, stream._raw_response):
            yield event


def _event(fields: dict[str, str], response: httpx.Response) -> tuple[str, dict[str, Any]]:
    data = json.loads(fields["data"])
    return fields["event"].lower(), data if isinstance(data, dict) else {}


def _interrupt(data: Mapping[str, Any]) -> WorkflowInterrupt:
    inside = data.get("interrupt_data")
    inside = inside if isinstance(inside, dict) else {}
    carried = inside.get("data", "")
    return WorkflowInterrupt(
        event_id=str(inside.get("event_id", "")),
        kind=int(inside.get("type", QUESTION)),
        node=str(data.get("node_title", "")),
        data=carried if isinstance(carried, str) else json.dumps(carried, ensure_ascii=False),
    )
