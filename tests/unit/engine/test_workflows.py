"""Cloud workflows as the engine holds them, against the emulator over HTTP."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from c2jy_bridge.core.events import (
    Outcome,
    TurnEnded,
    WorkflowAnswered,
    WorkflowAsked,
    WorkflowEnded,
    WorkflowSaid,
)
from c2jy_bridge.core.settings import CozeSettings, DraftSettings, Settings
from c2jy_bridge.engine import Engine
from coze_emulator import Emulator

ASKS = "7397395079142350002"
"""A workflow of the emulator's that asks a person."""
CALLS = "7397395079142350001"
"""One that asks for a tool."""
SAYS = "7397395079142350004"
"""One that only says something."""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def settings(emulator: Emulator, tmp_path: Path) -> Settings:
    coze = CozeSettings(
        api_base=emulator.base_url, token="demo", bot_id=emulator.bot_id, workflow_id="from-settings"
    )
    return Settings(coze=coze, data_dir=tmp_path / "data", drafts=DraftSettings(root=tmp_path / "drafts"))


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    running = Engine(settings)
    yield running
    await running.close()


class User:
    """Answers when told to; until then a run waits."""

    def __init__(self) -> None:
        self.asked: asyncio.Future[WorkflowAsked] = asyncio.get_running_loop().create_future()
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self, question: WorkflowAsked) -> str:
        self.asked.set_result(question)
        return await self.answer


async def test_the_settings_workflow_is_offered_first_and_then_what_ran_last(engine: Engine) -> None:
    assert (await engine.workflows.remembered()).workflow_id == "from-settings"
    await engine.workflows.run("unheard-of", {"city": "西安"}, User())
    remembered = await engine.workflows.remembered()
    assert (remembered.workflow_id, remembered.parameters) == ("unheard-of", {"city": "西安"})


async def test_a_run_that_is_stopped_ends_as_stopped_and_is_not_offered_again(engine: Engine) -> None:
    user = User()
    run = asyncio.create_task(engine.workflows.run(ASKS, {}, user))
    question = await user.asked
    assert await engine.workflows.waiting() == []  # it goes on here, it was not left
    assert await engine.workflows.stop(question.run_id)
    ended = await run
    assert ended.problem is not None
    assert ended.problem.kind == "cancelled"
    assert await engine.workflows.waiting() == []
    assert not await engine.workflows.stop(question.run_id)


async def test_a_run_whose_process_ends_is_offered_by_the_next_and_goes_on_there(settings: Settings) -> None:
    first = Engine(settings)
    user = User()
    run = asyncio.create_task(first.workflows.run(ASKS, {}, user))
    question = await user.asked
    await first.close()
    with pytest.raises(asyncio.CancelledError):
        await run

    second = Engine(settings)
    try:
        (left,) = await second.workflows.waiting()
        assert (left.run_id, left.workflow_id) == (question.run_id, ASKS)
        again = User()
        again.answer.set_result("西安")
        ended = await second.workflows.resume(left.run_id, again)
        assert isinstance(ended, WorkflowEnded)
        assert ended.problem is None
        assert "西安" in ended.output
        assert await second.workflows.resume(left.run_id, again) is None
    finally:
        await second.close()


async def test_what_a_run_said_and_was_answered_is_there_again_after_a_restart(settings: Settings) -> None:
    first = Engine(settings)
    await first.open_conversation("conv-1")
    user = User()
    user.answer.set_result("西安")
    ended = await first.workflows.run(ASKS, {}, user)
    broken = await first.workflows.run("unheard-of", {}, User())
    await first.close()

    second = Engine(settings)
    try:
        run, failed = await second.workflow_runs("conv-1")
        kinds = [type(event).__name__ for event in run.events]
        assert kinds[0] == "WorkflowStarted"
        assert kinds[-1] == "WorkflowEnded"
        assert [event.text for event in run.events if isinstance(event, WorkflowAnswered)] == ["西安"]
        assert ended.output in [event.text for event in run.events if isinstance(event, WorkflowSaid)]
        assert run.events[-1] == ended
        assert failed.events[-1] == broken
        assert broken.problem is not None
        assert await second.workflow_runs("conv-2", loose=True) == []
        exported = await second.conversations.markdown("conv-1")
        began, asked, answered, said, refused = (
            exported.index(text)
            for text in (
                f"### Workflow {ASKS} · ",
                "请问",
                "**You**\n\n西安",
                ended.output,
                broken.problem.message,
            )
        )
        assert began < asked < answered < said < refused
        assert exported.count("请问") == exported.count(ended.output) == 1
    finally:
        await second.close()


