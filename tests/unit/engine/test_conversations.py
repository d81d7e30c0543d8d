"""Conversations: renamed, deleted, searched, forked and exported, here and at Coze."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import TurnEnded
from c2jy_bridge.core.ports import Busy
from c2jy_bridge.core.settings import CozeSettings, Settings
from c2jy_bridge.engine import Engine
from c2jy_bridge.engine.conversations import UNDO_DAYS
from coze_emulator import Emulator


@dataclass
class Clock:
    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@dataclass
class Apps:
    """Engines on one data folder and one emulated Coze."""

    settings: Settings
    coze: Emulator
    clock: Clock
    opened: list[Engine]

    async def open(self) -> Engine:
        engine = Engine(self.settings, clock=self.clock)
        self.opened.append(engine)
        await engine.start(reopen=True)
        return engine


@pytest.fixture
async def apps(tmp_path: Path) -> AsyncIterator[Apps]:
    i18n.use("en")
    with Emulator() as emulator:
        coze = CozeSettings(
            token=SecretStr("pat_x"), api_base=emulator.base_url, bot_id=emulator.bot_id, user_id="u"
        )
        settings = Settings(coze=coze, data_dir=tmp_path / "data", config_dir=tmp_path / "config")
        made = Apps(settings, emulator, Clock(), [])
        yield made
        for engine in made.opened:
            await engine.close()


async def talk(engine: Engine, text: str) -> str:
    """One turn; returns the conversation's id."""
    events = engine.events()
    await engine.send(text)
    async for event in events:
        if isinstance(event, TurnEnded):
            break
    return engine.conversation_id


def at_coze(apps: Apps) -> dict[str, str]:
    """Names of the conversations at Coze by id."""
    return {one.id: one.name for one in apps.coze._state.conversations.values()}


async def test_a_conversation_is_renamed_here_and_at_coze(apps: Apps) -> None:
    engine = await apps.open()
    conversation = await talk(engine, "hello")
    assert await engine.conversations.rename(conversation, "Greetings") is None
    (view,) = await engine.conversations.list()
    assert (view.title, view.first_question, view.turns) == ("Greetings", "hello", 1)
    assert at_coze(apps)[conversation] == "Greetings"
    await talk(engine, "and again")
    (view,) = await engine.conversations.list()
    assert (view.title, view.last_question) == ("Greetings", "and again")


async def test_a_deleted_conversation_comes_back_until_its_days_are_over(apps: Apps) -> None:
    engine = await apps.open()
    conversation = await talk(engine, "hello")
    await engine.conversations.delete(conversation, is_open=True)
    assert await engine.conversations.list() == []
    assert await engine.conversations.search("hello") == []
    await engine.conversations.erase_deleted()
    assert conversation in at_coze(apps)
    assert await engine.conversations.undo_delete() == conversation
    assert len(await engine.conversations.list()) == 1
    assert await engine.conversations.undo_delete() == ""

    await engine.conversations.delete(conversation, is_open=True)
    apps.clock.now += UNDO_DAYS * 86_400
    await engine.conversations.erase_deleted()
    assert conversation not in at_coze(apps)
    assert await engine.conversations.undo_delete() == ""
    assert await engine.messages(conversation) == []


async def test_what_coze_no_longer_has_is_erased_here_too(apps: Apps) -> None:
    engine = await apps.open()
    conversation = await talk(engine, "hello")
    await engine.conversations.delete(conversation, is_open=True)
    del apps.coze._state.conversations[conversation]
    apps.clock.now += UNDO_DAYS * 86_400
    await engine.conversations.erase_deleted()
    assert await engine.messages(conversation) == []


async def test_a_conversation_open_in_another_app_is_not_deleted(apps: Apps) -> None:
    first = await apps.open()
    conversation = await talk(first, "hello")
    second = await apps.open()
    with pytest.raises(Busy):
        await second.conversations.delete(conversation, is_open=False)
    assert len(await second.conversations.list()) == 1


async def test_a_search_finds_questions_and_answers_of_all_conversations(apps: Apps) -> None:
    engine = await apps.open()
    one = await talk(engine, "Where is the 100% cotton?")
    await engine.new_conversation()
    other = await talk(engine, "a COTTON field")
    found = await engine.conversations.search("cotton")
    assert {message.conversation_id for message in found} == {one, other}
    percent = await engine.conversations.search("100%")
    assert {message.conversation_id for message in percent} == {one}
    assert await engine.conversations.search("1_0") == []


