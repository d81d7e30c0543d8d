"""A draft built anew from its own document; and what a profile writes of its app."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.core.settings import DraftSettings
from c2jy_bridge.drafts import BuiltDraft, DraftBuilder, DraftError, Library

Build = Callable[..., Any]
Content = Callable[[BuiltDraft], dict[str, Any]]
TEXT = {"type": "text", "clips": [{"text": "你好", "duration": 2}]}


@pytest.fixture
async def draft(build: Build, media: Path) -> BuiltDraft:
    document = {
        "schema": "c2jy/1",
        "id": "7",
        "name": "中国美食",
        "tracks": [
            {"type": "video", "clips": [{"type": "image", "media": str(media / "wide.png"), "duration": 2}]},
            TEXT,
        ],
        "target": {"on_conflict": "replace_own"},
    }
    made: BuiltDraft = await build(document)
    return made


def _encrypt(folder: Path) -> dict[str, bytes]:
    """As JianYing 6 re-saves a draft; returns all its files."""
    for file in ("draft_content.json", "draft_info.json", "draft_meta_info.json"):
        (folder / file).write_bytes(b"SGVsbG8gZW5jcnlwdGVkIHdvcmxk")
    return _tree(folder)


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


async def test_an_encrypted_draft_is_rebuilt_beside_itself_even_when_its_document_would_replace_it(
    builder: DraftBuilder, library: Library, draft: BuiltDraft, content_of: Content
) -> None:
    content = content_of(draft)
    before = _encrypt(Path(draft.path))
    assert library.list()[0].state == "encrypted"
    (again,) = (await builder.rebuild(library.folder("中国美食"))).drafts
    assert again.name == "中国美食 (2)"
    assert again.draft_id != draft.draft_id
    assert _tree(Path(draft.path)) == before
    assert library.check("中国美食 (2)") == []
    now = content_of(again)
    assert now["duration"] == content["duration"]
    assert [len(t["segments"]) for t in now["tracks"]] == [len(t["segments"]) for t in content["tracks"]]


async def test_media_inside_the_draft_are_used_again_when_their_source_is_gone(
    make_builder: Any, draft: BuiltDraft, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "cache")
    builder = make_builder(folders=[], cache_dir=tmp_path / "other")
    (again,) = (await builder.rebuild(Path(draft.path))).drafts
    assert [i.code for i in again.issues] == []
    assert os.listdir(Path(again.path) / "materials") == os.listdir(Path(draft.path) / "materials")
    names = [
        m["material_name"]
        for m in json.loads(_tree(Path(again.path))["draft_content.json"])["materials"]["videos"]
    ]
    assert names == ["wide.png"]


async def test_a_file_that_was_changed_inside_the_draft_is_not_taken_for_the_one_it_was(
    make_builder: Any, draft: BuiltDraft, media: Path, tmp_path: Path
) -> None:
    (file,) = [Path(draft.path) / "materials" / name for name in os.listdir(Path(draft.path) / "materials")]
    shutil.copyfile(media / "tall.jpg", file)
    (again,) = (await make_builder().rebuild(Path(draft.path))).drafts
    content = json.loads(_tree(Path(again.path))["draft_content.json"])
    assert [m["width"] for m in content["materials"]["videos"]] == [640]


async def test_a_relocated_draft_is_rebuilt_for_the_same_root(
    builder: DraftBuilder, build: Build, content_of: Content
) -> None:
    first = await build({"name": "x", "tracks": [TEXT]}, target_root="C:\\d")
    (again,) = (await builder.rebuild(Path(first.path))).drafts
    meta = json.loads(_tree(Path(again.path))["draft_meta_info.json"])
    assert meta["draft_fold_path"] == "C:/d/x (2)"


async def test_a_draft_without_our_document_cannot_be_rebuilt(
    builder: DraftBuilder, draft: BuiltDraft
) -> None:
    os.unlink(Path(draft.path) / "c2jy.json")
    with pytest.raises(DraftError) as caught:
        await builder.rebuild(Path(draft.path))
    assert [i.code for i in caught.value.issues] == ["no_document"]


@pytest.mark.parametrize(
    ("profile", "app", "system", "untried"),
    [
        ("jianying_win", (3704, "lv"), "windows", False),
        ("jianying_mac", (3704, "lv"), "mac", True),
        ("capcut_win", (359289, "cc"), "windows", True),
        ("capcut_mac", (359289, "cc"), "mac", True),
        ("both", (3704, "lv"), "windows", False),
    ],
)
async def test_a_profile_names_its_app_and_says_when_nobody_tried_it(
    make_builder: Any, profile: Any, app: tuple[int, str], system: str, untried: bool
) -> None:
    builder = make_builder(DraftSettings(profile=profile))
    (draft,) = (await builder.build({"name": "x", "tracks": [TEXT]})).drafts
    files = _tree(Path(draft.path))
    content = json.loads(files.get("draft_content.json") or files["draft_info.json"])
    for field in ("platform", "last_modified_platform"):
        said = content[field]
        assert ((said["app_id"], said["app_source"]), said["os"]) == (app, system)
    assert [(i.code, i.severity) for i in draft.issues] == [("profile_untried", "info")] * untried
