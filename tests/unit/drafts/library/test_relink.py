"""Missing media are found by name or checksum in folders that the user names."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from app_drafts import PLACEHOLDER, jianying_59, write
from c2jy_bridge.drafts import DraftError, Library
from c2jy_bridge.drafts.library.relink import relink

LOST = "E:/shoot/day 1/Wide.PNG"


@pytest.fixture
def draft(tmp_path: Path, media: Path) -> Path:
    """A draft of a Windows machine: its picture, video and sound are not here."""
    content = jianying_59(LOST, r"D:\videos\clip.mp4", "C:/Users/ann/Music/song.wav")
    entry = {"file_Path": LOST, "id": "L1", "md5": "", "metetype": "photo"}
    return write(tmp_path / "drafts" / "x", content, [entry])


@pytest.fixture
def disk(tmp_path: Path, media: Path) -> Path:
    """Where the user has the media now."""
    folder = tmp_path / "disk" / "2024"
    folder.mkdir(parents=True)
    shutil.copy(media / "wide.png", folder / "wide.png")
    shutil.copy(media / "video.mp4", folder / "clip.mp4")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_media_are_found_by_name_and_nothing_else_of_the_draft_changes(
    library: Library, draft: Path, disk: Path
) -> None:
    before = files(draft)
    done = relink(draft, [disk.parent])
    assert (done.missing, {found.by for found in done.found}) == (3, {"name"})
    assert [issue.code for issue in done.issues] == ["relink_not_found"]
    after = files(draft)
    for name in ("draft_content.json", "draft_meta_info.json"):
        expected = before[name].decode().replace(LOST, str(disk / "wide.png"))
        expected = expected.replace(r"D:\\videos\\clip.mp4", str(disk / "clip.mp4"))
        assert after.pop(name).decode() == expected
        assert after.pop(name.replace(".json", ".c2jy-backup.json")) == before.pop(name)
    assert after == before
    assert [issue.path for issue in library.check("x")] == ["materials.audios[0].path"]


def test_a_dry_run_says_the_same_and_changes_nothing(draft: Path, disk: Path) -> None:
    before = files(draft)
    said = relink(draft, [disk], dry_run=True)
    assert files(draft) == before
    assert said == relink(draft, [disk])


def test_of_several_files_of_a_name_none_is_taken_unless_they_are_the_same(draft: Path, disk: Path) -> None:
    (disk / "copy").mkdir()
    shutil.copy(disk / "wide.png", disk / "copy" / "wide.png")
    (disk / "copy" / "clip.mp4").write_bytes(b"another")
    done = relink(draft, [disk], dry_run=True)
    assert [found.path for found in done.found] == [LOST]
    assert sorted(issue.code for issue in done.issues) == ["relink_not_found", "relink_several"]


@pytest.mark.parametrize("noted", ["name", "meta"])
def test_a_renamed_file_is_found_by_its_checksum(tmp_path: Path, disk: Path, noted: str, media: Path) -> None:
    md5 = hashlib.md5((disk / "wide.png").read_bytes()).hexdigest()
    path = f"{PLACEHOLDER}/Resources/local/{md5 if noted == 'name' else 'old'}.png"
    entry = {"file_Path": path, "id": "L1", "md5": md5 if noted == "meta" else ""}
    content = jianying_59(path, str(media / "video.mp4"), str(media / "sound.wav"))
    draft = write(tmp_path / "drafts" / "y", content, [entry])
    (disk / "wide.png").rename(disk / "holiday.png")
    (found,) = relink(draft, [disk]).found
    assert (found.by, Path(found.file).name) == ("checksum", "holiday.png")
    inner = json.loads((draft / "draft_content.json").read_text())["materials"]["drafts"][0]["draft"]
    assert inner["materials"]["videos"][0]["path"] == str(disk / "holiday.png")


def test_every_copy_of_the_content_is_repointed(draft: Path, disk: Path) -> None:
    for name in ("draft_info.json", "Timelines/T1/draft_content.json", "subdraft/INNER/draft_content.json"):
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(draft / "draft_content.json", draft / name)
    relink(draft, [disk])
    assert not [name for name, data in files(draft).items() if LOST.encode() in data and "backup" not in name]


def test_media_inside_the_draft_are_named_by_the_placeholder(draft: Path, disk: Path) -> None:
    (draft / "materials").mkdir()
    shutil.copy(disk / "wide.png", draft / "materials")
    relink(draft, [draft])
    content: dict[str, Any] = json.loads((draft / "draft_content.json").read_text())
    assert content["materials"]["videos"][0]["path"] == f"{PLACEHOLDER}/materials/wide.png"


def test_an_encrypted_draft_and_a_folder_that_is_not_there_are_refused(draft: Path, tmp_path: Path) -> None:
    with pytest.raises(DraftError) as refused:
        relink(draft, [tmp_path / "nowhere"])
    assert [issue.code for issue in refused.value.issues] == ["relink_no_folder"]
    (draft / "draft_content.json").write_bytes(b"h4g8XOe61B0b0IMRMLzcc3jJ8IBRca")
    with pytest.raises(DraftError) as refused:
        relink(draft, [tmp_path])
    assert [issue.code for issue in refused.value.issues] == ["encrypted"]
