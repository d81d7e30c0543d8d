"""Trash and restore between two disks, killed before each thing that a disk sees."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from c2jy_bridge.drafts import Library

CHILD = """if True:
    import errno, os, sys
    from pathlib import Path
    from c2jy_bridge.drafts import Library
    from faults.kill_steps import Steps

    action, trash, drafts, step, cut = sys.argv[1:]
    real = os.rename

    def rename(source, target):
        if cut == "made up" and str(source).startswith(trash) != str(target).startswith(trash):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target)

    os.rename = rename
    steps = Steps([Path(trash), Path(drafts)], int(step))
    library = Library(Path(drafts), Path(trash))
    ticket = library.trashed()[0].ticket if action == "restore" else ""
    steps.watch()
    library.restore(ticket) if ticket else library.trash("made")
    steps.counting = False
    print(len(steps.taken))
"""
CONTENT = '{"tracks":[],"materials":{}}'


@pytest.fixture(params=["made up", "real"])
def disks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path, Path]]:
    """How the two are different, a folder for the trash and one for the drafts."""
    if request.param == "made up":
        yield "made up", tmp_path / "trash", tmp_path / "drafts"
        return
    other = Path("/dev/shm")
    if not os.access(other, os.W_OK) or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("/dev/shm is not there, or on the disk of the temporary folder")
    with tempfile.TemporaryDirectory(dir=other) as folder:
        yield "real", Path(folder) / "trash", tmp_path / "drafts"


def _child(action: str, cut: str, trash: Path, drafts: Path, step: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD, action, str(trash), str(drafts), str(step), cut]
    here = Path(__file__).resolve().parents[1]  # where the child finds `faults`
    return subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=60, check=False)


def _prepare(action: str, cut: str, trash: Path, drafts: Path) -> None:
    for folder in (trash, drafts):
        shutil.rmtree(folder, ignore_errors=True)
    (drafts / "made" / "materials").mkdir(parents=True)
    (drafts / "made" / "draft_content.json").write_text(CONTENT)
    (drafts / "made" / "materials" / "film.mp4").write_bytes(b"film" * 1000)
    if action == "restore":
        assert _child("trash", cut, trash, drafts, 0).returncode == 0


def _held(trash: Path, drafts: Path) -> tuple[list[str], list[str]]:
    """Names in the drafts folder and in the trash, as the next start finds them; each must be whole."""
    library = Library(drafts, trash)
    names, trashed = [view.name for view in library.list()], library.trashed()
    for folder in (*(drafts / name for name in names), *(trash / t.ticket / "draft" for t in trashed)):
        assert (folder / "draft_content.json").read_text() == CONTENT
        assert (folder / "materials" / "film.mp4").read_bytes() == b"film" * 1000
    assert sorted(os.listdir(drafts) if drafts.exists() else []) == sorted(names)
    assert sorted(os.listdir(trash) if trash.exists() else []) == sorted(t.ticket for t in trashed)
    for entry in trashed:
        assert sorted(os.listdir(trash / entry.ticket)) == ["c2jy-trashed.json", "draft"]
    return names, [entry.draft.name for entry in trashed]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("action", ["trash", "restore"])
def test_a_draft_moved_to_another_disk_is_whole_in_one_place_wherever_the_move_is_killed(
    disks: tuple[str, Path, Path], action: str
) -> None:
    cut, trash, drafts = disks
    _prepare(action, cut, trash, drafts)
    done = _child(action, cut, trash, drafts, 0)
    assert done.returncode == 0, done.stderr
    after = _held(trash, drafts)
    assert after == ((["made"], []) if action == "restore" else ([], ["made"]))
    for step in range(1, int(done.stdout) + 1):
        _prepare(action, cut, trash, drafts)
        assert _child(action, cut, trash, drafts, step).returncode == -9
        names, trashed = _held(trash, drafts)
        assert names + trashed == ["made"], f"{step}: {names}, {trashed} in the trash"
