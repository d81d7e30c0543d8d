"""Where JianYing and CapCut keep drafts on this machine: looked for, never chosen.

Pure over an environment and a probe of the file system. Sources of the folders: facts of 2026-11 on
capcut-mate's draftPathDetect.js and Coze2JianYing; the user may have moved the folder in the app's settings.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

System = Literal["windows", "macos", "wsl", "linux"]
App = Literal["jianying", "capcut"]

_PROJECTS: Final = ("User Data", "Projects", "com.lveditor.draft")
_FOLDER: Final[Mapping[App, str]] = {"jianying": "JianyingPro", "capcut": "CapCut"}
_SANDBOX: Final = ("Library", "Containers", "com.lemon.lvpro", "Data", "Movies", "JianyingPro")
_SIGNS: Final = ("root_meta_info.json", ".recycle_bin")
"""What the app makes in its drafts folder (capcut-mate's test)."""
_NOBODY: Final = frozenset({"all users", "default", "default user", "public", "defaultapppool"})


@dataclass(frozen=True, slots=True)
class DraftsRoot:
    """A drafts folder that was found."""

    app: App
    path: str
    """As this machine spells it."""
    app_path: str
    """As the app spells it: other than `path` in WSL only. What `--target-root` wants there."""
    used: bool
    """The app has worked in it: its list or its recycle bin is there."""
    writable: bool


@dataclass(frozen=True, slots=True)
class DefaultRoot:
    """Where an app keeps drafts on a system unless the user moved them."""

    app: App
    system: Literal["windows", "macos"]
    name: str
    """Of the app and the system, for people."""
    path: str
    """`<name>` in it is a placeholder for the account."""


USUAL: Final = (
    DefaultRoot(
        "jianying",
        "windows",
        "剪映 JianYing, Windows",
        "\\".join((r"C:\Users\<name>\AppData\Local\JianyingPro", *_PROJECTS)),
    ),
    DefaultRoot(
        "jianying",
        "macos",
        "剪映 JianYing, macOS",
        "/".join(("/Users/<name>/Movies/JianyingPro", *_PROJECTS)),
    ),
    DefaultRoot(
        "capcut",
        "windows",
        "CapCut, Windows",
        "\\".join((r"C:\Users\<name>\AppData\Local\CapCut", *_PROJECTS)),
    ),
    DefaultRoot("capcut", "macos", "CapCut, macOS", "/".join(("/Users/<name>/Movies/CapCut", *_PROJECTS))),
)


@dataclass(frozen=True, slots=True)
class FileSystem:
    """The file system as the search sees it."""

    is_folder: Callable[[Path], bool]
    exists: Callable[[Path], bool]
    is_writable: Callable[[Path], bool]
    names: Callable[[Path], list[str]]
    """Of a folder's entries; empty when it cannot be read."""


def drafts_roots(
    system: System, environment: Mapping[str, str], home: Path, probe: FileSystem
) -> list[DraftsRoot]:
    """The drafts folders there are, those that an app has used first.

    Args:
        system: What this machine is.
        environment: LOCALAPPDATA and APPDATA on Windows.
        home: The user's home folder.
        probe: Looks at the disk.
    """
    found: dict[Path, DraftsRoot] = {}
    for app, path, app_path in _candidates(system, environment, home, probe):
        if path not in found and probe.is_folder(path):
            used = any(probe.exists(path / sign) for sign in _SIGNS)
            found[path] = DraftsRoot(app, str(path), app_path, used, probe.is_writable(path))
    return sorted(found.values(), key=lambda root: not root.used)


def _candidates(
    system: System, environment: Mapping[str, str], home: Path, probe: FileSystem
) -> Iterator[tuple[App, Path, str]]:
    if system == "windows":
        local = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
        roaming = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
        for base in (local, roaming):
            for app, folder in _FOLDER.items():
                path = base.joinpath(folder, *_PROJECTS)
                yield app, path, str(path)
    elif system == "macos":
        for app, folder in _FOLDER.items():
            path = home.joinpath("Movies", folder, *_PROJECTS)
            yield app, path, str(path)
        path = home.joinpath(*_SANDBOX, *_PROJECTS)
        yield "jianying", path, str(path)
    elif system == "wsl":
        yield from _in_windows(probe)


def _in_windows(probe: FileSystem) -> Iterator[tuple[App, Path, str]]:
    """Windows' drives as WSL mounts them."""
    mounts = Path("/mnt")
    for drive in sorted(name for name in probe.names(mounts) if len(name) == 1 and name.isalpha()):
        users = mounts / drive / "Users"
        for user in sorted(probe.names(users)):
            if user.lower() in _NOBODY:
                continue
            for app, folder in _FOLDER.items():
                tail = (user, "AppData", "Local", folder, *_PROJECTS)
                yield app, users.joinpath(*tail), "\\".join((f"{drive.upper()}:", "Users", *tail))


def this_system(
    platform: str = sys.platform, environment: Mapping[str, str] = os.environ, release: str | None = None
) -> System:
    """What this machine is.

    Args:
        platform: As `sys.platform` names it.
        environment: WSL sets WSL_DISTRO_NAME.
        release: The kernel's; None asks the system.
    """
    if platform == "win32":
        return "windows"
    if platform == "darwin":
        return "macos"
    kernel = os.uname().release if release is None and hasattr(os, "uname") else release or ""
    return "wsl" if "WSL_DISTRO_NAME" in environment or "microsoft" in kernel.lower() else "linux"


def disk() -> FileSystem:
    """The real file system."""

    def names(folder: Path) -> list[str]:
        try:
            return os.listdir(folder)
        except OSError:
            return []

    return FileSystem(os.path.isdir, os.path.exists, lambda path: os.access(path, os.R_OK | os.W_OK), names)
