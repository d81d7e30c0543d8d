"""One batch of tool calls, handed to the runner; every call has an answer when it is over."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from typing import Protocol

from c2jy_bridge.core.events import Event, Outcome, ToolCall, ToolCallFinished, ToolCallRequested
from c2jy_bridge.coze.errors import say
from c2jy_bridge.coze.interrupt import Interrupt
from c2jy_bridge.coze.turn import Turn

_log = logging.getLogger(__name__)


class RunsTools(Protocol):
    """What runs the tools; the wire knows no tool."""

    def run(self, calls: Sequence[ToolCall]) -> AsyncIterator[Event]:
        """Run a batch; exactly one ToolCallFinished comes for every call."""


def error_output(key: str) -> str:
    """An error output for Coze in the form that the tools use, with the words under `key`."""
    return json.dumps({"status": "error", "message": say(key)}, ensure_ascii=False)


async def run_batch(
    runner: RunsTools, calls: Sequence[ToolCall], turn: Turn, stop: Interrupt, clock: Callable[[], float]
) -> AsyncGenerator[Event, None]:
    """Run the calls and note their outputs in the turn; what the runner leaves open ends in an error.

    Raises:
        Interrupted: The maker stopped the turn. The runner's generator is closed by then.
    """
    by_id = {call.call_id: call for call in calls}
    run = runner.run(calls)
    try:
        while True:
            stop.begin()
            try:
                event = await run.__anext__()
            except StopAsyncIteration:
                break
            except Exception:
                # Every call is answered, whatever happens: an unanswered one strands the conversation.
                _log.exception("the tool runner failed")
                break
            finally:
                stop.end()
            if isinstance(event, ToolCallRequested):
                turn.begun[event.call_id] = (event.call, event.at)
            elif isinstance(event, ToolCallFinished) and (call := by_id.get(event.call_id)):
                turn.begun.pop(event.call_id, None)
                turn.answers[turn.key(call)] = event.output
            yield event
    finally:
        if isinstance(run, AsyncGenerator):
            await run.aclose()
    for call in calls:
        if turn.key(call) not in turn.answers:
            turn.begun.setdefault(call.call_id, (call, clock()))
            turn.answers[turn.key(call)] = error_output("output.unanswered")
    for event in finish_open_calls(turn, clock(), Outcome.ERROR, "output.unanswered"):
        yield event


def finish_open_calls(turn: Turn, at: float, outcome: Outcome, key: str) -> Iterator[Event]:
    """The end of every call that was announced and has none, with the words under `key`."""
    for call_id, (call, since) in turn.begun.items():
        yield ToolCallFinished(
            at=at,
            call_id=call_id,
            tool=call.tool,
            outcome=outcome,
            output=error_output(key),
            elapsed_s=max(0.0, at - since),
            error=say(key),
        )
    turn.begun.clear()
