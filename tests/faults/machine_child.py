"""The app in a process of its own, for the state machine: an engine that obeys its parent until it is killed.

Its pauses are shortened: between polls, between tries of outputs and of requests, and between deliveries of
what is owed. Their number and order are those of the product.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.core.events import TurnEnded
from c2jy_bridge.core.ports import Busy
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.coze import recovery, session
from c2jy_bridge.engine import Engine, bridge_token, chats
from c2jy_bridge.journal import Journal
from c2jy_bridge.relay import bridge, worker
from faults.kill_steps import Steps

SHORT_S: Final = 0.05
TOOL: Final = '''
import time
from pathlib import Path
from c2jy_bridge.plugin import tool

@tool(policy="allow")
def write_line(text: str) -> dict:
    """Write a line.

    Args:
        text: The line.
    """
    time.sleep(0.02)
    with (Path(__file__).parent / "lines").open("a") as file:
        file.write(text + "\\n")
    time.sleep(1.0 if text.startswith("slow") else 0.02)
    return {"wrote": text}
'''


def serve(
    parent: Connection, folder: Path, api_base: str, bot_id: str, conversation_id: str, receipts: bool
) -> None:
    """Start an engine with bridge mode on, and answer the parent's questions until it says `close`."""
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    _shorten_pauses()
    if not receipts:
        Journal.receipt = lambda self, call: None  # type: ignore[method-assign]
    steps = Steps([folder], 0, api_base)
    steps.watch()
    asyncio.run(_serve(parent, _settings(folder, api_base, bot_id), conversation_id, steps))


async def _serve(parent: Connection, settings: Settings, conversation_id: str, steps: Steps) -> None:
    engine = Engine(settings)
    ends: dict[str, str] = {}
    following = asyncio.create_task(_follow(engine, ends))
    await engine.start()
    await engine.open_conversation(conversation_id)
    problem = await engine.switch_bridge(True)
    assert problem is None, problem
    parent.send(((await engine.bridge()).address, bridge_token(settings)))
    while True:
        command, *arguments = await asyncio.to_thread(parent.recv)
        if command == "close":
            await engine.close()
            await following
            parent.send(ends)
            return
        if command == "die":
            steps.die_at(*arguments)
        parent.send(await _answer(engine, ends, command, *arguments))


async def _follow(engine: Engine, ends: dict[str, str]) -> None:
    async for event in engine.events():
        if isinstance(event, TurnEnded):
            owed = "Owed" if getattr(getattr(event, "problem", None), "kind", "") == "owed" else ""
            ends[event.turn_id] = owed + type(event).__name__


async def _answer(engine: Engine, ends: dict[str, str], command: str, *arguments: str) -> Any:
    match command:
        case "ask":
            try:
                return await engine.send(*arguments)
            except Busy:
                return ""
        case "die":
            return None
        case "cancel":
            return await engine.cancel()
        case "ends":
            return ends
        case "conversation":
            return engine.conversation_id
        case "idle":
            running = engine._services.chats
            return not running._running and not running._owed
        case "answers":
            return [view.text for view in await engine.messages(engine.conversation_id)]
    raise ValueError(command)


def _settings(folder: Path, api_base: str, bot_id: str) -> Settings:
    coze = {"api_base": api_base, "token": "t", "bot_id": bot_id, "stall_timeout_s": 1.0}
    return Settings.model_validate(
        {
            "coze": coze,
            "drafts": {"root": str(folder / "drafts")},
            "bridge": {"intakes": ["http"], "port": 0, "rate_per_minute": 100_000},
            "data_dir": str(folder / "data"),
            "config_dir": str(folder / "config"),
        }
    )


def _shorten_pauses() -> None:
    def intervals() -> Iterator[float]:
        return itertools.repeat(SHORT_S)

    recovery.poll_intervals = intervals
    recovery.PATIENCE_S = 5.0  # type: ignore[misc]
    session.LONGEST_PAUSE_S = SHORT_S  # type: ignore[misc]
    chats.DELIVERY_PAUSES_S = (0.3,)  # type: ignore[misc, assignment]
    worker.LONGEST_PAUSE_S = worker.LOOK_S = SHORT_S  # type: ignore[misc]
    bridge.GRACE_S = 0.2  # type: ignore[misc]
