"""The paths of a draft rewritten for another drafts folder, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c2jy_bridge.drafts import DraftError, DraftPacker, Library
from c2jy_bridge.drafts.library.relocate import relocate
from c2jy_bridge.drafts.write.paths import TargetRoot, parts_inside, same_folder

Build = Callable[..., Any]
FILES = ("draft_content.json", "draft_info.json", "draft_meta_info.json")


def _json(draft: Path) -> dict[str, Any]:
    return {file: json.loads((draft / file).read_bytes()) for file in FILES}


async def test_every_path_is_rewritten_and_relocating_back_undoes_it(
    packer: DraftPacker, library: Library, draft: Path, windows: str
) -> None:
    before = _json(draft)
    (done,) = (await packer.relocate(["中国美食"], windows)).drafts
    assert (done.root, done.was, done.changed) == (windows, str(draft.parent), 2)
    there = _json(draft)
    assert str(draft.parent) not in json.dumps(there, ensure_ascii=False)
    for file in ("draft_content.json", "draft_info.json"):
        for kind in ("videos", "audios"):
            for material in there[file]["materials"][kind]:
                assert PureWindowsPath(material["path"]).is_relative_to(PureWindowsPath(windows) / "中国美食")
    assert [i.code for i in library.check("中国美食")] == ["other_root"]
    (back,) = (await packer.relocate(["中国美食"], done.was)).drafts
    assert back.was == windows
    assert _json(draft) == before
    assert library.check("中国美食") == []
    assert [name for name in os.listdir(draft) if "c2jy-" in name] == []


async def test_a_renamed_draft_is_mended(packer: DraftPacker, library: Library, draft: Path) -> None:
    os.rename(draft, draft.parent / "新名字")
    assert {i.code for i in library.check("新名字")} == {"media_missing", "other_root"}
    await packer.relocate(["新名字"], str(draft.parent))
    assert library.check("新名字") == []
    assert _json(draft.parent / "新名字")["draft_meta_info.json"]["draft_name"] == "新名字"


async def test_drafts_of_others_and_encrypted_ones_are_left_alone(
    packer: DraftPacker, build: Build, draft: Path, windows: str
) -> None:
    foreign = draft.parent / "theirs"
    other = Path(
        (
            await build(
                {"name": "locked", "tracks": [{"type": "text", "clips": [{"text": "x", "duration": 1}]}]}
            )
        ).path
    )
    foreign.mkdir()
    (foreign / "draft_content.json").write_bytes((draft / "draft_content.json").read_bytes())
    (other / "draft_content.json").write_bytes(b"SGVsbG8gZW5jcnlwdGVk")
    before = {
        folder: {p: p.read_bytes() for p in folder.iterdir() if p.is_file()} for folder in (foreign, other)
    }
    report = await packer.relocate(None, windows)
    assert [d.name for d in report.drafts] == ["中国美食"]
    assert {(i.path, i.code, i.severity) for i in report.issues} == {
        ("theirs", "not_ours", "warning"),
        ("locked/draft_content.json", "encrypted", "warning"),
    }
    for files in before.values():
        for path, data in files.items():
            assert path.read_bytes() == data
    for name in ("theirs", "locked"):
        with pytest.raises(DraftError):
            await packer.relocate([name], windows)


@pytest.mark.parametrize("root", ["", "relative", "../x", "C:", "C:relative"])
async def test_a_root_that_is_no_absolute_path_changes_nothing(
    packer: DraftPacker, draft: Path, root: str
) -> None:
    before = _json(draft)
    with pytest.raises(DraftError):
        await packer.relocate(None, root)
    assert _json(draft) == before


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_disk_that_refuses_leaves_the_draft_as_it_was(
    draft: Path, windows: str, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {file: (draft / file).read_bytes() for file in FILES}
    real, count = os.replace, -1

    def replace(source: Path, target: Path) -> None:
        nonlocal count
        count += str(source).endswith(".c2jy-new")
        if count == failing and str(source).endswith(".c2jy-new"):
            raise PermissionError(13, "in use")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OSError, match="in use"):
        relocate(draft, TargetRoot.of(windows, draft.parent))
    assert {file: (draft / file).read_bytes() for file in FILES} == before
    assert [name for name in os.listdir(draft) if "c2jy-" in name] == []


def test_a_link_in_place_of_a_file_is_not_written_through(draft: Path, windows: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes((draft / "draft_info.json").read_bytes())
    (draft / "draft_info.json").unlink()
    (draft / "draft_info.json").symlink_to(outside)
    before = outside.read_bytes()
    with pytest.raises(DraftError):
        relocate(draft, TargetRoot.of(windows, draft.parent))
    (draft / "draft_info.json").unlink()
    (draft / "draft_content.json.c2jy-new").symlink_to(outside)
    relocate(draft, TargetRoot.of(windows, draft.parent))
    assert outside.read_bytes() == before


_NAMES = st.text("ab c中", min_size=1, max_size=8).filter(lambda name: name.strip() == name)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(parts=st.lists(_NAMES, min_size=1, max_size=4), system=st.sampled_from(["windows", "posix", "share"]))
def test_any_root_and_back_gives_the_same_draft(draft: Path, parts: list[str], system: str) -> None:
    root = {
        "windows": "D:\\" + "\\".join(parts),
        "posix": "/" + "/".join(parts),
        "share": "\\\\host\\share\\" + "\\".join(parts),
    }[system]
    before = _json(draft)
    done = relocate(draft, TargetRoot.of(root, draft.parent))
    assert done.changed == 2
    relocate(draft, TargetRoot.of(done.was, draft.parent))
    assert _json(draft) == before


def test_wsl_and_windows_spell_one_folder() -> None:
    from pathlib import PurePosixPath

    assert same_folder(PurePosixPath("/mnt/c/Users/me/x"), PureWindowsPath("c:\\users\\Me\\x"))
    assert not same_folder(PurePosixPath("/mnt/d/x"), PureWindowsPath("C:\\x"))


def test_a_path_with_steps_back_is_never_inside() -> None:
    assert parts_inside("C:\\d\\x\\..\\materials\\a.png", PureWindowsPath("C:\\d"), lambda _: True) is None
