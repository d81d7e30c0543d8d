"""Bridge mode on the screen: switched by one key, looked after in the header, explained when it cannot be."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import (
    BridgeIntakeChanged,
    BridgeRequestChanged,
    BridgeStarted,
    BridgeStopped,
    Decision,
    Event,
    JournalResumed,
    JournalStopped,
    Problem,
)
from c2jy_bridge.core.views import BridgeView, IntakeView
from c2jy_tui.commands.bridge import print_events
from c2jy_tui.controllers.bridge_mode import (
    BridgeMode,
    after,
    polled,
    switch_done,
    switch_refused,
    switch_requested,
)
from c2jy_tui.screens.approval import ApprovalScreen

TAKEN = Problem("port_taken", "Port 8765 on 127.0.0.1 is taken.", "Set bridge.port to another number.")
HTTP = "http://127.0.0.1:8765"


async def seen(on: Any, **changes: Any) -> None:
    """Let the screen look at a bridge that has changed."""
    on.engine.bridge_view = replace(on.engine.bridge_view, **changes)
    await on.main.bridge.poll().wait()
    await on.settle()


async def test_one_key_switches_it_on_and_off(stage: Any) -> None:
    async with stage() as on:
        assert "bridge off" in on.lines[0]
        await on.press("f2")
        assert on.engine.switched == [True]
        assert "bridge 127.0.0.1:8765 · 0 waiting · alive: HTTP just now" in on.lines[0]
        await on.press("f2")
        assert on.engine.switched == [True, False]
        assert "bridge off" in on.lines[0]


async def test_the_palette_switches_it_too(stage: Any) -> None:
    async with stage() as on:
        commands = {command.title: command.callback for command in on.app.get_system_commands(on.main)}
        await commands["Bridge mode on or off"]()
        await on.settle()
        assert on.engine.switched == [True]
        await commands["Go to the bridge requests"]()
        await on.settle()
        assert "No requests yet" in on.text


async def test_while_it_switches_the_header_says_so_and_the_key_does_nothing(
    stage: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()
    at_once = engine.switch_bridge

    async def slowly(on: bool) -> Problem | None:
        await go_on.wait()
        result: Problem | None = await at_once(on)
        return result

    monkeypatch.setattr(engine, "switch_bridge", slowly)
    async with stage() as on:
        await on.press("f2")
        assert "bridge switching on…" in on.lines[0]
        await on.press("f2")
        go_on.set()
        await on.settle()
        assert engine.switched == [True]
        assert "bridge 127.0.0.1:8765" in on.lines[0]


async def test_the_header_counts_what_waits_and_the_time_since_each_sign_of_life(stage: Any) -> None:
    async with stage(size=(140, 36)) as on:
        await on.press("f2")
        alive = on.clock()
        on.clock.advance(75)
        intakes = (IntakeView("http", HTTP, on.clock()), IntakeView("mailbox", "7512", alive))
        await seen(on, waiting=3, intakes=intakes)
        assert "3 waiting · alive: HTTP just now, mailbox 1 min ago" in on.lines[0]
        await seen(on, parked=1)
        assert "1 need login · 2 waiting · alive" in on.lines[0]
        await seen(on, parked=3)
        assert "· 3 need login · alive" in on.lines[0]
        await seen(on, problem=Problem("needs_quota", "The request waits for quota.", "Top up.", 4028))
        assert "· 3 need quota" in on.lines[0]
        await seen(on, problem=None)
        await seen(on, intakes=(IntakeView("http", HTTP, on.clock()), IntakeView("mailbox")))
        assert "mailbox not yet" in on.lines[0]


async def test_the_clock_alone_makes_a_silent_intake_older(stage: Any) -> None:
    async with stage() as on:
        await on.press("f2")
        on.clock.advance(9)
        on.main.header._tick()
        await on.settle()
        assert "alive: HTTP 9 s ago" in on.lines[0]


async def test_it_is_looked_at_again_and_again_while_it_is_on_and_not_when_it_is_off(
    stage: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from c2jy_tui.controllers import bridge

    monkeypatch.setattr(bridge, "POLL_S", 0.02)
    looks = 0
    bridge = engine.bridge

    async def counted() -> BridgeView:
        nonlocal looks
        looks += 1
        view: BridgeView = await bridge()
        return view

    monkeypatch.setattr(engine, "bridge", counted)
    async with stage() as on:
        before = looks
        await on.pilot.pause(0.2)
        assert looks == before
        await on.press("f2")
        for _ in range(500):
            if looks > before + 5:
                break
            await on.pilot.pause(0.01)
        assert looks > before + 5
        await on.press("f2")
        await on.settle()
        before = looks
        await on.pilot.pause(0.2)
        assert looks == before


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (120, "bridge 127.0.0.1:8765 · 2 waiting · alive: HTTP just now"),
        (80, "bridge :8765 · 2 waiting · alive: HTTP just now"),
        (60, "bridge :8765 · 2 waiting"),
    ],
)
async def test_a_narrow_header_says_less_of_it(stage: Any, columns: int, words: str) -> None:
    async with stage(size=(columns, 24)) as on:
        await on.press("f2")
        await seen(on, waiting=2)
        assert f" {words}  " in on.lines[0]


async def test_what_is_wrong_while_it_is_on_marks_the_header_and_is_told_in_the_pane(stage: Any) -> None:
    async with stage() as on:
        await on.press("f2", "f6")
        trouble = Problem("network", "Coze cannot be reached.", "Look at the network.")
        await seen(on, problem=trouble)
        assert "! bridge 127.0.0.1:8765" in on.lines[0]
        assert "! Coze cannot be reached." in on.text
        await seen(on, problem=None)
        assert "!" not in on.lines[0]


async def test_why_it_cannot_be_on_is_explained_once_and_the_app_lives_on(stage: Any, engine: Any) -> None:
    engine.bridge_problem = TAKEN
    async with stage() as on:
        await on.press("f2")
        assert "✗ bridge not on" in on.lines[0]
        (notice,) = on.app._notifications
        assert notice.message == f"{TAKEN.message}\n{TAKEN.hint}"
        await on.press("f6")
        assert "Bridge mode is not on. Port 8765" in on.text
        assert "F2 tries again" in on.text
        engine.bridge_problem = None
        await on.press("f2")
        assert "bridge 127.0.0.1:8765" in on.lines[0]


async def test_whatever_breaks_in_the_engine_is_read_on_the_screen(
    stage: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(on: bool) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine, "switch_bridge", broken)
    async with stage() as on:
        await on.press("f2")
        (notice,) = on.app._notifications
        assert "No space left on device" in notice.message
        assert "✗ bridge not on" in on.lines[0]


async def test_a_bridge_that_was_refused_before_the_screen_was_there_is_explained(stage: Any) -> None:
    async with stage() as on:
        await on.play(BridgeStopped(at=on.clock(), problem=TAKEN))
        (notice,) = on.app._notifications
        assert notice.title == "Bridge mode is not on"


async def test_a_bridge_that_is_on_already_is_seen(stage: Any, engine: Any) -> None:
    engine.bridge_view = BridgeView(on=True, address=HTTP, waiting=1)
    async with stage() as on:
        assert "bridge 127.0.0.1:8765 · 1 waiting" in on.lines[0]


async def test_another_language_keeps_it_on(stage: Any) -> None:
    async with stage() as on:
        await on.press("f2")
        await on.app.action_language("zh")
        await on.settle()
        assert "桥接 127.0.0.1:8765 · 0 个待处理 · 心跳：HTTP 刚刚" in on.lines[0]
        await on.press("f6")
        assert "还没有请求" in on.text


async def test_the_requests_share_the_place_of_the_drafts_only_once_somebody_uses_them(stage: Any) -> None:
    async with stage() as on:
        assert "F6 Requests" not in on.text
        assert "─ Drafts ─" in on.text
        await on.press("f2")
        assert "F5 Drafts    F6 Requests" in on.text
        assert "No drafts yet" in on.text
        await on.press("f6")
        assert "No requests yet" in on.text
        assert "No tool calls yet" in on.text
        await on.press("f5")
        assert "No drafts yet" in on.text
        assert "No requests yet" not in on.text


@pytest.mark.parametrize("size", [(80, 24), (60, 24)])
async def test_smaller_screens_have_one_more_tab(stage: Any, size: tuple[int, int]) -> None:
    async with stage(size=size) as on:
        assert "F6 Requests" in on.text
        await on.press("f6")
        assert "Bridge mode is off. F2 switches it on" in on.text
        await on.press("f4")
        assert "Bridge mode is off" not in on.text
        await on.pilot.click("#side-tabs .bridge" if size[0] == 80 else "#all-tabs .bridge")
        await on.settle()
        assert "Bridge mode is off" in on.text


def test_the_pane_is_not_imported_before_it_is_wanted() -> None:
    look = "import sys, c2jy_tui.screens.main; print(*(m for m in sys.modules if 'panes.bridge' in m))"
    printed = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == ""


async def test_the_pane_comes_when_it_is_wanted(stage: Any) -> None:
    async with stage() as on:
        assert not on.main.query("#bridge")
        await on.press("f6")
        assert on.main.query_one("#bridge").has_focus_within


# --- questions of bridge calls -------------------------------------------------------------------------


async def asked(on: Any) -> None:
    call = replace(on.bot.wants("screenshot"), at=on.clock())
    question = replace(on.bot.asks_leave("screenshot", {}, deadline_s=60.0), source="bridge")
    await on.play(replace(call, call=replace(call.call, source="bridge")), question)


async def test_a_question_of_a_bridge_call_names_its_source_and_counts_down(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        assert isinstance(on.app.screen, ApprovalScreen)
        assert "Requested by a bridge request" in on.text
        on.clock.advance(55.5)
        on.app.screen._count()
        await on.settle()
        assert "Denied automatically in 5 s" in on.text
        await on.play(on.bot.finished("screenshot", "denied"))
        assert on.app.screen is on.main
        assert on.engine.decisions == []


async def test_a_question_that_ended_under_the_help_is_gone_with_the_help(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        await on.press("f1")
        await on.play(on.bot.finished("screenshot", "denied"))
        await on.press("escape")
        assert on.app.screen is on.main
        assert on.engine.decisions == []


async def test_a_bridge_call_can_be_allowed(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        await on.press("a")
        assert on.engine.decisions == [("call-1", Decision.ONCE)]


# --- chats of the bridge are not the user's ------------------------------------------------------------


async def test_a_bridge_chat_that_breaks_and_recovers_leaves_the_conversation_alone(stage: Any) -> None:
    async with stage() as on:
        other = type(on.bot)(on.clock, "bridge-turn")
        await on.ask("q")
        await on.play(on.bot.started("q"), other.started("handle", source="bridge"), other.recovered())
        assert on.main.activity.turn_id == "turn-1"
        await on.play(other.says("not for the user"), other.completed(), on.bot.said("for the user"))
        assert "not for the user" not in on.text
        assert "Nothing ran twice" not in on.text
        assert on.main.activity.turn_id == "turn-1"
        await on.play(on.bot.completed())
        assert on.main.activity.doing == "ready"
        assert on.main.activity.foreign_turns == frozenset()


# --- the state alone -----------------------------------------------------------------------------------

ON = BridgeView(on=True, address=HTTP, waiting=2, intakes=(IntakeView("http", HTTP, 1.0),))


def test_a_look_that_falls_into_a_switch_changes_nothing() -> None:
    switching = switch_requested(BridgeMode(ON, was_on=True), on=False)
    assert polled(switching, ON) == switching


def test_the_event_of_a_start_keeps_what_a_look_found_already() -> None:
    mode = switch_done(switch_requested(BridgeMode(), on=True), ON)
    assert mode.view == ON
    assert after(mode, BridgeStarted(at=1.0, address=HTTP)) == mode


def test_an_answer_without_a_problem_waits_for_its_event() -> None:
    switching = switch_requested(BridgeMode(), on=True)
    assert switch_refused(switching, None) == switching
    assert switch_refused(switching, TAKEN) == BridgeMode(problem=TAKEN)


def test_a_conversation_is_no_address_for_http() -> None:
    mode = BridgeMode(BridgeView(on=True, address="7512", intakes=(IntakeView("mailbox", "7512", 1.0),)))
    assert mode.http_address == ""
    assert mode.mailbox == "7512"


async def test_a_bridge_without_a_screen_tells_states_in_the_words_of_the_screen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def events() -> AsyncIterator[Event]:
        for state in ("queued", "relaying", "needs_quota", "running", "succeeded"):
            yield BridgeRequestChanged(at=0.0, request_id="r1", tool="note", state=state)

    i18n.use("zh")
    await print_events(events())
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    states = ("等待中", "询问 Bot", "额度不足", "执行中", "完成")
    assert lines == [f"r1 note {state}" for state in states]


async def test_a_bridge_without_a_screen_says_when_and_why_a_request_or_an_intake_failed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.localtime", time.gmtime)

    async def events() -> AsyncIterator[Event]:
        problem = Problem(kind="forbidden", message="The token is incorrect.", hint="Set another.", code=4101)
        yield BridgeRequestChanged(at=3661.0, request_id="r1", tool="note", state="failed", problem=problem)
        yield BridgeIntakeChanged(at=3662.0, intake="mailbox", address="74", problem=problem)
        yield BridgeIntakeChanged(at=3663.0, intake="mailbox", address="74")
        yield JournalStopped(at=3664.0, problem=Problem("journal", "The disk is full.", "Free some space."))
        yield JournalResumed(at=3665.0)

    i18n.use("en")
    await print_events(events())
    assert capsys.readouterr().err.splitlines() == [
        "01:01:01 r1 note failed: The token is incorrect. Set another.",
        "01:01:02 mailbox: The token is incorrect. Set another.",
        "01:01:03 mailbox works: 74",
        "01:01:04 The disk is full. Free some space.",
        "01:01:05 The journal can be written again; what was waiting is in it now.",
    ]
