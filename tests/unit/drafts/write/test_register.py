"""The app's list of drafts: entered on request, understood first, never spoiled."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.drafts import BuiltDraft, DraftBuilder

Build = Callable[..., Any]
TEXT = {"type": "text", "clips": [{"text": "你好", "duration": 2}]}
DOCUMENT = {"schema": "c2jy/1", "name": "x", "tracks": [TEXT]}
REGISTERED = {**DOCUMENT, "target": {"register": True}}
THEIRS: dict[str, Any] = {
    "draft_cloud_last_action_download": True,
    "draft_cover": "C:/d/their/draft_cover.jpg",
    "draft_fold_path": "C:/d/their",
    "draft_id": "OTHER",
    "draft_is_invisible": False,
    "draft_json_file": "C:/d/their/draft_content.json",
    "draft_name": "their",
    "draft_new_version": "164.0.0",
    "draft_root_path": "C:/d",
    "draft_timeline_materials_size": 5,
    "draft_segments": [{"private": 1}],
    "streaming_edit_draft_ready": True,
    "tm_draft_cloud_user_id": 4711,
    "tm_draft_create": 1,
    "tm_draft_modified": 2,
    "tm_duration": 3,
}


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """The app's list with one draft of its own."""
    path = tmp_path / "drafts" / "root_meta_info.json"
    path.parent.mkdir()
    path.write_text(
        json.dumps({"all_draft_store": [THEIRS], "draft_ids": 7, "root_path": "C:/d", "x": 1}), "utf-8"
    )
    return path


def _is_folder(path: str) -> bool:
    return os.path.isdir(path)


def _data(path: Path) -> bytes:
    return path.read_bytes()


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _make_link(path: Path, outside: Path) -> None:
    path.rename(outside)
    path.symlink_to(outside)


def _codes(draft: BuiltDraft) -> set[str]:
    return {issue.code for issue in draft.issues}


async def test_a_draft_is_entered_in_the_shape_of_the_others(build: Build, listed: Path) -> None:
    before = _data(listed)
    draft = await build(REGISTERED, target_root="C:\\d")
    now = json.loads(_data(listed))
    entry, theirs = now["all_draft_store"]
    assert theirs == THEIRS
    assert (now["draft_ids"], now["root_path"], now["x"]) == (8, "C:/d", 1)
    assert entry.keys() == THEIRS.keys()
    assert entry["draft_id"] == draft.draft_id
    assert entry["draft_fold_path"] == "C:/d/x"
    assert entry["draft_json_file"] == "C:/d/x/draft_content.json"
    assert (entry["draft_root_path"], entry["draft_name"], entry["tm_duration"]) == ("C:/d", "x", 2_000_000)
    assert entry["streaming_edit_draft_ready"] is True
    # Nothing that is the other draft's own: its cloud, its version, its parts.
    assert entry["tm_draft_cloud_user_id"] == 0
    assert entry["draft_cloud_last_action_download"] is False
    assert (entry["draft_new_version"], entry["draft_segments"]) == ("", [])
    assert (listed.parent / "root_meta_info.c2jy-backup.json").read_bytes() == before
    assert _codes(draft) == {"registered", "no_donor"}
    assert [name for name in os.listdir(listed.parent) if name.startswith(".")] == []


async def test_nothing_is_entered_unless_it_is_asked_for(build: Build, listed: Path) -> None:
    before = _data(listed)
    await build(DOCUMENT)
    assert _data(listed) == before
    assert not (listed.parent / "root_meta_info.c2jy-backup.json").exists()


async def test_a_replaced_draft_is_entered_once(build: Build, listed: Path) -> None:
    own = {**REGISTERED, "id": "7", "target": {"register": True, "on_conflict": "replace_own"}}
    await build(own, target_root="C:\\d")
    second = await build(own, target_root="C:\\d")
    now = json.loads(_data(listed))
    assert [entry["draft_id"] for entry in now["all_draft_store"]] == [second.draft_id, "OTHER"]
    assert now["draft_ids"] == 8


