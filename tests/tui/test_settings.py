"""The settings screen: what is changed there is in the file, is checked, counts and can be taken back."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList, Static

from c2jy_bridge.core import i18n
from c2jy_bridge.core.settings_file import SettingsEditor, SettingsFile, all_settings
from c2jy_tui.screens.choice import ChoiceScreen
from c2jy_tui.screens.keys import KeysScreen, all_bound, clashes
from c2jy_tui.screens.settings import SettingsScreen
from pane_host import soon

WRITTEN = """\
# mine
[bridge]
port = 9000  # the old one
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(WRITTEN)
    return path


@pytest.fixture
def opened(stage: Any, file: Path) -> Callable[..., Any]:
    """A stage whose app changes that file."""

    def make(environment: dict[str, str] | None = None, **more: Any) -> Any:
        editor = SettingsEditor(file, environment=environment or {})

        def keep(settings: dict[str, object]) -> None:
            for name, value in settings.items():
                SettingsFile(file).change({f"screen.{name}": value})

        return stage(edit_settings=lambda: editor, keep=keep, **more)

    return make


async def go_to(on: Any, key: str) -> None:
    found = on.app.screen.query_one("#list", OptionList)
    found.highlighted = found.get_option_index(key)
    await on.settle()


def text(file: Path) -> str:
    return file.read_text()


def table(file: Path) -> dict[str, Any]:
    return tomllib.loads(text(file))


@pytest.mark.slow
async def test_every_setting_is_listed_with_its_help_in_both_languages(opened: Any) -> None:
    for lang in ("en", "zh"):
        async with opened(lang=lang) as on:
            await on.press("f9")
            assert isinstance(on.app.screen, SettingsScreen)
            listed = {option.id for option in on.app.screen.query_one("#list", OptionList).options}
            assert {one.key for one in all_settings()} <= listed
            for one in [*all_settings()][::25]:
                await go_to(on, one.key)
                assert one.about in str(on.app.screen.query_one("#help", Static).content)
                if lang == "zh":
                    assert any(letter >= "\u4e00" for letter in one.about)


@pytest.mark.slow
async def test_each_kind_is_changed_in_its_way_and_comments_stay(opened: Any, file: Path) -> None:
    async with opened() as on:
        await on.press("f9")
        await go_to(on, "bridge.allow_remote")
        await on.press("enter")  # a switch turns
        await go_to(on, "bridge.relay")
        await on.press("enter", "down", "enter")  # a choice is chosen
        await go_to(on, "bridge.port")
        await on.press("enter", "backspace", "1", "enter")
        await go_to(on, "bridge.allowed_hosts")
        await on.press("enter", *"a.b, c", "enter")
        await go_to(on, "coze.token")
        await on.press("enter", *"pat_s", "enter")
        assert "pat_s" not in on.text
        found = table(file)
        assert found["bridge"] == {
            "port": 9001,
            "allow_remote": True,
            "relay": "direct",
            "allowed_hosts": ["a.b", "c"],
        }
        assert found["coze"]["token"] == "pat_s"
        assert "port = 9001  # the old one" in text(file)
        await on.press("U", "U", "U", "U", "U")
        assert text(file) == WRITTEN


async def test_a_wrong_value_is_refused_beside_its_field_and_can_be_mended(opened: Any, file: Path) -> None:
    async with opened() as on:
        await on.press("f9")
        await go_to(on, "bridge.port")
        await on.press("enter", *"0", "enter")
        assert "must be 65535 or less." in on.text
        assert text(file) == WRITTEN
        await on.press("backspace", "enter")
        assert "must be 65535" not in on.text
        await on.press("enter", *"77777", "enter", "escape")
        assert on.app.screen.focused is on.app.screen.query_one("#list")
        assert table(file)["bridge"]["port"] == 9000


async def test_what_comes_from_elsewhere_says_so_and_stays(opened: Any, file: Path) -> None:
    async with opened({"C2JY_BRIDGE__PORT": "1"}) as on:
        await on.press("f9")
        await go_to(on, "bridge.port")
        await on.press("enter")
        assert "Fixed by C2JY_BRIDGE__PORT" in on.text
        assert not on.app.screen.query_one("#field").display
        await go_to(on, "bridge.host")
        assert "Counts from the next start." in on.text


async def test_settings_are_found_by_words_and_one_is_given_its_default(opened: Any, file: Path) -> None:
    async with opened() as on:
        await on.press("f9", "slash", *"port 0 takes", "enter")
        assert on.app.screen.query_one("#list", OptionList).option_count == 2  # its group and itself
        await on.press("delete")
        assert "port" not in table(file)["bridge"]
        await on.press("escape")
        assert isinstance(on.app.screen, SettingsScreen)
        await on.press("escape")
        assert on.app.screen is on.main


async def test_a_theme_is_seen_before_it_is_chosen_and_is_remembered(opened: Any, file: Path) -> None:
    async with opened() as on:
        await on.app.run_action("change_theme")
        await soon(on.pilot, lambda: isinstance(on.app.screen, ChoiceScreen))
        await on.settle()
        assert "● c2jy-dark" in on.text
        await on.press("down")
        assert on.app.theme == "c2jy-light"
        await on.press("escape")
        assert on.app.theme == "c2jy-dark"
        assert text(file) == WRITTEN
        await on.app.run_action("change_theme")
        await soon(on.pilot, lambda: isinstance(on.app.screen, ChoiceScreen))
        await on.press("down", "enter")
        await soon(on.pilot, lambda: table(file).get("screen") == {"theme": "c2jy-light"})
        assert on.app.theme == "c2jy-light"


async def test_the_language_is_remembered_and_is_a_setting(opened: Any, file: Path) -> None:
    async with opened() as on:
        await on.app.run_action("other_language")
        await soon(on.pilot, lambda: table(file).get("screen") == {"lang": "zh"})
        await on.press("f9")
        await go_to(on, "screen.lang")
        await on.press("enter", "down", "enter")
        await soon(on.pilot, lambda: i18n.language() == "en" and on.app.screen is on.app._main)


async def test_a_key_is_changed_by_pressing_it_and_a_clash_is_told(opened: Any, file: Path) -> None:
    async with opened() as on:
        await on.app.run_action("settings('keys')")
        await soon(on.pilot, lambda: isinstance(on.app.screen, KeysScreen))
        await on.press(*"bridge.toggle", "enter", "f5")
        assert table(file)["screen"]["keymap"] == {"bridge.toggle": "f5"}
        notice = [n.message for n in on.app._notifications][-1]
        assert "F5 also does" in notice
        assert "app.drafts" in notice
        await on.press("enter", "f12", "escape", "f12")
        assert table(file)["screen"]["keymap"] == {"bridge.toggle": "f12"}
        assert on.engine.bridge_view.on
        await on.app.run_action("settings('keys')")
        await soon(on.pilot, lambda: isinstance(on.app.screen, KeysScreen))
        await on.press(*"bridge.toggle", "delete")
        assert on.app.look.keymap == {}


def test_our_own_keys_clash_nowhere_that_would_be_news() -> None:
    bound = all_bound({"inspector.export": "f2", "drafts.sort": "i"})
    named = {one.id: one for one in bound}
    assert [one.id for one in clashes(named["inspector.export"], bound)] == ["bridge.toggle"]
    assert clashes(named["drafts.sort"], bound) == []  # i is a key of another pane
