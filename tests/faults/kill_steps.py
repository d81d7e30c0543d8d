"""Counts what the disk and Coze see of a process, and kills it just before one of these steps."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

WATCHED: Final = frozenset(
    {"os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
)
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT
KILLED: Final = -signal.SIGKILL
_WRITES: Final = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|CREATE)(?: OR \w+| INTO| FROM| UNIQUE| TABLE| INDEX| IF NOT EXISTS)* (\w+)"
    r"(?: SET (\w+ = '\w+'))?"
)


class Steps:
    """The steps of one process, in order.

    A step is a file opened for writing, a rename, a link, a removal, a folder, a commit of SQLite that
    changes something, a request to Coze and the head of its answer.

    Args:
        folders: Only what happens in them counts.
        fatal: Number of the step before which the process dies, from 1; 0: it lives.
        coze: Address of Coze; its media do not count.
    """

    def __init__(self, folders: Sequence[Path], fatal: int, coze: str = "") -> None:
        self._folders = tuple(map(str, folders))
        self._coze = urlsplit(coze).netloc
        self._fatal = fatal
        self._fatal_name = ""
        self._lock = threading.Lock()
        self.taken: list[str] = []
        self.counting = False

    def watch(self) -> None:
        """See every step from now on; must come before the journal is opened."""
        sys.addaudithook(self._audit)
        self._watch_commits()
        self._watch_wire()

    def die_at(self, name: str) -> None:
        """Die before the next step of which this is the beginning."""
        self._fatal_name = name
        self.counting = True

    def _watch_commits(self) -> None:
        connect = sqlite3.connect

        def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection = connect(*args, **kwargs)
            changes, wrote = 0, ""

            def statement(sql: str) -> None:
                nonlocal changes, wrote
                if sql.startswith("BEGIN"):
                    changes, wrote = connection.total_changes, ""
                elif not wrote and (found := _WRITES.match(sql)):
                    wrote = " ".join(part for part in found.groups() if part)
                elif sql.startswith("COMMIT") and (
                    connection.total_changes != changes or wrote.startswith("CREATE")
                ):
                    self._step("commit", wrote)

            connection.set_trace_callback(statement)
            return connection

        sqlite3.connect = traced  # type: ignore[assignment]  # SQLite's commits raise no audit event

    def _watch_wire(self) -> None:
        send = httpx.AsyncHTTPTransport.handle_async_request

        async def counted(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            path = request.url.path
            ours = request.url.netloc.decode() == self._coze and not path.startswith("/_media")
            if ours:
                self._step("ask", path)
            response = await send(transport, request)
            if ours:
                self._step("answer", path)
            return response

        httpx.AsyncHTTPTransport.handle_async_request = counted  # type: ignore[method-assign, assignment]  # seen nowhere else

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = (
                any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & WRITING)
            )
            if writes:
                self._file_step("open", path)
        elif event in WATCHED:
            self._file_step(event, arguments[0])

    def _file_step(self, what: str, path: object) -> None:
        name = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        # A relative path belongs to an open folder, so it may be ours.
        if not name.startswith("/") or name.startswith(self._folders):
            self._step(what, Path(name).name)

    def _step(self, what: str, name: str) -> None:
        if not self.counting:
            return
        with self._lock:
            self.taken.append(f"{what} {name[:50]}")
            named = self._fatal_name and self.taken[-1].startswith(self._fatal_name)
            if named or len(self.taken) == self._fatal:
                os.write(2, f"killed before: {self.taken[-1]}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)
