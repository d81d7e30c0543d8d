from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from c2jy_bridge.drafts.write.staging import ASIDE, PREFIX, Staging, owned, sweep, sweep_files

NOW = 2_000_000_000.0


def _dead_pid() -> int:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    return int(ended.stdout)


def _left(root: Path, token: str, *, pid: int | None, age_s: float = 10, host: str = "") -> Path:
    if pid is not None:
        token = f"{token}-{host or owned('').split('-')[1]}-{pid:x}"
    folder = root / f"{PREFIX}{token}"
    folder.mkdir(parents=True)
    os.utime(folder, (NOW - age_s, NOW - age_s))
    return folder


def test_what_is_not_published_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with Staging(tmp_path / "root", "0" * 8) as staging:
            (staging.folder / "x").write_text("x", encoding="utf-8")
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        fail()
    assert os.listdir(tmp_path / "root") == []


def test_publishing_is_one_rename(tmp_path: Path) -> None:
    with Staging(tmp_path, "0" * 8) as staging:
        (staging.folder / "x").write_text("x", encoding="utf-8")
        final = staging.publish("draft")
    assert os.listdir(tmp_path) == ["draft"]
    assert os.listdir(final) == ["x"]


@pytest.mark.parametrize("kind", ["folder", "empty folder", "file", "broken link"])
def test_nothing_that_exists_is_ever_replaced(tmp_path: Path, kind: str) -> None:
    taken = tmp_path / "draft"
    if kind == "file":
        taken.write_text("mine", encoding="utf-8")
    elif kind == "broken link":
        taken.symlink_to(tmp_path / "nowhere")
    else:
        taken.mkdir()
        if kind == "folder":
            (taken / "mine").write_text("mine", encoding="utf-8")
    before = os.lstat(taken).st_ino
    with Staging(tmp_path, "0" * 8) as staging, pytest.raises(FileExistsError):
        staging.publish("draft")
    assert os.listdir(tmp_path) == ["draft"]
    assert os.lstat(taken).st_ino == before


def test_a_sweep_takes_only_what_a_crash_of_ours_left(tmp_path: Path) -> None:
    dead = _left(tmp_path, "1" * 8, pid=_dead_pid())
    old = _left(tmp_path, "2" * 8, pid=os.getpid(), age_s=25 * 3600)
    unmarked = _left(tmp_path, "3" * 8, pid=None, age_s=2 * 3600)
    kept = [
        _left(tmp_path, "4" * 8, pid=os.getpid()),
        _left(tmp_path, "5" * 8, pid=None),
        _left(tmp_path, "6" * 8, pid=_dead_pid(), host="0" * 8),
        tmp_path / "a draft",
        tmp_path / f"{PREFIX}not ours",
    ]
    kept[3].mkdir()
    kept[4].mkdir()
    os.utime(kept[4], (0, 0))
    link = tmp_path / f"{PREFIX}{'7' * 8}"
    link.symlink_to(kept[3])
    assert set(sweep(tmp_path, NOW)) == {dead.name, old.name, unmarked.name}
    assert {p.name for p in kept} | {link.name} == set(os.listdir(tmp_path))


def test_a_draft_that_stood_aside_when_the_crash_came_gets_its_name_back(tmp_path: Path) -> None:
    aside = tmp_path / f"{ASIDE}{'8' * 8}"
    aside.mkdir()
    (aside / "draft_meta_info.json").write_text(json.dumps({"draft_name": "mine"}), encoding="utf-8")
    assert sweep(tmp_path, aside.stat().st_ctime + 5) == []
    sweep(tmp_path, aside.stat().st_ctime + 120)
    assert os.listdir(tmp_path) == ["mine"]


def test_a_draft_that_stood_aside_when_its_process_died_gets_its_name_back_at_once(tmp_path: Path) -> None:
    aside = tmp_path / f"{ASIDE}{owned('8' * 8).rpartition('-')[0]}-{_dead_pid():x}"
    aside.mkdir()
    (aside / "draft_meta_info.json").write_text(json.dumps({"draft_name": "mine"}), encoding="utf-8")
    sweep(tmp_path, aside.stat().st_ctime)
    assert os.listdir(tmp_path) == ["mine"]


def test_a_staging_folder_tells_its_owner_until_the_rename_that_publishes_it(tmp_path: Path) -> None:
    child = """if True:
        import os, sys
        from pathlib import Path
        from c2jy_bridge.drafts.write.staging import Staging
        os.rename = lambda *_: os._exit(9)
        with Staging(Path(sys.argv[1]), "0" * 8) as staging:
            staging.publish("draft")
    """
    assert subprocess.run([sys.executable, "-c", child, str(tmp_path)], check=False).returncode == 9
    assert len(os.listdir(tmp_path)) == 1
    sweep(tmp_path, time.time())
    assert os.listdir(tmp_path) == []


def test_unfinished_files_are_swept_when_their_process_is_gone_and_only_those(tmp_path: Path) -> None:
    start = owned("0" * 8).rpartition("-")[0]
    dead, alive = f"{start}-{_dead_pid():x}", owned("1" * 8)
    gone = [f"draft_content.json.{dead}.c2jy-was", f".out.zip.{dead}.c2jy-part"]
    kept = [f"draft_info.json.{alive}.c2jy-new", f"film-{dead}.mp4", "my.c2jy-part.mp4", "draft_content.json"]
    for name in (*gone, *kept):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / f"link.{dead}.c2jy-new").symlink_to(tmp_path / "draft_content.json")
    assert sorted(sweep_files(tmp_path, time.time())) == sorted(gone)
    assert sorted(os.listdir(tmp_path)) == sorted((*kept, f"link.{dead}.c2jy-new"))
