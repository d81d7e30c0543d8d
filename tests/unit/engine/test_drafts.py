"""The drafts as a face asks for them, over real folders."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from c2jy_bridge.compat.coze2jianying import read_document
from c2jy_bridge.core.draft_views import DraftError
from c2jy_bridge.core.settings import DraftSettings, MaterialSettings
from c2jy_bridge.drafts import DraftBuilder, DraftPacker, DraftsRoot, Library, TemplateFiller
from c2jy_bridge.drafts.preview.previewer import Previewer
from c2jy_bridge.engine.drafts import Drafts, places, zip_path

DOCUMENT = json.dumps(
    {
        "schema": "c2jy/1",
        "name": "夏天",
        "tracks": [{"type": "text", "clips": [{"text": "你好", "duration": 2}]}],
    }
)


@pytest.fixture
async def drafts(tmp_path: Path) -> AsyncIterator[Drafts]:
    library = Library(tmp_path / "drafts", tmp_path / "trash")
    builder = DraftBuilder(
        root=tmp_path / "drafts",
        cache_dir=tmp_path / "cache",
        settings=DraftSettings(),
        materials=MaterialSettings(),
        reader=read_document,
    )
    found = Drafts(
        builder,
        library,
        DraftPacker(library, tmp_path / "exports"),
        TemplateFiller(builder, library, time.time),
        Previewer(library, tmp_path / "exports"),
    )
    await found.build(DOCUMENT)
    yield found
    await found.aclose()


async def test_a_draft_is_packed_for_windows_into_the_folder_for_zips(drafts: Drafts, tmp_path: Path) -> None:
    offer = await drafts.packing("夏天")
    assert (offer.spelled_for, offer.out) == (str(tmp_path / "drafts"), str(tmp_path / "exports"))
    packed = await drafts.pack("夏天", target_root=r"D:\Drafts")
    assert (packed.path, packed.root) == (str(tmp_path / "exports" / "夏天.zip"), r"D:\Drafts")
    with zipfile.ZipFile(packed.path) as archive:
        meta = json.loads(archive.read("夏天/draft_meta_info.json"))
    assert meta["draft_fold_path"].replace("/", "\\") == r"D:\Drafts\夏天"


async def test_a_zip_that_is_there_goes_only_when_that_was_said(drafts: Drafts, tmp_path: Path) -> None:
    place = tmp_path / "to send"
    first = await drafts.pack("夏天", str(place))
    assert first.path == f"{place}.zip"
    with pytest.raises(DraftError) as caught:
        await drafts.pack("夏天", str(place))
    assert caught.value.issues[0].code == "pack_there"
    assert (await drafts.pack("夏天", str(place), replace_zip=True)).path == first.path


async def test_a_folder_that_is_not_there_is_said_to_be_missing(drafts: Drafts, tmp_path: Path) -> None:
    with pytest.raises(DraftError) as caught:
        await drafts.pack("夏天", f"{tmp_path}/nowhere/")
    assert caught.value.issues[0].code == "pack_no_folder"
    assert not (tmp_path / "nowhere").exists()


async def test_the_trash_is_the_same_for_a_later_run(drafts: Drafts, tmp_path: Path) -> None:
    await drafts.trash("夏天")
    assert await drafts.list() == []
    library = Library(tmp_path / "drafts", tmp_path / "trash")
    later = Drafts(drafts._builder, library, drafts._packer, drafts._filler, drafts._previewer)
    (entry,) = await later.trashed()
    assert entry.draft.name == "夏天"
    assert await later.restore(entry.ticket) == "夏天"
    assert [view.name for view in await drafts.list()] == ["夏天"]


@pytest.mark.parametrize(
    ("typed", "place"),
    [("", None), ("  ", None), ("/x/y.zip", "/x/y.zip"), ("/x/y.ZIP", "/x/y.ZIP"), ("/x/y", "/x/y.zip")],
)
def test_a_typed_place_is_a_zip_unless_it_is_a_folder(typed: str, place: str | None) -> None:
    assert zip_path(typed) == (Path(place) if place else None)


def test_home_may_be_written_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert zip_path("~/film.zip") == tmp_path / "film.zip"
    assert zip_path("~") == tmp_path


def test_folders_of_this_machine_are_offered_first_as_the_app_spells_them() -> None:
    found = DraftsRoot("capcut", "/mnt/c/Users/me/Drafts", r"C:\Users\me\Drafts", used=True, writable=True)
    offered = places([found])
    assert (offered[0].app, offered[0].system, offered[0].path) == ("capcut", "here", r"C:\Users\me\Drafts")
    assert [(place.app, place.system) for place in offered[1:]] == [
        ("jianying", "windows"),
        ("jianying", "macos"),
        ("capcut", "windows"),
        ("capcut", "macos"),
    ]
    assert all("<name>" in place.path for place in offered[1:])
