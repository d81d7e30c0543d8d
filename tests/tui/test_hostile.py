"""Strings from outside get nowhere near the terminal as anything but text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from textual.strip import Strip

from c2jy_bridge.core.events import Decision, Issue, Outcome, Problem
from c2jy_bridge.core.views import ConnectionView, ConversationView

HOSTILE = (
    "\x1b]52;c;cm0gLXJm\x07\x1b[2J\x1b[31mred\x9b1m\x90q\x9c\x00\x07\x08"
    " [@click=app.quit]click[/] [bold]b[/bold] [/] $primary {x} "
    "\u202egpj.exe\u2066 \u2028next\u0085line \r over"
)
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def drawn(on: Any) -> Iterable[Strip]:
    return on.app.screen._compositor.render_strips()


def assert_harmless(on: Any) -> None:
    for strip in drawn(on):
        assert not FORBIDDEN.search(strip.text), strip.text
        for segment in strip:
            assert segment.control is None
            meta = segment.style.meta if segment.style else {}
            assert "@click" not in meta
            assert not (segment.style and segment.style.link)


async def everything(on: Any) -> None:
    """Every kind of entry, each with the hostile text wherever a text can be."""
    await on.ask("q" + HOSTILE)
    bot = on.bot
    await on.play(
        bot.started("q" + HOSTILE),
        bot.thinks(HOSTILE),
        bot.says(f"{HOSTILE}\n\n# {HOSTILE}\n\n[{HOSTILE}](http://x/{HOSTILE})\n\n"),
        bot.says(f"```{HOSTILE}\n{HOSTILE}\n```\n\n|{HOSTILE}|b|\n|-|-|\n|{HOSTILE}|c|\n\n> {HOSTILE}\n"),
        bot.wants(HOSTILE, HOSTILE),
        bot.runs(),
        bot.progresses(HOSTILE, 1, 2),
        bot.wrote(HOSTILE),
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [(120, 60), (80, 24), (60, 40)])
async def test_a_hostile_bot_cannot_reach_the_terminal_through_the_chat(
    stage: Any, engine: Any, size: tuple[int, int]
) -> None:
    engine.connection = ConnectionView(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    async with stage(size=size) as on:
        assert_harmless(on)
        await everything(on)
        assert_harmless(on)
        assert "[@click=app.quit]" in on.text
        await on.play(
            on.bot.finished(HOSTILE, Outcome.ERROR, error=HOSTILE),
            on.bot.suggests(HOSTILE),
            on.bot.failed(Problem(HOSTILE, HOSTILE, HOSTILE, 1, HOSTILE)),
        )
        assert_harmless(on)
        for pane in ("f4", "f5", "f3"):
            await on.press(pane)
            assert_harmless(on)


async def test_unfolded_thoughts_are_harmless_too(stage: Any) -> None:
    from c2jy_tui.panes.chat.entry_widgets import ThinkingView

    async with stage(size=(120, 60)) as on:
        await everything(on)
        on.main.query_one(ThinkingView).focus()
        await on.press("enter")
        assert_harmless(on)


async def test_the_approval_dialog_shows_hostile_arguments_as_text(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(
            on.bot.started("q"),
            on.bot.wants(HOSTILE),
            on.bot.asks_leave(HOSTILE, {HOSTILE: [HOSTILE, {"x": HOSTILE}]}, reason=HOSTILE),
        )
        assert_harmless(on)
        assert "gpj.exe" in on.text
        assert "<U+202E>" in on.text or "\\u202e" in on.text


async def test_conversations_and_notices_are_harmless(stage: Any, engine: Any) -> None:
    engine.stored_conversations = [ConversationView(HOSTILE, HOSTILE, 1.0, 1.0)]
    engine.stored_issues = [Issue("x", HOSTILE, "warning", HOSTILE, HOSTILE)]
    async with stage() as on:
        assert_harmless(on)
        await on.press("ctrl+o")
        assert_harmless(on)


async def test_a_failing_start_is_harmless(stage: Any) -> None:
    async def start() -> Any:
        raise RuntimeError(HOSTILE)

    async with stage(start=start) as on:
        assert_harmless(on)


async def test_the_input_history_brings_back_only_what_can_be_seen(stage: Any, engine: Any) -> None:
    engine.stored_questions = [HOSTILE]
    async with stage() as on:
        await on.press("up")
        assert not FORBIDDEN.search(on.chat.composer.text.replace("\n", ""))
        assert_harmless(on)


async def test_a_click_on_a_link_or_on_markup_does_nothing(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.says("[@click=app.quit]x[/] [go](https://example.com)"))
        opened: list[str] = []
        on.app.open_url = lambda url, **_: opened.append(url)
        row = next(y for y, line in enumerate(on.lines) if "@click" in line)
        for x in range(4, 60, 3):
            await on.pilot.click(offset=(x, row))
        await on.settle()
        assert opened == []
        assert on.app.return_code is None
        assert Decision.DENY not in [decision for _, decision in on.engine.decisions]
