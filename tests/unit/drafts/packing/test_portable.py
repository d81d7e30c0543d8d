"""Drafts whose media are named by the apps' placeholder: whole wherever they are put."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.core.settings import DraftSettings
from c2jy_bridge.drafts import DraftBuilder, DraftError, DraftPacker, Library
from c2jy_bridge.drafts.write.paths import PLACEHOLDER, local_view, media_form, placeholder_parts

Build = Callable[..., Any]
FILES = ("draft_content.json", "draft_info.json", "draft_meta_info.json")
NAME = "中国美食"


def _data(draft: Path) -> dict[str, bytes]:
    return {file: (draft / file).read_bytes() for file in FILES}


def _opened(root: Path, tmp_path: Path) -> Library:
    return Library(root, tmp_path / "trash")


def _form(library: Library, name: str = NAME) -> str:
    return library.detail(name).view.media_paths


async def test_a_portable_draft_is_whole_in_another_folder_under_another_name(
    portable: Path, library: Library, tmp_path: Path
) -> None:
    assert library.check(NAME) == []
    elsewhere = tmp_path / "盘 D" / "drafts"
    elsewhere.mkdir(parents=True)
    shutil.move(portable, elsewhere / "另一个")
    moved = _opened(elsewhere, tmp_path)
    assert moved.check("另一个") == []
    assert [(view.state, view.media_paths) for view in moved.list()] == [("ok", "portable")]


async def test_a_portable_draft_is_whole_where_its_zip_is_unpacked(
    packer: DraftPacker, portable: Path, tmp_path: Path
) -> None:
    made = await packer.pack(NAME, tmp_path / "out.zip")
    assert (made.root, made.issues) == ("", ())
    shutil.rmtree(portable.parent)
    with zipfile.ZipFile(made.path) as archive:
        archive.extractall(tmp_path / "there")
        readme = archive.read("README.txt").decode("utf-8-sig")
    assert str(portable.parent) not in readme
    assert "any drafts folder" in readme
    assert _opened(tmp_path / "there", tmp_path).check(NAME) == []


async def test_a_draft_is_made_portable_and_absolute_again_byte_for_byte(
    packer: DraftPacker, library: Library, draft: Path
) -> None:
    before = _data(draft)
    (told,) = (await packer.relocate([NAME], portable=True, dry_run=True)).drafts
    assert _data(draft) == before
    (done,) = (await packer.relocate([NAME], portable=True)).drafts
    assert told == done
    assert (done.changed, done.root, done.was) == (2, "", str(draft.parent))
    assert (done.media_paths_were, done.media_paths) == ("absolute", "portable")
    assert (_form(library), library.check(NAME)) == ("portable", [])
    content = json.loads(_data(draft)["draft_content.json"])
    assert {m["check_flag"] for m in content["materials"]["videos"]} == {62978047}
    meta = json.loads(_data(draft)["draft_meta_info.json"])
    assert all(e["file_Path"].startswith("./materials/") for e in meta["draft_materials"][0]["value"])
    (back,) = (await packer.relocate([NAME])).drafts
    assert (back.was, back.media_paths_were, back.media_paths) == ("", "portable", "absolute")
    assert _data(draft) == before


async def test_what_is_made_portable_is_what_would_have_been_built(
    make_builder: Callable[..., DraftBuilder], document: Any, packer: DraftPacker, tmp_path: Path
) -> None:
    def without_ids(draft: Path) -> list[Any]:
        content, meta = (json.loads(_data(draft)[file]) for file in ("draft_content.json", FILES[2]))
        pictures = content["materials"]["videos"] + content["materials"]["audios"]
        entries = meta["draft_materials"][0]["value"]
        return [(m["path"], m["check_flag"]) for m in pictures] + [e["file_Path"] for e in entries]

    (new,) = (await make_builder().build({**document, "name": "neu"})).drafts
    (old,) = (await make_builder(DraftSettings(media_paths="absolute")).build(document)).drafts
    await packer.relocate([NAME], portable=True)
    assert without_ids(Path(old.path)) == without_ids(Path(new.path))


async def test_a_root_that_is_named_gets_absolute_paths_in_the_zip_and_the_draft_stays(
    packer: DraftPacker, portable: Path, tmp_path: Path, windows: str
) -> None:
    before = _data(portable)
    made = await packer.pack(NAME, tmp_path / "out.zip", target_root=windows)
    with zipfile.ZipFile(made.path) as archive:
        content = json.loads(archive.read(f"{NAME}/draft_content.json"))
    paths = [m["path"] for kind in ("videos", "audios") for m in content["materials"][kind]]
    assert all(path.startswith(f"{windows}\\{NAME}\\materials\\") for path in paths)
    assert {m["check_flag"] for m in content["materials"]["videos"]} == {63487}
    assert _data(portable) == before


async def test_a_draft_keeps_its_form_when_it_is_built_again(
    builder: DraftBuilder, packer: DraftPacker, library: Library, portable: Path
) -> None:
    (again,) = (await builder.rebuild(portable)).drafts
    assert _form(library, again.name) == "portable"
    await packer.relocate([again.name], "C:\\d")
    (third,) = (await builder.rebuild(Path(again.path))).drafts
    assert _form(library, third.name) == "absolute"
    assert [i.code for i in library.check(third.name)] == ["other_root"]
    await packer.relocate([third.name], portable=True)
    (fourth,) = (await builder.rebuild(Path(third.path))).drafts
    assert _form(library, fourth.name) == "portable"


async def test_the_apps_own_placeholders_are_followed_and_never_rewritten(
    packer: DraftPacker, library: Library, portable: Path
) -> None:
    own = f"{PLACEHOLDER}/textReading/voice.wav"
    (portable / "textReading").mkdir()
    (portable / "textReading" / "voice.wav").write_bytes(b"RIFF")
    for file in FILES[:2]:
        content = json.loads((portable / file).read_bytes())
        content["materials"]["audios"][0]["path"] = own
        (portable / file).write_text(json.dumps(content), encoding="utf-8")
    assert library.check(NAME) == []
    await packer.relocate([NAME], "C:\\d")
    content = json.loads((portable / FILES[0]).read_bytes())
    assert content["materials"]["audios"][0]["path"] == own
    assert _form(library) == "mixed"
    os.unlink(portable / "textReading" / "voice.wav")
    assert "media_missing" in {i.code for i in library.check(NAME)}


async def test_media_that_are_referenced_where_they_are_stay_absolute(
    build: Build, document: Any, library: Library
) -> None:
    await build({**document, "target": {"media_mode": "reference", "media_paths": "portable"}})
    assert (_form(library), library.check(NAME)) == ("absolute", [])


async def test_a_draft_without_media_has_no_form_and_packs_for_any_folder(
    build: Build, packer: DraftPacker, library: Library, tmp_path: Path
) -> None:
    await build({"name": "x", "tracks": [{"type": "text", "clips": [{"text": "x", "duration": 1}]}]})
    assert _form(library, "x") == "none"
    assert (await packer.pack("x", tmp_path / "x.zip")).issues == ()


async def test_an_empty_root_is_no_way_to_say_here(packer: DraftPacker, draft: Path) -> None:
    before = _data(draft)
    with pytest.raises(DraftError, match="absolute"):
        await packer.relocate([NAME], " ")
    assert _data(draft) == before


@pytest.mark.parametrize(
    "below", ["../x.mp4", "materials/../../x", "C:/x", "C:\\x", "a:b/c", ".", "materials\\..\\..\\x"]
)
def test_a_placeholder_never_leads_out_of_the_draft(below: str, tmp_path: Path) -> None:
    assert placeholder_parts(f"{PLACEHOLDER}/{below}") is None
    assert local_view(f"{PLACEHOLDER}/{below}", tmp_path / "x") is None


@given(st.text(max_size=30))
def test_whatever_follows_a_placeholder_it_stays_inside(below: str) -> None:
    found = local_view(f"{PLACEHOLDER}/{below}", Path("/drafts/x"))
    assert found is None or Path(os.path.normpath(found)).is_relative_to("/drafts/x")


def test_the_form_of_a_draft_is_that_of_all_its_paths() -> None:
    assert media_form([]) == "none"
    assert media_form([f"{PLACEHOLDER}/a", "##_draftpath_placeholder_##/b"]) == "portable"
    assert media_form(["C:\\a", "/b"]) == "absolute"
    assert media_form([f"{PLACEHOLDER}/a", "/b"]) == "mixed"
