"""Runs workflows: executes nodes, interrupts, streams events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, Literal

import httpx

from coze_emulator.bot import tokens
from coze_emulator.errors import INTERNAL, NOT_FOUND, CozeError, bad_parameter
from coze_emulator.faults import WIRE_KINDS, FrameFaults
from coze_emulator.server_state import USER_ID, ServerState
from coze_emulator.sse import Stream
from coze_emulator.steps import Fail, Sleep
from coze_emulator.template import fill, look_up, parse_json, render
from coze_emulator.workflow_nodes import (
    HttpNode,
    LoopNode,
    MessageNode,
    OutputNode,
    PickNode,
    QuestionNode,
    Workflow,
)

RETRY_S: Final = 1.0
"""Seconds between two attempts of an HTTP node."""
_RETRIED: Final = frozenset({429, 500, 502, 503, 504})


class NodeError(Exception):
    """A node failed, and the run with this message."""


async def execute(
    node: HttpNode | PickNode | LoopNode, scope: dict[str, Any], heartbeat: Callable[[], None]
) -> None:
    """Execute one node.

    Args:
        node: The node.
        scope: The template variables; the node's answer is added.
        heartbeat: Called before each pause of a loop.

    Raises:
        NodeError: An HTTP node got no answer.
    """
    # This machine's proxies are not those of the cloud.
    async with httpx.AsyncClient(trust_env=False) as client:
        if not isinstance(node, LoopNode):
            return await _execute_once(node, scope, client)
        for number in range(node.times):
            if all(condition.holds(look_up(path, scope)) for path, condition in node.until.items()):
                return
            if number:
                heartbeat()
                await asyncio.sleep(node.pause)
            for inner in node.loop:
                await _execute_once(inner, scope, client)


async def _execute_once(node: HttpNode | PickNode, scope: dict[str, Any], client: httpx.AsyncClient) -> None:
    if isinstance(node, PickNode):
        return _pick(node, scope)
    for tries_left in range(node.retries, -1, -1):
        try:
            answer = await _request(node, scope, client)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if not tries_left or isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
                raise NodeError(f"{node.title}: {str(error) or type(error).__name__}") from error
        else:
            if not tries_left or answer["status"] not in _RETRIED:
                scope[node.into] = answer
                return
        await asyncio.sleep(RETRY_S)


async def _request(node: HttpNode, scope: Mapping[str, Any], client: httpx.AsyncClient) -> dict[str, Any]:
    method, _, url = render(node.http, scope).partition(" ")
    response = await client.request(
        method,
        url.strip(),
        params=_texts(node.query, scope) or None,
        headers=_texts(node.headers, scope),
        json=None if node.body is None else fill(node.body, scope),
        timeout=node.timeout,
    )
    return {
        "status": response.status_code,
        "body": parse_json(response.text),
        "headers": dict(response.headers),
    }


def _texts(values: Mapping[str, Any], scope: Mapping[str, Any]) -> dict[str, str]:
    return {name: render(str(value), scope) for name, value in values.items()}


def _pick(node: PickNode, scope: dict[str, Any]) -> None:
    items = look_up(node.pick, scope)
    required = {path: str(value) for path, value in fill(node.where, scope).items()}
    found = [
        item
        for item in (items if isinstance(items, list) else [])
        if all(str(look_up(path, item)) == value for path, value in required.items())
    ]
    if node.by:
        found.sort(key=lambda item: _number(look_up(node.by, item)))
    if not found or (node.of and len(found) < _number(look_up(node.of, found[0]))):
        return
    if node.take:
        scope[node.into] = parse_json("".join(str(look_up(node.take, item) or "") for item in found))
    else:
        scope[node.into] = found


def _number(value: Any) -> int:
    text = str(value)
    return int(text) if text.isdecimal() else 0


class Mode(IntEnum):
    """How a run was started (Coze docs, workflow_history: run_mode)."""

    SYNCHRONOUS = 0
    STREAMING = 1
    ASYNCHRONOUS = 2


@dataclass(slots=True)
class Run:
    """The state of one run; `position` is the next node."""

    execute_id: str
    workflow_id: str
    workflow: Workflow
    mode: Mode
    bot_id: str
    logid: str
    created_at: int
    updated_at: int
    scope: dict[str, Any]
    position: int = 0
    status: Literal["Running", "Success", "Fail"] = "Running"
    output: str = ""
    error: tuple[int, str] = (0, "")
    output_tokens: int = 0
    """Output tokens so far."""
    interrupt: dict[str, Any] | None = None
    """`event_id`, `type`, `data` of the open interrupt."""
    asking: QuestionNode | None = None
    seq: dict[str, int] = field(default_factory=dict)
    """Packets sent by each node, by title."""

    @property
    def usage(self) -> dict[str, int]:
        """The token usage in wire form."""
        return {"input_count": 0, "output_count": self.output_tokens, "token_count": self.output_tokens}

    def history(self, debug_url: str) -> dict[str, Any]:
        """The entry in run_histories."""
        return {
            "execute_id": self.execute_id,
            "execute_status": self.status,
            "bot_id": self.bot_id or "0",
            "connector_id": "1024",
            "connector_uid": USER_ID,
            "run_mode": int(self.mode),
            "logid": self.logid,
            "create_time": self.created_at,
            "update_time": self.updated_at,
            "output": self.output,
            "error_code": self.error[0],
            "error_message": self.error[1],
            "debug_url": debug_url,
            "usage": self.usage,
            "is_output_trimmed": False,
        }


_FRAMES: Final = {"Message": "message", "Interrupt": "requires_action", "Done": "done"}
"""Where faults apply, by the workflow's event."""


