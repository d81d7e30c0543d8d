"""The approval dialog: exact arguments, no answer by accident, no question lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual import events
from textual.widgets import TextArea

from c2jy_bridge.core.events import Decision, Outcome, RunWith
from c2jy_tui.panes.chat.cards import CallCard
from c2jy_tui.screens import settling
from c2jy_tui.screens.approval import AlwaysScreen, ApprovalScreen
from pane_host import soon

ARGUMENTS = {"path": "/home/maker/notes.txt", "names": ["一", "two"], "limit": 10}


async def open_at(on: Any, place: str) -> None:
    """The question, in the dialog, under the cursor of the list, or in the call's detail."""
    await asked(on)
    if place != "dialog":
        await on.press("escape", "f4")
    if place == "detail":
        record = on.main.inspector.current
        on.main.inspector._open_detail(record)
        await on.settle()


async def asked(on: Any, **more: Any) -> None:
    await on.ask("q")
    await on.play(
        on.bot.started("q"), on.bot.wants("read_file"), on.bot.asks_leave("read_file", ARGUMENTS, **more)
    )


async def test_the_dialog_shows_who_wants_what_why_and_exactly_which_arguments(stage: Any) -> None:
    async with stage() as on:
        await asked(on, reason="read_file looks into your folders")
        assert isinstance(on.app.screen, ApprovalScreen)
        text = on.text
        assert "read_file" in text
        assert "Requested by 美食助手, in this chat" in text
        assert "read_file looks into your folders" in text
        for words in ('"path": "/home/maker/notes.txt"', '"一"', '"limit": 10'):
            assert words in text


async def test_the_dialog_says_how_far_always_goes_for_a_bridge_request(stage: Any) -> None:
    async with stage(size=(120, 40)) as on:
        ask = replace(on.bot.asks_leave("read_file", ARGUMENTS), source="bridge", scope="bridge/mailbox")
        await on.play(on.bot.wants("read_file"), ask)
        assert "Always for mailbox requests" in on.text
        assert '"Always" lets read_file run without asking for every request' in on.text


@pytest.mark.parametrize(
    ("place", "key", "decision"),
    [
        ("dialog", "a", Decision.ONCE),
        ("list", "d", Decision.DENY),
        ("detail", "a", Decision.ONCE),
        pytest.param("dialog", "d", Decision.DENY, marks=pytest.mark.slow),
        pytest.param("list", "a", Decision.ONCE, marks=pytest.mark.slow),
        pytest.param("detail", "d", Decision.DENY, marks=pytest.mark.slow),
    ],
)
async def test_one_letter_means_one_thing_everywhere(
    stage: Any, place: str, key: str, decision: Decision
) -> None:
    async with stage() as on:
        await open_at(on, place)
        await on.press(key)
        assert on.engine.decisions == [("call-1", decision)]
        assert on.app.screen is on.main


@pytest.mark.parametrize("place", ["dialog", "list"])
async def test_always_says_how_far_it_goes_before_it_takes_effect(stage: Any, place: str) -> None:
    async with stage() as on:
        await open_at(on, place)
        await on.press("A")
        assert on.engine.decisions == []
        assert isinstance(on.app.screen, AlwaysScreen)
        assert "In this conversation read_file will run without asking" in on.text
        await on.press("n")
        assert on.engine.decisions == []
        await on.press("A")
        await on.press("y")
        assert on.engine.decisions == [("call-1", Decision.ALWAYS)]
        assert on.app.screen is on.main


async def test_a_call_without_a_conversation_cannot_be_allowed_always(stage: Any) -> None:
    async with stage() as on:
        await asked(on, scope="")
        await on.press("A")
        assert isinstance(on.app.screen, ApprovalScreen)
        assert "Always" not in on.text
        await on.press("escape", "f4", "A")
        assert on.app.screen is on.main
        assert on.engine.decisions == []


async def test_whoever_was_typing_when_it_came_up_answers_nothing_and_loses_no_letter(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "QUIET_S", 60)
    async with stage() as on:
        await on.ask("q")
        on.engine.emit(
            on.bot.started("q"), on.bot.wants("read_file"), on.bot.asks_leave("read_file", ARGUMENTS)
        )
        await on.settle()
        assert isinstance(on.app.screen, ApprovalScreen)
        await on.pilot.press("o", "a", "d", "A", "enter", "escape")
        assert on.engine.decisions == []
        assert isinstance(on.app.screen, ApprovalScreen)
        assert on.chat.composer.text == "oadA"


async def test_a_key_that_was_read_before_the_first_paint_decides_nothing_however_late_its_turn_comes(
    stage: Any,
) -> None:
    async with stage() as on:
        early = [
            events.Key(key, key if len(key) == 1 else None) for key in ("a", "d", "A", "enter", "escape")
        ]
        await asked(on)  # by now the dialog takes keys
        assert on.app.screen.settled
        for key in early:
            on.app.post_message(key)
            await on.settle()
            assert on.engine.decisions == [], key
            assert isinstance(on.app.screen, ApprovalScreen), key
            assert on.app.screen.question.call_id == "call-1"


