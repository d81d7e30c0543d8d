"""A damaged journal is set aside with a sentence; a full disk is called a full disk."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core import i18n
from c2jy_bridge.core.settings import CozeSettings, Settings, SettingsError
from c2jy_bridge.engine import Engine, doctor
from c2jy_bridge.engine.startup import open_journal, startup_errors
from c2jy_bridge.journal import Owner

PAGE = 4096


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    i18n.use("en")
    return Settings(coze=CozeSettings(), data_dir=tmp_path / "data", config_dir=tmp_path / "config")


@pytest.fixture
async def journal(settings: Settings) -> Path:
    """A journal with a few hundred pages."""
    path = settings.data_dir / "journal.db"
    await Engine(settings).close()
    with sqlite3.connect(path) as db:
        db.executemany(
            "INSERT INTO turns (turn_id, conversation_id, chat_id, question, source, scope, owner, state,"
            " started_at) VALUES (?, 'c', ?, ?, 'chat', 's', 'o', 'completed', 1)",
            [(f"t{n}", f"chat{n}", "x" * 3000) for n in range(200)],
        )
    db.close()
    for beside in path.parent.glob("journal.db-*"):
        beside.unlink()
    return path


async def started(settings: Settings) -> list[Any]:
    engine = Engine(settings)
    try:
        await engine.start()
        assert await engine.conversations.list() == []  # the new file can be read and written
        return [issue for issue in engine.issues() if issue.code.startswith("journal.")]
    finally:
        await engine.close()


@pytest.mark.parametrize("first", [0, 2, 60])
async def test_a_journal_with_zeroed_pages_is_set_aside_and_a_new_one_begun(
    settings: Settings, journal: Path, first: int
) -> None:
    with journal.open("r+b") as file:
        file.seek(first * PAGE)
        file.write(bytes(8 * PAGE))
        file.seek(0)
        damaged = file.read()
    (issue,) = await started(settings)
    (aside,) = journal.parent.glob("journal.db.corrupt-*Z")
    with aside.open("rb") as file:
        assert file.read() == damaged
    assert issue.code == "journal.set_aside"
    assert str(aside) in issue.message
    assert await started(settings) == []


async def test_a_whole_journal_stays_where_it_is(settings: Settings, journal: Path) -> None:
    assert await started(settings) == []
    assert not list(journal.parent.glob("*corrupt*"))


async def test_a_damaged_journal_that_another_process_uses_is_not_taken_from_it(
    settings: Settings, journal: Path
) -> None:
    other, owner = Owner(settings.data_dir / "run"), Owner(settings.data_dir / "run")
    with journal.open("r+b") as file:
        file.write(bytes(PAGE))
    with pytest.raises(SettingsError, match="another running"), startup_errors("journal", journal):
        open_journal(journal, scope="s", owner=owner, clock=time.time)
    assert not list(journal.parent.glob("*corrupt*"))
    other.release()
    opened, issues = open_journal(journal, scope="s", owner=owner, clock=time.time)
    assert issues
    opened.close()
    owner.release()


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_io_error_on_a_full_disk_is_called_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    i18n.use("en")
    path = tmp_path / "journal.db"
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    with (
        pytest.raises(SettingsError, match=r"disk I/O error.*Move the file away"),
        startup_errors("journal", path),
    ):
        raise error
    monkeypatch.setattr(tempfile, "TemporaryFile", _full)
    with (
        pytest.raises(SettingsError, match=r"the disk is full.*nothing is lost"),
        startup_errors("journal", path),
    ):
        raise error


async def test_the_doctor_names_a_full_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.data_dir.mkdir()
    monkeypatch.setattr(tempfile, "TemporaryFile", _full)
    full = [check for check in await doctor.examine(settings) if "disk is full" in check.message]
    assert [check.name for check in full] == ["Data folder", "Drafts folder"]
    assert all(check.state == "error" and "Free some space" in check.fix for check in full)
