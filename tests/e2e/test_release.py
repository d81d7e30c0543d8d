"""A release: its version from one place, its changelog, and what its files hold."""

from __future__ import annotations

import re
import tarfile
import zipfile
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

import release
from c2jy_bridge import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_the_version_has_one_place_and_a_section_in_the_changelog() -> None:
    assert release.version() == __version__
    release.check_changelog(__version__)
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in pyproject
    assert not re.search(r"^version\s*=", pyproject, re.MULTILINE)
    assert installed_version("c2jy-tui")


def test_a_version_without_a_section_is_no_release() -> None:
    with pytest.raises(release.NotReleasable, match=re.escape("99.0.0")):
        release.check_changelog("99.0.0")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_wheel_and_source_are_built_hold_all_data_and_please_twine(tmp_path: Path) -> None:
    wheel, source = release.build(tmp_path / "dist")
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "c2jy_bridge/locale/zh/LC_MESSAGES/drafts.mo",
        "c2jy_tui/locale/en/LC_MESSAGES/cli.mo",
        "c2jy_tui/screens/main.tcss",
        "coze_emulator/media/wok.mp4",
        "coze_emulator/dialogues/05-bridge.yaml",
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("tests/", "tui/", "bridge/", "docs/"))]
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "pyproject.toml", "hatch_build.py", "examples/media/speaker.mp4"} <= inside
    assert not [name for name in inside if name.startswith((".venv", "site/", ".docs/", "dist/"))]


def test_a_component_without_a_permissive_licence_stops_the_release(tmp_path: Path) -> None:
    bill = tmp_path / "bill.json"
    known = '{"name": "a", "version": "1", "licenses": [{"license": {"id": "MIT"}}]}'
    strict = '{"name": "b", "version": "2", "licenses": [{"license": {"id": "AGPL-3.0-only"}}]}'
    bill.write_text(f'{{"components": [{known}]}}', encoding="utf-8")
    assert "| a | 1 | MIT |" in release.licences(bill)
    bill.write_text(f'{{"components": [{known}, {strict}]}}', encoding="utf-8")
    with pytest.raises(release.NotReleasable, match="AGPL"):
        release.licences(bill)
