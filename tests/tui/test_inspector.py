"""The inspector as a person uses it."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual import on
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import (
    Decision,
    Outcome,
    RunWith,
    ToolCall,
    ToolCallAwaitingApproval,
    ToolCallFinished,
    ToolCallProgress,
    ToolCallRequested,
    ToolCallStarted,
)
from c2jy_bridge.core.views import CallView
from c2jy_tui.panes.inspector import Inspector
from c2jy_tui.screens.call_detail import CallDetailScreen, EditArgumentsScreen
from pane_host import NOON, Host, PaneEngine, StillClock, soon


class InspectorHost(Host):
    """The inspector alone, and what it asked of the app."""

    def __init__(self, inspector: Inspector) -> None:
        super().__init__(inspector)
        self.intents: list[tuple[Any, ...]] = []

    @on(Inspector.ApprovalRequested)
    def _reopen(self, event: Inspector.ApprovalRequested) -> None:
        self.intents.append(("approval", event.call_id))

    @on(Inspector.DecisionMade)
    def _decided(self, event: Inspector.DecisionMade) -> None:
        self.intents.append((event.answer, event.call_id))


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def inspector(clock: StillClock, tmp_path: Path) -> Inspector:
    return Inspector(clock=clock, export_folder=tmp_path)


@pytest.fixture
def host(inspector: Inspector) -> InspectorHost:
    return InspectorHost(inspector)


def ended(number: int, **more: Any) -> CallView:
    at = NOON - 600 + number
    view = CallView(
        call_id=f"c{number}",
        tool="generate_draft",
        arguments=json.dumps({"name": f"draft {number}"}),
        source="chat",
        requested_at=at,
        started_at=at,
        finished_at=at + 1.4,
        outcome=Outcome.OK,
        output='{"status": "success", "message": "written"}',
    )
    return replace(view, **more)


def asks(inspector: Inspector, call_id: str = "w1", tool: str = "screenshot") -> None:
    call = ToolCall(call_id=call_id, tool=tool, arguments="{}")
    inspector.show(ToolCallRequested(at=NOON - 5, call_id=call_id, call=call))
    inspector.show(
        ToolCallAwaitingApproval(at=NOON - 5, call_id=call_id, tool=tool, arguments={}, reason="policy: ask")
    )


def starts(inspector: Inspector, call_id: str = "r1", tool: str = "probe_media") -> None:
    call = ToolCall(call_id=call_id, tool=tool, arguments="{}")
    inspector.show(ToolCallRequested(at=NOON - 3, call_id=call_id, call=call))
    inspector.show(ToolCallStarted(at=NOON - 3, call_id=call_id, deadline_s=60))


async def keys(pilot: Pilot[Any], *pressed: str) -> None:
    await pilot.press(*pressed)
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def test_an_empty_inspector_says_in_one_sentence_what_will_appear(host: InspectorHost) -> None:
    async with host.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        assert "No tool calls yet." in host.seen()
        await pilot.press("enter", "r", "y", "D", "down")  # none of them has anything to work on
        assert host.intents == []


async def test_a_row_tells_time_source_tool_status_and_how_long_it_took(
    host: InspectorHost, inspector: Inspector
) -> None:
    engine = PaneEngine(recorded=[ended(1, source="bridge", outcome=Outcome.ERROR, error="no such file")])
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(engine)
        await pilot.pause()
        row = host.seen().splitlines()[1]
        assert row.split() == ["11:50:01", "bridge", "generate_draft", "✗", "failed", "1.4", "s"]
        assert "no such file" in host.seen()


async def test_elapsed_time_and_progress_tick_while_a_call_runs(
    host: InspectorHost, inspector: Inspector, clock: StillClock
) -> None:
    async with host.run_test(size=(80, 12)) as pilot:
        starts(inspector)
        await pilot.pause()
        assert "3.0 s" in host.seen()
        clock.now += 4
        await soon(pilot, lambda: "7.0 s" in host.seen())
        progress = ToolCallProgress(
            at=clock.now, call_id="r1", message="a.mp4", done=1_200_000, total=3_400_000, unit="bytes"
        )
        inspector.show(progress)
        await pilot.pause()
        assert "… running 1.2/3.4 MB" in host.seen()
        assert "a.mp4 1.2/3.4 MB" in host.seen().splitlines()[-3]


async def test_ten_thousand_calls_leave_a_thousand_rows_and_draw_only_what_is_seen(
    host: InspectorHost, inspector: Inspector
) -> None:
    drawn: list[int] = []
    row = inspector.rows._row

    def counted(index: int) -> Any:
        drawn.append(index)
        return row(index)

    inspector.rows._row = counted
    async with host.run_test(size=(80, 24)) as pilot:
        for number in range(10_000):
            call = ToolCall(call_id=f"c{number}", tool="probe_media", arguments="{}")
            inspector.show(ToolCallRequested(at=NOON, call_id=call.call_id, call=call))
            inspector.show(
                ToolCallFinished(
                    at=NOON,
                    call_id=call.call_id,
                    tool="probe_media",
                    outcome=Outcome.OK,
                    output="{}",
                    elapsed_s=0.1,
                )
            )
        await pilot.pause()
        assert inspector.rows.count == 1000
        assert inspector.rows.cursor == 999
        assert "older, not shown: 9000" in host.seen()
        # A few paints of some twenty rows each, however many calls came.
        assert len(drawn) < 200
        await pilot.press("g")
        assert inspector.current is not None
        assert inspector.current.call.call_id == "c9000"


async def test_the_cursor_follows_the_newest_until_somebody_moves_it(
    host: InspectorHost, inspector: Inspector
) -> None:
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(PaneEngine(recorded=[ended(n) for n in range(5)]))
        await pilot.pause()
        assert inspector.current.call.call_id == "c4"
        await pilot.press("k")
        assert "paused, F follows the newest" in host.seen()
        starts(inspector)
        await pilot.pause()
        assert inspector.current.call.call_id == "c3"
        await pilot.press("F")
        assert inspector.current.call.call_id == "r1"
        assert "following the newest" in host.seen()
        await pilot.press("g")
        assert not inspector.following
        await pilot.press("G")
        assert inspector.following


async def test_the_cursor_stays_on_its_call_when_older_ones_fall_out_of_the_ring(
    host: InspectorHost, inspector: Inspector
) -> None:
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(PaneEngine(recorded=[ended(n) for n in range(1000)]))
        await pilot.pause()
        await pilot.press("up")
        assert inspector.current.call.call_id == "c998"
        for n in range(20):
            starts(inspector, f"r{n}")
        await pilot.pause()
        assert inspector.current.call.call_id == "c998"
        assert inspector.rows.cursor == 978


async def test_a_waiting_call_is_answered_from_its_row(host: InspectorHost, inspector: Inspector) -> None:
    async with host.run_test(size=(80, 12)) as pilot:
        asks(inspector)
        await pilot.pause()
        assert "? asks you" in host.seen()
        assert "Needs approval: policy: ask" in host.seen()
        await pilot.press("a", "A", "d", "enter")
        await pilot.pause()
    assert host.intents == [
        (Decision.ONCE, "w1"),
        (Decision.ALWAYS, "w1"),
        (Decision.DENY, "w1"),
        ("approval", "w1"),
    ]


async def test_keys_that_do_not_fit_the_call_do_nothing_and_are_not_offered(
    host: InspectorHost, inspector: Inspector
) -> None:
    engine = PaneEngine(recorded=[ended(1)])
    async with host.run_test(size=(100, 12)) as pilot:
        await inspector.load(engine)
        await pilot.pause()
        await keys(pilot, "a", "d", "A", "X", "D", "u")
        assert host.intents == engine.asked == []
        footer = host.seen().splitlines()[-1]
        assert "Rerun" in footer
        assert "Allow" not in footer
        starts(inspector)
        await pilot.pause()
        footer = host.seen().splitlines()[-1]
        assert "Rerun" not in footer
        assert "Stop" in footer


async def test_a_call_runs_again_with_the_same_arguments(host: InspectorHost, inspector: Inspector) -> None:
    engine = PaneEngine(recorded=[ended(1)])
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(engine)
        await pilot.pause()
        await keys(pilot, "r")
        assert engine.asked == [("rerun", "c1", None)]
        assert "not sent to the Bot" in host.said


async def test_a_call_that_cannot_run_again_says_why(host: InspectorHost, inspector: Inspector) -> None:
    engine = PaneEngine(recorded=[ended(1)])
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(engine)
        engine.recorded.clear()
        await pilot.pause()
        await keys(pilot, "r")
        assert "no call c1" in host.said


async def test_edited_arguments_must_be_a_json_object_before_they_run(
    host: InspectorHost, inspector: Inspector
) -> None:
    engine = PaneEngine(recorded=[ended(1)])
    async with host.run_test(size=(80, 24)) as pilot:
        await inspector.load(engine)
        await pilot.pause()
        await pilot.press("e")
        await pilot.pause()
        screen = host.screen
        assert isinstance(screen, EditArgumentsScreen)
        area = screen.query_one(TextArea)
        assert json.loads(area.text) == {"name": "draft 1"}
        area.text = '{\n  "name": ,\n}'
        await pilot.pause()
        assert "line 2, column 11" in host.seen()
        await keys(pilot, "ctrl+r")
        assert host.screen is screen
        assert area.cursor_location == (1, 10)
        area.text = "[1, 2]"
        await pilot.pause()
        assert "must be a JSON object" in host.seen()
        area.text = '{"name": "改过"}'
        await pilot.pause()
        assert "✓ valid JSON" in host.seen()
        await keys(pilot, "ctrl+r")
        assert engine.asked == [("rerun", "c1", '{"name": "改过"}')]


async def test_leaving_the_edit_with_escape_runs_nothing(host: InspectorHost, inspector: Inspector) -> None:
    engine = PaneEngine(recorded=[ended(1)])
    async with host.run_test(size=(80, 24)) as pilot:
        await inspector.load(engine)
        await pilot.pause()
        await keys(pilot, "e")
        await keys(pilot, "x", "escape")
        assert not isinstance(host.screen, EditArgumentsScreen)
        assert engine.asked == []


async def test_a_running_call_is_stopped_or_the_user_hears_that_it_had_ended(
    host: InspectorHost, inspector: Inspector
) -> None:
    engine = PaneEngine()
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(engine)
        starts(inspector)
        await pilot.pause()
        await keys(pilot, "X")
        assert engine.asked == [("cancel_call", "r1")]
        assert host.said == ""
        engine.runs = False
        await keys(pilot, "X")
        assert "already ended" in host.said


async def test_the_filter_narrows_as_it_is_typed_and_escape_shows_all(
    host: InspectorHost, inspector: Inspector
) -> None:
    engine = PaneEngine(recorded=[ended(1), ended(2, outcome=Outcome.ERROR), ended(3, tool="list_files")])
    async with host.run_test(size=(80, 14)) as pilot:
        await inspector.load(engine)
        await pilot.pause()
        await pilot.press("slash", *"failed")
        assert inspector.store.shown == ["c2"]
        assert "1 of 3 match" in host.seen()
        await pilot.press("enter")
        assert host.focused is inspector.rows
        assert inspector.store.shown == ["c2"]
        await pilot.press("escape")
        assert inspector.store.shown == ["c1", "c2", "c3"]
        await pilot.press("slash", *"nothing like it")
        assert "No call matches the filter." in host.seen()
        await pilot.press("escape")
        assert inspector.store.shown == ["c1", "c2", "c3"]
        assert host.focused is inspector.rows


async def test_output_and_command_line_are_copied(host: InspectorHost, inspector: Inspector) -> None:
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(PaneEngine(recorded=[ended(1, arguments='{"a": "it\'s"}', output="o\x1b[2Jk")]))
        await pilot.pause()
        await keys(pilot, "y")
        assert host.copied == "o[2Jk"
        await keys(pilot, "c")
        assert shlex.split(host.copied) == ["c2jy-tui", "tools", "call", "generate_draft", '{"a": "it\'s"}']


async def test_all_calls_are_exported_and_the_path_is_shown(
    host: InspectorHost, inspector: Inspector, tmp_path: Path
) -> None:
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(PaneEngine(recorded=[ended(n) for n in range(3)]))
        await pilot.pause()
        await keys(pilot, "x")
        assert not os.listdir(tmp_path)
        assert host.screen.query_one(Input).value.startswith(str(tmp_path))
        await keys(pilot, "enter")
        (name,) = os.listdir(tmp_path)
        assert name.endswith(".jsonl")
        assert str(tmp_path / name) in host.said


async def test_an_export_that_cannot_be_written_says_where_and_why(clock: StillClock, tmp_path: Path) -> None:
    inspector = Inspector(clock=clock, export_folder=tmp_path / "gone")
    host = InspectorHost(inspector)
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(PaneEngine(recorded=[ended(1)]))
        await pilot.pause()
        await keys(pilot, "x", "enter")
        assert "No such file or directory" in host.said


async def test_two_marked_calls_are_compared_field_by_field(
    host: InspectorHost, inspector: Inspector
) -> None:
    first = ended(1, arguments='{"name":"a","speed":1}')
    second = ended(2, arguments='{"speed":2,"name":"a"}', outcome=Outcome.ERROR)
    async with host.run_test(size=(90, 24)) as pilot:
        await inspector.load(PaneEngine(recorded=[first, second, ended(3)]))
        await pilot.pause()
        await pilot.press("space", "g", "space", "j", "space")  # the last two marks count
        assert inspector.marked == ["c1", "c2"]
        await pilot.press("D")
        await pilot.pause()
        seen = host.seen()
        assert "--- 11:50:01" in seen
        assert "+++ 11:50:02" in seen
        assert '-  "speed": 1' in seen
        assert '+  "speed": 2' in seen
        assert "no difference" in seen  # of the outputs
        await pilot.press("y")
        assert host.copied.startswith("--- 11:50:01")
        await pilot.press("escape")
        assert host.focused is inspector.rows


async def test_enter_opens_the_detail_and_a_wish_there_is_done_when_it_closes(
    host: InspectorHost, inspector: Inspector
) -> None:
    engine = PaneEngine(recorded=[ended(1)])
    async with host.run_test(size=(80, 24)) as pilot:
        await inspector.load(engine)
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(host.screen, CallDetailScreen)
        await keys(pilot, "r")
        assert engine.asked == [("rerun", "c1", None)]
        assert not isinstance(host.screen, CallDetailScreen)


async def test_reveal_finds_a_call_behind_a_filter(host: InspectorHost, inspector: Inspector) -> None:
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(PaneEngine(recorded=[ended(n) for n in range(5)]))
        await pilot.pause()
        await pilot.press("slash", *"draft 3", "enter")
        assert inspector.store.shown == ["c3"]
        inspector.reveal("c1")
        await pilot.pause()
        assert inspector.current.call.call_id == "c1"
        assert inspector.rows.count == 5


async def test_hostile_names_and_messages_reach_the_screen_as_plain_text(
    host: InspectorHost, inspector: Inspector
) -> None:
    nasty = "[bold red]x[/]\x1b]0;owned\x07\u202egpj"
    view = ended(1, tool=nasty, outcome=Outcome.ERROR, error=nasty, output=nasty, arguments=nasty)
    async with host.run_test(size=(100, 30)) as pilot:
        await inspector.load(PaneEngine(recorded=[view]))
        await pilot.pause()
        for pressed in ((), ("enter",), ("right",), ("right",), ("escape", "e")):
            await pilot.press(*pressed)
            await pilot.pause()
            seen = host.seen()
            assert "[bold red]x[/]" in seen
            assert "<U+202E>" in seen
            assert "\x1b" not in seen
            assert "\u202e" not in seen


@pytest.mark.parametrize("width", [46, 60, 80, 120])
async def test_chinese_words_keep_every_column_in_its_cells(
    width: int, host: InspectorHost, inspector: Inspector
) -> None:
    i18n.use("zh")
    async with host.run_test(size=(width, 12)) as pilot:
        await inspector.load(PaneEngine(recorded=[ended(n, tool="生成草稿" * 9) for n in range(5)]))
        await pilot.pause()
        for y in range(6):
            strip = inspector.rows.render_line(y)
            assert strip.cell_length == width - 1  # one for the scrollbar
        assert "✓ 完成" in host.seen()


async def test_progress_that_changes_no_key_does_not_make_the_footer_anew(
    host: InspectorHost, inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host.run_test(size=(80, 12)) as pilot:
        starts(inspector)
        await pilot.pause()
        made: list[object] = []
        monkeypatch.setattr(inspector, "refresh_bindings", lambda: made.append(1))
        for done in range(20):
            inspector.show(ToolCallProgress(at=NOON, call_id="r1", message="reading", done=done, total=20))
            await pilot.pause()
        assert "95%" in host.seen()
        assert made == []
        inspector.show(
            ToolCallFinished(
                at=NOON, call_id="r1", tool="probe_media", outcome=Outcome.OK, output="{}", elapsed_s=1
            )
        )
        await pilot.pause()
        assert made == [1]


@pytest.mark.parametrize("theme", ["ansi-dark", "c2jy-light"])
async def test_the_cursor_and_the_statuses_are_told_apart_in_every_theme(
    theme: str, host: InspectorHost, inspector: Inspector
) -> None:
    async with host.run_test(size=(80, 12)) as pilot:
        host.theme = theme
        await inspector.load(PaneEngine(recorded=[ended(1, outcome=Outcome.ERROR), ended(2), ended(3)]))
        await pilot.pause()
        rows = [inspector.rows.render_line(y) for y in (1, 2, 3)]
        failed, done, here = ([s.style for s in row if s.text.strip()][3] for row in rows)
        assert len({str(style) for style in (failed, done, here)}) == 3


async def test_calls_are_held_by_the_filter_until_the_key_is_pressed_again(
    host: InspectorHost, inspector: Inspector
) -> None:
    engine = PaneEngine(recorded=[ended(1)])
    async with host.run_test(size=(100, 12)) as pilot:
        await inspector.load(engine)
        await pilot.pause()
        await keys(pilot, "slash", *"tool:draft", "enter", "i")
        assert engine.hold is not None
        calls = [
            ToolCall(call_id=name, tool=name, arguments="{}") for name in ("list_files", "generate_draft")
        ]
        assert [engine.hold.matches(call) for call in calls] == [False, True]
        assert "holding tool:draft" in host.seen()
        await keys(pilot, "i")
        assert engine.hold is None
        assert "holding" not in host.seen()


async def test_a_waiting_call_gets_other_arguments_once_the_tool_takes_them(
    host: InspectorHost, inspector: Inspector
) -> None:
    async with host.run_test(size=(100, 20)) as pilot:
        await inspector.load(PaneEngine())
        asks(inspector, "c1")
        await pilot.pause()
        await keys(pilot, "e")
        area = host.screen.query_one(TextArea)
        area.text = '{"wrong":1}'
        await keys(pilot, "ctrl+r")
        assert "$.wrong: unknown" in host.seen()
        area.text = '{"name":1}'
        await keys(pilot, "ctrl+r")
        assert host.intents == [(RunWith('{"name":1}'), "c1")]


async def test_older_calls_are_read_from_the_journal_by_key(
    host: InspectorHost, inspector: Inspector
) -> None:
    async with host.run_test(size=(100, 12)) as pilot:
        await inspector.load(PaneEngine(recorded=[ended(n) for n in range(2500)]))
        await pilot.pause()
        assert len(inspector.store) == 1000
        await keys(pilot, "O")
        assert (len(inspector.store), inspector.store.shown[0]) == (2000, "c500")
        await keys(pilot, "O", "O")
        assert len(inspector.store) == 2500
        assert "no older calls" in host.said


async def test_a_rule_is_drawn_below_each_conversation(host: InspectorHost, inspector: Inspector) -> None:
    calls = [ended(n, conversation_id=name) for n, name in enumerate(["a", "a", "b", "b"])]
    async with host.run_test(size=(80, 12)) as pilot:
        await inspector.load(PaneEngine(recorded=calls))
        await pilot.pause()
        assert [inspector.ruled(index) for index in range(4)] == [False, True, False, False]
        line = inspector.rows.render_line(2)
        assert all(segment.style is not None and segment.style.underline for segment in line)


async def test_the_line_about_all_calls_counts_failures_and_tells_how_long_they_took(
    host: InspectorHost, inspector: Inspector
) -> None:
    calls = [ended(n, finished_at=NOON - 600 + n + 1.0 + n) for n in range(20)]
    calls.append(ended(30, outcome=Outcome.ERROR))
    async with host.run_test(size=(100, 12)) as pilot:
        await inspector.load(PaneEngine(recorded=calls))
        await pilot.pause()
        assert "1 failed" in host.seen()
        assert "p50 10 s · p95 19 s" in host.seen()
