"""Runs a tool function in the event loop or in a thread, with its prints sent to stderr."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TextIO, cast

from c2jy_bridge.plugin.context import ToolContext
from c2jy_bridge.plugin.definition import Tool

IN_TOOL: Final = ContextVar("in tool", default=False)
"""True while a tool's function runs, in its task or its thread."""


@contextmanager
def prints_go_to_stderr() -> Iterator[None]:
    """Inside the block `print` in a tool, or in a thread that one has started, writes to stderr.

    The app's own output, from the main thread outside of tools, still goes to stdout.
    """
    stdout = sys.stdout

    class Redirected:
        def __getattr__(self, name: str) -> Any:
            ours = threading.current_thread() is threading.main_thread() and not IN_TOOL.get()
            return getattr(stdout if ours else sys.stderr, name)

    sys.stdout = cast(TextIO, Redirected())
    try:
        yield
    finally:
        sys.stdout = stdout


UNWIND_S: Final = 1.0
"""Seconds that a cancelled coroutine has to clean up; its turn must end before the app does."""


@dataclass(frozen=True, slots=True)
class Done:
    """The function returned or raised."""

    value: object = None
    error: BaseException | None = None


class Work:
    """One run of a tool's function: `await finished(...)`, and `stop()` when it has not finished."""

    def __init__(self, tool: Tool, values: dict[str, Any], context: ToolContext, text: str) -> None:
        """Start at once; must be created on the loop. `text` is what `values` were read from."""
        self._context = context
        self._on_loop = tool.is_async or tool.isolated
        self._future: asyncio.Future[Done]
        if tool.isolated:
            from c2jy_bridge.plugin.tool_process import run_in_process

            self._future = asyncio.create_task(_guarded(lambda: run_in_process(tool, text, context)))
            return
        arguments = dict(values)
        if tool.takes.context_name is not None:
            arguments[tool.takes.context_name] = context
        self._future = (
            asyncio.create_task(_guarded(lambda: tool.function(**arguments)))
            if self._on_loop
            else _in_thread(lambda: tool.function(**arguments), f"tool-{tool.name}")
        )

    @property
    def done(self) -> Done | None:
        """The function's result; None while it runs, or when it was cancelled."""
        if not self._future.done() or self._future.cancelled():
            return None
        return self._future.result()

    @property
    def is_over(self) -> bool:
        """Whether the function no longer runs."""
        return self._future.done()

    async def finished(self, timeout_s: float) -> Done | None:
        """Wait at most `timeout_s` seconds for the result; None after a timeout."""
        await asyncio.wait({self._future}, timeout=timeout_s)
        return self.done

    async def stop(self) -> None:
        """Cancel it. A coroutine gets `UNWIND_S` to clean up; a thread only sees `context.cancelled`."""
        self._context.cancelled.set()
        if self._on_loop and not self._future.done():
            self._future.cancel()
            await asyncio.wait({self._future}, timeout=UNWIND_S)

    def when_over(self, callback: Callable[[], None]) -> None:
        """Call back on the loop once the function no longer runs."""
        self._future.add_done_callback(lambda _: callback())


async def _guarded(function: Callable[[], Any]) -> Done:
    """Run a coroutine function; only its cancellation reaches the loop."""
    IN_TOOL.set(True)
    try:
        return Done(await function())
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return Done(error=RuntimeError("cancelled itself"))
    except BaseException as error:  # SystemExit too: a tool must not end the app
        return Done(error=error)


def _in_thread(function: Callable[[], Any], name: str) -> asyncio.Future[Done]:
    """Run a function in a thread of its own: hanging threads would exhaust a pool and block the exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Done] = loop.create_future()
    context = contextvars.copy_context()
    context.run(IN_TOOL.set, True)

    def settle(done: Done) -> None:
        if not future.done():
            future.set_result(done)

    def main() -> None:
        try:
            value = context.run(function)
            if inspect.iscoroutine(value):
                value.close()
                raise TypeError("the function returned a coroutine: write it as `async def`")
            done = Done(value)
        except BaseException as error:  # SystemExit too: see above
            done = Done(error=error)
        try:
            loop.call_soon_threadsafe(settle, done)
        except RuntimeError:
            return  # the loop is closed: the app has ended

    threading.Thread(target=main, name=name, daemon=True).start()
    return future
