"""Zoom, the edges between panes, and jump mode."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.settings import ScreenSettings, load
from c2jy_tui.commands.screen import _keep, _screen_table
from c2jy_tui.screens.jump import LETTERS, JumpScreen, targets
from c2jy_tui.screens.splash import SplashScreen
from c2jy_tui.themes import Look
from c2jy_tui.widgets.workspace import SHARES, PaneTab
from pane_host import soon


def shown(on: Any) -> list[str]:
    return [name for name, pane in on.main.workspace.panes.items() if pane.region and pane.is_on_screen]


# --- zoom --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_the_key_of_a_pane_zooms_it_the_second_time(stage: Any, size: tuple[int, int]) -> None:
    async with stage(size=size) as on:
        before = on.lines
        await on.press("f4")
        both = shown(on)
        await on.press("f4")
        assert shown(on) == ["inspector"]
        assert on.main.inspector.region.width == size[0]
        assert "F3" in on.text, "the tabs say how to get to the others"
        await on.press("f3")
        assert shown(on) == ["chat"], "it is the screen that shows one pane at a time"
        await on.press("f3")
        assert shown(on) == both
        await on.press("f5", "f3")
        if size[0] >= 120:
            assert on.lines == before


async def test_a_narrow_screen_has_no_zoom_that_would_come_out_later(stage: Any) -> None:
    async with stage(size=(60, 24)) as on:
        await on.press("f4", "f4", "alt+z", "f3", "f3")
        assert not on.main.workspace.zoomed
        await on.pilot.resize_terminal(120, 36)
        await on.settle()
        assert shown(on) == ["chat", "inspector", "drafts"]


async def test_two_keys_that_come_at_once_zoom_as_well(stage: Any) -> None:
    async with stage() as on:
        on.main.action_go("inspector")
        on.main.action_go("inspector")
        await on.settle()
        assert shown(on) == ["inspector"]
        await on.press("f3", "f3", "shift+tab")
        assert not on.chat.composer.has_focus
        await on.press("f3")
        assert on.chat.composer.has_focus
        assert shown(on) == ["chat", "inspector", "drafts"], "from above it the key leads to the composer"


async def test_what_leads_to_a_pane_by_itself_does_not_zoom_it(stage: Any) -> None:
    async with stage() as on:
        on.main.go("inspector")
        await on.settle()
        on.main.reveal_call("none")
        await on.press("escape", "escape")
        assert not on.main.workspace.zoomed


# --- the edges ---------------------------------------------------------------------------------------


async def test_the_edges_move_and_are_kept_once_they_stay(make_app: Any, engine: Any, stage: Any) -> None:
    kept: list[Any] = []
    async with stage(keep=kept.append) as on:
        chat, calls = on.main.chat.region, on.main.inspector.region
        await on.press("alt+left", "alt+left", "alt+down")
        assert on.main.chat.region.width == chat.width - 12
        assert on.main.inspector.region.width == calls.width + 12
        assert on.main.inspector.region.height > calls.height
        await soon(on.pilot, lambda: kept)
        await on.pilot.resize_terminal(80, 24)
        await on.settle()
        height = on.main.chat.region.height
        await on.press("alt+up")
        assert on.main.chat.region.height < height
        await soon(on.pilot, lambda: len(kept) == 2)
        await on.app.action_language("zh")
        await on.settle()
        assert on.main.workspace.shares == kept[1]
    assert kept[0] == {**SHARES, "chat_width": 50, "calls_height": 55}
    assert kept[1] == {**kept[0], "chat_height": 62}


async def test_an_edge_stops_where_a_pane_has_no_room_left_and_comes_back_at_once(stage: Any) -> None:
    async with stage() as on:
        await on.press(*["alt+right"] * 9)
        assert on.main.drafts.region.width >= 36
        width = on.main.chat.region.width
        await on.press("alt+left")
        assert on.main.chat.region.width < width


async def test_the_first_picture_has_the_edges_of_the_last_time(make_app: Any) -> None:
    app = make_app(lambda: asyncio.Event().wait(), look=Look(shares={"chat_width": 30}))
    async with app.run_test(size=(120, 36)) as pilot:
        assert isinstance(app.screen, SplashScreen)
        first = app.screen.query_one("#chat").region
        assert first.width == 36
        await soon(pilot, lambda: app._main is not None and app.screen is app._main)
        await soon(pilot, lambda: app._main.chat.region.width == first.width)


def test_the_shares_are_settings_written_where_they_are_read(tmp_path: Path) -> None:
    assert {name: getattr(ScreenSettings(), name) for name in SHARES} == SHARES
    file = tmp_path / "config.toml"
    file.write_text("# mine\n[screen]\nlang = 'en'  # stays\n", encoding="utf-8")
    options = argparse.Namespace(config=file)
    _keep(options, {**SHARES, "chat_width": 45})
    assert "# stays" in file.read_text(encoding="utf-8")
    assert load(file).screen.chat_width == 45
    assert _screen_table(options)["chat_width"] == 45


# --- jump --------------------------------------------------------------------------------------------


async def test_a_letter_leads_to_what_it_is_on(stage: Any) -> None:
    async with stage(size=(80, 24)) as on:
        on.chat.composer.write("half a question")
        await on.press("ctrl+g")
        assert isinstance(on.app.screen, JumpScreen)
        letters = targets(on.main)
        assert len(letters) >= 5
        for letter, (_, place) in letters.items():
            assert on.lines[place.y][place.x :].strip().startswith(letter)
        tab = next(key for key, (widget, _) in letters.items() if getattr(widget, "pane", "") == "drafts")
        await on.press(tab)
        assert on.main.drafts.has_focus_within
        composer = next(key for key, (widget, _) in targets(on.main).items() if widget is on.chat.composer)
        await on.press("ctrl+g", composer)
        assert on.chat.composer.has_focus
        assert on.chat.composer.text == "half a question", "no letter went into it"


@pytest.mark.parametrize("key", ["escape", "ctrl+g", "space", "Z"])
async def test_any_other_key_leaves_everything_as_it_was(stage: Any, key: str) -> None:
    async with stage() as on:
        before = on.lines
        await on.press("ctrl+g")
        assert on.lines != before
        await on.press(key)
        assert on.lines == before
        assert on.chat.composer.has_focus


async def test_only_what_is_in_view_gets_a_letter_and_never_one_twice(stage: Any) -> None:
    async with stage(size=(60, 24)) as on:
        found = targets(on.main)
        assert [w.pane for w, _ in found.values() if isinstance(w, PaneTab)] == [
            "chat",
            "inspector",
            "drafts",
            "bridge",
        ]
        assert not any(on.main.inspector in w.ancestors for w, _ in found.values())
        assert len({place for _, place in found.values()}) == len(found) <= len(LETTERS)


async def test_jump_works_in_a_dialog_and_decides_nothing(stage: Any) -> None:
    async with stage() as on:
        await on.press("f7")
        form = on.app.screen
        await on.press("ctrl+g")
        last = list(targets(form))[-1]
        widget = targets(form)[last][0]
        await on.press(last)
        assert on.app.screen is form
        assert widget.has_focus
