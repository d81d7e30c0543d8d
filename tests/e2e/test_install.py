"""The wheel in a clean environment: the command and the demo run; what is said about Python agrees."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import release

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_runs_its_command_and_the_demo_in_a_clean_environment(tmp_path: Path) -> None:
    wheel, _ = release.build(tmp_path / "dist")
    python = release.install(wheel, tmp_path / "environment")
    shown = subprocess.run(
        [str(python.parent / "c2jy-tui"), "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert shown.stdout.strip() == f"c2jy-tui {release.version()}"
    home = tmp_path / "home"
    home.mkdir()
    release.try_out(python, release.version(), home)


def test_the_versions_of_python_agree_wherever_they_are_said() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"])
    assert found
    low, high = int(found[1]), int(found[2])
    named = [line.rpartition("3.")[2] for line in project["classifiers"] if ":: Python :: 3." in line]
    assert named == [str(minor) for minor in range(low, high)]
    workflow = (ROOT / ".github/workflows/check.yml").read_text(encoding="utf-8")
    assert all(f'"3.{minor}"' in workflow for minor in range(low, high))
    for page in ("README.md", "README.zh-CN.md"):
        assert f"3.{low} – 3.{high - 1}" in (ROOT / page).read_text(encoding="utf-8")
    script = (ROOT / ".ci/venv.sh").read_text(encoding="utf-8")
    assert f"(3, {low}) <= sys.version_info[:2] < (3, {high})" in script


def test_nothing_uses_the_template_mode_of_the_drafts_library() -> None:
    """pyJianYingDraft 0.3.1, util.assign_attr_with_json: reads annotations in a way that 3.14 ended."""
    forbidden = re.compile(
        r"load_template|ScriptFile\.load|template_mode|Imported(?:Segment|Track)|import_json"
    )
    used = [
        path.name
        for path in (ROOT / "bridge" / "c2jy_bridge").rglob("*.py")
        if forbidden.search(path.read_text(encoding="utf-8"))
    ]
    assert used == []
