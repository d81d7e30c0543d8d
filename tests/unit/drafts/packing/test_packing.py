"""A draft in a zip: what is in it, what stays out, what is left when it fails."""

from __future__ import annotations

import asyncio
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from c2jy_bridge.core.settings import DraftSettings
from c2jy_bridge.drafts import DraftBuilder, DraftError, DraftPacker, Library, Progress

Build = Callable[..., Any]


def _paths(archive: Path, name: str, file: str = "draft_content.json") -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        content = json.loads(opened.read(f"{name}/{file}"))
    return [m["path"] for kind in ("videos", "audios") for m in content["materials"][kind]]


def _listed(folder: Path) -> list[str]:
    return os.listdir(folder)


def _bytes(path: Path) -> bytes:
    return path.read_bytes()


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


async def test_the_zip_has_the_draft_as_one_folder_and_a_readme(
    packer: DraftPacker, draft: Path, tmp_path: Path, windows: str
) -> None:
    before = _tree(draft)
    made = await packer.pack("中国美食", tmp_path / "out.zip", target_root=windows)
    assert (made.path, made.root, made.issues) == (str(tmp_path / "out.zip"), windows, ())
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {name.split("/")[0] for name in names} == {"中国美食", "README.txt"}
        assert all(info.flag_bits & 0x800 for info in archive.infolist() if info.filename != "README.txt")
        assert {name.removeprefix("中国美食/") for name in names} - {"README.txt"} == before.keys()
        for name, data in before.items():
            if name.startswith("materials") or name == "c2jy.json":
                assert archive.read(f"中国美食/{name}") == data
        readme = archive.read("README.txt").decode("utf-8-sig")
    assert windows in readme
    assert "解压" in readme
    assert "Unpack" in readme
    assert _tree(draft) == before


async def test_the_paths_in_the_zip_are_those_of_the_other_machine(
    packer: DraftPacker, draft: Path, tmp_path: Path, windows: str
) -> None:
    await packer.pack("中国美食", tmp_path / "out.zip", target_root=windows)
    for file in ("draft_content.json", "draft_info.json"):
        paths = _paths(tmp_path / "out.zip", "中国美食", file)
        assert len(paths) == 2
        for path in paths:
            assert PureWindowsPath(path).parent == PureWindowsPath(windows) / "中国美食" / "materials"
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        meta = json.loads(archive.read("中国美食/draft_meta_info.json"))
    registered = {e["file_Path"] for e in meta["draft_materials"][0]["value"]}
    assert registered == {p.replace("\\", "/") for p in _paths(tmp_path / "out.zip", "中国美食")}
    assert meta["draft_fold_path"] == f"{windows}\\中国美食".replace("\\", "/")
    assert meta["draft_removable_storage_device"] == "C:"


async def test_an_unpacked_copy_is_checked_where_it_stands(
    packer: DraftPacker, draft: Path, tmp_path: Path, windows: str
) -> None:
    await packer.pack("中国美食", tmp_path / "out.zip", target_root=windows)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        archive.extractall(tmp_path / "there")
    copy = Library(tmp_path / "there", tmp_path / "trash2")
    (told,) = copy.check("中国美食")
    assert (told.code, told.severity) == ("other_root", "warning")
    assert windows in told.message
    gone = next((tmp_path / "there" / "中国美食" / "materials").glob("*.png"))
    gone.unlink()
    faults = [i for i in copy.check("中国美食") if i.severity == "error"]
    assert [(i.code, i.path) for i in faults] == [("media_missing", "materials.videos[0].path")]
    assert gone.name in faults[0].message


async def test_without_another_root_it_is_said_that_the_paths_are_of_this_machine(
    packer: DraftPacker, draft: Path, tmp_path: Path
) -> None:
    made = await packer.pack("中国美食")
    assert [i.code for i in made.issues] == ["packed_for_here"]
    assert Path(made.path) == tmp_path / "exports" / "中国美食.zip"
    again = await packer.pack("中国美食")
    assert Path(again.path).name == "中国美食 (2).zip"


async def test_links_are_not_followed_out_of_the_draft(
    packer: DraftPacker, draft: Path, tmp_path: Path, windows: str
) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("secret", encoding="utf-8")
    (draft / "link.txt").symlink_to(tmp_path / "secret" / "key.txt")
    (draft / "linked").symlink_to(tmp_path / "secret")
    os.mkfifo(draft / "pipe")
    made = await packer.pack("中国美食", tmp_path / "out.zip", target_root=windows)
    assert {i.path for i in made.issues if i.code == "pack_left_out"} == {
        "中国美食/link.txt",
        "中国美食/linked",
        "中国美食/pipe",
    }
    with zipfile.ZipFile(made.path) as archive:
        assert not any("link" in name or "key" in name or "pipe" in name for name in archive.namelist())


async def test_a_draft_with_a_missing_file_is_not_packed(
    packer: DraftPacker, draft: Path, tmp_path: Path
) -> None:
    next((draft / "materials").glob("*.png")).unlink()
    with pytest.raises(DraftError) as caught:
        await packer.pack("中国美食", tmp_path / "out.zip")
    assert [i.path for i in caught.value.issues] == ["materials.videos[0].path"]
    assert not (tmp_path / "out.zip").exists()


