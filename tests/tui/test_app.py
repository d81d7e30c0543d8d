"""The app around the panes: coming and going, layouts, languages, keys, help, the palette."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import pytest
from textual import events
from textual.command import CommandPalette

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import ConnectionChanged, Issue, Outcome
from c2jy_bridge.core.views import ConnectionView
from c2jy_tui.app import C2jyApp
from c2jy_tui.screens.dialogs import ConfirmScreen, HelpScreen
from c2jy_tui.screens.splash import SplashScreen
from c2jy_tui.themes import Look
from pane_host import soon


async def test_the_first_picture_stands_before_the_engine_is_asked_for(make_app: Any) -> None:
    asked = asyncio.Event()

    async def start() -> Any:
        asked.set()
        await asyncio.Event().wait()

    app = make_app(start)
    async with app.run_test(size=(120, 36)):
        assert isinstance(app.screen, SplashScreen)
        assert not asked.is_set()
        await asyncio.wait_for(asked.wait(), 10)


async def test_what_is_typed_before_the_main_screen_is_there_is_not_lost(make_app: Any) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        assert isinstance(app.screen, SplashScreen)
        app.screen.typed = "Make me a vid"
        for _ in range(500):
            if app._main is not None and app._main.activity.doing == "ready":
                break
            await pilot.pause(0.01)
        assert app._main.chat.composer.text == "Make me a vid"


async def test_a_question_before_the_engine_is_there_waits_and_goes_out_when_it_is(
    make_app: Any, engine: Any
) -> None:
    there = asyncio.Event()

    async def start() -> Any:
        await there.wait()
        return engine

    app = make_app(start)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press(*"hello", "enter")
        await soon(pilot, lambda: app._main is not None and app._main.chat.queued)
        assert app._main.chat.queued == "hello"
        assert engine.sent == []
        there.set()
        await soon(pilot, lambda: engine.sent)
        assert engine.sent == ["hello"]
        assert app._main.chat.queued == ""


async def test_a_question_that_waits_for_an_engine_that_does_not_start_is_given_back(make_app: Any) -> None:
    failing = asyncio.Event()

    async def start() -> Any:
        await failing.wait()
        raise RuntimeError("no")

    app = make_app(start)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press(*"hello", "enter")
        await soon(pilot, lambda: app._main is not None and app._main.chat.queued)
        failing.set()
        await soon(pilot, lambda: app._main.activity.doing == "unavailable")
        assert app._main.chat.composer.text == "hello"


async def test_an_engine_that_does_not_start_is_explained_and_the_app_stays(stage: Any) -> None:
    async def start() -> Any:
        raise ValueError("config.toml: coze.tokn: no such key")

    async with stage(start=start) as on:
        assert "coze.tokn" in on.text
        assert "c2jy-tui doctor" in on.text
        assert "not connected" in on.lines[0]


async def test_a_start_that_exits_ends_the_app_with_its_status(make_app: Any) -> None:
    async def start() -> Any:
        raise SystemExit(2)

    app = make_app(start)
    async with app.run_test(size=(120, 36)) as pilot:
        for _ in range(500):
            if app.return_code is not None:
                break
            await pilot.pause(0.01)
    assert app.return_code == 2


async def test_what_went_wrong_while_starting_is_shown(stage: Any, engine: Any) -> None:
    engine.stored_issues = [Issue("tool", "tools/mine.py", "warning", "It did not load.", "Fix line 3.")]
    async with stage() as on:
        (note,) = on.app._notifications
        assert note.message == "tools/mine.py It did not load. Fix line 3."


async def test_the_engine_is_closed_when_the_app_ends(stage: Any, engine: Any) -> None:
    async with stage() as on:
        await on.press("ctrl+q")
    assert engine.closed


async def test_quitting_asks_first_only_when_something_would_be_lost(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"))
        await on.press("ctrl+q")
        assert isinstance(on.app.screen, ConfirmScreen)
        assert "An answer is still running" in on.text
        await on.press("n")
        assert on.app.screen is on.main
        assert on.app.return_code is None
        await on.press("ctrl+q")
        await on.pilot.press("y")
        await on.pilot.pause()
        assert on.app.return_code == 0


async def test_a_running_tool_is_named_as_the_reason_to_stay(stage: Any) -> None:
    async with stage() as on:
        await on.ask("q")
        await on.play(on.bot.started("q"), on.bot.wants("generate_draft"), on.bot.runs(), on.bot.cancelled())
        await on.press("ctrl+q")
        assert "A tool is still running" in on.text


async def test_the_header_follows_the_connection(stage: Any) -> None:
    async with stage() as on:
        on.engine.connection = ConnectionView("新名字", "1", "api.coze.com", "/d")
        await on.play(ConnectionChanged(at=on.clock(), bot_name="新名字"))
        assert "新名字" in on.lines[0]
        assert "api.coze.com" in on.lines[0]


# --- layouts -----------------------------------------------------------------------------------------


def shown(on: Any) -> dict[str, bool]:
    panes = {"chat": on.main.chat, "inspector": on.main.inspector, "drafts": on.main.drafts}
    return {name: bool(pane.region) and pane.is_on_screen for name, pane in panes.items()}


async def test_a_wide_screen_shows_all_three_panes(stage: Any) -> None:
    async with stage(size=(120, 36)) as on:
        assert shown(on) == {"chat": True, "inspector": True, "drafts": True}
        assert on.main.inspector.region.x >= on.main.chat.region.right
        assert on.main.drafts.region.y >= on.main.inspector.region.bottom


async def test_a_normal_screen_shows_the_chat_above_and_one_of_the_others_below(stage: Any) -> None:
    async with stage(size=(80, 24)) as on:
        assert shown(on) == {"chat": True, "inspector": True, "drafts": False}
        assert on.main.inspector.region.y >= on.main.chat.region.bottom
        await on.press("f5")
        assert shown(on) == {"chat": True, "inspector": False, "drafts": True}
        await on.press("f3")
        assert shown(on) == {"chat": True, "inspector": False, "drafts": True}


async def test_a_narrow_screen_shows_one_pane_at_a_time(stage: Any) -> None:
    async with stage(size=(60, 24)) as on:
        assert shown(on) == {"chat": True, "inspector": False, "drafts": False}
        await on.press("f4")
        assert shown(on) == {"chat": False, "inspector": True, "drafts": False}
        await on.press("f5")
        assert shown(on) == {"chat": False, "inspector": False, "drafts": True}
        await on.press("escape")
        assert shown(on) == {"chat": True, "inspector": False, "drafts": False}
        assert on.main.focused is on.chat.composer


async def test_a_tab_can_be_clicked(stage: Any) -> None:
    async with stage(size=(60, 24)) as on:
        await on.pilot.click("#all-tabs .drafts")
        await on.settle()
        assert shown(on) == {"chat": False, "inspector": False, "drafts": True}


async def test_resizing_rearranges_the_same_widgets(stage: Any) -> None:
    async with stage(size=(120, 36)) as on:
        on.chat.composer.write("a draft")
        before = [id(on.main.chat), id(on.main.inspector), id(on.main.drafts)]
        for size in ((60, 24), (90, 30), (140, 40)):
            await on.pilot.resize_terminal(*size)
            await on.settle()
        assert [id(on.main.chat), id(on.main.inspector), id(on.main.drafts)] == before
        assert on.chat.composer.text == "a draft"
        assert shown(on) == {"chat": True, "inspector": True, "drafts": True}


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 24), (40, 12), (20, 6)])
async def test_no_size_breaks_the_screen(stage: Any, size: tuple[int, int]) -> None:
    async with stage(size=size) as on:
        await on.ask("问一个问题 with words")
        await on.play(on.bot.started("q"), on.bot.thinks("x"), on.bot.says("|a|b|\n|-|-|\n|1|2|\n"))
        await on.play(on.bot.wants("t"), on.bot.finished("t", Outcome.ERROR, error="no"))
        await on.press("f1", "escape", "f4", "f5", "f3")
        assert on.app.screen is on.main


# --- keys, help, palette, theme, language ------------------------------------------------------------


async def test_f1_explains_the_focused_pane_and_lists_its_keys(stage: Any) -> None:
    async with stage(size=(120, 50)) as on:
        await on.press("f1")
        assert isinstance(on.app.screen, HelpScreen)
        assert "Write what you want and press Enter" in on.text
        assert "chat.send" in on.text
        await on.press("escape", "f4", "f1")
        assert "Tool calls" in on.text
        assert "inspector.filter" in on.text
        assert "chat.send" not in on.text


async def test_every_binding_has_a_name_and_words_in_both_languages(stage: Any) -> None:
    for lang in ("en", "zh"):
        async with stage(lang=lang) as on:
            for pane in ("f3", "f4", "f5"):
                await on.press(pane)
                for active in on.main.active_bindings.values():
                    binding = active.binding
                    if binding.id is None:
                        continue
                    assert binding.description, binding
                    assert not binding.description.startswith(("key.", "tui:")), binding
                    assert not (binding.tooltip or "").startswith(("key.", "tui:")), binding


async def test_keys_that_terminals_keep_for_themselves_are_not_ours(stage: Any) -> None:
    async with stage() as on:
        for pane in ("f3", "f4", "f5"):
            await on.press(pane)
            ours = {key for key, active in on.main.active_bindings.items() if active.binding.id}
            # tmux, screen, flow control
            assert not ours & {"ctrl+b", "ctrl+a", "ctrl+s"}


async def test_a_key_can_be_changed_by_its_name(stage: Any) -> None:
    async with stage(look=Look(keymap={"app.drafts": "f9"})) as on:
        await on.press("f5")
        assert on.main.focused is on.chat.composer
        await on.press("f9")
        assert on.main.drafts in on.main.focused.ancestors_with_self


async def test_a_theme_of_the_settings_is_worn_and_an_unknown_one_is_named(stage: Any) -> None:
    async with stage(look=Look(theme="c2jy-light")) as on:
        assert on.app.theme == "c2jy-light"
        on.app.apply_look(Look(theme="no such [theme]"))
        await on.settle()
        assert on.app.theme == "c2jy-light"
        assert "no such [theme]" in [n.message for n in on.app._notifications][-1]


async def test_the_palette_offers_every_action_in_the_language_in_use(stage: Any) -> None:
    async with stage(lang="zh") as on:
        await on.press("ctrl+p")
        assert isinstance(on.app.screen, CommandPalette)
        titles = [command.title for command in on.app.get_system_commands(on.main)]
        assert {"新对话", "打开历史对话", "主题", "Switch to English", "帮助", "退出"} <= set(titles)


async def test_a_command_of_the_palette_does_what_it_says(stage: Any) -> None:
    async with stage() as on:
        commands = {c.title: c.callback for c in on.app.get_system_commands(on.main)}
        await commands["Go to the drafts"]()
        await on.settle()
        assert on.main.drafts in on.main.focused.ancestors_with_self
        await commands["Help"]()
        await on.settle()
        assert isinstance(on.app.screen, HelpScreen)


async def test_the_language_changes_at_run_time_and_nothing_is_lost(stage: Any) -> None:
    async with stage() as on:
        await on.ask("my question")
        await on.play(on.bot.started("my question"), on.bot.says("half an ans"), on.bot.wants("probe_media"))
        on.chat.composer.write("next")
        await on.app.run_action("app.language('zh')")
        await on.settle()
        assert i18n.language() == "zh"
        text = on.text
        for words in (
            "对话",
            "工具调用",
            "草稿",
            "my question",
            "half an ans",
            "probe_media  已请求",
            "发送",
        ):
            assert words in text
        assert on.chat.composer.text == "next"
        await on.play(on.bot.says("wer"), on.bot.completed())
        assert "half an answer" in on.text
        await on.press("f1")
        assert "写下你的要求" in on.text
        await on.press("escape")
        await on.app.run_action("app.language('en')")
        await on.settle()
        assert "half an answer" in on.text
        assert "Chat" in on.text


def test_the_face_imports_nothing_heavy_before_its_first_paint() -> None:
    import subprocess
    import sys

    heavy = ["pydantic", "httpx", "cozepy", "markdown_it", "pygments", "sqlite3", "c2jy_bridge.core.events"]
    code = f"import sys, c2jy_tui.app; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert C2jyApp.TITLE == "c2jy-tui"


async def test_the_collector_waits_for_a_pause_in_typing(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[bool] = []
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, 50))
    monkeypatch.setattr(gc, "collect", lambda: collected.append(True))
    before = gc.get_threshold()
    try:
        async with stage() as on:
            assert gc.get_threshold()[2] > 100_000  # never by itself
            await on.press("x")
            on.app._collect_in_pause()
            assert not collected
            on.app._last_input -= 60
            on.app._collect_in_pause()
            assert collected
    finally:
        gc.set_threshold(*before)


async def test_what_is_printed_before_the_log_is_open_is_not_printed_again_and_again(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.getLogger("c2jy_bridge"), "handlers", [])
    again: list[str] = []
    monkeypatch.setattr(logging, "lastResort", logging.Handler())
    monkeypatch.setattr(logging.lastResort, "handle", lambda record: again.append(record.getMessage()))
    async with stage() as on:
        on.app.on_print(events.Print("by a tool"))
    assert not again
