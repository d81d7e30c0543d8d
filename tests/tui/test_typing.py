"""Fast typing: no letter is lost, glued to another text, or overtaken by a key that came after it."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest
from textual import events
from textual.app import App
from textual.widgets import Input

from c2jy_bridge.core.views import WorkflowRequest
from c2jy_tui import desktop
from c2jy_tui.screens.approval import ApprovalScreen
from c2jy_tui.screens.splash import SplashScreen
from c2jy_tui.screens.workflow_forms import WorkflowFormScreen, WorkflowQuestionScreen
from c2jy_tui.terminal.pastes import PasteMarks
from pane_host import soon
from tui.test_workflows import asked, began


def keys(names: Iterable[str]) -> list[events.Key]:
    named = {" ": "space", "/": "slash"}
    return [events.Key(named.get(n, n), n if len(n) == 1 else None) for n in names]


def type_at_once(app: Any, *names: str) -> None:
    """Keys that arrive together: none is handled before the last one is there."""
    for key in keys(names):
        app.post_message(key)


@pytest.mark.parametrize("held_up", ["import", "mount"])
async def test_letters_typed_while_the_splash_gives_way_arrive_in_their_order(
    make_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, held_up: str
) -> None:
    app = make_app()
    at_work, go_on = asyncio.Event(), asyncio.Event()
    switch = app.switch_mode

    async def slow_switch(mode: str) -> None:
        at_work.set()
        if held_up == "import":
            await go_on.wait()
        await switch(mode)
        if held_up == "mount":
            await go_on.wait()

    monkeypatch.setattr(app, "switch_mode", slow_switch)
    async with app.run_test(size=(120, 36)) as pilot:
        assert isinstance(app.screen, SplashScreen)
        type_at_once(app, *"he")
        await asyncio.wait_for(at_work.wait(), 10)
        type_at_once(app, *"ll")
        await pilot.pause()
        go_on.set()
        type_at_once(app, *"o you")
        await soon(pilot, lambda: app._main is not None and len(app._main.chat.composer.text) >= 9)
        assert app._main.chat.composer.text == "hello you"


async def test_letters_typed_while_the_language_changes_arrive_in_their_order(stage: Any) -> None:
    async with stage() as on:
        type_at_once(on.app, *"ab")
        changing = asyncio.ensure_future(on.app.action_language("zh"))
        type_at_once(on.app, *"cdef")
        await changing
        type_at_once(on.app, *"gh")
        await on.settle()
        assert on.chat.composer.text == "abcdefgh"


async def test_ctrl_r_does_not_overtake_the_letters_before_it(stage: Any, engine: Any) -> None:
    engine.workflows.request = WorkflowRequest("")
    async with stage() as on:
        await on.press("f7")
        assert isinstance(on.app.screen, WorkflowFormScreen)
        type_at_once(on.app, *"7397395", "ctrl+r")
        await on.settle()
        assert [request[0] for request in on.engine.workflows.ran] == ["7397395"]


async def test_enter_does_not_overtake_the_letters_of_an_answer(stage: Any, engine: Any) -> None:
    engine.workflows.asks = [asked()]
    async with stage() as on:
        await on.play(began())
        await on.press("f7", "ctrl+r")
        await soon(on.pilot, lambda: isinstance(on.app.screen, WorkflowQuestionScreen))
        await on.settle()
        assert isinstance(on.app.screen.focused, Input)
        type_at_once(on.app, *"Peking", "enter")
        await on.settle()
        assert on.engine.workflows.answers == ["Peking"]


async def test_no_key_with_priority_acts_on_text_that_may_still_be_on_its_way(stage: Any) -> None:
    """A key with priority is run before the letters typed just ahead of it have arrived."""
    harmless = {"app.help", "app.quit", "app.interrupt", "app.suspend", "pane.bridge", "app.workflow"}
    harmless |= {"app.jump", "app.new", "app.sessions", "workflow.back", "command_palette"}
    async with stage() as on:
        for opened in ("", "f7"):
            await on.press(*filter(None, [opened]))
            found = [active.binding for active in on.app.screen.active_bindings.values()]
            assert {b.id or b.action for b in found if b.priority} <= harmless


async def test_keys_from_before_a_workflows_question_do_not_answer_it(stage: Any, engine: Any) -> None:
    engine.workflows.asks = [asked()]
    async with stage() as on:
        early = keys(["x", "enter"])
        await on.play(began())
        await on.press("f7", "ctrl+r")
        await soon(on.pilot, lambda: isinstance(on.app.screen, WorkflowQuestionScreen))
        await on.settle()
        for key in early:
            # Read from the terminal before the dialog was painted, for the focus that was before.
            on.app.screen.on_key(key)
            assert key._stop_propagation
        assert on.app.screen.query_one(Input).value == ""
        assert on.chat.composer.text == "x"
        assert on.engine.workflows.answers == []


async def test_a_workflow_that_asks_does_not_take_the_focus_of_a_composer_in_use(
    stage: Any, engine: Any
) -> None:
    engine.workflows.asks = [asked()]
    async with stage() as on:
        on.chat.composer.write("writing")
        await on.play(began())
        await on.press("f7", "ctrl+r")
        await soon(on.pilot, lambda: "A workflow has a question for you" in on.text)
        assert on.app.screen is on.main
        await on.press("!", "f8")
        assert isinstance(on.app.screen, WorkflowQuestionScreen)
        await on.press(*"Peking", "enter")
        assert on.engine.workflows.answers == ["Peking"]
        assert on.chat.composer.text == "writing!"


async def test_ctrl_c_says_what_ends_the_app_and_copies_what_is_selected(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage() as on:
        copied: list[str] = []
        monkeypatch.setattr(on.app, "copy_to_clipboard", copied.append)
        await on.press(*"abc", "ctrl+c")
        (note,) = on.app._notifications
        assert "ends the app" in note.message
        assert "^q" in note.message
        assert on.chat.composer.text == "abc"
        await on.press("shift+home", "ctrl+c")
        assert copied == ["abc"]


async def test_ctrl_z_without_a_shell_says_so_and_changes_no_text(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desktop, "has_job_control", lambda: False)
    async with stage() as on:
        await on.press(*"abc", "ctrl+z")
        (note,) = on.app._notifications
        assert "no shell" in note.message
        assert on.chat.composer.text == "abc"
        await on.press("ctrl+underscore")
        assert on.chat.composer.text == ""


async def test_a_question_that_comes_while_the_app_closes_opens_nothing(stage: Any) -> None:
    async with stage() as on:
        close = on.engine.close

        async def closing() -> None:
            on.engine.emit(on.bot.wants("read_file"), on.bot.asks_leave("read_file", {}))
            await asyncio.sleep(0.05)
            await close()

        on.engine.close = closing
        await on.play(on.bot.started("q"))
        on.app.exit()
        on.engine.emit(on.bot.wants("t", call_id="c2"), on.bot.asks_leave("t", {}, call_id="c2"))
        await asyncio.sleep(0.05)
    assert on.app.return_code == 0


@pytest.mark.parametrize(
    ("reads", "pasted"),
    [
        (["line A\rline B\r"], ["line A\nline B\n"]),
        (["ones\r\ntwo"], ["ones\ntwo"]),
        (["a\rb\r"], ["a\nb\n"]),
        (["line A\rli", "ne B\r"], ["line A\nli", "ne B\n"]),
        (["x" * 1000, "tail\r"], ["x" * 1000, "tail\n"]),
        (["你好世界\n好"], ["你好世界\n好"]),
    ],
)
def test_a_paste_without_marks_is_a_paste(reads: list[str], pasted: list[str]) -> None:
    marks = PasteMarks()
    found = [marks.mark(text, 10 + n * 0.01) for n, text in enumerate(reads)]
    assert found == [f"\x1b[200~{text}\x1b[201~" for text in pasted]


@pytest.mark.parametrize(
    "reads",
    [
        ["h", "i", "\r", "n", "e"],
        ["hello\r"],  # typed while the terminal was not read
        ["\rnext"],
        ["e\rn"],
        ["\r\r\r"],  # a key that repeats
        ["\x1b[200~a\rb\x1b[201~"],
        ["a\x12b\r"],
        ["\x1b[A\x1b[B"],
    ],
)
def test_typing_is_not_taken_for_a_paste(reads: list[str]) -> None:
    marks = PasteMarks()
    assert [marks.mark(text, 10 + n * 0.2) for n, text in enumerate(reads)] == reads


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Textual's module for the consoles of Windows, without a Windows below it."""
    monkeypatch.setattr(ctypes, "WinDLL", lambda *_, **__: MagicMock(), raising=False)
    monkeypatch.setitem(sys.modules, "msvcrt", MagicMock())
    yield importlib.import_module("textual.drivers.win32")
    for name in ("win32", "windows_driver"):
        sys.modules.pop(f"textual.drivers.{name}", None)