async def test_a_fork_tells_coze_what_came_before_and_leaves_the_old_conversation(apps: Apps) -> None:
    engine = await apps.open()
    conversation = await talk(engine, "my name is Li")
    await talk(engine, "I live in Suzhou")
    await talk(engine, "I cook noodles")
    questions = [m for m in await engine.messages(conversation) if m.kind == "question"]
    fork = await engine.conversations.fork(conversation, questions[1].turn_id)
    assert (fork.question, fork.copied, fork.earlier) == ("I live in Suzhou", 2, 2)
    known = [m.content for m in apps.coze._state.conversations[fork.conversation_id].messages]
    assert known[0] == "my name is Li"
    assert len(known) == 2
    copies = await engine.messages(fork.conversation_id)
    assert [m.kind for m in copies] == ["question", "answer", "notice"]
    assert len([m for m in await engine.messages(conversation) if m.kind == "question"]) == 3
    assert await engine.open_conversation(fork.conversation_id)
    assert await talk(engine, "I live in Hangzhou") == fork.conversation_id


async def test_a_fork_of_a_long_conversation_sends_each_message_once_and_in_order(apps: Apps) -> None:
    engine = await apps.open()
    for n in range(12):
        conversation = await talk(engine, f"question {n}")
    last = [m for m in await engine.messages(conversation) if m.kind == "question"][-1]
    fork = await engine.conversations.fork(conversation, last.turn_id)
    known = [m.content for m in apps.coze._state.conversations[fork.conversation_id].messages]
    assert [text for text in known if text.startswith("question")] == [f"question {n}" for n in range(11)]
    assert fork.copied == len(known) == 22


async def test_a_conversation_is_exported_as_markdown(apps: Apps) -> None:
    engine = await apps.open()
    conversation = await talk(engine, "List my drafts")
    text = await engine.conversations.markdown(conversation)
    assert text.startswith("# List my drafts\n")
    assert "## You · " in text
    assert "**Tool `list_drafts`** · ok" in text
    assert text.index("## You") < text.index("**Tool") < text.index("### Bot")


async def test_a_file_goes_to_coze_with_the_question_and_the_bot_gets_both(
    apps: Apps, tmp_path: Path
) -> None:
    (tmp_path / "soup.png").write_bytes(b"\x89PNG")
    engine = await apps.open()
    file = await engine.upload(tmp_path / "soup.png")
    events = engine.events()
    await engine.send("what is this?", files=[file])
    async for event in events:
        if isinstance(event, TurnEnded):
            break
    (request,) = apps.coze.requests_to("/v3/chat")
    (message,) = request.body["additional_messages"]
    assert message["content_type"] == "object_string"
    parts = json.loads(message["content"])
    assert [part["type"] for part in parts] == ["text", "image"]
    assert parts[1]["file_id"] in apps.coze._state.files
    assert next(m.text for m in await engine.messages(engine.conversation_id)) == "what is this?"


async def test_another_bot_has_conversations_of_its_own(apps: Apps) -> None:
    engine = await apps.open()
    first = engine.connection.bot_id
    await talk(engine, "hello")
    other = next(bot for bot in await engine.bots() if bot.bot_id != first)
    await engine.use_bot(other.bot_id)
    assert await engine.conversations.list() == []
    assert engine.conversation_id == ""
    await talk(engine, "hello too")
    assert apps.coze.requests_to("/v3/chat")[-1].body["bot_id"] == other.bot_id
    await engine.use_bot(first)
    assert [one.title for one in await engine.conversations.list()] == ["hello"]


async def test_workflows_are_listed_by_name(apps: Apps) -> None:
    engine = await apps.open()
    assert "天气查询" in [one.name for one in await engine.workflows.published()]


async def test_turns_and_tokens_are_counted_for_the_conversation_and_the_day(apps: Apps) -> None:
    engine = await apps.open()
    first = await talk(engine, "hello")
    await talk(engine, "hello again")
    alone = await engine.usage(first)
    assert alone.turns == alone.day_turns == 2
    assert alone.tokens == alone.day_tokens > 0
    await engine.new_conversation()
    second = await talk(engine, "and again")
    assert (await engine.usage(second)).turns == 1
    assert (await engine.usage(second)).day_turns == 3
    apps.clock.now += 2 * 86_400
    later = await engine.usage(first)
    assert (later.turns, later.day_turns) == (2, 0)
