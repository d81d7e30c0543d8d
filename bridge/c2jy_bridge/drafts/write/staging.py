"""Builds a folder beside the drafts and renames it in one step; reads plain files there, up to a limit."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import socket
import stat
import sys
import zlib
from pathlib import Path
from typing import Final

import orjson

from c2jy_bridge.drafts.write.paths import META, fault

LARGEST_DOCUMENT: Final = 256 * 1024**2
"""Bytes of a draft's JSON that are read; 60,000 clips are about 200 MB."""

_PIECE: Final = 1024 * 1024
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def read_plain(path: Path | str, most: int = LARGEST_DOCUMENT) -> bytes:
    """The bytes of a regular file.

    Args:
        path: The file; a link in its place is refused.
        most: Largest file that is read, bytes.

    Raises:
        OSError: ELOOP for a link, EINVAL for what is no regular file, EFBIG for one that is too large, and
            what the system says.
    """
    handle, size = _open(path, most)
    try:
        data = os.read(handle, size + 1)  # no object of its own: a list reads thousands
        if len(data) == size:
            return data
        pieces, length = [data], len(data)
        while length <= most and (piece := os.read(handle, _PIECE)):
            pieces.append(piece)
            length += len(piece)
    finally:
        os.close(handle)
    if length > most:  # it grew meanwhile
        raise _refusal(errno.EFBIG, path)
    return b"".join(pieces)


def read_head(path: Path, count: int) -> bytes:
    """The first `count` bytes of a regular file, or all of it when it is shorter; raises as `read_plain`."""
    handle, _ = _open(path, LARGEST_DOCUMENT)
    with open(handle, "rb") as file:
        return file.read(count)


def _open(path: Path | str, most: int) -> tuple[int, int]:
    """A handle of a regular file, and its size."""
    if not hasattr(os, "O_NOFOLLOW") and os.path.islink(path):
        raise _refusal(errno.ELOOP, path)
    handle = os.open(path, _FLAGS)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(errno.EINVAL, path)
        if status.st_size > most:
            raise _refusal(errno.EFBIG, path)
    except OSError:
        os.close(handle)
        raise
    return handle, status.st_size


def is_there(path: Path) -> bool:
    """Whether there is a regular file; a path that the system cannot even look at has none."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, a folder that may not be entered
        return False


def _refusal(number: int, path: Path | str) -> OSError:
    return OSError(number, os.strerror(number), str(path))


PREFIX: Final = ".c2jy-tmp-"
ASIDE: Final = ".c2jy-old-"
"""A draft of ours that is being replaced has such a name for as long as one rename takes."""
_OURS: Final = re.compile(re.escape(PREFIX) + r"[0-9A-Fa-f-]{8,64}")
_OLD: Final = re.compile(re.escape(ASIDE) + r"[0-9A-Fa-f-]{8,64}")
_FILE: Final = re.compile(r".+\.c2jy-(?:part|new|was)")
_OWNER: Final = re.compile(r"-(?P<host>[0-9a-f]{8})-(?P<pid>[0-9a-f]{1,8})(?:\.c2jy-\w+)?$")
_ABANDONED_S: Final = 24 * 3600.0
"""After a day unfinished work is stale, even if its pid lives: another process has got the number."""
_ASIDE_S: Final = 60.0
"""Two renames and a sync take milliseconds; after a minute whoever did them is gone."""
_UNOWNED_S: Final = 3600.0
"""Names without an owner are of an earlier version; none is written to for an hour."""


def owned(token: str) -> str:
    """A token for the name of unfinished work: whoever finds it sees which process of which machine does it.

    It is in the name, so that there is no moment in which the work is there and its owner is not known.
    """
    return f"{token}-{_host()}-{os.getpid():x}"


def _host() -> str:
    """Where a process number means something: containers and WSL share a host's name, not its numbers."""
    place = socket.gethostname()
    with contextlib.suppress(OSError):
        place += os.readlink("/proc/self/ns/pid")
    return f"{zlib.crc32(place.encode()):08x}"