async def test_no_dialog_takes_the_focus_of_a_composer_in_use(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.press(*"wri")
        await on.play(
            on.bot.started("q"), on.bot.wants("read_file"), on.bot.asks_leave("read_file", ARGUMENTS)
        )
        assert on.app.screen is on.main
        assert "? read_file needs your approval — F8, or Enter in an empty line" in on.text
        await on.press(*"ting")
        assert on.chat.composer.text == "writing"
        await on.press("f8")
        assert isinstance(on.app.screen, ApprovalScreen)
        await on.press("escape")
        assert on.chat.composer.text == "writing"


async def test_a_question_that_waited_opens_by_itself_when_the_composer_is_free(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2jy_tui.controllers.approvals.AGAIN_S", 0.02)
    async with stage() as on:
        await on.ask("q")
        await on.press(*"next")
        await on.play(on.bot.started("q"), on.bot.wants("t"), on.bot.asks_leave("t", {}))
        assert on.app.screen is on.main
        await on.press("enter")
        await soon(on.pilot, lambda: isinstance(on.app.screen, ApprovalScreen))
        assert on.chat.queued == "next"


async def test_enter_in_an_empty_line_opens_the_question_that_waits(stage: Any) -> None:
    async with stage() as on:
        await on.press("enter")
        assert on.app.screen is on.main
        await asked(on)
        await on.press("escape")
        assert on.app.screen is on.main
        assert "read_file needs your approval" in on.text
        on.chat.focus_composer()
        await on.press("enter")
        assert isinstance(on.app.screen, ApprovalScreen)
        await on.press("a")
        assert on.engine.decisions == [("call-1", Decision.ONCE)]
        assert "needs your approval" not in on.text


async def test_enter_and_space_answer_nothing_until_a_button_has_the_focus(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        await on.press("enter", "space")
        assert on.engine.decisions == []
        await on.press("tab", "enter")
        assert on.engine.decisions == [("call-1", Decision.ONCE)]


async def test_a_click_answers(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        await on.pilot.click("#deny")
        await on.settle()
        assert on.engine.decisions == [("call-1", Decision.DENY)]


async def test_esc_leaves_the_question_open_and_its_line_brings_it_back(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        await on.press("escape")
        assert on.engine.decisions == []
        assert "needs approval" in on.text
        assert "needs approval" in on.lines[0]
        on.main.query_one(CallCard).focus()
        await on.press("enter")
        assert isinstance(on.app.screen, ApprovalScreen)


async def test_several_questions_come_one_after_the_other(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        await on.play(
            on.bot.wants("list_files", call_id="call-2"),
            on.bot.asks_leave("list_files", {}, call_id="call-2"),
        )
        await on.press("d")
        assert isinstance(on.app.screen, ApprovalScreen)
        assert on.app.screen.question.tool == "list_files"
        await on.press("a")
        assert on.engine.decisions == [("call-1", Decision.DENY), ("call-2", Decision.ONCE)]
        assert on.app.screen is on.main


async def test_a_question_that_came_under_another_dialog_is_asked_when_that_closes(stage: Any) -> None:
    async with stage() as on:
        await on.press("f1")
        await on.play(on.bot.started("q"), on.bot.wants("t"), on.bot.asks_leave("t", {}))
        assert not isinstance(on.app.screen, ApprovalScreen)
        await on.press("escape")
        assert isinstance(on.app.screen, ApprovalScreen)


async def test_a_call_that_went_on_without_an_answer_closes_its_dialog(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        await on.play(on.bot.finished("read_file", Outcome.DENIED))
        assert on.app.screen is on.main
        assert on.engine.decisions == []


async def test_the_seconds_until_it_is_denied_count_down(stage: Any) -> None:
    async with stage() as on:
        await asked(on, deadline_s=60)
        assert "Denied automatically in 1:00" in on.text
        on.clock.advance(15)
        on.app.screen._count()
        await on.settle()
        assert "Denied automatically in 45 s" in on.text


async def test_long_arguments_can_be_scrolled_to_their_end(stage: Any) -> None:
    async with stage(size=(80, 24)) as on:
        await on.ask("q")
        long = {f"key_{n:03}": "值" * 30 for n in range(80)}
        await on.play(on.bot.started("q"), on.bot.wants("t"), on.bot.asks_leave("t", long))
        assert "key_079" not in on.text
        await on.press("end")
        assert "key_079" in on.text
        assert "a Allow once" in on.text


async def test_the_inspector_answers_too_and_the_dialog_goes_away(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        await on.press("escape", "f4", "a")
        assert on.engine.decisions == [("call-1", Decision.ONCE)]


async def test_arguments_are_changed_in_the_dialog_and_run_once(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        await on.press("e")
        area = on.app.screen.query_one(TextArea)
        area.text = '{"wrong": 1}'
        await on.press("ctrl+r")
        assert "$.wrong: unknown" in on.text
        area.text = '{"path": "b"}'
        await on.press("ctrl+r")
        assert on.engine.decisions == [("call-1", RunWith('{"path": "b"}'))]
