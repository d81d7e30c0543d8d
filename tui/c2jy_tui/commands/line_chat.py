"""`c2jy-tui chat` without a text: a conversation line by line, for screen readers and plain terminals.

It writes lines and nothing else: no other screen, no colours, nothing that moves or is written over.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from c2jy_bridge.core import events as ev
from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui.commands import say
from c2jy_tui.commands.chat import TextOutput
from c2jy_tui.commands.running import as_json, with_engine

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

    from c2jy_bridge.engine import Engine

COMMANDS: Final = ("/help", "/new", "/quit")


def run(options: argparse.Namespace) -> int:
    """Talk until /quit or the end of the input."""
    decided = ev.Decision.ONCE if getattr(options, "yes", False) else None
    chats: list[_LineChat] = []

    async def talk(engine: Engine) -> int:
        chats.append(_LineChat(engine, decided))
        return await chats[0].talk()

    return with_engine(
        options, talk, start=True, asks=True, stops=lambda: any(chat.stop_answer() for chat in chats)
    )


class _LineChat:
    def __init__(self, engine: Engine, decided: ev.Decision | None) -> None:
        """`decided` answers each approval; None asks the user."""
        self._engine = engine
        self._decided = decided
        self._events = engine.events()
        self._loop = asyncio.get_running_loop()
        self._stoppable = False

    def stop_answer(self) -> bool:
        """Stop the answer that is coming, from any thread; False when none is, or it is being stopped."""
        if not self._stoppable:
            return False
        self._stoppable = False
        asyncio.run_coroutine_threadsafe(self._engine.cancel(), self._loop)
        return True

    async def talk(self) -> int:
        """Ask for a line, send it, write the answer, until the user leaves."""
        print(say("lines.hello"), flush=True)
        session = _session(COMMANDS, await self._engine.questions())
        while (line := await _read(session, say("lines.prompt"))) is not None:
            match line.strip():
                case "":
                    continue
                case "/quit":
                    break
                case "/help":
                    print(say("lines.help"), flush=True)
                case "/new":
                    await self._engine.new_conversation()
                    print(say("lines.new"), flush=True)
                case text if text.startswith("/") and " " not in text:
                    known = " ".join(COMMANDS)
                    print(say("lines.unknown", command=visible(text), commands=known), flush=True)
                case text:
                    await self._turn(text)
        return 0

    async def _turn(self, text: str) -> None:
        turn_id = await self._engine.send(text)
        output = TextOutput(turn_id)
        self._stoppable = True
        try:
            async for event in self._events:
                output.show(event)
                if isinstance(event, ev.ToolCallAwaitingApproval):
                    self._engine.decide(event.call_id, self._decided or await self._ask(event))
                if isinstance(event, ev.TurnEnded) and event.turn_id == turn_id:
                    return
        finally:
            self._stoppable = False

    async def _ask(self, call: ev.ToolCallAwaitingApproval) -> ev.Decision:
        """Whether a call may run: in whole words, and how far "always" goes before it counts."""
        tool = one_line(call.tool)
        # The words of both languages, whichever is in use.
        answers = {decision: say(f"lines.words.{decision}").split() for decision in ev.Decision}
        session = _session([words[0] for words in answers.values()])
        _discard_typed(session)
        print(say("lines.approve", tool=tool, arguments=as_json(call.arguments)), flush=True)
        while (given := await _read(session, say("lines.answer"))) is not None:
            answer = given.strip().casefold()
            found = next((decision for decision, words in answers.items() if answer in words), None)
            if found is None:
                print(say("lines.no_answer", given=one_line(given)), flush=True)
            elif found is ev.Decision.ALWAYS:
                print(say("lines.scope", tool=tool), flush=True)
                sure = await _read(session, say("lines.sure"))
                found = found if (sure or "").strip().casefold() in answers[ev.Decision.ONCE] else None
            if found is not None:
                return found
        return ev.Decision.DENY


def _session(words: Sequence[str], earlier: Sequence[str] = ()) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import InMemoryHistory
    from prompt_toolkit.key_binding import KeyBindings

    # Else it asks the terminal for the cursor's place, and writes a warning to those that do not answer.
    os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")
    keys = KeyBindings()
    # What sends lines to a plain terminal, as Emacs' shell does, ends them with a line feed.
    plain = os.environ.get("TERM") == "dumb"
    for ends in ("enter", *["c-j"] * plain):
        keys.add(ends)(lambda event: event.current_buffer.validate_and_handle())
    for begins in ("escape enter", *["c-j"] * (not plain)):
        keys.add(*begins.split())(lambda event: event.current_buffer.insert_text("\n"))
    return PromptSession(
        history=InMemoryHistory(earlier),
        completer=WordCompleter(list(words), sentence=True),
        complete_while_typing=False,
        key_bindings=keys,
        multiline=True,
    )


def _discard_typed(session: PromptSession[str]) -> None:
    """Drop what was typed before a question was there to be read: it is no answer to it."""
    from prompt_toolkit.input.typeahead import clear_typeahead

    clear_typeahead(session.input)
    if sys.platform != "win32":
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


async def _read(session: PromptSession[str], prompt: str) -> str | None:
    """What the user entered; None at the end of the input. Ctrl+C begins the line anew.

    In a thread: prompt_toolkit would replace the handlers of signals that `Ending` depends on.
    """
    while True:
        reading = asyncio.ensure_future(asyncio.to_thread(partial(session.prompt, prompt)))
        try:
            return await asyncio.shield(reading)
        except KeyboardInterrupt:
            continue
        except EOFError:
            return None
        except asyncio.CancelledError:
            app = session.app
            if app.loop is not None and app.is_running:
                app.loop.call_soon_threadsafe(partial(app.exit, exception=EOFError))
            raise
