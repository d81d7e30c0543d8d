"""`c2jy-tui chat`: one turn without a screen; a conversation, when no text is given."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from c2jy_bridge.core import events as ev
from c2jy_bridge.core.safety import visible
from c2jy_tui.commands import say
from c2jy_tui.commands.running import (
    INTERRUPTED,
    as_json,
    print_call,
    print_issues,
    print_stderr,
    with_engine,
)
from c2jy_tui.commands.streams import NotText, argument, decoded, read_stdin

if TYPE_CHECKING:
    from c2jy_bridge.engine import Engine


def run(options: argparse.Namespace) -> int:
    """Ask once; 0 when the turn completed, 1 when it failed, 130 when it was interrupted."""
    if options.text is None:
        if sys.stdin.isatty() and not options.json:
            from c2jy_tui.commands import line_chat

            return line_chat.run(options)
        print_stderr(say("chat.no_text"))
        return 2
    try:
        text = decoded(read_stdin()) if options.text == "-" else argument(options.text)
    except NotText as error:
        print_stderr(str(error))
        return 2
    if not text.strip():
        print_stderr(say("chat.empty"))
        return 2

    stop = _Stop()

    async def ask(engine: Engine) -> int:
        events = engine.events()
        turn_id = await engine.send(text)
        draw = TextOutput(turn_id).show if not options.json else _print_json
        status = await _follow(events, turn_id, draw)
        if not stop.asked:
            await _finish_resumed(engine, stop)
        return status

    return with_engine(options, ask, start=True, interrupt=stop)


class _Stop:
    """Handles a signal: cancels the turn, also at Coze, or stops waiting for earlier turns."""

    def __init__(self) -> None:
        self.asked = False
        self.waiting: asyncio.Future[int] | None = None
        self._cancelling: asyncio.Future[None] | None = None

    def __call__(self, engine: Engine) -> None:
        self.asked = True
        if self.waiting is not None:
            self.waiting.cancel()
        else:
            self._cancelling = asyncio.ensure_future(engine.cancel())


async def _finish_resumed(engine: Engine, stop: _Stop) -> None:
    """Wait for turns that an earlier process left; a signal leaves them for the next one."""
    if not engine.resuming:
        return
    print_stderr(say("chat.resuming"))
    stop.waiting = asyncio.ensure_future(engine.finish_resumed())
    try:
        left = await stop.waiting
    except asyncio.CancelledError:
        print_stderr(say("chat.left"))
        return
    if left:
        print_stderr(say("chat.needs_person", count=left))


async def _follow(events: AsyncIterator[ev.Event], turn_id: str, draw: object) -> int:
    assert callable(draw)
    async for event in events:
        draw(event)
        if isinstance(event, ev.TurnEvent) and event.turn_id == turn_id and isinstance(event, ev.TurnEnded):
            return {ev.TurnCompleted: 0, ev.TurnCancelled: INTERRUPTED}.get(type(event), 1)
    return 1


def _print_json(event: ev.Event) -> None:
    print(as_json(ev.to_json(event)), flush=True)


class TextOutput:
    """Answers on stdout as they come; everything else as single lines on stderr."""

    def __init__(self, turn_id: str) -> None:
        self._turn_id = turn_id
        self._streamed: dict[str, str] = {}
        """The part of each answer that is already on stdout, by message_id."""
        self._answered = False

    def show(self, event: ev.Event) -> None:
        """Write one event; the answers of a resumed turn belong to another question and are left out."""
        if isinstance(event, ev.JournalStopped):
            print_stderr(event.problem.message, event.problem.hint)
        if isinstance(event, ev.TurnEvent) and event.turn_id != self._turn_id:
            if isinstance(event, ev.StreamRecovered):
                print_stderr(say("chat.recovered"))
            return
        if isinstance(event, ev.TurnEnded) and self._streamed:
            self._answered = True
            self._streamed.clear()
            print(flush=True)  # the line of an answer that broke off
        match event:
            case ev.AnswerDelta():
                self._streamed[event.message_id] = self._streamed.get(event.message_id, "") + event.text
                print(visible(event.text), end="", flush=True)
            case ev.AnswerCompleted():
                self._complete(event.text, self._streamed.pop(event.message_id, ""))
            case ev.TurnCompleted() if not self._answered:
                print_stderr(say("chat.no_answer"))
            case ev.ToolCallFinished():
                print_call(event, event.error)
            case ev.DraftWritten():
                print_stderr(say("chat.draft_written", name=event.name, path=event.path))
                print_issues(*event.issues)
            case ev.StreamRecovered():
                print_stderr(say("chat.recovered"))
            case ev.TurnFailed():
                p = event.problem
                print_stderr(p.message, p.hint, p.logid and f"(logid {p.logid})")
            case ev.TurnCancelled():
                print_stderr(say("chat.cancelled"))

    def _complete(self, text: str, streamed: str) -> None:
        """Print the missing rest of an answer; the whole of it when the stream had a different beginning."""
        self._answered = True
        if streamed and not text.startswith(streamed):
            print()
            streamed = ""
        print(visible(text[len(streamed) :]), flush=True)
