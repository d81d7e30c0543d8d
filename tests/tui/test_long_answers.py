"""An answer of 40,000 paragraphs: drawn in steps, never in the way of the keyboard, and there as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from c2jy_tui.panes.chat.entries import Question
from c2jy_tui.panes.chat.entry_widgets import Earlier
from c2jy_tui.panes.chat.pane import TALLEST
from c2jy_tui.widgets.prose import Prose
from scripted_engine import Say

PARAGRAPHS = 40_000
TEXT = "".join(f"p{n}\n\n" for n in range(PARAGRAPHS))


async def until(on: Any, holds: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if holds():
            return
        await on.pilot.pause(0.02)
    pytest.fail("it never came")


async def begin(on: Any) -> Prose:
    """The answer has come, and one flush has drawn what it may."""
    on.engine.emit(on.bot.started("go"), on.bot.said(TEXT))
    await on.pilot.pause()
    await on.chat.flush()
    await on.pilot.pause()
    (prose,) = [prose for prose in on.chat.query(Prose) if prose.size.height > 10]
    return prose


async def test_a_flush_draws_only_a_part_and_leaves_the_rest_to_later_steps(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage() as on:
        with monkeypatch.context() as for_now:
            for_now.setattr("c2jy_tui.widgets.prose.PAUSE_S", 0.5)
            prose = await begin(on)
            assert prose.size.height < PARAGRAPHS
            await on.press("x")
            assert on.chat.composer.text == "x"
            assert not prose.whole
        await until(on, lambda: prose.whole)
        await on.settle()
        assert prose.size.height == 2 * PARAGRAPHS - 1
        assert f"p{PARAGRAPHS - 1}" in on.text  # it stays at the end
        for tall in (prose, prose.parent):
            tall.refresh()  # what would be marked, line by line, at each change of the height
            assert len(tall._styles_cache._dirty_lines) < 1_000


async def test_the_whole_text_is_copied_while_it_is_still_being_drawn(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage() as on:
        copied: list[str] = []
        monkeypatch.setattr(on.app, "copy_to_clipboard", copied.append)
        monkeypatch.setattr("c2jy_tui.widgets.prose.PAUSE_S", 0.5)
        prose = await begin(on)
        on.main.action_copy_answer()
        assert not prose.whole
        assert copied == [TEXT]


@pytest.mark.slow
async def test_after_a_change_of_width_it_is_drawn_again_as_a_whole(stage: Any) -> None:
    async with stage() as on:
        prose = await begin(on)
        await until(on, lambda: prose.whole)
        await on.pilot.resize_terminal(140, 30)
        await on.settle()
        await until(on, lambda: prose.whole and prose.size.height == 2 * PARAGRAPHS - 1)
        assert f"p{PARAGRAPHS - 1}" in on.text


@pytest.mark.slow
async def test_the_next_turn_puts_it_above_the_window_and_home_brings_it_back(stage: Any) -> None:
    async with stage() as on:
        prose = await begin(on)
        await until(on, lambda: prose.whole)
        await on.settle()
        assert prose.size.height > TALLEST
        await on.play(on.bot.completed())
        again = Say(on.clock, "turn-2")
        await on.play(again.started("and now?"), again.said("Short.", "m2"))
        assert not prose.is_attached
        assert "Short." in on.text
        assert on.main.query_one(Earlier).display
        assert sum(isinstance(entry, Question) for entry in on.chat._transcript.entries) == 2
        on.main.query_one(Earlier).focus()
        await on.press("enter")
        await until(on, lambda: any(p.whole and p.size.height > TALLEST for p in on.chat.query(Prose)))
