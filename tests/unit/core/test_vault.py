"""Secrets are kept where only their owner reads them, and a change is seen by every process."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from c2jy_bridge.core.vault import Vault


class Ring:
    """A keyring in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service_name: str, username: str) -> str | None:
        return self.kept.get((service_name, username))

    def set_password(self, service_name: str, username: str, password: str) -> None:
        self.kept[service_name, username] = password


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_secret_in_a_file_is_for_its_owner_only_and_leaves_no_copy(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "data")
    assert vault.get("token") == ""
    vault.update("token", lambda _: "one")
    vault.update("token", lambda old: old + "two")
    assert Vault(tmp_path / "data").get("token") == "onetwo"
    assert stat.S_IMODE((tmp_path / "data" / "token").stat().st_mode) == 0o600
    assert not [path for path in (tmp_path / "data").iterdir() if path.name.startswith(".")]


def test_a_secret_in_a_keyring_is_in_no_file(tmp_path: Path) -> None:
    ring = Ring()
    Vault(tmp_path, lambda: ring).update("token", lambda _: "in-the-ring")
    assert Vault(tmp_path, lambda: ring).get("token") == "in-the-ring"
    assert all(b"in-the-ring" not in path.read_bytes() for path in tmp_path.iterdir())


def test_no_keyring_is_looked_for_where_there_is_no_secret(tmp_path: Path) -> None:
    def find() -> None:
        raise AssertionError

    assert Vault(tmp_path, find).get("token") == ""


def test_what_a_keyring_does_not_take_is_kept_in_a_file(tmp_path: Path) -> None:
    class Locked(Ring):
        def get_password(self, service_name: str, username: str) -> str | None:
            raise RuntimeError("locked")

        def set_password(self, service_name: str, username: str, password: str) -> None:
            raise RuntimeError("locked")

    Vault(tmp_path, Locked).update("token", lambda _: "kept")
    assert Vault(tmp_path, Locked).get("token") == "kept"
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert Vault(tmp_path, Ring).get("token") == "kept"  # the keyring works again


@pytest.mark.parametrize("ring", [None, Ring()], ids=["file", "keyring"])
def test_another_process_sees_that_a_secret_changed(tmp_path: Path, ring: Ring | None) -> None:
    mine, theirs = Vault(tmp_path, lambda: ring), Vault(tmp_path, lambda: ring)
    before = mine.stamp("token")
    theirs.update("token", lambda _: "one")
    after = mine.stamp("token")
    assert before != after
    assert mine.stamp("token") == after
    theirs.update("token", lambda _: "two")
    assert mine.stamp("token") != after


def test_two_at_once_do_not_lose_each_others_change(tmp_path: Path) -> None:
    def add() -> None:
        for _ in range(20):
            Vault(tmp_path).update("count", lambda old: str(int(old or 0) + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Vault(tmp_path).get("count") == "80"


def test_a_write_that_fails_leaves_the_old_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault(tmp_path)
    vault.update("token", lambda _: "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        vault.update("token", lambda _: "new")
    assert vault.get("token") == "old"
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == ["token"]