class Staging:
    """A staging folder in the drafts folder. Leaving the block removes it unless it was published."""

    def __init__(self, root: Path, token: str) -> None:
        self._root = root
        self.folder = root / f"{PREFIX}{owned(token)}"

    def __enter__(self) -> Staging:
        self._root.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        remove_tree(self.folder)

    def publish(self, name: str) -> Path:
        """Give the folder its name, in one step, after everything in it is on the disk.

        Raises:
            FileExistsError: There is something of that name already; nothing was changed.
        """
        sync_folder(self.folder)
        final = self._root / name
        if os.path.lexists(final):
            raise FileExistsError(name)
        try:
            os.rename(self.folder, final)
        except OSError as error:
            if os.path.lexists(final):
                raise FileExistsError(name) from error
            raise
        sync_folder(self._root)
        return final


def sweep(root: Path, now: float) -> list[str]:
    """Clear away what a crash of ours left behind; returns the names of those folders and files.

    Only plain folders and files directly in `root` whose name is exactly ours, whose process is gone or which
    are old. A draft that was being replaced gets its name back if its replacement was never published.
    """
    gone = sweep_files(root, now)
    for entry in _listed(root):
        if not entry.is_dir(follow_symlinks=False):
            continue
        if _OURS.fullmatch(entry.name) and _is_stale(entry, now):
            remove_tree(Path(entry.path))
            gone.append(entry.name)
        elif _OLD.fullmatch(entry.name) and _is_stale(entry, now, _ASIDE_S):
            _put_back(root, Path(entry.path))
            gone.append(entry.name)
    return gone


def sweep_files(folder: Path, now: float, *, only: str = "") -> list[str]:
    """Remove unfinished files of killed processes directly in a folder; returns their names.

    Args:
        folder: A draft, the drafts folder, or where zips are put.
        now: Unix seconds.
        only: The suffix, where the folder is not ours.
    """
    gone = []
    for entry in _listed(folder):
        if not is_unfinished(entry.name) or not entry.name.endswith(only):
            continue
        with contextlib.suppress(OSError):
            if entry.is_file(follow_symlinks=False) and _is_stale(entry, now):
                os.unlink(entry.path)
                gone.append(entry.name)
    return gone


def is_unfinished(name: str) -> bool:
    """Whether a file has the name of unfinished work."""
    return _FILE.fullmatch(name) is not None


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _put_back(root: Path, aside: Path) -> None:
    try:
        name = str(orjson.loads(read_plain(aside / META))["draft_name"])
        if fault(name) or os.path.lexists(root / name):
            remove_tree(aside)
        else:
            os.rename(aside, root / name)
    except (OSError, ValueError, KeyError, TypeError):
        return  # not as we left it: not removed


def _is_stale(entry: os.DirEntry[str], now: float, most_s: float = _ABANDONED_S) -> bool:
    if is_dead(entry.name):
        return True
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    # A rename does not change when a folder was written to.
    since = status.st_ctime if most_s == _ASIDE_S else status.st_mtime
    return now - since > (most_s if _OWNER.search(entry.name) else min(most_s, _UNOWNED_S))


def is_dead(name: str) -> bool:
    """Whether the process that a name or a token of `owned` tells of is proven to be gone."""
    owner = _OWNER.search(name)
    return owner is not None and owner["host"] == _host() and not _is_running(int(owner["pid"], 16))


def _is_running(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill(pid, 0) would end the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def remove_tree(folder: Path) -> None:
    """Remove a folder of ours; a symlink in its place is left alone."""
    if not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def write_file(path: Path, *pieces: bytes) -> None:
    """Write a new file and put it on the disk."""
    with open(path, "wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Put a folder's entries on the disk, where the system can."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder, links as links, and put every byte of it on the disk.

    Raises:
        OSError: Something of it cannot be copied; what was copied is left to the caller.
    """

    def copy(one: str, to: str) -> str:
        shutil.copy2(one, to, follow_symlinks=False)
        if not os.path.islink(to):
            with open(to, "rb+") as file:
                os.fsync(file.fileno())
        return to

    shutil.copytree(source, target, symlinks=True, copy_function=copy, dirs_exist_ok=True)
    for folder, _, _ in os.walk(target):
        sync_folder(Path(folder))
