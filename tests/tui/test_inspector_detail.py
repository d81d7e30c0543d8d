"""One call opened: arguments, output, error, timeline, while it runs and after."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Tab, TabbedContent

from c2jy_bridge.core.events import (
    Outcome,
    ToolCall,
    ToolCallFinished,
    ToolCallProgress,
    ToolCallRequested,
    ToolCallStarted,
    ToolOutputsSubmitted,
)
from c2jy_bridge.core.views import CallView
from c2jy_tui.panes.inspector import Inspector
from c2jy_tui.screens.call_detail import CallDetailScreen
from c2jy_tui.screens.tabbed_detail import SHOWN_CHARACTERS
from pane_host import NOON, Host, PaneEngine, StillClock, soon


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def inspector(clock: StillClock, tmp_path: Path) -> Inspector:
    return Inspector(clock=clock, export_folder=tmp_path)


def ended(**more: Any) -> CallView:
    view = CallView(
        call_id="c1",
        tool="generate_draft",
        arguments='{"name":"美食","scenes":[1,2]}',
        source="chat",
        requested_at=NOON - 60,
        chat_id="7501",
        tool_call_id="BUJJ",
        started_at=NOON - 60,
        finished_at=NOON - 58.5,
        outcome=Outcome.OK,
        output='{"status":"success"}',
    )
    return replace(view, **more)


async def opened(pilot: Pilot[Any], inspector: Inspector, view: CallView) -> CallDetailScreen:
    await inspector.load(PaneEngine(recorded=[view]))
    await pilot.pause()
    await pilot.press("enter")
    await pilot.pause()
    assert isinstance(pilot.app.screen, CallDetailScreen)
    return pilot.app.screen


def tab(screen: CallDetailScreen) -> str:
    return screen.query_one(TabbedContent).active


async def test_arguments_are_laid_out_and_the_headline_names_the_call(inspector: Inspector) -> None:
    host = Host(inspector)
    async with host.run_test(size=(90, 30)) as pilot:
        screen = await opened(pilot, inspector, ended())
        assert tab(screen) == "output"
        await pilot.press("h")
        await pilot.pause()
        seen = host.seen()
        assert '"name": "美食",' in seen
        assert "generate_draft   ✓ done · 1.5 s · chat" in seen
        await pilot.press("h")
        await pilot.pause()
        assert "Coze tool call  BUJJ" in host.seen()
        assert "Coze chat  7501" in host.seen()


async def test_a_failed_call_opens_on_its_error(inspector: Inspector) -> None:
    host = Host(inspector)
    async with host.run_test(size=(90, 30)) as pilot:
        screen = await opened(pilot, inspector, ended(outcome=Outcome.ERROR, error="tracks[0]: no such file"))
        assert tab(screen) == "error"
        assert "tracks[0]: no such file" in host.seen()


async def test_tabs_go_round_by_arrows_tab_and_vi_keys(inspector: Inspector) -> None:
    host = Host(inspector)
    async with host.run_test(size=(90, 30)) as pilot:
        screen = await opened(pilot, inspector, ended())
        for key, then in (
            ("right", "error"),
            ("tab", "timeline"),
            ("l", "arguments"),
            ("left", "timeline"),
            ("shift+tab", "error"),
            ("h", "output"),
        ):
            await pilot.press(key)
            await pilot.pause()
            assert tab(screen) == then, key


async def test_a_huge_output_is_cut_on_the_screen_and_whole_when_copied(
    inspector: Inspector, tmp_path: Path
) -> None:
    output = json.dumps({"lines": ["一行文字 " * 4] * 5000}, ensure_ascii=False)
    host = Host(inspector)
    async with host.run_test(size=(90, 30)) as pilot:
        screen = await opened(pilot, inspector, ended(output=output))
        shown = screen._texts["output"].content.plain
        assert len(shown) < SHOWN_CHARACTERS + 200
        assert "more characters not shown" in shown
        await pilot.press("G")
        await pilot.pause()
        assert "more characters not shown" in host.seen()
        await pilot.press("y")
        assert json.loads(host.copied) == json.loads(output)
        await pilot.press("w")
        await host.workers.wait_for_complete()
        await pilot.pause()
        (name,) = os.listdir(tmp_path)
        assert str(tmp_path / name) in host.said.replace("\n", "")


async def test_text_that_is_no_json_is_shown_as_it_came_and_said_so(inspector: Inspector) -> None:
    host = Host(inspector)
    async with host.run_test(size=(90, 30)) as pilot:
        await opened(pilot, inspector, ended(output="plain words, no JSON"))
        assert "plain words, no JSON" in host.seen()
        assert "not valid JSON" in host.seen()


async def test_the_detail_of_a_running_call_goes_on_until_its_output_is_submitted(
    inspector: Inspector, clock: StillClock
) -> None:
    host = Host(inspector)
    async with host.run_test(size=(100, 30)) as pilot:
        call = ToolCall(call_id="r1", tool="probe_media", arguments="{}", turn_id="t")
        inspector.show(ToolCallRequested(at=NOON, call_id="r1", call=call))
        inspector.show(ToolCallStarted(at=NOON + 0.25, call_id="r1", deadline_s=60))
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert "+250 ms" in host.seen()
        assert "… running" in host.seen()
        inspector.show(
            ToolCallProgress(at=NOON + 1, call_id="r1", message="downloading a.mp4", done=1, total=4)
        )
        await pilot.pause()
        assert "25%  downloading a.mp4" in host.seen()
        clock.now = NOON + 3
        inspector.show(
            ToolCallFinished(
                at=NOON + 2,
                call_id="r1",
                tool="probe_media",
                outcome=Outcome.TIMED_OUT,
                output="{}",
                elapsed_s=1.75,
                error="slow",
            )
        )
        inspector.show(ToolOutputsSubmitted(at=NOON + 2.1, turn_id="t", chat_id="x", call_ids=("r1",)))
        await pilot.pause()
        seen = host.seen()
        assert "finished: ✗ timed out" in seen
        assert "+2,100 ms" in seen
        assert "submitted: Coze has received the output" in seen
        assert "1.8 s" in seen


async def test_the_headline_counts_while_a_call_runs(inspector: Inspector, clock: StillClock) -> None:
    host = Host(inspector)
    async with host.run_test(size=(100, 30)) as pilot:
        call = ToolCall(call_id="r1", tool="probe_media", arguments="{}")
        inspector.show(ToolCallRequested(at=NOON, call_id="r1", call=call))
        inspector.show(ToolCallStarted(at=NOON, call_id="r1", deadline_s=60))
        await pilot.pause()
        await pilot.press("enter")
        clock.now += 75
        await soon(pilot, lambda: "1:15" in host.seen())


async def test_an_output_taken_from_a_receipt_is_said_to_be_so(inspector: Inspector) -> None:
    host = Host(inspector)
    async with host.run_test(size=(100, 30)) as pilot:
        call = ToolCall(call_id="r1", tool="probe_media", arguments="{}")
        inspector.show(ToolCallRequested(at=NOON, call_id="r1", call=call))
        inspector.show(
            ToolCallFinished(
                at=NOON,
                call_id="r1",
                tool="probe_media",
                outcome=Outcome.OK,
                output="{}",
                elapsed_s=0.0,
                replayed=True,
            )
        )
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert "answered from its receipt, not run again" in host.seen()


async def test_the_detail_scrolls_by_keys(inspector: Inspector) -> None:
    output = json.dumps({f"key{n}": n for n in range(200)})
    host = Host(inspector)
    async with host.run_test(size=(90, 24)) as pilot:
        await opened(pilot, inspector, ended(output=output))
        assert '"key0": 0' in host.seen()
        await pilot.press("G")
        await pilot.pause()
        assert '"key199": 199' in host.seen()
        await pilot.press("k", "k", "k")
        await pilot.pause()
        assert '"key199": 199' not in host.seen()
        await pilot.press("g")
        await pilot.pause()
        assert '"key0": 0' in host.seen()


async def test_in_the_whole_app_the_detail_keeps_its_tabs_and_its_keys(stage: Any, engine: Any) -> None:
    engine.stored_calls = [ended()]
    async with stage(size=(100, 30)) as on:
        await on.pilot.press("f4")
        await on.pilot.pause()
        await on.pilot.press("enter")
        await on.pilot.pause()
        screen = on.app.screen
        assert isinstance(screen, CallDetailScreen)
        assert screen.query_one("ContentTabs").size.height == 2
        words = [str(tab.label) for tab in screen.query_one(TabbedContent).query(Tab)]
        assert words == ["Arguments", "Output", "Error", "Timeline"]
        await on.pilot.press("r")
        await on.pilot.pause()
        assert engine.rerun_calls == [("c1", None)]