class Packets:
    """Writes the events of one response, with ids from 0; without a stream they are dropped."""

    def __init__(self, stream: Stream | None, faults: FrameFaults | None = None) -> None:
        self._stream = stream
        self._faults = faults
        self._next = 0

    def put(self, event: str, data: Mapping[str, Any]) -> None:
        """Write one event: id, event, data, with a space after each colon (captures)."""
        if self._stream is not None:
            fault = None
            if self._faults is not None and (frame := _FRAMES.get(event)):
                self._faults.count(frame)
                fault = self._faults.at_frame(frame, WIRE_KINDS)
            text = json.dumps(data, separators=(",", ":"))
            self._stream.put(f"id: {self._next}\nevent: {event}\ndata: {text}\n\n".encode(), fault)
        self._next += 1


class Runs:
    """All runs of one emulator."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self,
        workflow_id: str,
        parameters: Mapping[str, Any],
        mode: Mode,
        *,
        bot_id: str,
        token: str,
        logid: str,
    ) -> Run:
        """Create a run; `advance` or `stream` executes it.

        Raises:
            CozeError: 4200, the workflow does not exist.
        """
        workflow = next((w for w in self._state.script.workflows if w.is_called(workflow_id)), None)
        if workflow is None:
            raise CozeError(
                NOT_FOUND, f"workflow {workflow_id or '(empty)'} does not exist or is not published"
            )
        now = self._state.now()
        execute_id = self._state.ids.next()
        scope: dict[str, Any] = {
            "bot_id": bot_id or self._state.bot_id,
            "token": token,
            "execute_id": execute_id,
            "workflow_id": workflow_id,
            "origin": self._state.origin,
            "media": f"{self._state.origin}/_media",
        }
        scope["parameters"] = {**fill(workflow.parameters, scope), **parameters}
        for name, value in workflow.values.items():
            scope[name] = fill(value, scope)
        run = Run(execute_id, workflow_id, workflow, mode, bot_id, logid, now, now, scope)
        self._runs[execute_id] = run
        return run

    def resume(self, workflow_id: str, event_id: str, interrupt_type: int, answer: str) -> Run:
        """Accept the answer to an interrupt; `advance` or `stream` continues the run.

        Raises:
            CozeError: 4000, no run waits at this event.
        """
        run = self._runs.get(event_id.partition("/")[0])
        waits = run is not None and run.interrupt is not None and run.interrupt["event_id"] == event_id
        if run is None or run.asking is None or run.interrupt is None or not waits:
            raise bad_parameter(f"no run waits at event_id {event_id or '(empty)'}")
        if run.workflow_id != workflow_id:
            raise bad_parameter("the event belongs to another workflow_id")
        if run.interrupt["type"] != interrupt_type:
            raise bad_parameter(f"interrupt_type is {run.interrupt['type']} here")
        run.scope[run.asking.into] = parse_json(answer)
        run.interrupt = run.asking = None
        run.seq = {}  # packets are counted from 0 after each resume
        return run

    def find(self, workflow_id: str, execute_id: str) -> Run:
        """One run by its ids.

        Raises:
            CozeError: 4200, it does not exist.
        """
        run = self._runs.get(execute_id)
        if run is None or run.workflow_id != workflow_id:
            raise CozeError(NOT_FOUND, f"execute_id {execute_id or '(empty)'} does not exist")
        return run

    def stream(self, run: Run) -> Stream:
        """Continue a run, streamed. It continues when its client disconnects."""
        stream = Stream()
        self.in_background(run, stream)
        return stream

    def in_background(self, run: Run, stream: Stream | None = None) -> None:
        """Continue a run in the background."""

        async def go() -> None:
            try:
                faults = self._state.faults.for_frames("workflows", "", "")
                await self.advance(run, Packets(stream, faults))
            finally:
                if stream is not None:
                    stream.end()

        task = asyncio.create_task(go())
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)

    async def advance(self, run: Run, packets: Packets) -> None:
        """Execute nodes until an interrupt or the end."""
        while run.position < len(run.workflow.steps) and run.status == "Running":
            node = run.workflow.steps[run.position]
            run.position += 1
            run.updated_at = self._state.now()
            match node:
                case MessageNode():
                    text = render(node.message, run.scope)
                    self._send(run, packets, node.title, text, node.packets, sent=node.sent)
                case QuestionNode():
                    return self._ask(run, packets, node)
                case Sleep():
                    packets.put("PING", {})
                    await asyncio.sleep(node.sleep)
                case HttpNode() | PickNode() | LoopNode():
                    try:
                        await execute(node, run.scope, lambda: packets.put("PING", {}))
                    except NodeError as failed:
                        return self._fail(run, packets, INTERNAL, str(failed))
                case OutputNode():
                    run.output = json.dumps(fill(node.output, run.scope), ensure_ascii=False)
                    cost: dict[str, Any] = {"cost": "0", "token": run.output_tokens + tokens(run.output)}
                    self._send(run, packets, "End", run.output, 1, **cost)
                case Fail():
                    return self._fail(
                        run, packets, node.fail.code, node.fail.msg or "Request parameter error"
                    )
        run.status = "Success"
        packets.put("Done", {})

    def _fail(self, run: Run, packets: Packets, code: int, message: str) -> None:
        run.status, run.error = "Fail", (code, message)
        packets.put("Error", {"error_code": code, "error_message": message})

    def _ask(self, run: Run, packets: Packets, node: QuestionNode) -> None:
        text = render(node.ask, run.scope)
        if text:
            self._send(run, packets, node.title, text, node.packets)
        run.asking = node
        run.interrupt = {
            "data": _text(fill(node.data, run.scope)),
            "event_id": f"{run.execute_id}/{self._state.ids.next()}",
            "type": node.type,
        }
        if node.required_parameters:
            run.interrupt["required_parameters"] = node.required_parameters
        packets.put("Interrupt", {"interrupt_data": run.interrupt, "node_title": node.title})

    def _send(
        self,
        run: Run,
        packets: Packets,
        title: str,
        text: str,
        parts: int,
        *,
        sent: int | None = None,
        **more: Any,
    ) -> None:
        run.output_tokens += tokens(text)
        size = max(1, -(-len(text) // parts))
        cut = [text[first : first + size] for first in range(0, len(text), size)] or [""]
        for number, part in enumerate(cut[:sent], start=1):
            seq = run.seq.get(title, 0)
            run.seq[title] = seq + 1
            packets.put(
                "Message",
                {
                    "content": part,
                    "content_type": "text",
                    **more,
                    "node_is_finish": number == len(cut),
                    "node_seq_id": str(seq),
                    "node_title": title,
                },
            )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
