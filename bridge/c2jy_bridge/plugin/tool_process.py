"""Runs a user's tool in a process of its own, which can be killed and whose end is not the app's.

The two exchange JSON, each piece after a line with its length in bytes: the parent sends one request, the
child sends progress and one end. A parent that dies closes the child's stdin, and the child ends too.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import signal
import sys
import threading
import time
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn, cast

from c2jy_bridge.core.events import Event, ToolCall
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.safety import words_of
from c2jy_bridge.plugin.arguments import validate
from c2jy_bridge.plugin.context import Reporter, ToolContext, ToolError, Unit
from c2jy_bridge.plugin.definition import Tool
from c2jy_bridge.plugin.output import success
from c2jy_bridge.plugin.registry import ToolRegistry
from c2jy_bridge.plugin.user_tools import GROUP, load_entry_points, load_file

say: Final = catalogue("plugin")

GRACE_S: Final = 0.5
"""Seconds that a stopped tool has to see `context.cancelled` and return; then its process is killed."""
_IS_POSIX: Final = os.name == "posix"


async def run_in_process(tool: Tool, arguments: str, context: ToolContext) -> object:
    """Run the tool; returns its output object. Cancelling kills the process and what it has started.

    Raises:
        ToolError: The tool raised an exception, or its process ended without a result.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __spec__.name),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=_IS_POSIX,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    call = {name: getattr(context, name) for name in ("call_id", "conversation_id", "source")}
    request = {
        "path": sys.path,
        "origin": [tool.origin.kind, tool.origin.name],
        "tool": tool.name,
        "arguments": arguments,
        "call": call,
    }
    try:
        process.stdin.write(_framed(request))
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        while (end := await _received(process.stdout)) is not None:
            if "progress" not in end:
                break
            context.progress(*end["progress"])
        if end is None:
            status = await process.wait()
            raise ToolError(say("failed.process_ended", tool=tool.name, status=status))
        if "error" in end:
            raise ToolError(end["error"] or say("failed.output", reason=end["type"]), **end["fields"])
        if "exception" in end:
            raise ToolError(say("failed.exception", tool=tool.name, reason=end["exception"]))
        return end["output"]
    finally:
        await asyncio.shield(_ended(process))


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE_S)
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            if _IS_POSIX:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        await process.wait()


async def _received(stream: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next piece; None when the process has ended in the middle of one or before it."""
    try:
        length = int(await stream.readuntil())
        return cast(dict[str, Any], json.loads(await stream.readexactly(length)))
    except asyncio.IncompleteReadError:
        return None


def _framed(piece: dict[str, Any]) -> bytes:
    data = json.dumps(piece).encode()
    return b"%d\n%s" % (len(data), data)


# --- the child -----------------------------------------------------------------------------------------


class _Wire(Reporter):
    """Sends pieces to the parent, progress among them."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._sending = threading.Lock()

    def send(self, **piece: Any) -> None:
        with self._sending:
            self._out.write(_framed(piece))
            self._out.flush()

    def progress(self, message: str, done: int, total: int | None, unit: Unit) -> None:
        self.send(progress=[message, done, total, unit])

    def emit(self, event: Event) -> NoReturn:
        raise ToolError("a tool in a process of its own cannot publish events")


def main() -> None:
    """Serve one request from stdin."""
    # What the tool prints goes to stderr: stdout is the parent's.
    wire = _Wire(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    stdin = sys.stdin.buffer
    request = json.loads(stdin.read(int(stdin.readline())))

    def end_with_the_parent() -> None:
        stdin.read()
        time.sleep(GRACE_S * 2)  # it may only have closed its end
        os._exit(1)

    threading.Thread(target=end_with_the_parent, daemon=True).start()
    sys.path[:] = request["path"]
    context = ToolContext(ToolCall(tool="", arguments="", **request["call"]), wire)
    signal.signal(signal.SIGTERM, lambda *_: context.cancelled.set())
    try:
        tool = _load(request["tool"], *request["origin"])
        values = dict(validate(tool, request["arguments"]).values)
        if tool.takes.context_name is not None:
            values[tool.takes.context_name] = context
        value = tool.function(**values)
        if inspect.iscoroutine(value):
            value = asyncio.run(value)
    except ToolError as error:
        wire.send(error=error.message, fields=json.loads(json.dumps(error.fields, default=str)), type="")
        return
    except BaseException as error:  # SystemExit too
        wire.send(exception=f"{type(error).__name__}: {words_of(error)}".removesuffix(": ") + _place(error))
        return
    try:
        wire.send(output=success(value))
    except BaseException as error:  # serialising a tool's value may raise anything
        wire.send(error="", fields={}, type=type(error).__name__)


def _load(tool_name: str, kind: str, name: str) -> Tool:
    registry = ToolRegistry()
    if kind == "file":
        issues = load_file(registry, Path(name))
    else:
        issues = load_entry_points(registry, [one for one in entry_points(group=GROUP) if one.name == name])
    tool = registry.get(tool_name)
    if tool is None:  # its file has changed meanwhile
        raise ToolError("; ".join(issue.message for issue in issues) or tool_name)
    return tool


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__] or list(frames)
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""


if __name__ == "__main__":
    main()
