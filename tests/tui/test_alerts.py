"""Tokens and turns, and what calls the user back to a terminal that is not in front."""

from __future__ import annotations

from typing import Any

import pytest

from c2jy_bridge.core.views import UsageView
from c2jy_tui import desktop
from c2jy_tui.controllers.alerts import LONG_TURN_S


async def rung(on: Any, seconds: float, *, in_front: bool) -> list[str]:
    """The notices of a turn that takes `seconds`."""
    called: list[str] = []
    on.main.alerts._alert = called.append
    await on.ask("q")
    on.app.app_focus = in_front  # not before: Textual takes a key as a sign of the focus
    await on.play(on.bot.started("q"))
    on.clock.advance(seconds)
    await on.play(on.bot.said("a"), on.bot.completed())
    return called


async def test_the_end_of_a_long_turn_calls_the_user_back(stage: Any) -> None:
    async with stage() as on:
        assert await rung(on, LONG_TURN_S + 1, in_front=False) == ["The answer is complete"]


@pytest.mark.parametrize(("seconds", "in_front"), [(LONG_TURN_S - 1, False), (LONG_TURN_S + 1, True)])
async def test_a_short_turn_or_a_terminal_in_front_stays_quiet(
    stage: Any, seconds: float, in_front: bool
) -> None:
    async with stage() as on:
        assert await rung(on, seconds, in_front=in_front) == []


@pytest.mark.parametrize(
    ("kind", "environment", "sequence"),
    [
        ("auto", {"TERM": "xterm-256color"}, "\a"),
        ("auto", {"TERM_PROGRAM": "WezTerm"}, "\x1b]9;a, b\x1b\\"),
        ("auto", {"TERM_PROGRAM": "WezTerm", "TMUX": "x"}, "\a"),
        ("auto", {"TERM": "foot"}, "\x1b]777;notify;c2jy-tui;a, b\x1b\\"),
        ("osc9", {}, "\x1b]9;a, b\x1b\\"),
        ("off", {"TERM": "foot"}, ""),
    ],
)
def test_the_terminal_gets_what_it_understands(kind: str, environment: dict[str, str], sequence: str) -> None:
    assert desktop.alert_sequence(kind, "a; b\x1b\x07", environment) == sequence


async def test_turns_and_tokens_of_the_conversation_and_the_day_are_shown(stage: Any, engine: Any) -> None:
    async with stage() as on:
        engine.stored_usage = UsageView(2, 1234, 5, 56789)
        await rung(on, 1, in_front=True)
        await on.settle()
        assert "turns: 2 · 1,234 tokens · today: 5 · 56,789" in on.text
