"""Open what lies below a folder so that no link leads out of it.

POSIX: every component is opened below the one before, without following links. Windows has no such calls:
there every component is looked at before, and what was opened is compared with the path after. Between a
check and an open a path can become another, so the last look is always at what was opened.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BY_DESCRIPTOR: Final = (
    os.open in os.supports_dir_fd and os.scandir in os.supports_fd and hasattr(os, "O_NOFOLLOW")
)
"""Whether this system can open below a descriptor."""
_READ: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# O_NONBLOCK: a named pipe would wait for its writer for ever.
_FILE: Final = _READ | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FOLDER: Final = _READ | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder; links and everything else are not listed."""

    name: str
    is_folder: bool
    size_bytes: int
    modified_at: float
    """Unix seconds."""


def read_file(root: Path, parts: Sequence[str], max_bytes: int) -> bytes:
    """The bytes of a regular file.

    Args:
        root: A folder without links in its own path.
        parts: Names below it, no `..`.
        max_bytes: Largest file that is read.

    Raises:
        OSError: ELOOP for a link on the way, EINVAL for what is no regular file, EFBIG for one that is too
            large, and what the system says.
    """
    with (_descriptor if BY_DESCRIPTOR else checked_descriptor)(root, parts) as descriptor:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL, "not a file")
        if status.st_size > max_bytes:
            raise OSError(errno.EFBIG, "too large")
        with open(descriptor, "rb", closefd=False) as file:
            # It may grow while it is read.
            data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, "too large")
    return data


def list_folder(root: Path, parts: Sequence[str]) -> list[Entry]:
    """What a folder holds, by name.

    Raises:
        OSError: As `read_file`; ENOTDIR for what is no folder.
    """
    if not BY_DESCRIPTOR:
        return checked_entries(root, parts)
    with _folder_descriptor(root, parts) as descriptor, os.scandir(descriptor) as entries:
        return _entries(entries)


@contextmanager
def _folder_descriptor(root: Path, parts: Sequence[str]) -> Iterator[int]:
    descriptor = os.open(root, _FOLDER)
    try:
        for part in parts:
            below = _open_at(part, _FOLDER, descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _descriptor(root: Path, parts: Sequence[str]) -> Iterator[int]:
    with _folder_descriptor(root, parts[:-1]) as folder:
        descriptor = _open_at(parts[-1] if parts else ".", _FILE, folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open_at(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError:
        # Linux says ENOTDIR of a link to a folder; a person should hear that it is a link.
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, "a link", name) from None
        raise


@contextmanager
def checked_descriptor(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """A descriptor of a file where the system cannot open below another one (Windows).

    Raises:
        OSError: ELOOP when a component is a link or a junction, or the path became another meanwhile.
    """
    path = _checked(root, parts)
    descriptor = os.open(path, _READ | getattr(os, "O_NONBLOCK", 0))
    try:
        opened, now = os.fstat(descriptor), os.lstat(_checked(root, parts))
        if (opened.st_dev, opened.st_ino) != (now.st_dev, now.st_ino):
            raise OSError(errno.ELOOP, "became another file", str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def checked_entries(root: Path, parts: Sequence[str]) -> list[Entry]:
    """`list_folder` where folders have no descriptors (Windows)."""
    path = _checked(root, parts)
    with os.scandir(path) as entries:
        found = _entries(entries)
    _checked(root, parts)
    return found


def _checked(root: Path, parts: Sequence[str]) -> Path:
    path = root
    for part in parts:
        path /= part
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode) or _is_reparse_point(status):
            raise OSError(errno.ELOOP, "a link", str(path))
    if not path.resolve().is_relative_to(root):
        raise OSError(errno.ELOOP, "leads out", str(path))
    return path


def _is_reparse_point(status: os.stat_result) -> bool:
    """Windows: junctions and their like are no symlinks, and lead elsewhere all the same."""
    return getattr(status, "st_reparse_tag", 0) != 0


def _entries(entries: Iterator[os.DirEntry[str]]) -> list[Entry]:
    found: list[Entry] = []
    for entry in entries:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue  # gone since it was listed
        is_folder = stat.S_ISDIR(status.st_mode)
        if not (is_folder or stat.S_ISREG(status.st_mode)) or _is_reparse_point(status):
            continue
        if getattr(status, "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_HIDDEN:
            continue
        found.append(Entry(entry.name, is_folder, 0 if is_folder else status.st_size, status.st_mtime))
    return sorted(found, key=lambda entry: entry.name)