@pytest.mark.parametrize(
    "data", [b"SGVsbG8=", b"", b'{"all_draft_store": 5}', b"[]", b'{"all_draft_store": [', b"\xff\x00"]
)
async def test_a_list_that_is_not_understood_is_left_alone(build: Build, listed: Path, data: bytes) -> None:
    _write(listed, data)
    draft = await build(REGISTERED)
    assert _is_folder(draft.path)
    assert _codes(draft) == {"not_registered", "list_unreadable"}
    assert _data(listed) == data
    assert sorted(os.listdir(listed.parent)) == ["root_meta_info.json", "x"]


async def test_a_missing_list_is_made_only_when_that_is_asked_for(
    builder: DraftBuilder, tmp_path: Path
) -> None:
    path = tmp_path / "drafts" / "root_meta_info.json"
    (draft,) = (await builder.build(REGISTERED)).drafts
    assert _codes(draft) == {"not_registered", "list_missing"}
    assert not (tmp_path / "drafts" / "root_meta_info.json").exists()
    (made,) = (await builder.build(DOCUMENT, register="create")).drafts
    (entry,) = json.loads(_data(path))["all_draft_store"]
    assert (entry["draft_id"], entry["draft_fold_path"]) == (made.draft_id, Path(made.path).as_posix())


async def test_a_list_that_is_a_link_is_not_followed(build: Build, listed: Path, tmp_path: Path) -> None:
    _make_link(listed, tmp_path / "outside.json")
    before = (tmp_path / "outside.json").read_bytes()
    assert "list_unreadable" in _codes(await build(REGISTERED))
    assert (tmp_path / "outside.json").read_bytes() == before


def _theirs(folder: Path, platform: Any, **more: Any) -> None:
    folder.mkdir(parents=True)
    content = {"tracks": [], "materials": {}, "last_modified_platform": platform, **more}
    (folder / "draft_content.json").write_text(json.dumps(content), "utf-8")


SIGNED = {
    "app_id": 3704,
    "app_source": "lv",
    "app_version": "9.1.0",
    "device_id": "d1",
    "hard_disk_id": "h1",
    "mac_address": "m1,m2",
    "os": "windows",
    "os_version": "10.0.19045",
}


async def test_a_registered_draft_names_the_machine_as_the_newest_signed_draft_beside_it(
    build: Build, listed: Path
) -> None:
    root = listed.parent
    _theirs(root / "older", {**SIGNED, "device_id": "d0"})
    _theirs(root / "donor", SIGNED)
    _theirs(root / "unsigned", {**SIGNED, "device_id": "", "hard_disk_id": "", "mac_address": ""})
    (root / "encrypted").mkdir()
    (root / "encrypted" / "draft_content.json").write_bytes(b"SGVsbG8=")
    _theirs(root / "odd", "not an object")
    for number, name in enumerate(("older", "donor", "unsigned", "encrypted", "odd")):
        os.utime(root / name / "draft_content.json", (1000 + number, 1000 + number))
    draft = await build(REGISTERED)
    assert _codes(draft) == {"registered", "donor"}
    assert '"donor"' in next(issue.message for issue in draft.issues if issue.code == "donor")
    for file in ("draft_content.json", "draft_info.json"):
        content = json.loads(_data(Path(draft.path, file)))
        assert content["platform"] == content["last_modified_platform"] == SIGNED


async def test_without_registration_no_donor_is_asked(build: Build, listed: Path) -> None:
    _theirs(listed.parent / "donor", SIGNED)
    content = json.loads(_data(Path((await build(DOCUMENT)).path, "draft_content.json")))
    assert "device_id" not in content["platform"]


@pytest.mark.parametrize(
    ("profile", "code"), [("capcut_win", "no_donor"), ("jianying_mac", "no_donor"), ("jianying_win", "donor")]
)
async def test_a_donor_is_of_the_same_app_and_system(
    builder: DraftBuilder, listed: Path, profile: Any, code: str
) -> None:
    _theirs(listed.parent / "donor", SIGNED)
    (draft,) = (await builder.build({**REGISTERED, "target": {"register": True, "profile": profile}})).drafts
    assert _codes(draft) & {"donor", "no_donor"} == {code}


async def test_our_own_drafts_are_no_donors(build: Build, listed: Path) -> None:
    first = await build({**DOCUMENT, "name": "first"})
    path = Path(first.path, "draft_content.json")
    _write(path, json.dumps({**json.loads(_data(path)), "last_modified_platform": SIGNED}).encode())
    assert "no_donor" in _codes(await build(REGISTERED))
