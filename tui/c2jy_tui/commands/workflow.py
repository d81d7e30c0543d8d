"""`c2jy-tui workflow`: run a cloud workflow from here; what it wants of this machine is done."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from c2jy_bridge.core.events import (
    Event,
    ToolCallFinished,
    WorkflowAsked,
    WorkflowEnded,
    WorkflowEvent,
    WorkflowSaid,
    to_json,
)
from c2jy_bridge.core.safety import visible
from c2jy_tui.commands import say
from c2jy_tui.commands.output import as_json, complain
from c2jy_tui.commands.running import with_engine

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


def run(options: argparse.Namespace) -> int:
    """Run one workflow to its end; 1 when it did not go well."""
    try:
        parameters = json.loads(options.parameters)
    except ValueError as error:
        complain(say("tools.not_json", why=error))
        return 2
    if not isinstance(parameters, dict):
        complain(say("tools.not_object"))
        return 2

    async def work(engine: Engine) -> int:
        workflow_id = options.id or engine.settings.coze.workflow_id
        if not workflow_id:
            complain(say("workflow.none"))
            return 2
        # A workflow may reach this machine by itself, through the mailbox or over HTTP.
        if options.bridge and (problem := await engine.switch_bridge(True)):
            complain(" ".join(filter(None, (problem.message, problem.hint))))
            return 1
        telling = asyncio.create_task(_tell(engine.events(), options.json))
        ended = await engine.workflows.run(workflow_id, parameters, _ask)
        await telling
        return _told(ended)

    return with_engine(options, work, start=True)


def resume(options: argparse.Namespace) -> int:
    """Bring the runs that an earlier process left waiting to their end; 1 when one did not go well."""

    async def work(engine: Engine) -> int:
        runs = await engine.workflows.waiting()
        if not runs:
            complain(say("workflow.none_waiting"))
            return 0
        telling = asyncio.create_task(_tell(engine.events(), options.json, ends=len(runs)))
        ended = [await engine.workflows.resume(run.run_id, _ask) for run in runs]
        if None in ended:  # another process was quicker
            telling.cancel()
        else:
            await telling
        return max((_told(one) for one in ended if one is not None), default=0)

    return with_engine(options, work, start=True)


async def _ask(question: WorkflowAsked) -> str:
    """A line from the maker; the question goes to stderr, so that stdout stays output."""
    complain(question.text)
    if question.fields:
        complain(say("workflow.fields", fields=", ".join(question.fields)))
    print("> ", end="", file=sys.stderr, flush=True)
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.rstrip("\n")


async def _tell(events: AsyncIterator[Event], json_lines: bool, *, ends: int = 1) -> None:
    """Print what happens until so many runs have ended."""
    async for event in events:
        if json_lines and isinstance(event, WorkflowEvent | ToolCallFinished):
            print(as_json(to_json(event)), flush=True)
        elif isinstance(event, WorkflowSaid) and not json_lines:
            print(visible(event.text), flush=True)
        elif isinstance(event, ToolCallFinished) and not json_lines:
            complain(f"· {event.tool}: {say(f'outcome.{event.outcome}')} ({event.elapsed_s:.1f} s)")
        if isinstance(event, WorkflowEnded):
            ends -= 1
            if not ends:
                return


def _told(ended: WorkflowEnded) -> int:
    if ended.problem is None:
        return 0
    complain(" ".join(filter(None, (ended.problem.message, ended.problem.hint, ended.debug_url))))
    return 1