async def test_an_older_zip_is_replaced_only_by_a_whole_one_and_nothing_else_ever(
    packer: DraftPacker, draft: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.zip"
    await packer.pack("中国美食", out)
    before = out.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DraftError, match="No space left"):
            await packer.pack("中国美食", out)
    assert out.read_bytes() == before
    note = tmp_path / "note.txt"
    note.write_text("mine", encoding="utf-8")
    with pytest.raises(DraftError):
        await packer.pack("中国美食", note)
    assert note.read_text(encoding="utf-8") == "mine"
    assert [name for name in _listed(tmp_path) if name.endswith(".c2jy-part")] == []


async def test_a_zip_is_not_packed_into_itself(packer: DraftPacker, draft: Path) -> None:
    with pytest.raises(DraftError):
        await packer.pack("中国美食", draft / "materials" / "out.zip")


async def test_a_cancelled_packing_leaves_nothing(packer: DraftPacker, draft: Path, tmp_path: Path) -> None:
    with (draft / "materials" / "large.bin").open("wb") as file:
        file.truncate(256 * 1024 * 1024)
    began = asyncio.Event()
    job = asyncio.create_task(
        packer.pack("中国美食", tmp_path / "out.zip", on_progress=lambda _: began.set())
    )
    await asyncio.wait_for(began.wait(), 30)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert [name for name in _listed(tmp_path) if "out.zip" in name] == []


async def test_progress_counts_every_byte(packer: DraftPacker, draft: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    await packer.pack("中国美食", tmp_path / "out.zip", on_progress=seen.append)
    await asyncio.sleep(0)
    total = sum(map(len, _tree(draft).values()))
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (total, total, "bytes")


async def test_a_build_can_pack_all_its_drafts_into_one_zip(
    builder: DraftBuilder, document: dict[str, Any], tmp_path: Path, windows: str
) -> None:
    report = await builder.build(
        [document, {**document, "name": "二"}], target_root=windows, archive=tmp_path / "out.zip"
    )
    assert {draft.archive for draft in report.drafts} == {str(tmp_path / "out.zip")}
    assert report.issues == ()
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {"中国美食", "二", "README.txt"}


async def test_a_document_may_wish_for_a_zip(build: Build, document: dict[str, Any], tmp_path: Path) -> None:
    draft = await build({**document, "target": {"zip": True, "root": "/Users/me/Movies/drafts"}})
    assert Path(draft.archive) == tmp_path / "exports" / "中国美食.zip"
    assert _paths(Path(draft.archive), "中国美食")[0].startswith("/Users/me/Movies/drafts/中国美食/")


async def test_a_zip_that_cannot_be_written_does_not_cost_the_draft(
    build: Build, document: dict[str, Any], tmp_path: Path
) -> None:
    draft = await build(document, archive=tmp_path / "none" / "out.zip")
    assert _listed(Path(draft.path))
    assert draft.archive == ""


@pytest.mark.parametrize("name", ["", "..", "../x", "/etc", "none"])
async def test_only_drafts_of_the_folder_are_packed(packer: DraftPacker, draft: Path, name: str) -> None:
    with pytest.raises(DraftError):
        await packer.pack(name)


async def test_media_outside_the_draft_are_named(
    make_builder: Any, packer: DraftPacker, document: dict[str, Any], tmp_path: Path, windows: str
) -> None:
    document = {**document, "target": {"media_mode": "reference"}}
    await make_builder(DraftSettings()).build(document)
    made = await packer.pack("中国美食", tmp_path / "out.zip", target_root=windows)
    assert [(i.code, i.path) for i in made.issues] == [("packed_without", "materials.audios[0].path")]


async def test_an_encrypted_draft_is_packed_as_it_is_but_not_respelled(
    packer: DraftPacker, draft: Path, tmp_path: Path, windows: str
) -> None:
    for file in ("draft_content.json", "draft_info.json"):
        (draft / file).write_bytes(b"SGVsbG8gZW5jcnlwdGVkIHdvcmxk")
    made = await packer.pack("中国美食", tmp_path / "out.zip")
    assert [i.code for i in made.issues] == ["packed_encrypted"]
    with pytest.raises(DraftError) as caught:
        await packer.pack("中国美食", tmp_path / "other.zip", target_root=windows)
    assert caught.value.issues[0].code == "encrypted"


async def test_files_and_counts_beyond_the_old_limits_of_zip_are_kept(
    packer: DraftPacker, draft: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    made = await packer.pack("中国美食", tmp_path / "out.zip")
    monkeypatch.undo()
    data = _bytes(Path(made.path))
    assert b"PK\x06\x06" in data  # the ZIP64 end of central directory
    before = _tree(draft)
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(f"中国美食/{name}") for name in before} == before


async def test_what_a_killed_packing_left_is_swept_by_the_next_one(
    packer: DraftPacker, draft: Path, tmp_path: Path
) -> None:
    old, young, other = (
        tmp_path / name for name in (".a.zip.0f.c2jy-part", ".b.zip.1f.c2jy-part", ".c.part")
    )
    for path in (old, young, other):
        path.write_bytes(b"PK")
    for path in (old, other):
        os.utime(path, (0, 0))
    await packer.pack(draft.name, tmp_path / "new.zip")
    assert [path.exists() for path in (old, young, other)] == [False, True, True]
