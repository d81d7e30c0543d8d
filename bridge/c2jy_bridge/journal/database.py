"""The SQLite file of the journal, and process ownership by lock files."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout


class Owner:
    """A name with a lock file, whose lock the operating system releases when the process ends.

    Process ids are reused, and Windows reports too little about them.
    """

    def __init__(self, folder: Path) -> None:
        """Lock a new name in `folder`, and remove the lock files of ended processes."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.name = uuid.uuid4().hex
        self._lock = FileLock(folder / f"{self.name}.lock")
        self._lock.acquire(timeout=0)
        for path in folder.glob("*.lock"):
            self.is_gone(path.stem)

    def is_gone(self, name: str) -> bool:
        """Whether the process of that name has ended; removes its lock file."""
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

    def is_alone(self) -> bool:
        """Whether no other process of this data folder runs."""
        others = (path.stem for path in self._folder.glob("*.lock") if path.stem != self.name)
        return all(map(self.is_gone, others))

    def release(self) -> None:
        """Release the name at a clean end."""
        self._lock.release()
        (self._folder / f"{self.name}.lock").unlink(missing_ok=True)


class Claim:
    """The one thing of a kind that this process has open; no other process of the data folder can take it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""
        self._lock: FileLock | None = None

    def take(self, name: str) -> bool:
        """Take `name` and release what was taken before; False when another process has it.

        Blocks on the disk.
        """
        if name == self._name:
            return True
        self._folder.mkdir(parents=True, exist_ok=True)
        # Names come from outside and may be no file names.
        lock = FileLock(
            self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock", thread_local=False
        )
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self.release()
        self._name, self._lock = name, lock
        return True

    def release(self) -> None:
        """Release what is taken, if anything."""
        if self._lock is not None:
            Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock.release()
        self._name, self._lock = "", None


VERSION: Final = 2
BUSY_MS: Final = 30_000  # how long to wait for another process's commit
CHECK_S: Final = 2.0
"""Seconds that the check of the file may take at start-up; larger files are read in part."""


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file's content is damaged: zeroed, overwritten or cut."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def damage(path: Path) -> str:
    """What is wrong with the pages of an existing file; empty when nothing is found within `CHECK_S`.

    Reads the whole file over a connection of its own: call it in a thread.
    """
    until = time.monotonic() + CHECK_S
    try:
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            found = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return str(error) if is_damage(error) else ""
    return "" if found == "ok" else " ".join(found.split())


def set_aside(path: Path, at: float) -> Path:
    """Rename a damaged file, with its log beside it, to `<name>.corrupt-<UTC time>`; returns the new path."""
    name = f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(at))}"
    aside = path.with_name(name)
    while aside.exists():  # two within a second
        name += "-again"
        aside = path.with_name(name)
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
    return aside


class Database:
    """A connection shared by threads: each transaction holds the lock from BEGIN to COMMIT."""

    def __init__(self, path: Path) -> None:
        """Open the file; create the schema in a new one. Raises as `Journal` does."""
        self._path = path
        self._lock = threading.RLock()
        self._open()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def version(self) -> int:
        """Changes when another connection has committed (`PRAGMA data_version`)."""
        row = self.one("PRAGMA data_version")
        return int(row[0]) if row is not None else 0

    def begin_anew(self, at: float) -> Path:
        """Set the damaged file aside and go on with a new one; returns where the old one is."""
        with self._lock:
            self._db.close()
            aside = set_aside(self._path, at)
            self._open()
            return aside

    def transaction(self) -> Transaction:
        """`with database.transaction() as db:` commits at the end, rolls back on any exception."""
        return Transaction(self._db, self._lock)

    def run(self, sql: str, values: Iterable[Any] = ()) -> None:
        """One statement in a transaction of its own."""
        with self.transaction() as db:
            db.execute(sql, tuple(values))

    def one(self, sql: str, values: Iterable[Any] = ()) -> sqlite3.Row | None:
        """The first row."""
        with self._lock:
            row: sqlite3.Row | None = self._db.execute(sql, tuple(values)).fetchone()
            return row

    def all(self, sql: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Every row."""
        with self._lock:
            return self._db.execute(sql, tuple(values)).fetchall()

    def _open(self) -> None:
        path = self._path
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # SQLite reports the reason better
            path.touch(mode=0o600)  # conversations are private; SQLite's other files inherit the mode
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, factory=_Connection)
        try:
            self._db.row_factory = sqlite3.Row
            self._db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            self._db.execute("PRAGMA journal_mode=WAL")
            # FULL: a receipt lost in a power cut would let a tool run twice.
            self._db.execute("PRAGMA synchronous=FULL")
            self._create_schema()
        except BaseException:
            self._db.close()
            raise

    def _create_schema(self) -> None:
        with self.transaction() as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found not in (0, VERSION):
                age = "newer than this program" if found > VERSION else "of an earlier, unreleased program"
                raise sqlite3.DatabaseError(f"journal version {found} is {age} ({VERSION})")
            # A journal of this version may be without the tables that came later.
            schema = (resources.files(__package__) / "schema.sql").read_text(encoding="utf-8")
            for statement in _statements(schema):
                db.execute(statement)
            if found != VERSION:  # else opening would write
                db.execute(f"PRAGMA user_version = {VERSION}")


class Transaction:
    """BEGIN IMMEDIATE ... COMMIT under the lock; a nested one joins the outer."""

    def __init__(self, db: sqlite3.Connection, lock: threading.RLock) -> None:
        self._db = db
        self._lock = lock
        self._joined = False

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        try:
            self._joined = self._db.in_transaction
            if not self._joined:
                self._db.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise
        return self._db

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if not self._joined:
                self._db.execute("COMMIT" if kind is None else "ROLLBACK")
        finally:
            self._lock.release()


class _Connection(sqlite3.Connection):
    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, values)
        except UnicodeEncodeError:
            # Half of a surrogate pair, from a model or a file name, which SQLite cannot store.
            encodable = (v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for v in values)
            return super().execute(sql, tuple(encodable))


def _statements(script: str) -> Iterable[str]:
    """Single statements: `executescript` would commit the transaction around them."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
