"""Killed at any moment of a turn and started again: nothing is lost and nothing is done twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from c2jy_bridge.core.events import Event, ToolCallFinished, TurnCompleted, TurnEnded
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine
from coze_emulator import Emulator

QUESTION = "帮我生成一个介绍中国美食的视频"

# Publishing is the last thing that happens to an event before the turn goes on: dying there is dying
# between this step and the next.
DYING = """
import asyncio, json, os, signal, sys
from c2jy_bridge.engine import Engine
from c2jy_bridge.core.settings import Settings

moment, question = sys.argv[1], sys.argv[3]

async def main():
    engine = Engine(Settings(**json.loads(sys.argv[2])))
    publish = engine._services.broadcast.publish

    def publish_or_die(event):
        if type(event).__name__ == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        publish(event)

    engine._services.broadcast.publish = publish_or_die
    events = engine.events()
    await engine.send(question)
    async for event in events:
        pass

asyncio.run(main())
"""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def values(emulator: Emulator, tmp_path: Path) -> dict[str, object]:
    return {
        "coze": {"api_base": emulator.base_url, "token": "t", "bot_id": emulator.bot_id},
        "materials": {"allow_private_hosts": [urlsplit(emulator.base_url).netloc]},
        "drafts": {"root": str(tmp_path / "drafts")},
        "data_dir": str(tmp_path / "data"),
        "config_dir": str(tmp_path / "config"),
    }


async def after_restart(values: dict[str, object]) -> tuple[list[Event], Engine]:
    engine = Engine(Settings(**values))  # type: ignore[arg-type]  # a plain dict, as JSON gives it
    seen: list[Event] = []
    events = engine.events()
    await engine.start(reopen=True)
    async with asyncio.timeout(30):
        async for event in events:
            seen.append(event)
            if isinstance(event, TurnEnded):
                break
    return seen, engine


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        "TurnStarted",
        "AnswerCompleted",
        "ToolCallRequested",
        "ToolCallStarted",
        "ToolCallProgress",
        "DraftWritten",
        "ToolCallFinished",
        "ToolOutputsSubmitted",
    ],
)
async def test_a_turn_killed_at_any_step_ends_after_a_restart_with_one_draft(
    emulator: Emulator, values: dict[str, object], moment: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", DYING, moment, json.dumps(values), QUESTION]
    dying = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60)
    assert dying.returncode == -signal.SIGKILL, dying.stderr.decode()

    seen, engine = await after_restart(values)
    assert isinstance(seen[-1], TurnCompleted), seen[-1]
    names = [name for name in os.listdir(tmp_path / "drafts") if not name.startswith(".")]
    assert names == ["中国美食"]
    assert len(emulator.requests_to("/v3/chat")) == 1
    assert len(emulator.requests_to("/v3/chat/submit_tool_outputs")) == 1
    if moment in ("ToolCallFinished", "ToolOutputsSubmitted"):
        assert not [e for e in seen if isinstance(e, ToolCallFinished) and not e.replayed]

    (conversation,) = await engine.conversations.list()
    messages = await engine.messages(conversation.conversation_id)
    assert messages[0].text == QUESTION
    assert any("中国美食" in m.text for m in messages if m.kind == "answer")
    (call,) = await engine.calls()
    assert call.outcome == "ok"
    await engine.close()
    assert not [name for name in os.listdir(tmp_path / "drafts") if name.startswith(".")]


async def test_a_clean_end_leaves_nothing_to_take_up(values: dict[str, object]) -> None:
    engine = Engine(Settings(**values))  # type: ignore[arg-type]  # a plain dict, as JSON gives it
    events = engine.events()
    await engine.send("hello")
    async for event in events:
        if isinstance(event, TurnEnded):
            break
    await engine.close()
    again = Engine(Settings(**values))  # type: ignore[arg-type]  # a plain dict, as JSON gives it
    later = again.events()
    await again.start()
    await asyncio.sleep(0.3)
    await again.close()
    assert not [event async for event in later if isinstance(event, TurnEnded)]
