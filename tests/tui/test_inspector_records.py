"""What the inspector knows of a call, apart from any widget."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import (
    Event,
    Outcome,
    Source,
    ToolCall,
    ToolCallAwaitingApproval,
    ToolCallFinished,
    ToolCallProgress,
    ToolCallRequested,
    ToolCallStarted,
    ToolOutputsSubmitted,
    TurnStarted,
)
from c2jy_bridge.core.views import CallView
from c2jy_tui.panes.inspector import exported, labels
from c2jy_tui.panes.inspector.record import KEPT_PROGRESS, CallRecord
from c2jy_tui.panes.inspector.store import CallStore, parse_filter

T = 1_795_262_400.0


def requested(
    call_id: str = "c1", tool: str = "generate_draft", source: Source = "chat", at: float = T
) -> Event:
    call = ToolCall(call_id=call_id, tool=tool, arguments='{"name": "美食"}', source=source)
    return ToolCallRequested(at=at, call_id=call_id, call=call)


def finished(call_id: str = "c1", outcome: Outcome = Outcome.OK, at: float = T + 2, **more: Any) -> Event:
    event = ToolCallFinished(
        at=at,
        call_id=call_id,
        tool="generate_draft",
        outcome=outcome,
        output='{"status":"success"}',
        elapsed_s=1.5,
    )
    return replace(event, **more)


def recorded(*events: Event) -> CallRecord:
    store = CallStore()
    for event in events:
        store.apply(event)
    return store["c1"]


ASKED = ToolCallAwaitingApproval(at=T + 0.1, call_id="c1", tool="screenshot", arguments={}, reason="policy")
STARTED = ToolCallStarted(at=T + 0.5, call_id="c1", deadline_s=60)


def test_a_call_goes_from_requested_over_waiting_and_running_to_done() -> None:
    store = CallStore()
    statuses = []
    for event in (requested(), ASKED, STARTED, finished()):
        store.apply(event)
        statuses.append(store["c1"].status)
    assert statuses == ["requested", "waiting", "running", "ok"]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_an_end_with_a_sign_and_a_word(outcome: Outcome) -> None:
    record = recorded(requested(), finished(outcome=outcome))
    assert record.ended
    sign, _, word = labels.status(record).partition(" ")
    assert sign
    assert word == labels.say(f"status.{outcome.value}") != f"status.{outcome.value}"


def test_a_call_that_was_denied_never_ran() -> None:
    record = recorded(requested(), ASKED, finished(outcome=Outcome.DENIED, elapsed_s=0.0))
    assert [m.kind for m in record.moments()] == ["requested", "asked", "finished"]
    kept = CallView("c1", "screenshot", "{}", "chat", T, finished_at=T + 31, outcome=Outcome.DENIED)
    assert CallRecord(kept).elapsed_s(T + 100) == record.elapsed_s(T + 100) == 0


def test_elapsed_time_runs_while_the_call_runs_and_stands_when_it_has_ended() -> None:
    running = recorded(requested(), STARTED)
    assert running.elapsed_s(T + 10.5) == 10
    assert running.elapsed_s(T + 11.5) == 11
    assert recorded(requested(), STARTED, finished()).elapsed_s(T + 100) == 1.5


def test_a_call_left_open_by_an_earlier_run_of_the_app_is_unfinished_and_has_no_running_time() -> None:
    store = CallStore()
    store.fill([CallView("c1", "screenshot", "{}", "chat", T, started_at=T + 1)])
    left_open = store["c1"]
    assert left_open.status == "unfinished"
    assert left_open.elapsed_s(T + 1000) is None
    store.apply(finished())
    assert store["c1"].status == "ok"


def test_the_journal_adds_what_events_did_not_say_and_overrides_nothing_seen_live() -> None:
    store = CallStore()
    store.apply(finished(outcome=Outcome.ERROR))
    store.fill(
        [CallView("c1", "generate_draft", '{"a": 1}', "bridge", T, chat_id="chat", outcome=Outcome.OK)]
    )
    assert store["c1"].call.arguments == '{"a": 1}'
    assert store["c1"].call.source == "bridge"
    assert store["c1"].status == "error"


def test_submitted_is_the_last_moment_of_a_batch_of_calls() -> None:
    store = CallStore()
    for call_id in ("c1", "c2"):
        store.apply(requested(call_id))
        store.apply(finished(call_id))
    event = ToolOutputsSubmitted(at=T + 3, turn_id="t", chat_id="chat", call_ids=("c1", "c2", "unknown"))
    assert store.apply(event) == ["c1", "c2"]
    assert [store[i].moments()[-1].kind for i in ("c1", "c2")] == ["submitted", "submitted"]


def test_events_about_no_call_or_an_unknown_one_change_nothing() -> None:
    store = CallStore()
    assert store.apply(TurnStarted(at=T, turn_id="t", conversation_id="c", chat_id="x", text="hi")) == []
    assert store.apply(STARTED) == []
    assert len(store) == 0


def test_the_ring_keeps_the_newest_thousand_and_counts_the_rest() -> None:
    store = CallStore()
    for number in range(10_000):
        store.apply(requested(f"c{number}", at=T + number))
        store.apply(finished(f"c{number}", at=T + number))
    assert len(store) == len(store.shown) == 1000
    assert store.shown[0] == "c9000"
    assert store.shown[-1] == "c9999"
    assert store.forgotten == 9000


def test_a_call_that_still_runs_is_not_pushed_out_of_the_ring() -> None:
    store = CallStore(capacity=3)
    store.apply(requested("c1"))
    store.apply(STARTED)
    for number in range(10):
        store.apply(requested(f"x{number}"))
        store.apply(finished(f"x{number}"))
    assert store.shown == ["c1", "x8", "x9"]


def test_progress_is_a_share_of_items_or_an_amount_of_bytes() -> None:
    def said(done: int, total: int | None, unit: str) -> str:
        return labels.progress(
            ToolCallProgress(at=T, call_id="c1", message="", done=done, total=total, unit=unit)  # type: ignore[arg-type]
        )

    assert said(37, 100, "items") == "37%"
    assert said(1_200_000, 3_400_000, "bytes") == "1.2/3.4 MB"
    assert said(1_200_000, None, "bytes") == "1.2 MB"
    assert said(12, None, "items") == "12"
    assert said(0, 0, "items") == "0"


def test_a_long_call_keeps_its_last_progress_reports_and_says_how_many_it_dropped() -> None:
    steps = [
        ToolCallProgress(at=T + 1 + n / 10, call_id="c1", message="reading", done=n, total=100)
        for n in range(KEPT_PROGRESS + 7)
    ]
    record = recorded(requested(), STARTED, *steps)
    assert record.progress_forgotten == 7
    text = labels.timeline(record, T + 10).plain
    assert "not kept: 7" in text
    assert text.count("reading") == KEPT_PROGRESS


def test_the_timeline_gives_each_moment_its_offset_in_milliseconds() -> None:
    asked = recorded(requested(), ASKED, STARTED, finished(at=T + 1234.5))
    lines = labels.timeline(asked, T + 2000).plain.splitlines()
    assert [line.split(" ms")[0].strip() for line in lines[2:6]] == ["+0", "+100", "+500", "+1,234,500"]
    assert "approved and started" in lines[4]
    assert "✓ done" in lines[5]


def test_filter_words_are_found_anywhere_and_prefixed_ones_where_they_say() -> None:
    chat = recorded(requested(), finished(outcome=Outcome.ERROR, error="no such file: 面条.mp4"))
    assert parse_filter("面条")(chat)
    assert parse_filter("GENERATE status:failed source:chat")(chat)
    assert parse_filter("status:error")(chat)
    assert not parse_filter("tool:面条")(chat)
    assert not parse_filter("generate bridge")(chat)
    i18n.use("zh")
    assert parse_filter("status:失败 source:对话")(chat)


def test_a_filtered_list_gains_and_loses_calls_as_their_status_changes() -> None:
    store = CallStore()
    store.set_filter(parse_filter("status:running"))
    store.apply(requested())
    assert store.shown == []
    store.apply(STARTED)
    assert store.shown == ["c1"]
    store.apply(finished())
    assert store.shown == []


@given(st.text())
def test_the_copied_command_line_gives_a_shell_the_very_same_arguments(value: str) -> None:
    call = CallView("c1", "generate_draft", json.dumps({"x": value}), "chat", T)
    line = labels.command_line(CallRecord(call))
    *command, arguments = shlex.split(line)
    assert command == ["c2jy-tui", "tools", "call", "generate_draft"]
    assert json.loads(arguments) == {"x": value}
    assert "\x1b" not in line
    assert "\u202e" not in line


def test_malformed_arguments_are_copied_without_what_a_terminal_would_obey() -> None:
    line = labels.command_line(CallRecord(CallView("c1", "t", '{"a": \x1b]52;c;evil\x07', "chat", T)))
    assert shlex.split(line)[-1] == '{"a": ]52;c;evil'


def test_an_export_has_one_object_a_line_and_never_writes_over_a_file(tmp_path: Path) -> None:
    records = [
        recorded(requested(), ASKED, STARTED, finished()),
        CallRecord(CallView("c2", "t", "{bad", "chat", T)),
    ]
    first = exported.write(records, str(tmp_path / "calls.jsonl"))
    with pytest.raises(FileExistsError):
        exported.write(records[1:], str(first))
    assert first.stat().st_mode & 0o077 == 0
    lines = [json.loads(line) for line in first.read_text(encoding="utf-8").splitlines()]
    assert lines[0]["arguments"] == {"name": "美食"}
    assert lines[0]["output"] == {"status": "success"}
    assert lines[0]["asked_at"] == T + 0.1
    assert [line["status"] for line in lines] == ["ok", "unfinished"]
    assert lines[1]["arguments"] == "{bad"


def test_a_har_has_an_entry_a_call_with_what_was_waited_and_what_ran(tmp_path: Path) -> None:
    records = [
        recorded(requested(), ASKED, STARTED, finished()),
        recorded(requested(), finished(outcome=Outcome.ERROR)),
    ]
    archive = json.loads(exported.write(records, str(tmp_path / "calls.HAR")).read_text(encoding="utf-8"))
    first, second = archive["log"]["entries"]
    assert first["request"]["postData"]["text"] == records[0].call.arguments
    assert first["response"]["content"]["text"] == records[0].call.output
    assert first["time"] == sum(first["timings"].values())
    assert first["timings"]["blocked"] == pytest.approx((STARTED.at - T) * 1000, abs=1)
    assert [first["response"]["status"], second["response"]["status"]] == [200, 500]


def test_the_line_about_a_call_says_what_is_most_useful_in_its_state() -> None:
    base = recorded(requested(), STARTED)
    step = ToolCallProgress(at=T + 1, call_id="c1", message="downloading a.mp4", done=1, total=4)
    assert labels.about(replace(base, progress=(step,))) == "downloading a.mp4 25%"
    done = recorded(requested(), finished(output='{"status":"success","message":"draft written"}'))
    assert labels.about(done) == "draft written"
    failed = recorded(requested(), finished(outcome=Outcome.ERROR, error="no\nsuch\x1b file"))
    assert labels.about(failed) == "no such file"
