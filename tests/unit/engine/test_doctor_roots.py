"""The doctor names the apps' drafts folders and the option to use one; it never takes one by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2jy_bridge.core import i18n
from c2jy_bridge.core.settings import CozeSettings, DraftSettings, Settings
from c2jy_bridge.drafts import DraftsRoot
from c2jy_bridge.engine import doctor

WSL = DraftsRoot("jianying", "/mnt/c/Users/me/drafts", "C:\\Users\\me\\drafts", used=True, writable=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    i18n.use("en")
    return Settings(coze=CozeSettings(), data_dir=tmp_path / "data", config_dir=tmp_path / "config")


async def test_a_folder_that_was_found_is_told_with_the_options_to_use_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "found_roots", lambda: [WSL])
    (told,) = [check for check in await doctor.examine(settings) if WSL.path in check.message]
    assert told.state == "ok"
    assert f'--drafts-root "{WSL.path}"' in told.fix
    assert f"--target-root '{WSL.app_path}'" in told.fix
    assert settings.drafts_root == settings.data_dir / "drafts"


async def test_nothing_is_told_when_none_is_there_or_it_is_in_use_already(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "found_roots", list)
    without = [check.name for check in await doctor.examine(settings)]
    monkeypatch.setattr(
        doctor, "found_roots", lambda: [DraftsRoot("jianying", str(tmp_path), str(tmp_path), True, True)]
    )
    used = settings.model_copy(update={"drafts": DraftSettings(root=tmp_path)})
    named = [check.name for check in await doctor.examine(used) if check.state != "unknown"]
    assert named == without
