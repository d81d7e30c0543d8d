"""Reads a whole file that a user named: it may be a pipe, a device without an end, or far too large."""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from pathlib import Path
from typing import Final

from c2jy_bridge.core.i18n import byte_size, catalogue

MOST_BYTES: Final = 64 * 1024**2
"""The longest document that is read (drafts.spec.input)."""
WRITER_S: Final = 3.0
"""Seconds that a named pipe has to be opened by its writer."""
_LOOK_S: Final = 0.1
_CHUNK: Final = 1024**2

say: Final = catalogue("settings")


def read_whole(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """The content of a file, or what a pipe delivers until its end.

    Raises:
        OSError: It cannot be read, the pipe has no writer, or it is longer than `most` bytes.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    # Without O_NONBLOCK the opening of a pipe waits for its writer, for ever.
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        return _read(descriptor, most, waits=stat.S_ISFIFO(kind) or stat.S_ISCHR(kind))
    finally:
        os.close(descriptor)


def _read(descriptor: int, most: int, *, waits: bool) -> bytes:
    content = bytearray()
    begun = time.monotonic()
    while len(content) <= most:
        if waits:
            select.select([descriptor], [], [], _LOOK_S)
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:  # there is a writer, and nothing yet
            continue
        if chunk:
            content += chunk
        elif content or not waits:
            return bytes(content)
        elif time.monotonic() - begun > WRITER_S:
            raise OSError(errno.ENODATA, say("file.no_writer"))
        else:
            time.sleep(_LOOK_S)
    raise OSError(errno.EFBIG, say("file.too_large", most=byte_size(most)))
