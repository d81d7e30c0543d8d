"""`c2jy-tui workflow`: runs a cloud workflow from here, with the tool calls that it makes."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from c2jy_bridge.core import events as ev
from c2jy_bridge.core.safety import visible
from c2jy_tui.commands import say
from c2jy_tui.commands.running import as_json, json_object, print_call, print_stderr, with_engine
from c2jy_tui.commands.streams import read_line

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


def run(options: argparse.Namespace) -> int:
    """Run one workflow to its end; 1 when it failed."""
    parameters = json_object(options.parameters)
    if parameters is None:
        return 2

    async def work(engine: Engine) -> int:
        workflow_id = options.id or engine.settings.coze.workflow_id
        if not workflow_id:
            print_stderr(say("workflow.none"))
            return 2
        # A workflow may reach this machine by itself, through the mailbox or over HTTP.
        if options.bridge and (problem := await engine.switch_bridge(True)):
            print_stderr(problem.message, problem.hint)
            return 1
        printing = asyncio.create_task(_print_events(engine.events(), options.json))
        try:
            ended = await engine.workflows.run(workflow_id, parameters, _ask)
        except _NoAnswer:
            return _left_waiting(printing)
        await printing
        return _status(ended)

    return with_engine(options, work, start=True)


def resume(options: argparse.Namespace) -> int:
    """Resume the runs that an earlier process left waiting; 1 when one failed."""

    async def work(engine: Engine) -> int:
        runs = await engine.workflows.waiting()
        if not runs:
            print_stderr(say("workflow.none_waiting"))
            return 0
        printing = asyncio.create_task(_print_events(engine.events(), options.json, ends=len(runs)))
        try:
            ended = [await engine.workflows.resume(run.run_id, _ask) for run in runs]
        except _NoAnswer:
            return _left_waiting(printing)
        if None in ended:  # another process was quicker
            printing.cancel()
        else:
            await printing
        return max((_status(one) for one in ended if one is not None), default=0)

    return with_engine(options, work, start=True)


class _NoAnswer(Exception):
    """stdin has ended before a question was answered."""


def _left_waiting(printing: asyncio.Task[None]) -> int:
    printing.cancel()
    print_stderr(say("workflow.unanswered"))
    return 1


async def _ask(question: ev.WorkflowAsked) -> str:
    """A line from the user; the question goes to stderr, so that stdout stays output.

    Raises:
        _NoAnswer: There is none. An empty answer would use up one of the run's resumes.
    """
    print_stderr(question.text)
    if question.fields:
        print_stderr(say("workflow.fields", fields=", ".join(question.fields)))
    print("> ", end="", file=sys.stderr, flush=True)
    line = await asyncio.to_thread(read_line, sys.stdin)
    if line is None:
        print(file=sys.stderr)
        raise _NoAnswer
    return line


async def _print_events(events: AsyncIterator[ev.Event], json_lines: bool, *, ends: int = 1) -> None:
    """Print events until that many runs have ended."""
    last = ""
    async for event in events:
        if json_lines and isinstance(event, ev.WorkflowEvent | ev.ToolCallFinished):
            print(as_json(ev.to_json(event)), flush=True)
        elif isinstance(event, ev.WorkflowSaid) and not json_lines:
            last = event.text
            print(visible(event.text), flush=True)
        elif isinstance(event, ev.ToolCallFinished) and not json_lines:
            print_call(event)
        if isinstance(event, ev.WorkflowEnded):
            if event.output not in ("", last) and not json_lines:
                print(visible(event.output), flush=True)  # from Coze's record: the stream had broken
            ends -= 1
            if not ends:
                return


def _status(ended: ev.WorkflowEnded) -> int:
    if ended.problem is None:
        return 0
    print_stderr(ended.problem.message, ended.problem.hint, ended.debug_url)
    return 1
