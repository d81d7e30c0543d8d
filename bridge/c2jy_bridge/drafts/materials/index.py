"""The cache's index in SQLite: which link gave which content, and what a probe found in a content.

It holds nothing that cannot be found out again, so a damaged one is thrown away, and a record that a power
cut loses costs one download.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from c2jy_bridge.drafts.materials.material import MaterialKind
from c2jy_bridge.drafts.materials.partial_file import Validators

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS links (
    key TEXT PRIMARY KEY, content TEXT NOT NULL, etag TEXT NOT NULL, last_modified TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contents (sha256 TEXT PRIMARY KEY, stored TEXT NOT NULL) WITHOUT ROWID;
"""
_PATIENCE_S: Final = 10.0
"""How long to wait for another process's commit."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the cache and what is in it; `mtime_ns` and `size_bytes` show whether it was touched."""

    sha256: str
    extension: str
    kind: MaterialKind
    size_bytes: int
    mtime_ns: int
    duration_us: int
    width: int
    height: int
    has_audio: bool
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

    def remember(self, content: str, stored: Stored) -> None:
        """Keep what a probe found."""
        self._run("INSERT OR REPLACE INTO contents VALUES (?, ?)", content, json.dumps(asdict(stored)))

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
                raise OSError(str(error)) from error  # locked for long, read-only, full: not the file's fault
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
