"""Coze's JavaScript client, @coze/api, against the emulator."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from coze_emulator import Emulator

PROGRAM = Path(__file__).with_name("chat_local_plugin.mjs")

_NODE, _NPM = shutil.which("node"), shutil.which("npm")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(_NODE is None or _NPM is None, reason="there is no node and npm on this machine"),
]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with @coze/api installed and the program in it."""
    folder = tmp_path_factory.mktemp("coze-js")
    (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    subprocess.run(
        [str(_NPM), "install", "--no-audit", "--no-fund", "--ignore-scripts", "@coze/api@1.3.9"],
        cwd=folder,
        check=True,
        timeout=110,
    )
    shutil.copy(PROGRAM, folder)
    return folder


def test_coze_js_chats_submits_tool_outputs_and_keeps_conversations(
    package: Path, emulator: Emulator
) -> None:
    ended = subprocess.run(
        [str(_NODE), PROGRAM.name],
        cwd=package,
        env={
            **os.environ,
            "COZE_BASE_URL": emulator.base_url,
            "COZE_BOT_ID": emulator.bot_id,
            "COZE_API_KEY": "pat_any",
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.rstrip().endswith("all is well")
    assert "深圳:多云" in ended.stdout
