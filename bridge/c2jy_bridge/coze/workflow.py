"""Runs cloud workflows as streams of node messages, interrupts and ends."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from c2jy_bridge.coze.client import CozeClient
from c2jy_bridge.coze.content import readable
from c2jy_bridge.coze.errors import CozeProblem, refused

if TYPE_CHECKING:
    import httpx

QUESTION: Final = 2
INPUT: Final = 5
LOCAL_PLUGIN: Final = 6
"""Kinds of interrupts (Coze docs, workflow_resume); the data of a local plugin's is not documented."""


@dataclass(frozen=True, slots=True)
class NodeMessage:
    """A message of a node."""

    node: str
    text: str
    complete: bool = True
    """False when the stream ended in the middle of it."""


@dataclass(frozen=True, slots=True)
class WorkflowInterrupt:
    """The run stopped and waits to be resumed with an answer; a question node waits 24 hours."""

    event_id: str
    """`<execute_id>/<number>`, needed to resume."""
    kind: int
    node: str
    data: str
    """Empty for question nodes, whose question came as a NodeMessage."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run succeeded; its output is the last NodeMessage."""

    debug_url: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Coze's record of a run."""

    running: bool
    output: str
    debug_url: str
    problem_code: int


Step = NodeMessage | WorkflowInterrupt | RunEnded


class WorkflowClient:
    """Cloud workflows by their ids. Calls raise only CozeProblem."""

    def __init__(self, client: CozeClient) -> None:
        self._client = client

    def run(
        self, workflow_id: str, parameters: Mapping[str, Any], *, bot_id: str = ""
    ) -> AsyncGenerator[Step, None]:
        """Start a run of a published workflow; the stream ends with a WorkflowInterrupt or a RunEnded.

        `parameters` are the start node's inputs; nodes of a Bot (databases, variables) need a `bot_id`.
        """
        body = {"workflow_id": workflow_id, "parameters": dict(parameters)}
        return self._stream("stream_run", {**body, "bot_id": bot_id} if bot_id else body)

    def resume(self, workflow_id: str, event_id: str, kind: int, answer: str) -> AsyncGenerator[Step, None]:
        """Continue an interrupted run; the stream ends like that of `run`."""
        body = {"workflow_id": workflow_id, "event_id": event_id}
        return self._stream("stream_resume", {**body, "interrupt_type": kind, "resume_data": answer})

    async def run_record(self, workflow_id: str, execute_id: str) -> RunRecord:
        """Look up a run."""
        with self._client.translated_errors():
            histories = self._client.coze.workflows.runs.run_histories
            run = await histories.retrieve(workflow_id=workflow_id, execute_id=execute_id)
        running = str(run.execute_status.value).lower() == "running"
        return RunRecord(running, run.output, run.debug_url, run.error_code)

    async def _stream(self, call: str, body: Mapping[str, Any]) -> AsyncGenerator[Step, None]:
        messages = _Messages()
        last: Step | None = None
        broken: Exception | None = None
        try:
            async for name, data in self._events(call, body):
                if name == "message":
                    if (message := messages.add(data)) is not None:
                        yield message
                elif name == "error":
                    code, msg = data.get("error_code", 0), str(data.get("error_message", ""))
                    raise CozeProblem(refused(int(code), msg, workflow=True))
                elif name in ("interrupt", "done"):
                    last = _end(name, data)
                    break
        except Exception as error:  # cozepy may raise any exception on an unexpected answer
            broken = error
        for unfinished in messages.unfinished():
            yield unfinished
        if broken is not None:
            with self._client.translated_errors():
                raise broken
        if last is not None:
            yield last

    async def _events(self, call: str, body: Mapping[str, Any]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        # Through cozepy's requests but not its models (0.20, workflows/runs): they drop an interrupt's data
        # and fail on coze-studio's interrupts, which have no node_title.
        from cozepy.model import AsyncStream

        runs = self._client.coze.workflows.runs
        url = f"{runs._base_url}/v1/workflow/{call}"
        stream = await runs._requester.arequest("post", url, True, cast(Any, None), body=dict(body))
        fields = ["id", "event", "data"]
        async for event in AsyncStream(stream.data, fields, _event, stream._raw_response):
            yield event


class _Messages:
    """Joins the packets of each node's message."""

    def __init__(self) -> None:
        self._packets: dict[str, list[str]] = {}
        self._types: dict[str, str] = {}

    def add(self, data: Mapping[str, Any]) -> NodeMessage | None:
        """Add a packet; returns the message that it completes."""
        node = str(data.get("node_title", ""))
        self._packets.setdefault(node, []).append(str(data.get("content", "")))
        self._types[node] = str(data.get("content_type", "text"))
        return self._joined(node) if data.get("node_is_finish", True) else None

    def unfinished(self) -> list[NodeMessage]:
        """The messages whose last packet never came."""
        left = [replace(self._joined(node), complete=False) for node in list(self._packets)]
        return [message for message in left if message.text]

    def _joined(self, node: str) -> NodeMessage:
        return NodeMessage(node, readable("".join(self._packets.pop(node)), self._types[node]))


def _end(name: str, data: Mapping[str, Any]) -> WorkflowInterrupt | RunEnded:
    if name == "done":
        return RunEnded(str(data.get("debug_url", "")))
    interrupt = data.get("interrupt_data")
    interrupt = interrupt if isinstance(interrupt, dict) else {}
    payload = interrupt.get("data", "")
    return WorkflowInterrupt(
        event_id=str(interrupt.get("event_id", "")),
        kind=int(interrupt.get("type", QUESTION)),
        node=str(data.get("node_title", "")),
        data=payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False),
    )


def _event(fields: dict[str, str], response: httpx.Response) -> tuple[str, dict[str, Any]]:
    data = json.loads(fields["data"])
    return fields["event"].lower(), data if isinstance(data, dict) else {}