@pytest.mark.skipif(sys.platform == "win32", reason="a Windows console is simulated")
def test_a_paste_without_marks_is_a_paste_in_a_console_of_windows(
    windows: Any, make_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = importlib.import_module("textual.drivers.windows_driver").WindowsDriver
    monkeypatch.setattr(App, "get_driver_class", lambda _: driver)
    assert make_app().get_driver_class() is driver
    reads = [["h"], ["line A\r", "line B\r"], ["\r"]]
    ended, seen = threading.Event(), list[Any]()

    def read(_: object, records: Any, __: int, count: Any) -> None:
        # The driver asks for what is there: each key as two records, down and up.
        keys = "".join(reads.pop(0))
        for at, sign in enumerate(keys):
            for up in (0, 1):
                record = records._obj[2 * at + up]
                record.EventType, key = 1, record.Event.KeyEvent
                key.bKeyDown, key.uChar.UnicodeChar, key.wVirtualKeyCode = not up, sign, 65
        count._obj.value = 2 * len(keys)
        if not reads:
            ended.set()

    windows.KERNEL32.ReadConsoleInputW = read
    monkeypatch.setattr(windows, "wait_for_handles", lambda *_: 0)
    monitor = windows.EventMonitor(None, MagicMock(), ended, seen.append)
    monitor.run()
    assert monitor.app.log.error.call_args is None
    assert [getattr(event, "text", None) or event.key for event in seen] == ["h", "line A\nline B\n", "enter"]


async def test_a_paste_is_inserted_and_decides_nothing(stage: Any) -> None:
    async with stage() as on:
        on.app.post_message(events.Paste("line A\nline B\n"))
        await on.settle()
        assert on.chat.composer.text == "line A\nline B\n"
        assert on.engine.sent == []


async def test_letters_typed_after_the_key_of_a_filter_are_its_text_and_do_nothing_to_the_list(
    stage: Any,
) -> None:
    async with stage() as on:
        await on.play(on.bot.started("go"), on.bot.asks_leave("read_file", "{}"))
        await soon(on.pilot, lambda: isinstance(on.app.screen, ApprovalScreen))
        await on.press("escape")  # it waits in the list, where `a` approves it and `d` denies it
        await on.press("f4")
        type_at_once(on.app, "/", *"dare")
        await soon(on.pilot, lambda: on.main.inspector.filter_text == "dare")
        await on.settle()
        assert on.engine.decisions == []
        assert on.engine.rerun_calls == []
        assert on.app.screen is on.main


async def test_what_is_typed_after_the_key_of_a_pane_goes_to_that_pane(stage: Any) -> None:
    async with stage() as on:
        await on.press("f4")
        type_at_once(on.app, "escape", *"read it", "f4", "/", *"tool", "escape", "escape", *"!")
        await soon(on.pilot, lambda: on.chat.composer.text == "read it!")
        assert on.engine.rerun_calls == []


async def test_a_widget_that_goes_away_with_its_key_keeps_no_other_key(stage: Any) -> None:
    async with stage() as on:
        await on.press("f1")
        type_at_once(on.app, "escape", *"next")
        await soon(on.pilot, lambda: on.chat.composer.text == "next")
