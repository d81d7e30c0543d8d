"""The cache of materials, shared by drafts and processes: files by content hash, links, partial downloads."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import sqlite3
import threading
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from filelock import FileLock, Timeout

from c2jy_bridge.core.disk_space import is_full
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.drafts.materials.convert import (
    ONE_LARGE_PICTURE,
    check_whole,
    convert,
    is_huge,
    needs_conversion,
)
from c2jy_bridge.drafts.materials.isolated_conversion import convert_isolated
from c2jy_bridge.drafts.materials.material import Refused
from c2jy_bridge.drafts.materials.probe import Facts, Foreign, Media, av_facts, identify, image_facts

BUFFER_BYTES: Final = 1 << 20
"""Bytes kept in memory before they go to disk; most pictures never make a `.part` file at all."""


@dataclass(frozen=True, slots=True)
class Validators:
    """The validators of a file's version in a server's answer; empty when it has none."""

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
        self._claim = FileLock(self._kept.with_suffix(".lock"), blocking=False, thread_local=False)
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
        """Drop all bytes: the server sends the file from its beginning."""
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
        """Close and keep nothing, because these bytes are of no use."""
        self.validators = Validators()
        self.close()

    def close(self) -> None:
        """Close. What can be resumed stays on disk under the key, everything else is removed."""
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
        if self._claim.is_locked:
            # Before the release: filelock never takes a lock whose file has lost its name.
            with contextlib.suppress(OSError):
                self._kept.with_suffix(".lock").unlink()
            self._claim.release()

    @property
    def _note(self) -> Path:
        return self._kept.with_suffix(".note")

    def _take_claim(self) -> bool:
        if not self._claim.is_locked:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(Timeout, OSError):
                self._claim.acquire()
        return self._claim.is_locked

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


_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS links (
    key TEXT PRIMARY KEY, content TEXT NOT NULL, etag TEXT NOT NULL, last_modified TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contents (sha256 TEXT PRIMARY KEY, stored TEXT NOT NULL) WITHOUT ROWID;
"""
_PATIENCE_S: Final = 10.0
"""How long to wait for another process's commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Facts):
    """A file in the cache and what is in it; `mtime_ns` and `size_bytes` show whether it was touched."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """What a link gave when it was last asked; `at` is Unix seconds."""

    content: str
    validators: Validators
    at: float


class Index:
    """Opened when first used; may be used from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def link(self, key: str) -> Link | None:
        """What the link with this key gave."""
        row = self._run("SELECT content, etag, last_modified, at FROM links WHERE key = ?", key)
        return Link(row[0], Validators(row[1], row[2]), row[3]) if row else None

    def stored(self, content: str) -> Stored | None:
        """What is known of the content with this sha256."""
        row = self._run("SELECT stored FROM contents WHERE sha256 = ?", content)
        if row is None:
            return None
        try:
            record = json.loads(row[0])
            return Stored(**{**record, "notes": tuple(record["notes"])})
        except (ValueError, TypeError, KeyError):
            return None  # written by another version

    def remember(self, content: str, stored: Stored) -> Stored:
        """Keep what a probe found."""
        self._run("INSERT OR REPLACE INTO contents VALUES (?, ?)", content, json.dumps(asdict(stored)))
        return stored

    def remember_link(self, key: str, link: Link) -> None:
        """Keep what a link gave."""
        given = link.validators
        self._run(
            "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?)",
            *(key, link.content, given.etag, given.last_modified, link.at),
        )

    def close(self) -> None:
        """Close the file; it is opened again when needed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _run(self, statement: str, *values: object) -> Any:
        """The first row of a statement, or None. Raises `OSError` when the disk does not let it."""
        with self._lock:
            try:
                return self._execute(statement, values)
            except sqlite3.OperationalError as error:
                # Locked for long, read-only, full: not the file's fault.
                number = errno.ENOSPC if is_full(error, self._path.parent) else None
                raise OSError(number, str(error)) from error
            except sqlite3.DatabaseError:
                self._discard()
                return self._execute(statement, values)

    def _execute(self, statement: str, values: tuple[object, ...]) -> Any:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._connect()
        return self._connection.execute(statement, values).fetchone()

    def _discard(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE_S, check_same_thread=False, isolation_level=None
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection


_PART_LIFE_S: Final = 7 * 24 * 3600.0


class MaterialCache:
    """Blocks as long as the disk needs: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.index = Index(folder / "index.db")

    @property
    def partial(self) -> Path:
        """Where downloads under way are."""
        return self._folder / "partial"

    def path(self, stored: Stored) -> Path:
        """Where the file is."""
        return self._folder / stored.sha256[:2] / f"{stored.sha256}.{stored.extension}"

    def stored(self, content: str) -> Stored | None:
        """What is kept of the content with this sha256, if its file is still whole."""
        stored = self.index.stored(content)
        if stored is None:
            return None
        try:
            found = self.path(stored).stat()
        except OSError:
            return None
        if found.st_size != stored.size_bytes:
            return None
        if found.st_mtime_ns == stored.mtime_ns:
            return stored
        # Touched: a copy tool set a new time, or a linked file was edited in a draft.
        if sha256_of(self.path(stored)) != stored.sha256:
            return None
        return self.index.remember(content, replace(stored, mtime_ns=found.st_mtime_ns))

    def adopt(self, source: Path, content: str, head: bytes, *, synced: bool) -> Stored:
        """Take a finished file over: identify, convert where needed, probe, move it to its place.

        Args:
            source: A file in this cache's `partial` folder; it is gone afterwards.
            content: Its sha256.
            head: Its first `HEAD_BYTES`.
            synced: True when its bytes are on the disk already.

        Raises:
            Refused: It is no media that a draft can use.
        """
        if known := self.stored(content):
            source.unlink(missing_ok=True)
            return known
        extension = check_head(head).extension
        notes: tuple[str, ...] = ()
        sha256 = content
        if needs_conversion(source, extension):
            target = self.temporary()
            try:
                extension, notes = converted(source, target, extension)
            except BaseException:
                target.unlink(missing_ok=True)
                raise
            source.unlink()
            source, sha256, synced = target, sha256_of(target), False
        facts = _probe(source, extension)
        stored = self._place(source, sha256, facts, notes, synced=synced)
        return self.index.remember(content, stored)

    def temporary(self) -> Path:
        """A fresh name in `partial`."""
        self.partial.mkdir(parents=True, exist_ok=True)
        return self.partial / f"{uuid.uuid4().hex}.tmp"

    def sweep(self, now: float) -> None:
        """Remove partial downloads that were not resumed for a week."""
        with contextlib.suppress(OSError):
            for path in self.partial.iterdir():
                with contextlib.suppress(OSError):
                    if now - path.stat().st_mtime > _PART_LIFE_S:
                        path.unlink()

    def _place(
        self, source: Path, sha256: str, facts: Facts, notes: tuple[str, ...], *, synced: bool
    ) -> Stored:
        target = self._folder / sha256[:2] / f"{sha256}.{facts.extension}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and sha256_of(target) == sha256:
            # Kept, not replaced: drafts may be linked to it, and Windows would refuse.
            source.unlink()
        else:
            if not synced:
                with source.open("rb+") as file:
                    os.fsync(file.fileno())
            source.replace(target)
        status = target.stat()
        size, mtime_ns = status.st_size, status.st_mtime_ns
        return Stored(**asdict(facts), sha256=sha256, size_bytes=size, mtime_ns=mtime_ns, notes=notes)


def link_key(source: str) -> str:
    """The name under which a link is remembered."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def check_head(head: bytes) -> Media:
    """The format of a file that begins with `head`; raises `Refused` when it is no media."""
    if not head:
        raise Refused("empty")
    found = identify(head)
    if isinstance(found, Foreign):
        raise Refused(found.what, excerpt=one_line(head[:120].decode("utf-8", "replace")).strip())
    return found


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def converted(source: Path, target: Path, extension: str) -> tuple[str, tuple[str, ...]]:
    """As `convert`, for a huge picture in a process of its own where there can be one."""
    if is_huge(source, extension):
        with contextlib.suppress(OSError), ONE_LARGE_PICTURE:
            return convert_isolated(source, target, extension)
    return convert(source, target, extension)


def _probe(path: Path, extension: str) -> Facts:
    if extension in ("png", "jpg", "gif", "bmp", "tiff"):
        facts = image_facts(path, extension)
        check_whole(path, extension)
        return facts
    return av_facts(path, extension)
