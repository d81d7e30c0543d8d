"""Outputs that Coze does not accept stay owed: submitted later, by any process, and no tool runs again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.events import AnswerCompleted, Event, TurnCompleted, TurnEnded, TurnFailed
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.coze import session
from c2jy_bridge.engine import Engine, chats
from coze_emulator import Emulator, Script
from faults.network import SCRIPT, TOOL
from faults.proxy import Fault, Proxy
from relay_harness import eventually


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(script=Script.parse(SCRIPT)) as emulator:
        emulator.wait_ready()
        yield emulator


@pytest.fixture
def settings(emulator: Emulator, tmp_path: Path) -> Settings:
    tools = tmp_path / "config" / "tools"
    tools.mkdir(parents=True)
    (tools / "write.py").write_text(TOOL)
    return Settings.model_validate(
        {
            "coze": {"api_base": emulator.base_url, "token": "t", "bot_id": emulator.bot_id},
            "drafts": {"root": str(tmp_path / "drafts")},
            "data_dir": str(tmp_path / "data"),
            "config_dir": str(tmp_path / "config"),
        }
    )


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "OWED_TRIES", 2)
    monkeypatch.setattr(session, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(chats, "DELIVERY_PAUSES_S", (600.0,))


@asynccontextmanager
async def started(settings: Settings, **options: Any) -> AsyncIterator[Engine]:
    engine = Engine(settings)
    await engine.start(**options)
    try:
        yield engine
    finally:
        await engine.close()


async def ends(events: AsyncIterator[Event], count: int = 1) -> list[Event]:
    """All events until so many turns have ended."""
    seen: list[Event] = []
    async with asyncio.timeout(30):
        async for event in events:
            seen.append(event)
            if sum(isinstance(event, TurnEnded) for event in seen) == count:
                return seen
    raise AssertionError(seen)


async def owe(engine: Engine, emulator: Emulator) -> TurnFailed:
    """A turn whose outputs Coze does not take."""
    emulator.add_fault("refuse", on="submit", code=5000, times=1000)
    events = engine.events()
    await engine.send("write once")
    failed = (await ends(events))[-1]
    assert isinstance(failed, TurnFailed)
    assert failed.problem.kind == "owed"
    assert "sent again" in failed.problem.hint
    return failed


def lines(settings: Settings) -> list[str]:
    return (settings.config_dir / "tools" / "lines").read_text().split()


def answer(events: list[Event]) -> str:
    return " ".join(event.text for event in events if isinstance(event, AnswerCompleted))


async def test_the_next_question_in_the_conversation_delivers_them_first(
    emulator: Emulator, settings: Settings
) -> None:
    async with started(settings) as engine:
        owed = await owe(engine, emulator)
        emulator.clear_faults()
        events = engine.events()
        turn_id = await engine.send("hello")
        seen = await ends(events, 2)
        first, second = (event for event in seen if isinstance(event, TurnEnded))
        assert isinstance(first, TurnCompleted)
        assert first.turn_id == owed.turn_id
        assert isinstance(second, TurnCompleted)
        assert second.turn_id == turn_id
        assert "It is written: once." in answer(seen)
    assert lines(settings) == ["once"]


async def test_they_are_delivered_in_the_background(
    emulator: Emulator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats, "DELIVERY_PAUSES_S", (0.2,))
    async with started(settings) as engine:
        owed = await owe(engine, emulator)
        events = engine.events()
        emulator.clear_faults()
        seen = await ends(events)
        while not isinstance(seen[-1], TurnCompleted):  # a try may have been under way
            seen = await ends(events)
        assert seen[-1].turn_id == owed.turn_id
    assert lines(settings) == ["once"]


async def test_the_next_start_delivers_them(emulator: Emulator, settings: Settings) -> None:
    async with started(settings) as engine:
        await owe(engine, emulator)
    emulator.clear_faults()
    engine = Engine(settings)
    events = engine.events()
    await engine.start(reopen=True)
    seen = await ends(events)
    await engine.close()
    assert isinstance(seen[-1], TurnCompleted)
    assert "It is written: once." in answer(seen)
    assert lines(settings) == ["once"]


async def test_a_start_without_a_network_keeps_what_is_owed(emulator: Emulator, settings: Settings) -> None:
    async with started(settings) as engine:
        await owe(engine, emulator)
    emulator.add_fault("refuse", on="retrieve", code=5000, times=1000)
    without = Engine(settings)
    await without.start(reopen=True)
    await asyncio.sleep(0.5)
    await without.close()
    emulator.clear_faults()
    engine = Engine(settings)
    events = engine.events()
    await engine.start(reopen=True)
    seen = await ends(events)
    await engine.close()
    assert isinstance(seen[-1], TurnCompleted)
    assert lines(settings) == ["once"]


async def test_a_conversation_that_waits_for_tools_of_a_forgotten_turn_is_answered_and_asked(
    emulator: Emulator, settings: Settings
) -> None:
    async with started(settings) as engine:
        await owe(engine, emulator)
        conversation = engine.conversation_id
    (settings.data_dir / "journal.db").unlink()  # nothing here knows the chat any more
    for beside in settings.data_dir.glob("journal.db-*"):
        beside.unlink()
    emulator.clear_faults()
    async with started(settings) as engine:
        await engine.open_conversation(conversation)
        events = engine.events()
        turn_id = await engine.send("hello")
        seen = await ends(events, 2)
        first, second = (event for event in seen if isinstance(event, TurnEnded))
        assert isinstance(first, TurnCompleted)
        assert isinstance(second, TurnCompleted)
        assert second.turn_id == turn_id
        shown = [(view.kind, view.text) for view in await engine.messages(conversation)]
    assert lines(settings) == ["once", "once"]  # without its receipt it is not known that it ran
    said = " ".join(text for _, text in shown)
    assert said.index("write once") < said.index("It is written: once.") < said.index("You said: hello")


@pytest.mark.slow
async def test_a_forgotten_turn_is_known_to_the_next_start_from_the_moment_it_is_answered(
    emulator: Emulator, settings: Settings
) -> None:
    async with started(settings) as engine:
        await owe(engine, emulator)
        conversation = engine.conversation_id
    for beside in settings.data_dir.glob("journal.db*"):
        beside.unlink()
    emulator.clear_faults()
    emulator.add_fault("slow", on="submit", seconds=5)
    async with started(settings) as engine:
        await engine.open_conversation(conversation)
        await engine.send("hello")

        async def ran_again() -> bool:
            return len(lines(settings)) == 2

        await eventually(ran_again)
        with closing(sqlite3.connect(settings.data_dir / "journal.db")) as db:
            open_turns = db.execute(
                "SELECT conversation_id, question FROM turns WHERE state = 'open'"
            ).fetchall()
        assert open_turns == [(conversation, "write once")]


async def test_a_gateways_page_in_place_of_a_confirmation_is_looked_up(
    emulator: Emulator, settings: Settings
) -> None:
    async with Proxy(emulator.base_url, Fault("bad_gateway", "before_first_byte")) as proxy:
        coze = settings.coze.model_copy(update={"api_base": proxy.url})
        async with started(settings.model_copy(update={"coze": coze})) as engine:
            events = engine.events()
            await engine.send("hello")  # a conversation that Coze knows
            await ends(events)
            proxy.arm()
            await engine.send("write once")
            seen = await ends(events)
            assert proxy.struck == 1
            assert isinstance(seen[-1], TurnCompleted), seen[-1]
    assert lines(settings) == ["once"]
    assert len([r for r in emulator.requests_to("/v3/chat") if "write once" in str(r.body)]) == 1
