"""The approval dialog: exact arguments, no answer by accident, no question lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from c2jy_bridge.core.events import Decision, Outcome
from c2jy_tui.panes.chat.cards import CallCard
from c2jy_tui.screens import approval
from c2jy_tui.screens.approval import ApprovalScreen

ARGUMENTS = {"path": "/home/maker/notes.txt", "names": ["一", "two"], "limit": 10}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approval, "IGNORE_KEYS_S", 0.01)


async def hearing(on: Any) -> None:
    """Wait until the dialog takes keys."""
    for _ in range(200):
        if not getattr(on.app.screen, "_ignores_keys", False):
            return
        await on.pilot.pause(0.01)


async def asked(on: Any, **more: Any) -> None:
    await on.ask("q")
    await on.play(
        on.bot.started("q"), on.bot.wants("read_file"), on.bot.asks_leave("read_file", ARGUMENTS, **more)
    )
    await hearing(on)


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
        await hearing(on)
        assert "Always for mailbox requests" in on.text
        assert '"Always" lets read_file run without asking for every request' in on.text


@pytest.mark.parametrize(
    ("key", "decision"), [("o", Decision.ONCE), ("a", Decision.ALWAYS), ("d", Decision.DENY)]
)
async def test_one_key_answers(stage: Any, key: str, decision: Decision) -> None:
    async with stage() as on:
        await asked(on)
        await on.press(key)
        assert on.engine.decisions == [("call-1", decision)]
        assert on.app.screen is on.main


async def test_whoever_was_typing_when_it_came_up_answers_nothing(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval, "IGNORE_KEYS_S", 60)
    async with stage() as on:
        await on.ask("q")
        on.engine.emit(
            on.bot.started("q"), on.bot.wants("read_file"), on.bot.asks_leave("read_file", ARGUMENTS)
        )
        await on.settle()
        assert isinstance(on.app.screen, ApprovalScreen)
        await on.pilot.press("o", "a", "d", "enter", "escape")
        assert on.engine.decisions == []
        assert isinstance(on.app.screen, ApprovalScreen)


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
        await hearing(on)
        await on.press("o")
        assert on.engine.decisions == [("call-1", Decision.DENY), ("call-2", Decision.ONCE)]
        assert on.app.screen is on.main


async def test_a_question_that_came_under_another_dialog_is_asked_when_that_closes(stage: Any) -> None:
    async with stage() as on:
        await on.press("f1")
        await asked(on)
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
        await hearing(on)
        assert "key_079" not in on.text
        await on.press("end")
        assert "key_079" in on.text
        assert "O Allow once" in on.text


async def test_the_inspector_answers_too_and_the_dialog_goes_away(stage: Any) -> None:
    async with stage() as on:
        await asked(on)
        await on.press("escape", "f4", "a")
        assert on.engine.decisions == [("call-1", Decision.ONCE)]
