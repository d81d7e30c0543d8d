"""What the tests of the wire play with: a scripted tool runner, a server that says exactly given bytes."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

from c2jy_bridge.core.events import (
    AnswerDelta,
    Event,
    Outcome,
    ReasoningDelta,
    ToolCall,
    ToolCallFinished,
    ToolCallRequested,
    ToolCallStarted,
)

CHAT = {
    "id": "7382159487131697202",
    "conversation_id": "7381473525342978089",
    "bot_id": "7379462189365198898",
}
MESSAGE = {
    "id": "7382159494123470858",
    "role": "assistant",
    "type": "answer",
    "content": "",
    "content_type": "text",
    "chat_id": CHAT["id"],
    "conversation_id": CHAT["conversation_id"],
}
DONE = b'event:done\ndata:"[DONE]"\n\n'


def sse(event: str, data: Any) -> bytes:
    """One event as Coze frames it; characters are not escaped."""
    body = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"event:{event}\ndata:{body}\n\n".encode()


def chat(state: str, **more: Any) -> bytes:
    """A chat event: created, in_progress, completed ..."""
    return sse(f"conversation.chat.{state}", {**CHAT, "status": state, **more})


def delta(text: str, **more: Any) -> bytes:
    """A piece of an answer."""
    return sse("conversation.message.delta", {**MESSAGE, "content": text, **more})


def message(text: str, kind: str = "answer", **more: Any) -> bytes:
    """A whole message."""
    return sse("conversation.message.completed", {**MESSAGE, "type": kind, "content": text, **more})


def calls(*wanted: dict[str, Any]) -> dict[str, Any]:
    """The required_action of a chat."""
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": list(wanted)}}


def call(tool_call_id: str, tool: str, arguments: str = "{}") -> dict[str, Any]:
    """One function call in a required_action."""
    return {"id": tool_call_id, "type": "function", "function": {"name": tool, "arguments": arguments}}


@dataclass
class ScriptedRunner:
    """Runs no tool, keeps receipts as the real one does, and notes what it was asked for."""

    outputs: dict[str, str] = field(default_factory=dict)
    """Output by tool name."""
    hang: bool = False
    """Never finish; only closing ends it."""
    crash: bool = False
    """Raise instead of finishing."""
    ran: list[ToolCall] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    closed: int = 0
    working: asyncio.Event = field(default_factory=asyncio.Event)
    receipts: dict[tuple[str, str], str] = field(default_factory=dict)

    async def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[Event, None]:
        self.batches.append(len(calls))
        try:
            for call in calls:
                yield ToolCallRequested(at=1.0, call_id=call.call_id, call=call)
            for call in calls:
                receipt = self.receipts.get((call.chat_id, call.tool_call_id))
                if receipt is None:
                    yield ToolCallStarted(at=2.0, call_id=call.call_id, deadline_s=9.0)
                    self.ran.append(call)
                    self.working.set()
                    if self.crash:
                        raise RuntimeError("a fault of the runner")
                    if self.hang:
                        await asyncio.Event().wait()
                    await asyncio.sleep(0)
                output = receipt or self.outputs.get(call.tool, '{"status":"success"}')
                self.receipts[call.chat_id, call.tool_call_id] = output
                yield ToolCallFinished(
                    at=3.0,
                    call_id=call.call_id,
                    tool=call.tool,
                    outcome=Outcome.OK,
                    output=output,
                    elapsed_s=1.0,
                    replayed=receipt is not None,
                )
        finally:
            self.closed += 1


@dataclass(frozen=True)
class Asked:
    """One request that the raw server got."""

    path: str
    query: dict[str, str]
    body: Any
    connection: int


Reply = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def stream(*parts: bytes, chunked: bool = True) -> bytes:
    """A whole event-stream response; each part is a chunk of its own."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-tt-logid: LOG1\r\n"
    if not chunked:
        return head + b"connection: close\r\n\r\n" + b"".join(parts)
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return head + b"transfer-encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


def answer(body: Any, status: int = 200, kind: str = "application/json") -> bytes:
    """A whole JSON (or other) response."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (
        f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nx-tt-logid: LOG1\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    ).encode() + content


def success(data: Any, **more: Any) -> bytes:
    """A JSON answer in Coze's envelope."""
    return answer({"code": 0, "msg": "", "data": data, **more})


class RawCoze:
    """A server that gives each path its replies in order, byte for byte; the last one again and again."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._replies: dict[str, list[Reply]] = defaultdict(list)
        self._connections = 0
        self.base_url = ""

    def on(self, path: str, *replies: Reply) -> Self:
        """What to say at a path."""
        self._replies[path].extend(replies)
        return self

    def to(self, path: str) -> list[Asked]:
        """The requests to one path."""
        return [asked for asked in self.asked if asked.path == path]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        connection = self._connections
        try:
            while await self._one(reader, writer, connection):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *headers = head.split("\r\n")
        length = next((int(h.split(":")[1]) for h in headers if h.lower().startswith("content-length")), 0)
        body = await reader.readexactly(length)
        target = urlsplit(line.split(" ")[1])
        self.asked.append(
            Asked(target.path, dict(parse_qsl(target.query)), json.loads(body) if body else None, connection)
        )
        replies = self._replies[target.path]
        if not replies:
            reply: Reply = answer({"code": 4000, "msg": f"no reply for {target.path}"})
        else:
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, bytes):
            writer.write(reply)
            await writer.drain()
            return b"connection: close" not in reply.partition(b"\r\n\r\n")[0]
        await reply(writer)
        return False


async def collect(events: AsyncIterator[Event]) -> list[Event]:
    """All events of a turn."""
    return [event async for event in events]


def shape(events: Iterable[Event]) -> list[str]:
    """The names of the events, runs of the same delta folded into one."""
    names: list[str] = []
    for event in events:
        name = type(event).__name__
        if not (isinstance(event, AnswerDelta | ReasoningDelta) and names and names[-1] == name):
            names.append(name)
    return names


E = TypeVar("E", bound=Event)


def only(events: Iterable[Event], kind: type[E]) -> list[E]:
    """The events of one class."""
    return [event for event in events if isinstance(event, kind)]


def last(events: Sequence[Event], kind: type[E]) -> E:
    """The last event, which has to be of this class."""
    event = events[-1]
    assert isinstance(event, kind), event
    return event
