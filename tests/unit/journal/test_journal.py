"""What the journal keeps is there again after the process is gone, and a receipt is for ever."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from c2jy_bridge.core.events import (
    AnswerCompleted,
    AnswerDelta,
    FollowUpSuggested,
    Outcome,
    Problem,
    ReasoningDelta,
    ToolCall,
    ToolCallFinished,
    ToolCallRequested,
    ToolCallStarted,
    ToolOutputsSubmitted,
    TurnCancelled,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
    Usage,
)
from c2jy_bridge.core.ports import Receipt, ReceiptConflict
from c2jy_bridge.journal import Journal, Owner

SCOPE = "api.example/7"
CALL = ToolCall(
    call_id="c1",
    tool="generate_draft",
    arguments='{"a": 1, "b": [2]}',
    chat_id="chat1",
    conversation_id="conv1",
    tool_call_id="BUJJ=",
    turn_id="t1",
)
RECEIPT = Receipt(outcome=Outcome.OK, output='{"status":"success"}', finished_at=5.0, started_at=4.0)


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    opened: list[Journal] = []

    def _open(owner: str = "me", scope: str = SCOPE) -> Journal:
        journal = Journal(tmp_path / "journal.db", scope=scope, owner=owner)
        opened.append(journal)
        return journal

    yield _open
    for journal in opened:
        journal.close()


def started(turn_id: str = "t1", at: float = 1.0, text: str = "做个视频", conv: str = "conv1") -> TurnStarted:
    return TurnStarted(at=at, turn_id=turn_id, conversation_id=conv, chat_id=f"chat-{turn_id}", text=text)


def test_a_conversation_is_shown_again_after_a_restart(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    for event in (
        started(),
        AnswerDelta(at=2, turn_id="t1", message_id="m1", text="好"),
        AnswerCompleted(at=3, turn_id="t1", message_id="m1", text="好的", reasoning="想"),
        FollowUpSuggested(at=3, turn_id="t1", text="再来一个?"),
        TurnCompleted(at=4, turn_id="t1", conversation_id="conv1", usage=Usage(1, 2, 3)),
    ):
        journal.record([event])
    journal.close()

    again = open_journal().history
    assert [(m.role, m.kind, m.text, m.reasoning) for m in again.messages("conv1")] == [
        ("user", "question", "做个视频", ""),
        ("assistant", "answer", "好的", "想"),
        ("assistant", "follow_up", "再来一个?", ""),
    ]
    (conversation,) = again.conversations()
    assert (conversation.title, conversation.created_at, conversation.updated_at, conversation.turns) == (
        "做个视频",
        1.0,
        4.0,
        1,
    )


def test_the_text_so_far_of_a_stopped_answer_is_kept(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.record([started()])
    for piece in ("一", "二"):
        journal.record([AnswerDelta(at=2, turn_id="t1", message_id="m1", text=piece)])
    journal.record([TurnCancelled(at=3, turn_id="t1", conversation_id="conv1")])
    assert [(m.kind, m.text) for m in journal.history.messages("conv1")] == [
        ("question", "做个视频"),
        ("answer", "一二"),
        ("notice", "cancelled"),
    ]


def test_how_long_the_bot_thought_is_kept(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.record([started()])
    for at, event in ((2.0, ReasoningDelta), (4.0, ReasoningDelta), (6.5, AnswerDelta)):
        journal.record([event(at=at, turn_id="t1", message_id="m1", text="x")])
    journal.record([AnswerCompleted(at=9, turn_id="t1", message_id="m1", text="x", reasoning="xx")])
    journal.record([ReasoningDelta(at=10, turn_id="t1", message_id="m2", text="y")])
    journal.record([TurnCancelled(at=13, turn_id="t1", conversation_id="conv1")])
    answers = [m for m in journal.history.messages("conv1") if m.kind == "answer"]
    assert [(m.message_id, m.thought_s) for m in answers] == [("m1", 4.5), ("m2", 3.0)]


def test_a_failed_turn_is_shown_with_what_to_do(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.record([started()])
    problem = Problem(kind="rate", message="Too many requests.", hint="Wait a minute.", code=4013, logid="L1")
    journal.record([TurnFailed(at=3, turn_id="t1", conversation_id="conv1", problem=problem)])
    last = journal.history.messages("conv1")[-1]
    assert (last.kind, last.text) == ("error", "Too many requests.\nWait a minute.")
    assert open_journal("other").open_turns() == []


def test_an_answer_fetched_after_a_drop_replaces_the_partial_one(
    open_journal: Callable[..., Journal],
) -> None:
    journal = open_journal()
    journal.record([started()])
    journal.record([AnswerCompleted(at=2, turn_id="t1", message_id="m1", text="par")])
    journal.record([AnswerCompleted(at=3, turn_id="t1", message_id="m1", text="partial no more")])
    assert [m.text for m in journal.history.messages("conv1")][1:] == ["partial no more"]


def test_conversations_of_another_bot_are_not_shown(open_journal: Callable[..., Journal]) -> None:
    open_journal().record([started()])
    assert open_journal("b", scope="api.example/8").history.conversations() == []


def test_a_receipt_is_found_again_however_the_json_is_spaced(open_journal: Callable[..., Journal]) -> None:
    open_journal().write_receipt(CALL, RECEIPT)
    respaced = ToolCall(
        call_id="new",
        tool=CALL.tool,
        arguments=json.dumps({"b": [2], "a": 1}, indent=3),
        chat_id=CALL.chat_id,
        tool_call_id=CALL.tool_call_id,
    )
    assert open_journal("later").receipt(respaced) == RECEIPT


@pytest.mark.parametrize("other", [replace(CALL, arguments='{"a": 2}'), replace(CALL, tool="read_file")])
def test_the_same_call_id_with_another_call_is_a_conflict(
    open_journal: Callable[..., Journal], other: ToolCall
) -> None:
    journal = open_journal()
    journal.write_receipt(CALL, RECEIPT)
    with pytest.raises(ReceiptConflict):
        journal.receipt(other)


def test_the_first_receipt_stands(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.write_receipt(CALL, RECEIPT)
    journal.write_receipt(CALL, Receipt(outcome=Outcome.ERROR, output="{}", finished_at=9.0))
    assert journal.receipt(CALL) == RECEIPT


def test_a_call_without_a_coze_id_has_no_receipt_but_is_recorded(
    open_journal: Callable[..., Journal],
) -> None:
    journal = open_journal()
    call = ToolCall(call_id="mine", tool="list_drafts", arguments="{}", source="user")
    journal.write_receipt(call, RECEIPT)
    assert journal.receipt(call) is None
    recorded = journal.history.call("mine")
    assert recorded is not None
    assert (recorded.outcome, recorded.output) == (Outcome.OK, RECEIPT.output)


def test_a_call_is_recorded_with_all_its_times(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.record([ToolCallRequested(at=1, call_id="c1", call=CALL)])
    journal.record([ToolCallStarted(at=2, call_id="c1", deadline_s=60)])
    finished = ToolCallFinished(
        at=3, call_id="c1", tool=CALL.tool, outcome=Outcome.OK, output="{}", elapsed_s=1
    )
    journal.record([finished])
    journal.record([ToolOutputsSubmitted(at=4, turn_id="t1", chat_id="chat1", call_ids=("c1",))])
    (call,) = journal.history.calls()
    times = call.requested_at, call.started_at, call.finished_at, call.submitted_at
    assert (times, call.outcome) == ((1.0, 2.0, 3.0, 4.0), Outcome.OK)


def test_calls_of_agents_are_shown_with_those_of_any_bot_and_calls_of_other_bots_are_not(
    open_journal: Callable[..., Journal],
) -> None:
    ours, other = open_journal(), open_journal("b", scope="api.example/8")
    agent = replace(CALL, source="mcp", conversation_id="", chat_id="", tool_call_id="", turn_id="")
    for at, journal, known, call in [
        (1, ours, "c1", CALL),
        (2, other, "c2", agent),
        (3, other, "c3", replace(CALL, chat_id="chat2")),
        (4, ours, "c4", agent),
    ]:
        journal.record([ToolCallRequested(at=at, call_id=known, call=replace(call, call_id=known))])

    assert [call.call_id for call in ours.history.calls()] == ["c1", "c2", "c4"]
    assert [call.call_id for call in other.history.calls()] == ["c2", "c3", "c4"]
    assert [call.call_id for call in ours.history.calls(limit=2)] == ["c2", "c4"]
    assert [call.call_id for call in ours.history.calls(before=4)] == ["c1", "c2"]


def test_the_input_history_has_no_repetitions_in_a_row(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    for n, text in enumerate(["a", "b", "b", "a"]):
        journal.record([started(f"t{n}", at=n, text=text)])
    assert journal.history.questions(10) == ["a", "b", "a"]


def test_threads_may_write_at_once(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()

    def write(n: int) -> None:
        for k in range(50):
            journal.record([started(f"t{n}.{k}", at=k, conv=f"conv{n}")])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(c.turns for c in journal.history.conversations()) == 200


@pytest.mark.parametrize(("version", "age"), [(1, "unreleased"), (99, "newer")])
def test_a_journal_of_another_version_is_left_alone(tmp_path: Path, version: int, age: str) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(sqlite3.DatabaseError, match=age):
        Journal(path, scope=SCOPE, owner="me")


def test_only_a_dead_owners_turn_is_taken_over_and_only_once(
    open_journal: Callable[..., Journal], tmp_path: Path
) -> None:
    code = (
        "import sys, pathlib; from c2jy_bridge.journal import Owner;"
        "o = Owner(pathlib.Path(sys.argv[1])); print(o.name, flush=True); sys.stdin.read()"
    )
    folder = tmp_path / "owners"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    open_journal(name).record([started()])

    owner = Owner(folder)
    journal = open_journal(owner.name)
    (turn,) = journal.open_turns()
    assert not owner.is_gone(turn.owner)

    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert owner.is_gone(turn.owner)
    assert journal.take_over(turn)
    assert not open_journal("third").take_over(turn)
    assert journal.open_turns() == []
    owner.release()
    assert list(folder.iterdir()) == []


def test_half_a_character_is_kept_as_a_question_mark_and_the_call_still_has_its_receipt(
    open_journal: Callable[..., Journal],
) -> None:
    journal = open_journal()
    call = replace(CALL, arguments='{"a": "\ud800"}', tool="x\udfff")
    journal.record(
        [TurnStarted(at=1.0, turn_id="t1", conversation_id="conv1", chat_id="chat1", text="\ud83d")]
    )
    journal.record([ToolCallRequested(at=1.0, call_id="c1", call=call)])
    journal.write_receipt(call, RECEIPT)
    assert journal.history.call("c1").arguments == '{"a": "?"}'
    assert [m.text for m in journal.history.messages("conv1")] == ["?"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_the_journal_is_the_users_own(open_journal: Callable[..., Journal], tmp_path: Path) -> None:
    open_journal().record([TurnStarted(at=1.0, turn_id="t", conversation_id="c", chat_id="d", text="q")])
    modes = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()}
    assert modes.keys() >= {"journal.db", "journal.db-wal"}
    assert set(modes.values()) == {0}


def test_a_receipt_is_found_and_written_without_reading_every_call_there_ever_was(
    open_journal: Callable[..., Journal],
) -> None:
    journal = open_journal()
    calls = [replace(CALL, call_id=f"c{n}", tool_call_id=f"T{n}") for n in range(2_000)]
    journal.record([ToolCallRequested(at=float(n), call_id=c.call_id, call=c) for n, c in enumerate(calls)])
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    connection = journal._database._db  # SQLite itself says how far it had to go
    connection.set_progress_handler(count, 100)
    journal.write_receipt(calls[7], RECEIPT)
    assert journal.receipt(calls[7]) == RECEIPT
    assert journal.receipt(replace(CALL, tool_call_id="none")) is None
    connection.set_progress_handler(None, 0)
    assert steps[0] < 20  # hundreds of steps; one look at each call would be tens of thousands
