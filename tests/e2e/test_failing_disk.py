"""Files or folders of the app are missing or damaged: a message and a status, never a traceback or a hang."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.journal import Journal


def newer(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()


@pytest.mark.parametrize("spoil", [Path.mkdir, newer])
def test_a_journal_that_cannot_be_used_is_named_with_what_to_do(
    c2jy: Callable[..., Any], tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    data = tmp_path / "d"
    data.mkdir()
    spoil(data / "journal.db")
    done = c2jy("--data-dir", data, "draft", "list")
    assert done.status == 2
    assert str(data / "journal.db") in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
@pytest.mark.parametrize("demo", [[], ["--demo"]], ids=["real", "demo"])
@pytest.mark.parametrize("option", ["--data-dir", "--drafts-root"])
def test_a_file_where_a_folder_should_be_is_named_with_its_setting(
    c2jy: Callable[..., Any], tmp_path: Path, option: str, demo: list[str]
) -> None:
    (tmp_path / "file").touch()
    done = c2jy(*demo, option, tmp_path / "file", "draft", "list")
    assert done.status == 2
    assert str(tmp_path / "file") in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_a_journal_that_is_damaged_inside_keeps_nobody_waiting(
    c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    data = tmp_path / "d"
    assert c2jy("--demo", "--data-dir", data, "chat", "who are you").status == 0
    path = data / "journal.db"
    whole = bytearray(path.read_bytes())
    whole[4096:] = b"\xa5" * (len(whole) - 4096)
    path.write_bytes(whole)
    done = c2jy("--demo", "--data-dir", data, "chat", "who are you")
    assert done.status == 0
    assert str(path) in done.err
    assert "Traceback" not in done.err
    (aside,) = data.glob("journal.db.corrupt-*")
    assert aside.read_bytes() == bytes(whole)


def test_a_journal_that_is_no_database_is_set_aside_and_every_command_says_so(
    c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    data = tmp_path / "d"
    data.mkdir()
    (data / "journal.db").write_bytes(b"hello" * 100)
    done = c2jy("--data-dir", data, "draft", "list")
    assert done.status == 0
    assert str(data / "journal.db") in done.err
    (aside,) = data.glob("journal.db.corrupt-*")
    assert aside.read_bytes() == b"hello" * 100


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["draft list", "tools", "tools call list_drafts {}", "workflow resume", "chat hello"]
)
def test_a_journal_with_zeroed_pages_is_set_aside_by_every_command_that_opens_it(
    c2jy: Callable[..., Any], tmp_path: Path, command: str
) -> None:
    path = zeroed_journal(tmp_path / "d")
    damaged = path.read_bytes()
    done = c2jy("--demo", "--data-dir", tmp_path / "d", *command.split())
    assert done.status == 0
    assert done.err.count("was damaged") == 1
    (aside,) = path.parent.glob("journal.db.corrupt-*Z")
    assert str(aside) in done.err
    assert aside.read_bytes() == damaged
    assert "damaged" not in c2jy("--demo", "--data-dir", tmp_path / "d", *command.split()).err


def test_the_doctor_notices_a_journal_with_zeroed_pages_and_leaves_it_where_it_is(
    c2jy: Callable[..., Any], tmp_path: Path
) -> None:
    path = zeroed_journal(tmp_path / "d")
    done = c2jy("--demo", "--data-dir", tmp_path / "d", "doctor")
    assert f"! Conversation journal: {path}" in done.out
    assert "set aside" in done.out
    assert [one.name for one in path.parent.glob("journal*")] == ["journal.db"]


def zeroed_journal(data: Path) -> Path:
    path = data / "journal.db"
    Journal(path, scope="s", owner="o").close()
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany(
            "INSERT INTO workflow_events (run_id, kind, event) VALUES (?, '', ?)", [("", "x" * 3000)] * 200
        )
    with path.open("r+b") as file:
        file.seek(60 * 4096)
        file.write(bytes(8 * 4096))
    return path
