"""`c2jy-tui chat`: one turn without a screen."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from c2jy_bridge.core.events import (
    AnswerCompleted,
    AnswerDelta,
    DraftWritten,
    Event,
    StreamRecovered,
    ToolCallFinished,
    ToolCallProgress,
    ToolCallStarted,
    TurnCancelled,
    TurnCompleted,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    to_json,
)
from c2jy_bridge.core.safety import visible
from c2jy_tui.commands import say
from c2jy_tui.commands.running import as_json, complain, complain_of, complain_of_call, with_engine

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


def run(options: argparse.Namespace) -> int:
    """Ask once; 0 when the turn completed, 1 when it failed, 130 when it was interrupted."""
    text = sys.stdin.read() if options.text == "-" else options.text
    if not text.strip():
        complain(say("chat.empty"))
        return 2

    async def ask(engine: Engine) -> int:
        complain_of(*engine.issues())
        events = engine.events()
        turn_id = await engine.send(text)
        # Ctrl+C cancels the turn on Coze's side too, instead of leaving the conversation waiting.
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, _cancel, engine)
        draw = _Lines().show if not options.json else _print_json
        return await _follow(events, turn_id, draw)

    return with_engine(options, ask, start=True)


def _cancel(engine: Engine) -> None:
    task = asyncio.ensure_future(engine.cancel())
    _cancelling.add(task)
    task.add_done_callback(_cancelling.discard)


_cancelling: set[asyncio.Future[None]] = set()


async def _follow(events: AsyncIterator[Event], turn_id: str, draw: object) -> int:
    assert callable(draw)
    async for event in events:
        draw(event)
        if isinstance(event, TurnEvent) and event.turn_id == turn_id and isinstance(event, TurnEnded):
            return {TurnCompleted: 0, TurnCancelled: 130}.get(type(event), 1)
    return 1


def _print_json(event: Event) -> None:
    print(as_json(to_json(event)), flush=True)


class _Lines:
    """Answers on stdout as they come; everything else as single lines on stderr."""

    def __init__(self) -> None:
        self._streamed: set[str] = set()

    def show(self, event: Event) -> None:
        """Write one event."""
        match event:
            case AnswerDelta():
                self._streamed.add(event.message_id)
                print(visible(event.text), end="", flush=True)
            case AnswerCompleted() if event.message_id in self._streamed:
                print(flush=True)
            case AnswerCompleted():
                print(visible(event.text), flush=True)
            case ToolCallStarted() | ToolCallProgress():
                pass
            case ToolCallFinished():
                complain_of_call(event, event.error)
            case DraftWritten():
                complain(say("chat.draft_written", name=event.name, path=event.path))
                complain_of(*event.issues)
            case StreamRecovered():
                complain(say("chat.recovered"))
            case TurnFailed():
                p = event.problem
                complain(p.message, p.hint, p.logid and f"(logid {p.logid})")
            case TurnCancelled():
                complain(say("chat.cancelled"))
