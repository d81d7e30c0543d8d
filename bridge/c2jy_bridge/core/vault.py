"""Stores secrets in the system's keyring, or else in files of mode 0600."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from filelock import FileLock

SERVICE: Final = "c2jy-tui"


class Keyring(Protocol):
    """The methods of a keyring backend in use."""

    def get_password(self, service_name: str, username: str) -> str | None:
        """Read a secret."""

    def set_password(self, service_name: str, username: str, password: str) -> None:
        """Store a secret."""


class Vault:
    """Secrets by name, shared by all processes of one folder.

    A secret in a keyring has an empty file of its name, whose time tells running processes of a change. What
    a keyring does not take is kept in the file.
    """

    def __init__(self, folder: Path, keyring: Callable[[], Keyring | None] = lambda: None) -> None:
        """`keyring` is called when a secret may be there: finding the system's takes 80 ms."""
        self._folder = folder
        self._find_keyring = keyring

    @cached_property
    def _keyring(self) -> Keyring | None:
        return self._find_keyring()

    def get(self, name: str) -> str:
        """The secret, or empty; raises OSError when it cannot be read."""
        try:
            kept = self._path(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        if kept or self._keyring is None:
            return kept
        with suppress(Exception):  # locked, or its service is not there: backends raise all kinds of errors
            return self._keyring.get_password(SERVICE, f"{self._folder}/{name}") or ""
        return ""

    def update(self, name: str, change: Callable[[str], str]) -> str:
        """Replace a secret by `change(secret)` under a lock; raises OSError when it cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._path(f"{name}.lock")):
            value = change(self.get(name))
            self._write(name, "" if self._in_keyring(name, value) else value)
        return value

    def _in_keyring(self, name: str, value: str) -> bool:
        """Store it in the keyring; False when there is none or it does not take it."""
        if self._keyring is None:
            return False
        with suppress(Exception):  # as in `get`
            self._keyring.set_password(SERVICE, f"{self._folder}/{name}", value)
            return True
        return False

    def stamp(self, name: str) -> object:
        """A value that changes with the secret; costs one `stat`."""
        try:
            found = self._path(name).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _path(self, name: str) -> Path:
        return self._folder / name

    def _write(self, name: str, text: str) -> None:
        # mkstemp creates it with mode 0600; the rename is atomic for readers.
        handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self._path(name))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def system_keyring() -> Keyring | None:
    """The system's keyring, if the keyring package is installed and finds a usable one."""
    try:
        import keyring
        from keyring.backends import fail
    except ImportError:
        return None
    backend = keyring.get_keyring()
    return None if isinstance(backend, fail.Keyring) or backend.priority < 1 else backend
