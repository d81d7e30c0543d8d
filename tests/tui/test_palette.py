"""The palette: whatever a key does can be found there, with the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.command import CommandPalette
from textual.widgets import OptionList

from c2jy_bridge.core.events import Outcome
from c2jy_tui.screens.palette import commands

OF_THE_INSPECTOR = {
    "F4 a": "Allow once",
    "F4 d": "Deny",
    "F4 A": "Allow always",
    "F4 X": "Stop",
    "F4 r": "Rerun",
    "F4 e": "Edit",
    "F4 /": "Filter",
    "F4 y": "Copy",
    "F4 c": "Command",
    "F4 F": "Follow",
    "F4 space": "Mark",
    "F4 D": "Compare",
    "F4 x": "Export",
}


def offered(on: Any) -> list[str]:
    options = on.app.screen.query_one(OptionList)
    return [options.get_option_at_index(n).prompt.plain for n in range(options.option_count)]


async def opened(on: Any, *keys: str) -> list[str]:
    """What the palette lists once these keys were typed into it."""
    await on.press("ctrl+p", *keys)
    for _ in range(300):
        if isinstance(on.app.screen, CommandPalette) and (found := offered(on)):
            return found
        await on.pilot.pause(0.01)
    raise AssertionError("the palette lists nothing")


async def test_every_key_of_the_inspector_is_there_with_its_key(stage: Any) -> None:
    async with stage() as on:
        found = {one.key: one.title.partition(" · ")[2] for one in commands(on.app, on.main)}
        assert OF_THE_INSPECTOR.items() <= found.items()


async def test_every_key_of_the_app_is_shown_beside_what_it_does(stage: Any) -> None:
    async with stage() as on:
        keys = {one.title: one.key for one in commands(on.app, on.main)}
        assert keys["Run a workflow…"] == "F7"
        assert keys["New conversation"] == "^n"
        assert keys["Go to the bridge requests"] == "F6"
        assert all(one.tip for one in commands(on.app, on.main))


async def test_at_first_it_lists_what_is_possible_now_and_finds_the_rest(stage: Any) -> None:
    async with stage(size=(120, 50)) as on:
        listed = await opened(on)
        assert any(line.startswith("F7") for line in listed)
        assert not any("Rerun" in line for line in listed)
        await on.press("escape")
        assert any("Rerun" in line for line in await opened(on, *"rerun"))


async def test_what_a_pane_does_is_done_from_there(stage: Any, engine: Any) -> None:
    async with stage() as on:
        await on.play(on.bot.wants("list_drafts"), on.bot.finished("list_drafts", Outcome.OK))
        rerun = next(one for one in commands(on.app, on.main) if one.title.endswith("Rerun"))
        assert rerun.enabled
        await rerun.run()
        await on.settle()
        assert engine.rerun_calls == [("call-1", None)]
        assert on.main.inspector.rows.has_focus


async def test_what_a_pane_cannot_do_now_is_said(stage: Any) -> None:
    async with stage() as on:
        approve = next(one for one in commands(on.app, on.main) if one.title.endswith("Allow once"))
        assert not approve.enabled
        await approve.run()
        await on.settle()
        assert any("Not possible now" in notice.message for notice in on.app._notifications)
        assert on.engine.decisions == []


async def test_in_a_dialog_its_own_keys_come_first(stage: Any) -> None:
    async with stage() as on:
        await on.play(on.bot.wants("list_drafts"), on.bot.finished("list_drafts", Outcome.OK))
        await on.press("f4", "enter")
        first = next(iter(commands(on.app, on.app.screen)))
        assert first.key
        titles = [one.title for one in commands(on.app, on.app.screen)]
        assert titles.index("Copy") < titles.index("Help")


def pictures(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8")[:4] for path in folder.glob("*.svg")]


async def test_a_picture_of_the_screen_goes_beside_the_other_exports(
    make_app: Any, stage_of: Any, tmp_path: Path
) -> None:
    for folder, words in ((tmp_path, "已写入"), (tmp_path / "none", "未能写入")):
        app = make_app(lang="zh", folder=folder)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            on = await stage_of(app, pilot)
            app.action_screenshot()
            for _ in range(300):
                if words in on.text:
                    break
                await pilot.pause(0.01)
            assert words in on.text
    assert pictures(tmp_path) == ["<svg"]
