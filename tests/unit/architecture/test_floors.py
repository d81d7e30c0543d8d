"""Layering: what may be imported from where, and what must not be imported early."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def imported_by(code: str) -> set[str]:
    """Top-level packages in sys.modules after `code` ran in a fresh interpreter."""
    report = "import sys; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(run.stdout.splitlines()[-1].split())


def test_the_import_contracts_are_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_the_engine_imports_no_textual() -> None:
    assert "textual" not in imported_by("import c2jy_bridge.engine")


def test_the_engine_imports_no_emulator() -> None:
    code = "import sys, c2jy_bridge.engine; assert not [m for m in sys.modules if 'emulator' in m]"
    imported_by(code)


def test_a_started_engine_has_imported_no_extra(tmp_path: Path) -> None:
    code = f"""
import asyncio
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine
async def run():
    engine = Engine(Settings(data_dir={str(tmp_path / "data")!r}, config_dir={str(tmp_path / "config")!r}))
    await engine.start()
    await engine.drafts.list()
    await engine.close()
asyncio.run(run())
"""
    extras = {"mcp", "mcp_types", "opentimelineio", "av", "numpy", "openpyxl"}
    assert not imported_by(code) & extras


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["draft", "build", "--help"]])
def test_help_and_version_import_no_screen_and_no_engine(arguments: list[str]) -> None:
    code = f"""
import contextlib, io
from c2jy_tui.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main({arguments!r})
"""
    assert not imported_by(code) & {"textual", "cozepy", "pyJianYingDraft", "pydantic", "fastapi", "httpx"}


def test_the_screen_imports_neither_coze_nor_drafts_before_its_first_paint() -> None:
    heavy = {"cozepy", "pyJianYingDraft", "fastapi", "uvicorn", "httpx", "pydantic", "PIL", "sqlite3"}
    assert not imported_by("import c2jy_tui.app") & heavy


def test_nothing_of_nats_is_loaded_for_the_queue_of_one_machine() -> None:
    code = "import c2jy_bridge.engine, c2jy_bridge.relay.bridge, c2jy_bridge.relay.intakes.http.app"
    assert "nats" not in imported_by(code)
