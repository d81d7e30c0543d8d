"""One tool round trip, receipt and journal included, against the 60-line script of cozepy's documentation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from benchmarks.measure import Row, in_turns, ms
from benchmarks.wire import canned_coze, settings

GOAL = 1.5
TRIPS = 100


def run() -> Iterator[Row]:
    with canned_coze() as base_url, asyncio.Runner() as runner, settings(base_url) as ours:
        from c2jy_bridge.engine import Engine

        async def start() -> Engine:
            return Engine(ours)  # type: ignore[arg-type]  # a Settings, imported late

        engine = runner.run(start())
        try:
            a, b = in_turns(lambda: runner.run(_trips(engine)), _script(base_url))
        finally:
            runner.run(engine.close())
    yield Row("tool round trip / a script on cozepy", ms(a / TRIPS), ms(b / TRIPS), a / b, GOAL)


async def _trips(engine: object) -> float:
    from c2jy_bridge.engine import Engine
    from c2jy_bridge.events import ToolCallFinished, TurnCompleted, TurnEnded

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


def _script(base_url: str):  # type: ignore[no-untyped-def]  # cozepy is imported late
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
                    if event.event == ChatEventType.CONVERSATION_CHAT_REQUIRES_ACTION:
                        chat = event.chat
                        calls = chat.required_action.submit_tool_outputs.tool_calls
                        outputs = [ToolOutput(tool_call_id=call.id, output="{}") for call in calls]
                        following = coze.chat.submit_tool_outputs(
                            conversation_id=chat.conversation_id,
                            chat_id=chat.id,
                            tool_outputs=outputs,
                            stream=True,
                        )
                    done += event.event == ChatEventType.CONVERSATION_CHAT_COMPLETED
                stream = following
        assert done == TRIPS
        return time.perf_counter() - begin

    return trips
