"""Files in a folder that anybody may write to: read only when they are plain, and never without a limit.

A pipe would wait for its writer for ever, a link may lead to a device without an end.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

LARGEST_DOCUMENT: Final = 256 * 1024**2
"""Bytes of a draft's JSON that are read; 60,000 clips are about 200 MB."""

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def read_plain(path: Path, most: int = LARGEST_DOCUMENT) -> bytes:
    """The bytes of a regular file.

    Args:
        path: The file; a link in its place is refused.
        most: Largest file that is read, bytes.

    Raises:
        OSError: ELOOP for a link, EINVAL for what is no regular file, EFBIG for one that is too large, and
            what the system says.
    """
    with _opened(path, most) as file:
        data = file.read(most + 1)
    if len(data) > most:  # it grew meanwhile
        raise _refusal(errno.EFBIG, path)
    return data


def read_head(path: Path, count: int) -> bytes:
    """The first `count` bytes of a regular file, or all of it when it is shorter; raises as `read_plain`."""
    with _opened(path, LARGEST_DOCUMENT) as file:
        return file.read(count)


@contextmanager
def _opened(path: Path, most: int) -> Iterator[IO[bytes]]:
    if path.is_symlink():  # Windows has no O_NOFOLLOW
        raise _refusal(errno.ELOOP, path)
    handle = os.open(path, _FLAGS)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(errno.EINVAL, path)
        if status.st_size > most:
            raise _refusal(errno.EFBIG, path)
        with open(handle, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(handle)


def is_there(path: Path) -> bool:
    """Whether there is a regular file; a path that the system cannot even look at has none."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, a folder that may not be entered
        return False


def _refusal(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
