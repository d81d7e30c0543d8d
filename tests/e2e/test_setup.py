"""The guide in lines: from nothing to a whole test call; left and taken up; login, logout, doctor --fix."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coze_emulator import Emulator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="HOME is not what Windows looks at")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(token="pat_good") as started:
        yield started


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "JianYing").mkdir()
    return tmp_path


def command(emulator: Emulator, home: Path, *words: str, typed: str = "", **more: str) -> tuple[int, str]:
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "COZE_API_BASE": emulator.base_url,
        **more,
    }
    ran = subprocess.run(
        [sys.executable, "-m", "c2jy_tui", *words],
        input=typed,
        capture_output=True,
        text=True,
        timeout=90,
        env=environment,
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.returncode, ran.stdout + ran.stderr


def config(home: Path) -> str:
    return (home / ".config" / "c2jy-tui" / "config.toml").read_text(encoding="utf-8")


def test_from_nothing_to_a_call_that_goes_the_whole_way(emulator: Emulator, home: Path) -> None:
    folder = home / "JianYing"
    # English; own Bot; paste, first a wrong token; the first Bot; a folder, first a wrong one; plugin; test
    answers = ["2", "", "1", "pat_wrong", "pat_good", "", "1", "C:/Users/me/drafts", str(folder), ""]
    status, out = command(emulator, home, "setup", typed="\n".join(answers) + "\n")
    assert status == 0, out
    assert "path of Windows" in out
    assert "Bot called list_drafts" in out
    assert "All steps are done" in out
    assert list(folder.iterdir()) == []
    written = config(home)
    assert f'bot_id = "{emulator.bot_id}"' in written
    assert f'root = "{folder}"' in written
    assert written.count("#") >= 4
    assert "pat_good" not in written
    assert "pat_good" not in out
    assert {path.name for path in (home / ".config/c2jy-tui/coze-plugin").iterdir()} >= {"plugin.yaml"}
    status, again = command(emulator, home, "setup")
    assert status == 0
    assert again.count("✓") == 7
    status, examined = command(emulator, home, "doctor")
    assert status == 0, examined
    assert "has called a tool here" in examined
    assert "? JianYing" in examined


@pytest.mark.slow
def test_it_can_be_left_at_a_step_and_taken_up_there(emulator: Emulator, home: Path) -> None:
    status, out = command(emulator, home, "setup", typed="2\n\n1\npat_good\nq\n")
    assert status == 1
    assert "goes on where you stopped" in out
    status, out = command(emulator, home, "setup", typed="-\n-\n-\n")
    assert "✓ 3/7" in out
    assert "`c2jy-tui setup bot`" in out
    assert "Still open: Bot, Drafts folder" in out
    status, out = command(emulator, home, "setup", "bot", typed="\n")
    assert status == 0
    assert emulator.bot_id in config(home)


def test_the_end_of_the_input_leaves_it_and_chinese_is_chinese(emulator: Emulator, home: Path) -> None:
    status, out = command(emulator, home, "setup", "--lang", "zh", typed="1\n")
    assert status == 1
    assert "演示还是自己的 Bot" in out
    assert 'lang = "zh"' in config(home)
    assert "界面语言" in config(home)


def test_the_demo_needs_nothing_further(emulator: Emulator, home: Path) -> None:
    status, out = command(emulator, home, "setup", typed="2\n2\n")
    assert status == 0
    assert "c2jy-tui --demo" in out


@pytest.mark.slow
def test_logging_in_and_out(emulator: Emulator, home: Path) -> None:
    status, out = command(emulator, home, "login", typed="1\npat_good\n")
    assert status == 0, out
    kept = home / ".local/share/c2jy-tui/secrets/coze-login"
    assert "pat_good" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    bot = {"COZE_BOT_ID": emulator.bot_id}
    status, out = command(emulator, home, "chat", "tell me a joke", **bot)
    assert status == 0, out
    assert command(emulator, home, "logout")[0] == 0
    assert kept.read_text() == ""
    status, out = command(emulator, home, "chat", "hello", **bot)
    assert status == 1
    assert "c2jy-tui setup" in out
    assert "no stored login" in command(emulator, home, "logout")[1]


@pytest.mark.slow
def test_the_device_login_by_its_page(home: Path) -> None:
    with Emulator(token="by-login", device_polls=0) as emulator:
        status, out = command(emulator, home, "login", typed="2\n1.app.coze\n")
    assert status == 0, out
    assert "/device?user_code=" in out
    assert "Signed in as emulator" in out
    assert 'client_id = "1.app.coze"' in config(home)


@pytest.mark.slow
def test_doctor_offers_to_repair_what_it_finds(emulator: Emulator, home: Path) -> None:
    folder = home / ".config" / "c2jy-tui"
    folder.mkdir(parents=True)
    file = folder / "config.toml"
    file.write_text(
        f'[coze]\nbot_id = "{emulator.bot_id}"\ntoken = "pat_good"\n[drafts]\nroot = "C:/drafts"\n'
    )
    file.chmod(0o644)
    status, out = command(emulator, home, "doctor")
    assert status == 1
    assert "--fix` offers to repair what it can (3)" in out
    answers = ["y", "y", "1", str(home / "JianYing"), "y"]  # mode, drafts folder, test call
    status, out = command(emulator, home, "doctor", "--fix", typed="\n".join(answers) + "\n")
    assert status == 0, out
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(home / "JianYing") in file.read_text()
    assert out.rstrip().endswith("Ready.") or "0 to fix" not in out
    assert not list(home.glob("C:*"))