async def test_what_a_run_said_before_it_broke_is_there_again(emulator: Emulator, settings: Settings) -> None:
    emulator.add_fault(kind="drop", on="workflows", at="message", nth=3)
    first = Engine(settings)
    ended = await first.workflows.run(SAYS, {}, User())
    await first.close()
    assert ended.problem is not None
    second = Engine(settings)
    try:
        (run,) = await second.workflow_runs("", loose=True)
        assert any(isinstance(event, WorkflowSaid) and not event.complete for event in run.events)
    finally:
        await second.close()


async def test_the_tools_of_a_run_are_there_again_with_it(settings: Settings) -> None:
    first = Engine(settings)
    await first.open_conversation("conv-1")
    await first.workflows.run(CALLS, {"tool": "list_drafts", "args": {}}, User())
    await first.close()
    second = Engine(settings)
    try:
        (run,) = await second.workflow_runs("conv-1")
        assert [call.outcome for call in run.calls] == [Outcome.OK]
    finally:
        await second.close()


async def test_a_run_is_erased_with_its_conversation(settings: Settings) -> None:
    now = time.time()
    engine = Engine(settings, clock=lambda: now)
    ended = (event async for event in engine.events() if isinstance(event, TurnEnded))
    await engine.send("hello")
    conversation_id = (await anext(ended)).conversation_id
    await engine.workflows.run(CALLS, {"tool": "list_drafts", "args": {}}, User())
    await engine.conversations.delete(conversation_id, is_open=True)
    now += 30 * 86_400
    await engine.conversations.erase_deleted()
    assert await engine.workflow_runs(conversation_id) == []
    await engine.close()
    with closing(sqlite3.connect(settings.data_dir / "journal.db")) as db:
        for table in ("workflow_runs", "workflow_events", "calls"):
            assert db.execute(f"SELECT * FROM {table}").fetchall() == []


async def test_a_run_belongs_to_the_conversation_that_its_process_begins_next(settings: Settings) -> None:
    first = Engine(settings)
    await first.workflows.run("unheard-of", {}, User())
    (loose,) = await first.workflow_runs("", loose=True)
    assert await first.workflow_runs("") == []
    ended = (event async for event in first.events() if isinstance(event, TurnEnded))
    await first.send("hello")
    conversation_id = (await anext(ended)).conversation_id
    assert await first.workflow_runs(conversation_id) == [loose]
    assert await first.workflow_runs("", loose=True) == []
    await first.close()


async def test_a_run_that_a_living_process_follows_is_not_offered_to_another(settings: Settings) -> None:
    first, second = Engine(settings), Engine(settings)
    user = User()
    run = asyncio.create_task(first.workflows.run(ASKS, {}, user))
    question = await user.asked
    try:
        assert await second.workflows.waiting() == []
        assert await second.workflows.resume(question.run_id, User()) is None
        await second.workflows.drop(question.run_id)  # it is not its to give up
        await first.close()
        assert [left.run_id for left in await second.workflows.waiting()] == [question.run_id]
    finally:
        await first.close()
        await second.close()
        await asyncio.gather(run, return_exceptions=True)


async def test_what_was_left_can_be_given_up(settings: Settings) -> None:
    first = Engine(settings)
    user = User()
    run = asyncio.create_task(first.workflows.run(ASKS, {}, user))
    question = await user.asked
    await first.close()
    await asyncio.gather(run, return_exceptions=True)

    second = Engine(settings)
    try:
        await second.workflows.drop(question.run_id)
        assert await second.workflows.waiting() == []
    finally:
        await second.close()
