"""A turn of 20,000 deltas without a screen, journal and all, against cozepy's own loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from benchmarks.canned_coze import DELTAS
from benchmarks.measure import Row, in_turns, ms
from benchmarks.wire import canned_coze, settings

GOAL = 1.3


def run() -> Iterator[Row]:
    with canned_coze() as base_url, asyncio.Runner() as runner, settings(base_url) as ours:
        from c2jy_bridge.engine import Engine

        async def start() -> Engine:
            return Engine(ours)  # type: ignore[arg-type]  # a Settings, imported late

        engine = runner.run(start())
        plain = _plain(base_url)
        try:
            a, b = in_turns(lambda: runner.run(_ask(engine)), lambda: runner.run(plain()), rounds=7)
        finally:
            runner.run(engine.close())
    yield Row(f"turn of {DELTAS:,} deltas / cozepy's loop", ms(a), ms(b), a / b, GOAL)


async def _ask(engine: object) -> float:
    from c2jy_bridge.core.events import AnswerDelta, TurnCompleted, TurnEnded
    from c2jy_bridge.engine import Engine

    assert isinstance(engine, Engine)
    begin, seen = time.perf_counter(), 0
    events = engine.events()
    await engine.send("long")
    async for event in events:
        seen += isinstance(event, AnswerDelta)
        if isinstance(event, TurnEnded):
            assert isinstance(event, TurnCompleted), event
            break
    assert seen == DELTAS
    return time.perf_counter() - begin


def _plain(base_url: str):  # type: ignore[no-untyped-def]  # cozepy is imported late
    from cozepy import AsyncCoze, AsyncTokenAuth, ChatEventType, Message

    coze = AsyncCoze(AsyncTokenAuth("t"), base_url)

    async def ask() -> float:
        begin, seen = time.perf_counter(), 0
        question = [Message.build_user_question_text("long")]
        async for event in coze.chat.stream(bot_id="7", user_id="u", additional_messages=question):
            if event.event == ChatEventType.CONVERSATION_MESSAGE_DELTA:
                seen += 1
        assert seen == DELTAS
        return time.perf_counter() - begin

    return ask
