"""What errors of files and of SQLite mean: a full disk, and the reason in the language of the user."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Final

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.safety import words_of

say: Final = catalogue("settings")

PROBE_BYTES: Final = 256 * 1024
"""More than SQLite needs to open the journal: 32 KB for its shared memory, and some pages."""

_SQLITE_IOERR, _SQLITE_FULL, _SQLITE_CANTOPEN = 10, 13, 14
"""Result codes (sqlite.org/rescode.html); the screen, which reads errors too, does without sqlite3."""


def write_probe(folder: Path) -> None:
    """Write and remove a file of `PROBE_BYTES`; raises OSError, also for a full disk or a used-up quota."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(PROBE_BYTES))
        file.flush()
        os.fsync(file.fileno())  # some file systems allocate as late as this


def is_full(error: BaseException, folder: Path | None = None) -> bool:
    """Whether there was no room left.

    Args:
        error: An OSError or an error of SQLite; others never mean that.
        folder: Where SQLite's file is, to find out what its error does not tell; None: it is not tried.
    """
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if folder is not None and code in (_SQLITE_IOERR, _SQLITE_CANTOPEN):
        # SQLite does not hand on why the system refused to write, extend or create its files.
        try:
            write_probe(folder)
        except OSError as probed:
            return is_full(probed)
    return code == _SQLITE_FULL


def os_reason(error: BaseException) -> str:
    """Why the system refused: usual reasons in the language of the user, others in the words of the error."""
    if not isinstance(error, OSError):
        return words_of(error) or type(error).__name__
    if error.errno is not None and error.strerror in (None, os.strerror(error.errno)):
        match error.errno:
            case errno.ENOENT:
                return say("os.missing")
            case errno.EACCES:
                return say("os.denied")
            case errno.EPERM:
                return say("os.not_permitted")
            case errno.EROFS:
                return say("os.read_only")
            case errno.ENOSPC:
                return say("os.full")
            case errno.EEXIST:
                return say("os.exists")
            case errno.ENOTDIR:
                return say("os.no_folder")
            case errno.EISDIR:
                return say("os.folder")
            case errno.ENAMETOOLONG:
                return say("os.long")
            case errno.EADDRINUSE:
                return say("os.in_use")
    return error.strerror or words_of(error) or type(error).__name__
