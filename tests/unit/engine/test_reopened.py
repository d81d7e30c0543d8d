"""A conversation that is opened again shows what it showed: drafts, cut answers, unconfirmed questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from c2jy_bridge.core.events import (
    AnswerDelta,
    DraftWritten,
    Event,
    ToolCall,
    ToolCallRequested,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
)
from c2jy_bridge.core.settings import CozeSettings, Settings
from c2jy_bridge.engine import Engine
from c2jy_bridge.engine import event_sink as sink
from c2jy_bridge.journal import Journal
from coze_emulator import Emulator

Made = Callable[[], Engine]


@pytest.fixture
def engine_of(tmp_path: Path) -> Iterator[Made]:
    """Makes an engine on the test's folder, each one after the other."""
    with Emulator() as emulator:
        coze = CozeSettings(
            token=SecretStr("pat_x"), api_base=emulator.base_url, bot_id=emulator.bot_id, user_id="u"
        )
        settings = Settings(coze=coze, data_dir=tmp_path / "data", config_dir=tmp_path / "config")
        yield lambda: Engine(settings)


async def turn(engine: Engine, text: str) -> Event:
    """Run one turn; returns its last event."""
    events = engine.events()
    await engine.send(text)
    async for event in events:
        if isinstance(event, TurnCompleted | TurnFailed):
            return event
    raise AssertionError("the engine closed")


async def test_a_question_that_never_reached_coze_is_shown_and_recalled_after_a_restart(
    engine_of: Made,
) -> None:
    engine = engine_of()
    await engine.start(reopen=True)
    await turn(engine, "hello")
    conversation = engine.conversation_id
    engine.settings.coze.bot_id = ""
    assert isinstance(await turn(engine, "lost on its way"), TurnFailed)
    await engine.close()
    again = engine_of()
    try:
        kinds = [(m.kind, m.text) for m in await again.messages(conversation)]
        assert ("question", "lost on its way") in kinds
        assert kinds[-1][0] == "error"
        assert (await again.questions())[-1] == "lost on its way"
    finally:
        await again.close()


def test_the_drafts_that_a_call_wrote_are_shown_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", scope="h/1", owner="me")
    call = ToolCall(call_id="c1", tool="generate_draft", arguments="{}", conversation_id="conv", turn_id="t")
    made = DraftWritten(at=5, draft_id="d", name="Soup", path="/d/Soup", duration_us=7_000_000, call_id="c1")
    journal.record([ToolCallRequested(at=4, call_id="c1", call=call), made])
    journal.close()
    again = Journal(tmp_path / "journal.db", scope="h/1", owner="me")
    (draft,) = again.history.drafts("conv")
    assert (draft.name, draft.duration_us, draft.at, draft.issues) == ("Soup", 7_000_000, 5, 0)
    assert again.history.drafts("other") == []
    again.close()


def test_a_cut_answer_is_shown_where_it_began(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", scope="h/1", owner="me")
    journal.record([TurnStarted(at=1, turn_id="t", conversation_id="conv", chat_id="chat", text="q")])
    journal.buffer(AnswerDelta(at=2, turn_id="t", message_id="m", text="Half an "))
    journal.buffer(AnswerDelta(at=8, turn_id="t", message_id="m", text="answer"))
    journal.save_partials(9)
    other = Journal(tmp_path / "journal.db", scope="h/1", owner="other")  # as after a kill
    answer = other.history.messages("conv")[-1]
    assert (answer.text, answer.at) == ("Half an answer", 2)
    other.close()
    journal.close()


async def test_a_killed_process_loses_no_more_than_the_last_seconds_of_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "SAVE_S", 0.0)
    journal = Journal(tmp_path / "journal.db", scope="h/1", owner="me")
    recorder = sink.Recorder(journal, tmp_path / "journal.db", publish=lambda event: None, clock=lambda: 3.0)
    await recorder.record(TurnStarted(at=1, turn_id="t", conversation_id="conv", chat_id="chat", text="q"))
    await recorder.record(AnswerDelta(at=2, turn_id="t", message_id="m", text="streamed"))
    saving = recorder._saving
    assert saving is not None
    await saving
    other = Journal(tmp_path / "journal.db", scope="h/1", owner="other")
    assert [m.text for m in other.history.messages("conv")] == ["q", "streamed"]
    other.close()
    await recorder.close()
    journal.close()
