"""`c2jy-tui config` changes one setting and nothing else, and says what is wrong before it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c2jy_tui.cli import main


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("COZE_BOT_ID", raising=False)
    file = tmp_path / "config.toml"
    file.write_text('# mine\n[coze]\nbot_id = "7" # this one\n')
    return file


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["--lang", "en", *words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_setting_is_changed_read_and_given_back(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = ("--config", str(file))
    assert run(capsys, "config", "set", "coze.bot_id", "8", *here)[0] == 0
    assert file.read_text() == '# mine\n[coze]\nbot_id = "8" # this one\n'
    assert run(capsys, "config", "get", "coze.bot_id", *here)[:2] == (0, "8\n")
    assert run(capsys, "config", "set", "coze.bot_id", *here)[0] == 0
    assert run(capsys, "config", "get", "coze.bot_id", *here)[:2] == (0, "\n")
    status, out, _ = run(capsys, "config", "get", "bridge.intakes", "--json", *here)
    assert (status, json.loads(out)) == (0, ["http"])


def test_a_wrong_value_is_named_and_nothing_written(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = file.read_text()
    status, _, err = run(capsys, "config", "set", "bridge.port", "many", "--config", str(file))
    assert (status, "bridge.port" in err, file.read_text()) == (2, True, before)
    status, _, err = run(capsys, "config", "set", "coze.bot", "8", "--config", str(file))
    assert (status, "coze.bot_id" in err) == (2, True)
    assert run(capsys, "config", "get", "coze.bot", "--config", str(file))[0] == 2


def test_a_secret_is_not_printed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "config", "set", "coze.token", "pat_secret", "--config", str(file))
    out = run(capsys, "config", "get", "coze.token", "--config", str(file))
    assert "pat_secret" not in "".join(map(str, out))


def test_an_edit_is_checked_afterwards(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\necho "port = 1" >> "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    status, _, err = run(capsys, "config", "edit", "--config", str(file))
    assert (status, "port" in err) == (2, True)
    monkeypatch.setenv("VISUAL", "true")
    new = tmp_path / "new.toml"
    assert run(capsys, "config", "edit", "--config", str(new))[0] == 0
    assert new.read_text().startswith("#")
