"""Two apps on one data folder: the second says so, and they never have one conversation open together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import TurnEnded
from c2jy_bridge.core.settings import CozeSettings, Settings
from c2jy_bridge.engine import Engine
from coze_emulator import Emulator

Open = Callable[[], Awaitable[Engine]]


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Open]:
    """Opens another app on the same data folder."""
    i18n.use("en")
    opened: list[Engine] = []

    async def open_one() -> Engine:
        engine = Engine(settings)
        opened.append(engine)
        await engine.start(reopen=True)
        return engine

    with Emulator() as emulator:
        coze = CozeSettings(
            token=SecretStr("pat_x"), api_base=emulator.base_url, bot_id=emulator.bot_id, user_id="u"
        )
        settings = Settings(coze=coze, data_dir=tmp_path / "data", config_dir=tmp_path / "config")
        yield open_one
        for engine in opened:
            await engine.close()


async def talk(engine: Engine) -> str:
    """One turn; returns the conversation's id."""
    events = engine.events()
    await engine.send("hello")
    async for event in events:
        if isinstance(event, TurnEnded):
            break
    return engine.conversation_id


def said(engine: Engine) -> list[str]:
    return [issue.fix for issue in engine.issues() if issue.code == "app.second"]


async def test_a_second_app_says_so_and_begins_a_conversation_of_its_own(app: Open) -> None:
    first = await app()
    assert said(first) == []
    conversation = await talk(first)
    second = await app()
    (fix,) = said(second)
    assert "a new one begins here" in fix
    assert second.conversation_id == ""
    assert await talk(second) != conversation


async def test_a_conversation_that_one_app_has_open_cannot_be_opened_by_the_other(app: Open) -> None:
    first = await app()
    conversation = await talk(first)
    second = await app()
    own = await talk(second)
    assert not await second.open_conversation(conversation)
    assert second.conversation_id == own
    assert not await first.open_conversation(own)
    await first.new_conversation()
    assert await second.open_conversation(conversation)
    assert await first.open_conversation(own)  # released when the other one was opened


async def test_after_the_other_app_has_ended_its_conversation_is_opened_as_before(app: Open) -> None:
    first = await app()
    conversation = await talk(first)
    await first.close()
    second = await app()
    assert said(second) == []
    assert second.conversation_id == conversation
