"""What the inspector looks like, at three sizes, in both languages."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import (
    Outcome,
    ToolCall,
    ToolCallAwaitingApproval,
    ToolCallProgress,
    ToolCallRequested,
    ToolCallStarted,
)
from c2jy_bridge.core.views import CallView
from c2jy_tui.panes.inspector import Inspector
from contrast import each_theme_is_readable
from pane_host import NOON, Host, PaneEngine, StillClock

SIZES = [pytest.param((w, h), id=f"{w}x{h}") for w, h in ((120, 36), (80, 24), (60, 24))]
ARGUMENTS = {"content": {"schema": "c2jy/1", "name": "中国美食", "fps": 30}, "dry_run": False}
OUTCOMES = [Outcome.OK, Outcome.ERROR, Outcome.DENIED, Outcome.TIMED_OUT, Outcome.CANCELLED, Outcome.OK]


def recorded() -> list[CallView]:
    views = []
    for number, outcome in enumerate(OUTCOMES):
        at = NOON - 3000 + number * 61.3
        views.append(
            CallView(
                f"c{number}",
                ("generate_draft", "probe_media", "screenshot")[number % 3],
                json.dumps(ARGUMENTS | {"number": number}, ensure_ascii=False),
                "bridge" if number == 5 else "chat",
                at,
                chat_id="7501234567890",
                tool_call_id="BUJJF0VCQUE",
                started_at=at + 0.012,
                finished_at=at + 1.4,
                submitted_at=at + 1.52,
                outcome=outcome,
                output='{"status": "success", "message": "已生成草稿“中国美食”", "drafts": []}',
                error="" if outcome is Outcome.OK else "tracks[0].clips[2].media: 面条.mp4 is not there",
            )
        )
    return views


def live(inspector: Inspector) -> None:
    """One call that waits, two that run."""
    calls = [("w1", "screenshot"), ("r1", "generate_draft"), ("r2", "probe_media")]
    for number, (call_id, tool) in enumerate(calls):
        call = ToolCall(call_id=call_id, tool=tool, arguments="{}", source="user" if number == 2 else "chat")
        inspector.show(ToolCallRequested(at=NOON - 20 + number, call_id=call_id, call=call))
    inspector.show(
        ToolCallAwaitingApproval(at=NOON - 19, call_id="w1", tool="screenshot", arguments={}, reason="ask")
    )
    for call_id in ("r1", "r2"):
        inspector.show(ToolCallStarted(at=NOON - 17, call_id=call_id, deadline_s=60))
    inspector.show(ToolCallProgress(at=NOON - 9, call_id="r1", message="building", done=37, total=100))
    inspector.show(
        ToolCallProgress(
            at=NOON - 9, call_id="r2", message="wok.mp4", done=1_200_000, total=3_400_000, unit="bytes"
        )
    )


def scene(
    *pressed: str, running: bool = False, empty: bool = False
) -> tuple[Host, Callable[[Pilot[Any]], Awaitable[None]]]:
    inspector = Inspector(clock=StillClock())

    async def play(pilot: Pilot[Any]) -> None:
        await inspector.load(PaneEngine(recorded=[] if empty else recorded()))
        if running:
            live(inspector)
        await pilot.pause()
        for key in pressed:
            await pilot.press(key)
            await pilot.pause()
        if i18n.language() == "en":
            await each_theme_is_readable(pilot)

    return Host(inspector), play


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", SIZES)
def test_the_list_of_calls(snap_compare: Any, size: tuple[int, int], language: i18n.Language) -> None:
    i18n.use(language)
    host, play = scene("space", "k", "k", running=True)
    assert snap_compare(host, terminal_size=size, run_before=play)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", SIZES)
def test_the_timeline_of_a_call(snap_compare: Any, size: tuple[int, int], language: i18n.Language) -> None:
    i18n.use(language)
    host, play = scene("enter", "right", "right")
    assert snap_compare(host, terminal_size=size, run_before=play)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_arguments_of_a_failed_call(snap_compare: Any, language: i18n.Language) -> None:
    i18n.use(language)
    host, play = scene("g", "j", "enter", "right", "right")
    assert snap_compare(host, terminal_size=(80, 24), run_before=play)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_editing_arguments_that_are_no_longer_json(snap_compare: Any, language: i18n.Language) -> None:
    i18n.use(language)
    host, play = scene("e", "x")
    assert snap_compare(host, terminal_size=(80, 24), run_before=play)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_two_calls_compared(snap_compare: Any, language: i18n.Language) -> None:
    i18n.use(language)
    host, play = scene("space", "k", "space", "D")
    assert snap_compare(host, terminal_size=(80, 24), run_before=play)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_filter_being_typed(snap_compare: Any, language: i18n.Language) -> None:
    i18n.use(language)
    host, play = scene("slash", *"probe")
    assert snap_compare(host, terminal_size=(80, 24), run_before=play)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_call_yet(snap_compare: Any, language: i18n.Language) -> None:
    i18n.use(language)
    host, play = scene(empty=True)
    assert snap_compare(host, terminal_size=(60, 24), run_before=play)
