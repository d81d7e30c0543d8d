"""The recorder when the journal does not take what it is given."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from c2jy_bridge.core.events import (
    AnswerDelta,
    Event,
    FollowUpSuggested,
    JournalResumed,
    JournalStopped,
    TurnCancelled,
    TurnStarted,
)
from c2jy_bridge.engine.event_sink import DELAY_S, Recorder
from c2jy_bridge.journal import Journal

STARTED = TurnStarted(at=1.0, turn_id="t", conversation_id="c", chat_id="d", text="q")


async def test_a_journal_that_breaks_in_the_middle_of_a_turn_does_not_break_the_turn(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", scope="s", owner="me")
    told: list[Event] = []
    recorder = Recorder(journal, tmp_path / "journal.db", publish=told.append, clock=lambda: 7.0)
    await recorder.record(STARTED)
    with sqlite3.connect(tmp_path / "journal.db") as other:
        other.execute("ALTER TABLE messages RENAME TO taken_away")
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    await recorder.record(STARTED)
    await recorder.record(FollowUpSuggested(at=2.0, turn_id="t", text="more"))
    await asyncio.sleep(DELAY_S * 3)
    await recorder.flush()
    assert faults == []
    (stopped,) = told  # once, for all that was lost
    assert isinstance(stopped, JournalStopped)
    assert str(tmp_path / "journal.db") in stopped.problem.message
    assert str(tmp_path) in stopped.problem.hint
    with sqlite3.connect(tmp_path / "journal.db") as other:
        other.execute("ALTER TABLE taken_away RENAME TO messages")
    await recorder.record(FollowUpSuggested(at=3.0, turn_id="t", text="yet more"))
    await recorder.flush()
    assert told[1:] == [JournalResumed(at=7.0)]
    assert [view.text for view in journal.history.messages("c")] == ["q", "more", "yet more"]
    journal.close()


async def test_a_stopped_answer_that_the_journal_did_not_take_is_written_later_with_its_text(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path / "journal.db", scope="s", owner="me")
    recorder = Recorder(journal, tmp_path / "journal.db", publish=lambda event: None, clock=lambda: 7.0)
    await recorder.record(STARTED)
    await recorder.record(AnswerDelta(at=2.0, turn_id="t", message_id="m", text="half an "))
    await recorder.record(AnswerDelta(at=2.0, turn_id="t", message_id="m", text="answer"))
    with sqlite3.connect(tmp_path / "journal.db") as other:
        other.execute("ALTER TABLE messages RENAME TO taken_away")
    await recorder.record(TurnCancelled(at=3.0, turn_id="t", conversation_id="c", chat_id="d"))
    await recorder.flush()
    with sqlite3.connect(tmp_path / "journal.db") as other:
        other.execute("ALTER TABLE taken_away RENAME TO messages")
    await recorder.flush()
    assert [view.text for view in journal.history.messages("c")] == ["q", "half an answer", "cancelled"]
    journal.close()
