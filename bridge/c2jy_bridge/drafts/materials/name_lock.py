"""An exclusive claim on a name in a folder, between processes and between tasks of one process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO, Self


class Claim:
    """Held until `release`; the system releases it when the process dies."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The claim, or None while somebody else holds it. Never waits."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
        try:
            _lock(file)
            # Whoever held it before may have removed the name; then this is a lock on nothing.
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return cls(path, file)
        except OSError:
            pass
        file.close()
        return None

    def release(self) -> None:
        """Let go and remove the name."""
        with contextlib.suppress(OSError):  # Windows keeps the name of an open file; it is empty and harmless
            self._path.unlink()
        self._file.close()


def _lock(file: IO[bytes]) -> None:
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]  # Windows only
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
