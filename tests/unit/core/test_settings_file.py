"""A setting is changed in its file, everything else stays; what is wrong is refused before it is written."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from c2jy_bridge.core import i18n
from c2jy_bridge.core.settings import SettingsError, load
from c2jy_bridge.core.settings_file import SettingsEditor, SettingsFile, setting

WRITTEN = """\
# mine
[coze]
bot_id = "7"   # the good one
api_base = "https://api.coze.com"

[bridge]
port = 9000
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(WRITTEN)
    path.chmod(0o640)
    return path


def test_comments_order_and_mode_stay_when_a_value_changes(path: Path) -> None:
    SettingsFile(path).change({"coze.bot_id": "8", "bridge.port": "8766"})
    assert path.read_text() == WRITTEN.replace('"7"', '"8"').replace("9000", "8766")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_new_file_has_a_comment_above_each_setting_and_is_read_back(tmp_path: Path, language: str) -> None:
    i18n.use("zh" if language == "zh" else "en")
    path = tmp_path / "new" / "config.toml"
    SettingsFile(path).change(
        {"drafts.root": tmp_path, "bridge.intakes": "http, mailbox", "screen.mouse": "no"}
    )
    i18n.use("en")
    text = path.read_text(encoding="utf-8")
    assert text.count("\n#") + 1 >= 4
    settings = load(path)
    assert settings.drafts.root == tmp_path
    assert settings.bridge.intakes == ["http", "mailbox"]
    assert settings.screen.mouse is False
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("bridge.port", "many", "bridge.port"),
        ("bridge.port", "99999", "bridge.port"),
        ("coze.bot", "7", "coze.bot_id"),
        ("screen.lang", "fr", "zh"),
        ("coze", "7", "coze"),
    ],
)
def test_a_wrong_name_or_value_is_refused_and_the_file_unchanged(
    path: Path, key: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        SettingsFile(path).change({key: value})
    assert path.read_text() == WRITTEN


def test_none_removes_a_setting_and_a_table_takes_names_inside(path: Path) -> None:
    file = SettingsFile(path)
    file.change({"bridge.port": None, "tools.policy.read_file": "deny", "screen.keymap.bridge.toggle": "f9"})
    settings = load(path)
    assert settings.bridge.port == 8765
    assert settings.tools.policy == {"read_file": "deny"}
    assert settings.screen.keymap == {"bridge.toggle": "f9"}
    assert file.value("tools.policy.read_file") == "deny"
    assert setting("screen.keymap.bridge.toggle")[1] == "bridge.toggle"


def test_a_profile_has_its_own_values(path: Path) -> None:
    SettingsFile(path, "work").change({"coze.bot_id": "9"})
    assert load(path).coze.bot_id == "7"
    assert load(path, profile="work").coze.bot_id == "9"
    assert load(path, profile="work").coze.api_base == "https://api.coze.com"


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    SettingsFile(link).change({"coze.bot_id": "8"})
    assert link.is_symlink()
    assert '"8"' in path.read_text()


def test_a_file_that_is_no_toml_is_left_alone(path: Path) -> None:
    path.write_text("[coze\n")
    with pytest.raises(SettingsError, match="TOML"):
        SettingsFile(path).change({"coze.bot_id": "8"})
    assert path.read_text() == "[coze\n"


def test_changes_are_taken_back_one_by_one_and_leave_nothing_behind(path: Path) -> None:
    editor = SettingsEditor(path)
    editor.change("screen.theme", "c2jy-light")
    editor.change("bridge.port", 1234)
    assert (editor.values()["screen.theme"], editor.values()["bridge.port"]) == ("c2jy-light", 1234)
    assert [editor.undo(), editor.undo()] == ["bridge.port", "screen.theme"]
    assert path.read_text() == WRITTEN
    assert not editor.can_undo


def test_taking_back_keeps_what_somebody_else_wrote_since(path: Path) -> None:
    editor = SettingsEditor(path)
    editor.change("bridge.port", 1234)
    SettingsFile(path).change({"coze.bot_id": "9"})
    editor.undo()
    assert path.read_text() == WRITTEN.replace('"7"', '"9"')


def test_what_fixes_a_setting_is_named_and_a_secret_is_not_shown(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COZE_API_TOKEN", "pat_secret")
    variables = {"COZE_API_TOKEN": "pat_secret", "C2JY_BRIDGE__PORT": "1"}
    editor = SettingsEditor(path, given={"screen.theme": "--theme"}, environment=variables)
    named = [editor.fixed_by(key) for key in ("screen.theme", "coze.token", "bridge.port", "bridge.host")]
    assert named == ["--theme", "COZE_API_TOKEN", "C2JY_BRIDGE__PORT", ""]
    assert editor.values()["coze.token"] is True


def test_a_number_beyond_its_limit_is_refused_in_the_language_in_use(path: Path) -> None:
    i18n.use("zh")
    editor = SettingsEditor(path)
    with pytest.raises(SettingsError) as refused:
        editor.change("bridge.port", "70000")
    assert editor.fault(refused.value) == "bridge.port: 不能大于 65535。"
    assert not editor.can_undo
