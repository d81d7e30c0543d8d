"""Default locations of the program's files (platformdirs), and which other ones cannot be meant."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final, Literal

import platformdirs

APP: Final = "c2jy-tui"


def default_data_dir() -> Path:
    """Journal, cache of materials, trash, logs."""
    return Path(platformdirs.user_data_dir(APP, appauthor=False))


def default_config_file() -> Path:
    """The settings file; it need not exist."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "config.toml"


def expanded(path: Path) -> Path:
    """A path with `~` or `~user` at its beginning replaced, as shells do; unchanged without such a user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def install_command(extra: str) -> str:
    """The command that adds an extra to the environment that the app runs in, for any shell."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    return f'{python} -m pip install "{APP}[{extra}]"'


PathFault = Literal["windows", "user", "encoding", "long", "missing", ""]
LONGEST_NAME: Final = 255
"""Bytes in one name (Linux and macOS; NTFS counts as many UTF-16 units)."""
LONGEST_PATH: Final = 460
"""Bytes in the path of a folder for data or drafts: SQLite takes 512 for a file (os_unix.c, MAX_PATHNAME)."""


def path_fault(path: Path, platform: str = sys.platform) -> PathFault:
    """Why no folder should be made at `path`, which the settings name; empty when it may.

    A path of Windows is a relative one elsewhere, so it would appear in the current folder, as would `~user`.
    """
    text = str(path)
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "encoding"
    if platform != "win32" and re.match(r"[A-Za-z]:[\\/]|[A-Za-z]:$|\\", text):
        return "windows"
    if text.startswith("~"):
        return "user"
    if len(os.fsencode(text)) > LONGEST_PATH or any(
        len(os.fsencode(part)) > LONGEST_NAME for part in path.parts
    ):
        return "long"
    try:
        there = path.exists() or path.absolute().parent.exists()
    except OSError:
        return ""  # whoever opens it says why
    return "" if there else "missing"
