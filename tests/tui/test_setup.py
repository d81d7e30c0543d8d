"""A start without a token is a guide; without an answer the app says what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from c2jy_bridge.core import i18n
from c2jy_bridge.core.settings import load
from c2jy_bridge.engine import Engine
from c2jy_bridge.engine.guide import Guide, guide_if_needed
from c2jy_tui.app import C2jyApp
from c2jy_tui.screens.main import MainScreen
from c2jy_tui.screens.setup import SetupScreen, Words
from coze_emulator import Emulator
from pane_host import soon


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(token="pat_good") as started:
        monkeypatch.setenv("COZE_API_BASE", started.base_url)
        for name in ("COZE_API_TOKEN", "COZE_BOT_ID"):
            monkeypatch.delenv(name, raising=False)
        yield started
    i18n.use("en")


class FirstRun:
    """An app with an empty home; its engine is made from the settings that the guide writes."""

    def __init__(self, folder: Path) -> None:
        self.config, self.data = folder / "config.toml", folder / "data"
        self.made: Engine | None = None
        self.app = C2jyApp(self.start, lang="en", first_run=self.guide)

    async def guide(self) -> Guide | None:
        if self.config.exists():
            return guide_if_needed(self.config, None, {"data_dir": self.data})
        return Guide(self.config, None, {"data_dir": self.data})

    async def start(self) -> Engine:
        config = self.config if self.config.exists() else None
        settings = load(config, overrides={"data_dir": self.data}, look_for_file=False)
        self.made = await asyncio.to_thread(Engine, settings)
        await self.made.start(reopen=True)
        return self.made


async def asked(pilot: Pilot[Any], words: str) -> SetupScreen:
    """Wait until the guide asks something with these words."""

    def screen() -> SetupScreen | None:
        shown = pilot.app.screen
        if not isinstance(shown, SetupScreen) or shown._asked is None:
            return None
        return shown if words in shown._asked.text else None

    await soon(pilot, screen)
    found = screen()
    assert found is not None
    await pilot.pause(0.05)
    return found


async def type_in(pilot: Pilot[Any], screen: SetupScreen, text: str) -> None:
    screen.query_one("#answer", Input).value = text
    await pilot.press("enter")


async def test_the_guide_leads_to_a_bot_and_the_app_begins_with_it(
    emulator: Emulator, tmp_path: Path
) -> None:
    first, drafts = FirstRun(tmp_path), tmp_path / "JianYing"
    drafts.mkdir()
    async with first.app.run_test(size=(120, 36)) as pilot:
        await asked(pilot, "Language")
        await pilot.press("enter")
        await asked(pilot, "begin with")
        await pilot.press("enter")
        await asked(pilot, "sign in")
        await pilot.press("enter")
        await type_in(pilot, await asked(pilot, "Paste it here"), "pat_wrong")
        await soon(pilot, lambda: "✗" in str([words._words for words in first.app.screen.query(Words)]))
        screen = await asked(pilot, "Paste it here")
        await type_in(pilot, screen, "pat_good")
        screen = await asked(pilot, "Which Bot")
        assert screen.query_one("#choices", OptionList).option_count == 6
        await pilot.press("enter")
        await asked(pilot, "JianYing keep its drafts")
        await pilot.press("enter")
        await type_in(pilot, await asked(pilot, "folder's path"), str(drafts))
        await asked(pilot, "Publish the Bot")
        await pilot.press("enter")
        await asked(pilot, "next step")
        await pilot.press("enter")
        await asked(pilot, "All steps are done")
        await pilot.press("enter")
        await soon(pilot, lambda: isinstance(first.app.screen, MainScreen))
        await soon(pilot, lambda: first.made is not None and first.made.connection.bot_name)
    assert first.made is not None
    assert first.made.connection.bot_name == "剪映草稿助手"
    assert first.made.settings.drafts_root == drafts


@pytest.mark.usefixtures("emulator")
async def test_leaving_it_begins_the_app_which_says_what_is_missing(tmp_path: Path) -> None:
    first = FirstRun(tmp_path)
    async with first.app.run_test(size=(80, 24)) as pilot:
        await asked(pilot, "Language")
        await pilot.press("escape")
        await soon(pilot, lambda: first.app._main and first.app._main.activity.doing == "unavailable")
        entries = first.app._main.session.transcript.entries
        assert any("c2jy-tui setup" in str(entry) for entry in entries)


@pytest.mark.usefixtures("emulator")
async def test_a_step_is_left_for_later_or_chosen_and_the_language_changes_at_once(tmp_path: Path) -> None:
    first = FirstRun(tmp_path)
    async with first.app.run_test(size=(120, 36)) as pilot:
        screen = await asked(pilot, "Language")
        screen.query_one("#choices", OptionList).highlighted = 0
        await pilot.press("enter")
        await asked(pilot, "从哪里开始")
        await pilot.press("f8")
        await asked(pilot, "用哪种方式登录")
        await pilot.press("f4", "home", "enter")
        await asked(pilot, "Language")
        await pilot.press("escape")
        await soon(pilot, lambda: isinstance(first.app.screen, MainScreen))
        assert first.app.current_mode == "zh"
    assert 'lang = "zh"' in first.config.read_text(encoding="utf-8")
