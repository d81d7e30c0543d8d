"""Sources on this machine: files inside the declared folders, never through a link, and `data:` URLs."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePath, PureWindowsPath
from typing import IO, Final
from urllib.parse import unquote, unquote_to_bytes

from c2jy_bridge.drafts.materials.material import Refused, split

_MOST_CHARACTERS: Final = 96 * 1024 * 1024
"""A longer one is a file in disguise: it was held in memory several times over by then."""


def decode(source: str) -> bytes:
    """The bytes of a data: URL.

    Raises:
        Refused: It is malformed or far too long.
    """
    if len(source) > _MOST_CHARACTERS:
        raise Refused("too_large", limit=f"{_MOST_CHARACTERS * 3 // 4 // 1024 // 1024} MB")
    head, comma, body = source.partition(",")
    if not comma:
        raise Refused("bad_data_url")
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(body)
    compact = unquote_to_bytes(body).translate(None, b" \t\r\n").replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except binascii.Error as error:
        raise Refused("bad_data_url") from error


def as_path(source: str) -> str:
    """`source` without a `file:` scheme, percent escapes undone where it had one.

    Raises:
        Refused: It begins like a link and is none.
    """
    if source[:5].lower() != "file:":
        return source
    parts = split(source)
    if parts is None:
        raise Refused("bad_link")
    path = unquote(parts.path)
    # file:///C:/a.mp4 has the path /C:/a.mp4
    return path[1:] if os.name == "nt" and len(path) > 2 and path[2] == ":" else path


def open_inside(source: str, folders: Sequence[Path]) -> tuple[IO[bytes], os.stat_result]:
    """Open a local file for reading.

    Args:
        source: An absolute path, a `file:` URL, or a path relative to one of `folders`.
        folders: The declared folders. They may be links themselves; nothing below them may.

    Raises:
        Refused: No folder is declared, the path is outside all of them, of Windows and this is not, goes
            through a link or `..`, or is no readable regular file.
    """
    requested = PurePath(as_path(source))
    if "\0" in source or ".." in requested.parts:
        raise Refused("outside_folders", folders=_listed(folders))
    missing = False
    if os.name != "nt" and not requested.is_absolute() and PureWindowsPath(str(requested)).is_absolute():
        raise Refused("file_elsewhere")
    for folder in folders:
        for parts in _below(requested, folder):
            try:
                return _open_below(folder.resolve(), parts)
            except FileNotFoundError:
                missing = True
    if missing:
        raise Refused("file_missing")
    raise Refused("outside_folders" if folders else "no_folders", folders=_listed(folders))


def _below(requested: PurePath, folder: Path) -> list[tuple[str, ...]]:
    if not requested.is_absolute():
        return [requested.parts] if requested.parts and not requested.anchor else []
    for root in (folder.absolute(), folder.resolve()):
        if requested.is_relative_to(root) and requested != root:
            return [requested.relative_to(root).parts]
    return []


def _open_below(root: Path, parts: tuple[str, ...]) -> tuple[IO[bytes], os.stat_result]:
    try:
        descriptor = _walk(root, parts) if os.open in os.supports_dir_fd else _check_then_open(root, parts)
    except FileNotFoundError:
        raise
    except PermissionError as error:
        raise Refused("file_unreadable") from error
    except OSError as error:  # ELOOP or ENOTDIR: a link where a folder or a file should be
        raise Refused("through_link") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise Refused("not_a_file")
    return os.fdopen(descriptor, "rb"), status


def _walk(root: Path, parts: tuple[str, ...]) -> int:
    # O_NONBLOCK: opening a named pipe must not wait for its writer.
    last = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(parts[-1], last, dir_fd=folder)
    finally:
        os.close(folder)


def _check_then_open(root: Path, parts: tuple[str, ...]) -> int:
    """Windows: no handles relative to a folder; open, then check that the real path is the one asked for."""
    path = root.joinpath(*parts)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    if path.resolve(strict=True) != path or not os.path.samestat(path.stat(), os.fstat(descriptor)):
        os.close(descriptor)
        raise Refused("through_link")
    return descriptor


def _listed(folders: Sequence[Path]) -> str:
    return ", ".join(map(str, folders)) or "-"
