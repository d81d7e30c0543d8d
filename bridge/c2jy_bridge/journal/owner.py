"""Which process runs a turn, and whether that process still lives."""

from __future__ import annotations

import uuid
from pathlib import Path

from filelock import FileLock, Timeout


class Owner:
    """A name with a lock file that the operating system lets go of when the process dies, however it dies.

    A process id would not do: it is used again, and Windows tells too little about one.
    """

    def __init__(self, folder: Path) -> None:
        """Take a fresh name and its lock below `folder`, and sweep the locks of the dead."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.name = uuid.uuid4().hex
        self._lock = FileLock(folder / f"{self.name}.lock")
        self._lock.acquire(timeout=0)
        for path in folder.glob("*.lock"):
            self.is_gone(path.stem)

    def is_gone(self, name: str) -> bool:
        """Whether the process with that name has ended. Its lock file goes with it."""
        if name == self.name:
            return False
        path = self._folder / f"{name}.lock"
        if not path.exists():
            return True
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        path.unlink(missing_ok=True)
        lock.release()
        return True

    def release(self) -> None:
        """Give the name up, at a clean end."""
        self._lock.release()
        (self._folder / f"{self.name}.lock").unlink(missing_ok=True)
