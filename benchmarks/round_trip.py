"""One tool round trip, receipt and journal included, against the 60-line script of cozepy's documentation.

The script forgets everything. Beside it stands the same script with the two commits that a tool call which
may not run twice needs: that the chat began, and what the tool gave. What a busy disk adds, both pay.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Row, in_turns, ms
from benchmarks.wire import canned_coze, settings

GOAL = 1.5
TRIPS = 100


def run() -> Iterator[Row]:
    with contextlib.ExitStack() as stack:
        base_url = stack.enter_context(canned_coze())
        runner = stack.enter_context(asyncio.Runner())
        ours = stack.enter_context(settings(base_url))
        from c2jy_bridge.engine import Engine

        async def start() -> Engine:
            return Engine(ours)  # type: ignore[arg-type]  # a Settings, imported late

        engine = runner.run(start())
        try:
            for what, script in (
                ("a script on cozepy", _script(base_url, lambda row: None)),
                ("the script with two commits", _script(base_url, stack.enter_context(_commits()))),
            ):
                a, b = in_turns(lambda: runner.run(_trips(engine)), script)
                yield Row(f"tool round trip / {what}", ms(a / TRIPS), ms(b / TRIPS), a / b, GOAL)
        finally:
            runner.run(engine.close())


async def _trips(engine: object) -> float:
    from c2jy_bridge.core.events import ToolCallFinished, TurnCompleted, TurnEnded
    from c2jy_bridge.engine import Engine

    assert isinstance(engine, Engine)
    begin, ran = time.perf_counter(), 0
    events = engine.events()
    for _ in range(TRIPS):
        await engine.new_conversation()
        await engine.send("tool")
        async for event in events:
            ran += isinstance(event, ToolCallFinished) and event.outcome == "ok"
            if isinstance(event, TurnEnded):
                assert isinstance(event, TurnCompleted), event
                break
    assert ran == TRIPS
    return time.perf_counter() - begin


@contextlib.contextmanager
def _commits() -> Iterator[Callable[[str], None]]:
    """Keeps a text in a table, on the disk when it returns."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "kept.db", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE kept (text TEXT)")

        def keep(text: str) -> None:
            database.execute("INSERT INTO kept VALUES (?)", (text,))

        yield keep
        database.close()


def _script(base_url: str, keep: Callable[[str], None]) -> Callable[[], float]:
    from cozepy import ChatEventType, Coze, Message, TokenAuth, ToolOutput

    coze = Coze(TokenAuth("t"), base_url=base_url)

    def trips() -> float:
        begin, done = time.perf_counter(), 0
        for _ in range(TRIPS):
            question = [Message.build_user_question_text("tool")]
            stream = coze.chat.stream(bot_id="7", user_id="u", additional_messages=question)
            while stream is not None:
                following = None
                for event in stream:
                    if event.event == ChatEventType.CONVERSATION_CHAT_CREATED:
                        keep(event.chat.id)
                    if event.event == ChatEventType.CONVERSATION_CHAT_REQUIRES_ACTION:
                        chat = event.chat
                        calls = chat.required_action.submit_tool_outputs.tool_calls
                        outputs = [ToolOutput(tool_call_id=call.id, output="{}") for call in calls]
                        keep(chat.id)
                        following = coze.chat.submit_tool_outputs(
                            conversation_id=chat.conversation_id,
                            chat_id=chat.id,
                            tool_outputs=outputs,
                            stream=True,
                        )
                    done += event.event == ChatEventType.CONVERSATION_CHAT_COMPLETED
                stream = following  # type: ignore[assignment]
        assert done == TRIPS
        return time.perf_counter() - begin

    return trips
