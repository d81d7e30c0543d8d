"""Settings come from the file, then COZE_*, then C2JY_*, then the command line; mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2jy_bridge.core.settings import SettingsError, load


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        '[coze]\nbot_id = "file"\nuser_id = "file"\napi_base = "file"\ntoken = "pat_file"\n'
        '[profiles.work.coze]\nbot_id = "profile"\n',
        encoding="utf-8",
    )
    return path


def test_each_source_wins_over_the_one_before(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COZE_BOT_ID", "coze")
    monkeypatch.setenv("COZE_API_BASE", "coze")
    monkeypatch.setenv("C2JY_COZE__API_BASE", "c2jy")
    monkeypatch.setenv("C2JY_COZE__WORKFLOW_ID", "c2jy")
    settings = load(config, overrides={"coze": {"workflow_id": "given"}})
    assert settings.coze.user_id == "file"
    assert settings.coze.bot_id == "coze"
    assert settings.coze.api_base == "c2jy"
    assert settings.coze.workflow_id == "given"


def test_a_profile_is_laid_over_the_file(config: Path) -> None:
    settings = load(config, profile="work")
    assert (settings.coze.bot_id, settings.coze.user_id) == ("profile", "file")


def test_an_unknown_profile_names_those_there_are(config: Path) -> None:
    with pytest.raises(SettingsError, match=r"no profiles\.home \(available: work\)"):
        load(config, profile="home")


def test_a_misspelt_key_is_named_and_no_value_is_quoted(config: Path) -> None:
    config.write_text('[coze]\nbotid = "7"\ntoken = ["pat_secret"]\n', encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(config)
    assert "coze.botid" in str(caught.value)
    assert "coze.token" in str(caught.value)
    assert "pat_secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[screen]\nthme = 'x'", "screen.thme: no such setting. Did you mean theme?"),
        ("[tools]\nqqqq = 1", "tools.qqqq: no such setting. `c2jy-tui config show`"),
        ("[coze]\nbot_id = 7", "coze.bot_id: must be text in quotation marks."),
        ("[screen]\nlang = 'fr'", "screen.lang: must be one of 'auto', 'zh', 'en'."),
        ("[screen]\nmouse = 'q'", "screen.mouse: must be true or false."),
        ("[tools]\ntimeout_s = 'soon'", "tools.timeout_s: must be a number."),
        ("[tools]\nfolders = 'D:/videos'", "tools.folders: must be a list"),
        ("screen = 5", "screen: must be a table"),
    ],
)
def test_a_wrong_setting_is_told_in_plain_words(config: Path, text: str, words: str) -> None:
    config.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(config)
    assert f"{config}: {words}" in str(caught.value)


def test_a_wrong_variable_is_not_blamed_on_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2JY_TOOLS__TIMEOUT_S", "soon")
    with pytest.raises(SettingsError, match=r"^C2JY_TOOLS__TIMEOUT_S: must be a number\.$"):
        load(config)


@pytest.mark.parametrize("text", ["[coze", "a = \xff"])
def test_a_file_that_is_not_toml_is_named(config: Path, text: str) -> None:
    config.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"config\.toml: not valid TOML"):
        load(config)


def test_a_named_file_must_be_there_and_the_default_one_need_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(tmp_path / "none.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    settings = load()
    assert settings.drafts_root.is_relative_to(settings.data_dir)


def test_a_token_is_never_shown(config: Path) -> None:
    settings = load(config)
    assert "pat_file" not in repr(settings)
    assert "pat_file" not in settings.model_dump_json()


@pytest.mark.parametrize("address", ["http://[::1", "http://host:99999", "http://host:x", "http://[bad]/"])
def test_an_api_address_that_cannot_be_parsed_is_named_with_its_variable(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COZE_API_BASE", address)
    with pytest.raises(SettingsError, match=r"COZE_API_BASE: .*https://api\.coze\.cn"):
        load(look_for_file=False)


def test_a_home_is_written_as_in_a_shell_wherever_a_path_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("C2JY_DATA_DIR", "~/data")
    (tmp_path / "c.toml").write_text(
        '[drafts]\nroot = "~/drafts"\n[tools]\nfolders = ["~/one", "/two"]\n[materials]\nfolders = ["~"]\n'
    )
    settings = load(Path("~/c.toml"))
    assert settings.drafts_root == tmp_path / "drafts"
    assert settings.data_dir == tmp_path / "data"
    assert settings.config_dir == tmp_path
    assert settings.tools.folders == [tmp_path / "one", Path("/two")]
    assert settings.materials.folders == [tmp_path]
