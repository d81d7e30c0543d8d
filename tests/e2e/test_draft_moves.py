"""A draft built here for another machine, packed, unpacked and checked with the commands of the docs."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

WINDOWS = "C:\\Users\\me\\AppData\\Local\\JianyingPro\\User Data\\Projects\\com.lveditor.draft"
Command = Callable[..., Any]


@pytest.fixture
def story(tmp_path: Path) -> Path:
    """A document with a picture, in a folder that the settings declare."""
    Image.new("RGB", (64, 36), (9, 99, 9)).save(tmp_path / "a.png")
    clips = [{"type": "image", "media": str(tmp_path / "a.png"), "duration": 2}]
    document = {"schema": "c2jy/1", "name": "中国美食", "tracks": [{"type": "video", "clips": clips}]}
    path = tmp_path / "story.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def allowed(tmp_path: Path) -> dict[str, str]:
    return {"C2JY_MATERIALS__FOLDERS": json.dumps([str(tmp_path)])}


@pytest.mark.slow
def test_a_draft_for_windows_is_packed_and_checked_where_it_is_unpacked(
    c2jy: Command, tmp_path: Path, story: Path, allowed: dict[str, str]
) -> None:
    out, archive = tmp_path / "out", tmp_path / "draft.zip"
    command = ("draft", "build", story, "--drafts-root", out, "--target-root", WINDOWS)
    built = c2jy(*command, "--zip", archive, "--json", **allowed)
    assert built.status == 0, built.err
    (draft,) = json.loads(built.out)["drafts"]
    assert draft["archive"] == str(archive)

    there = ("--drafts-root", tmp_path / "there", "--json")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "there")
    whole = c2jy("draft", "check", "中国美食", *there)
    assert whole.status == 0, whole.err
    (told,) = json.loads(whole.out)["issues"]
    assert (told["severity"], WINDOWS in told["message"]) == ("warning", True)

    (picture,) = (tmp_path / "there" / "中国美食" / "materials").iterdir()
    picture.unlink()
    broken = c2jy("draft", "check", "中国美食", *there)
    assert broken.status == 1
    faults = json.loads(broken.out)["issues"]
    assert [(i["severity"], i["path"]) for i in faults] == [("error", "materials.videos[0].path")]
    assert picture.name in faults[0]["message"]


@pytest.mark.slow
def test_a_draft_is_packed_relocated_and_rebuilt_by_name(
    c2jy: Command, tmp_path: Path, story: Path, allowed: dict[str, str]
) -> None:
    root = ("--drafts-root", tmp_path / "out")
    assert c2jy("draft", "build", story, *root, **allowed).status == 0
    packed = c2jy("draft", "pack", "中国美食", "--out", tmp_path, "--target-root", WINDOWS, *root)
    assert packed.status == 0, packed.err
    assert str(tmp_path / "中国美食.zip") in packed.out
    moved = c2jy("draft", "relocate", "--all", "--to", WINDOWS, *root, "--json")
    (done,) = json.loads(moved.out)["drafts"]
    assert (done["root"], done["was"], done["media_paths_were"]) == (WINDOWS, "", "portable")
    told = c2jy("draft", "relocate", "中国美食", "--absolute", "--dry-run", *root)
    assert (told.status, WINDOWS in told.out) == (0, True)
    here = c2jy("draft", "relocate", "中国美食", "--absolute", *root, "--json")
    (done,) = json.loads(here.out)["drafts"]
    assert (done["root"], done["was"]) == (str(tmp_path / "out"), WINDOWS)
    assert json.loads(c2jy("draft", "check", "中国美食", *root, "--json").out)["issues"] == []
    for file in ("draft_content.json", "draft_info.json"):
        (tmp_path / "out" / "中国美食" / file).write_bytes(b"SGVsbG8gZW5jcnlwdGVk")
    assert c2jy("draft", "relocate", "中国美食", "--to", WINDOWS, *root).status == 1
    again = c2jy("draft", "rebuild", "中国美食", *root)
    assert again.status == 0, again.err
    assert c2jy("draft", "check", "中国美食 (2)", *root).status == 0
    views = json.loads(c2jy("draft", "list", *root, "--json").out)
    assert {v["name"]: v["state"] for v in views} == {"中国美食": "encrypted", "中国美食 (2)": "ok"}
    assert c2jy("draft", "rename", "中国美食", "新", *root).status == 1, "its files are encrypted"
    renamed = c2jy("draft", "rename", "中国美食 (2)", "新", *root)
    assert (renamed.status, str(tmp_path / "out" / "新") in renamed.out) == (0, True)
    assert c2jy("draft", "tag", "新", "片头", "#done", "--remove", "old", *root).out.strip() == "#done #片头"
    listed = c2jy("draft", "list", "--tag", "#DONE", *root)
    assert ("新" in listed.out, "#done" in listed.out, "中国美食" in listed.out) == (True, True, False)


@pytest.mark.slow
def test_a_draft_is_whole_wherever_it_is_put_without_a_root_or_a_relocation(
    c2jy: Command, tmp_path: Path, story: Path, allowed: dict[str, str]
) -> None:
    out, archive = tmp_path / "out", tmp_path / "draft.zip"
    built = c2jy("draft", "build", story, "--drafts-root", out, "--zip", archive, **allowed)
    assert built.status == 0, built.err
    (tmp_path / "moved").mkdir()
    shutil.move(out / "中国美食", tmp_path / "moved" / "别的名字")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "there")
    for folder, name in (("moved", "别的名字"), ("there", "中国美食")):
        root = ("--drafts-root", tmp_path / folder)
        whole = c2jy("draft", "check", name, *root, "--json")
        assert (whole.status, json.loads(whole.out)["issues"]) == (0, [])
        (view,) = json.loads(c2jy("draft", "list", *root, "--json").out)
        assert (view["state"], view["media_paths"]) == ("ok", "portable")
        assert "portable" in c2jy("draft", "show", name, *root).out
    asked = c2jy("draft", "check", "中国美食", "--for", "capcut-win-8", *root)
    assert (asked.status, "capcut-cli 32" in asked.err) == (1, True)
    assert c2jy("draft", "check", "中国美食", "--for", "jianying-win-5.9", *root).status == 0
    assert c2jy("draft", "check", "中国美食", "--for", "jianying", *root).status == 2


def test_a_zip_that_cannot_be_written_is_a_failure_that_names_the_draft(
    c2jy: Command, tmp_path: Path, story: Path, allowed: dict[str, str]
) -> None:
    out = tmp_path / "out"
    done = c2jy("draft", "build", story, "--drafts-root", out, "--zip", tmp_path / "no" / "x.zip", **allowed)
    assert done.status == 1
    assert "中国美食" in done.err
    assert [p.name for p in out.iterdir()] == ["中国美食"]


@pytest.mark.slow
def test_drafts_folders_of_the_apps_are_looked_for_and_never_chosen(c2jy: Command, tmp_path: Path) -> None:
    done = c2jy("draft", "roots", "--json")
    assert (done.status, json.loads(done.out)) == (0, [])
    assert c2jy("draft", "relocate", "--to", "C:\\x").status == 2
    assert c2jy("draft", "relocate", "x", "--to", "C:\\x", "--portable").status == 2
