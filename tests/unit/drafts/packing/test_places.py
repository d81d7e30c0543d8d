"""Drafts folders of the apps, on machines made of a list of paths."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from c2jy_bridge.drafts.library.draft_roots import FileSystem, System, disk, drafts_roots, this_system

TAIL = "User Data/Projects/com.lveditor.draft"


def machine(*files: str, readonly: tuple[str, ...] = ()) -> FileSystem:
    """A file system with these files and the folders above them."""
    folders = {str(parent) for file in files for parent in PurePath(file).parents}
    return FileSystem(
        is_folder=lambda path: path.as_posix() in folders,
        exists=lambda path: path.as_posix() in folders | set(files),
        is_writable=lambda path: path.as_posix() not in readonly,
        names=lambda path: sorted(
            {
                PurePath(p).relative_to(path.as_posix()).parts[0]
                for p in folders | set(files)
                if PurePath(p).is_relative_to(path.as_posix()) and p != path.as_posix()
            }
        ),
    )


MAC = f"/Users/me/Movies/JianyingPro/{TAIL}"
SANDBOX = f"/Users/me/Library/Containers/com.lemon.lvpro/Data/Movies/JianyingPro/{TAIL}"
WSL = f"/mnt/c/Users/小明/AppData/Local/JianyingPro/{TAIL}"
WINDOWS = f"/win/Local/CapCut/{TAIL}"


@pytest.mark.parametrize(
    ("system", "files", "found"),
    [
        ("macos", [f"{MAC}/root_meta_info.json"], [("jianying", MAC, MAC, True)]),
        (
            "macos",
            [f"{MAC}/x", f"{SANDBOX}/.recycle_bin", f"/Users/me/Movies/CapCut/{TAIL}/x"],
            [
                ("jianying", SANDBOX, SANDBOX, True),
                ("jianying", MAC, MAC, False),
                ("capcut", f"/Users/me/Movies/CapCut/{TAIL}", f"/Users/me/Movies/CapCut/{TAIL}", False),
            ],
        ),
        (
            "wsl",
            [f"{WSL}/root_meta_info.json", f"/mnt/c/Users/Public/AppData/Local/JianyingPro/{TAIL}/x"],
            [
                (
                    "jianying",
                    WSL,
                    "C:\\Users\\小明\\AppData\\Local\\JianyingPro\\User Data\\Projects\\com.lveditor.draft",
                    True,
                )
            ],
        ),
        ("windows", [f"{WINDOWS}/root_meta_info.json"], [("capcut", WINDOWS, WINDOWS, True)]),
        ("linux", [f"{MAC}/root_meta_info.json", f"{WSL}/x"], []),
        ("macos", ["/Users/me/Movies/x"], []),
    ],
)
def test_the_folders_of_both_apps_are_found_used_ones_first(
    system: System, files: list[str], found: list[tuple[str, str, str, bool]]
) -> None:
    roots = drafts_roots(system, {"LOCALAPPDATA": "/win/Local"}, Path("/Users/me"), machine(*files))
    assert [(r.app, r.path, r.app_path, r.used) for r in roots] == found


def test_a_folder_that_cannot_be_written_is_said_so() -> None:
    probe = machine(f"{MAC}/root_meta_info.json", readonly=(MAC,))
    (root,) = drafts_roots("macos", {}, Path("/Users/me"), probe)
    assert not root.writable


@pytest.mark.parametrize(
    ("platform", "environment", "release", "system"),
    [
        ("win32", {}, "", "windows"),
        ("darwin", {}, "", "macos"),
        ("linux", {"WSL_DISTRO_NAME": "Ubuntu"}, "", "wsl"),
        ("linux", {}, "5.15.0-microsoft-standard-WSL2", "wsl"),
        ("linux", {}, "6.1.0", "linux"),
    ],
)
def test_the_system_is_told_apart(
    platform: str, environment: dict[str, str], release: str, system: str
) -> None:
    assert this_system(platform, environment, release) == system


def test_the_real_disk_is_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "Movies" / "JianyingPro" / TAIL
    folder.mkdir(parents=True)
    (folder / ".recycle_bin").mkdir()
    (root,) = drafts_roots("macos", {}, tmp_path, disk())
    assert (root.path, root.used, root.writable) == (str(folder), True, True)
    assert disk().names(tmp_path / "none") == []
