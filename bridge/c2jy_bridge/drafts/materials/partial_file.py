"""A download in progress: a `.part` file that a later attempt or process resumes, locked by name."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self


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


BUFFER_BYTES: Final = 1 << 20
"""Bytes kept in memory before they go to disk; most pictures never make a `.part` file at all."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server says about a file's version; empty when it says nothing."""

    etag: str = ""
    last_modified: str = ""

    @property
    def if_range(self) -> str:
        """The value for If-Range: a strong ETag, else the date; empty when a resume would be a guess."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


class PartialFile:
    """Bytes so far, with their hash; goes on with what an earlier run left under the same key.

    Two tasks or processes that fetch one link at once each get a part of their own. Methods block as long as
    the disk needs; a lock keeps the last write of a cancelled owner's thread apart from `close`.
    """

    def __init__(self, folder: Path, key: str, unique: str) -> None:
        self.validators = Validators()
        self.path = folder / f"{key}.{unique}.part"
        self._kept = folder / f"{key}.part"
        self._claim: Claim | None = None
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._buffer = bytearray()
        self._flushed = 0
        self._sealed = False
        self._closed = False
        self._hash = hashlib.sha256()
        if self._kept.exists():
            self._take_up()

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._flushed + len(self._buffer)

    @property
    def pending(self) -> int:
        """Bytes that are only in memory."""
        return len(self._buffer)

    def head(self, count: int) -> bytes:
        """The first `count` bytes, or as many as there are."""
        if not self._flushed:
            return bytes(self._buffer[:count])
        with self.path.open("rb") as file:
            return file.read(count)

    def append(self, chunk: bytes) -> None:
        """Take a chunk into memory; call `flush` when `pending` passes `BUFFER_BYTES`."""
        self._buffer += chunk

    def flush(self) -> None:
        """Write what is in memory."""
        with self._lock:
            self._write()

    def restart(self) -> None:
        """Forget all bytes: the server sends the file from its beginning."""
        with self._lock:
            self._buffer.clear()
            self._hash = hashlib.sha256()
            self._flushed = 0
            if self._file is not None:
                self._file.truncate(0)

    def seal(self) -> str:
        """Put every byte on the disk; returns their sha256. The file at `path` is the caller's to move."""
        with self._lock:
            self._write()
            file = self._opened()
            file.flush()
            os.fsync(file.fileno())
            file.close()
            self._file = None
            self._sealed = True
            return self._hash.hexdigest()

    def discard(self) -> None:
        """Let go and keep nothing: what these bytes begin is of no use."""
        self.validators = Validators()
        self.close()

    def close(self) -> None:
        """Let go. What can be resumed stays on disk under the key, everything else goes."""
        with self._lock, contextlib.suppress(OSError):
            if self._closed:
                return
            self._closed = True
            resumable = bool(self.validators.if_range and self.size and not self._sealed)
            if resumable and self._take_claim():
                self._write()
                note = {"etag": self.validators.etag, "last_modified": self.validators.last_modified}
                self._note.write_text(json.dumps(note), encoding="utf-8")
                self._shut()
                if self.path != self._kept:
                    self.path.replace(self._kept)
            elif self._file is not None:
                self._shut()
                self.path.unlink(missing_ok=True)
        if self._claim is not None:
            self._claim.release()
            self._claim = None

    @property
    def _note(self) -> Path:
        return self._kept.with_suffix(".note")

    def _take_claim(self) -> bool:
        self._claim = self._claim or Claim.take(self._kept.with_suffix(".lock"))
        return self._claim is not None

    def _take_up(self) -> None:
        if not self._take_claim():
            return
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            self.validators = Validators(str(note["etag"]), str(note["last_modified"]))
        except (OSError, ValueError, KeyError, TypeError):
            self._kept.unlink(missing_ok=True)
            return
        self._note.unlink(missing_ok=True)
        self.path = self._kept
        file = self._opened()
        file.seek(0)
        while chunk := file.read(BUFFER_BYTES):
            self._hash.update(chunk)
            self._flushed += len(chunk)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b")
        return self._file

    def _write(self) -> None:
        if self._buffer:
            file = self._opened()
            file.write(self._buffer)
            file.flush()
            self._hash.update(self._buffer)
            self._flushed += len(self._buffer)
            self._buffer.clear()

    def _shut(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
