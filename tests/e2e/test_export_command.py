"""A draft out to another editing program and back again, at the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Command = Callable[..., Any]


@pytest.mark.slow
def test_a_draft_is_exported_edited_elsewhere_and_built_again(c2jy: Command, tmp_path: Path) -> None:
    Image.new("RGB", (64, 36), (200, 30, 30)).save(tmp_path / "red.png")
    picture = {"type": "image", "media": {"path": str(tmp_path / "red.png")}, "start": 0, "duration": 2}
    document = {
        "name": "短片",
        "fps": 30,
        "tracks": [{"type": "video", "clips": [{**picture, "mask": {"shape": "圆形"}}]}],
        "markers": [{"at": 1, "name": "here"}],
    }
    (tmp_path / "film.json").write_text(json.dumps(document), encoding="utf-8")
    root = ("--drafts-root", tmp_path / "drafts")
    allowed = {"C2JY_MATERIALS__FOLDERS": json.dumps([str(tmp_path)])}
    assert c2jy("draft", "build", tmp_path / "film.json", *root, **allowed).status == 0

    out = tmp_path / "out" / "film.otio"
    out.parent.mkdir()
    exported = c2jy("draft", "export", "短片", "--out", out, "--json", *root)
    assert exported.status == 0, exported.err
    answer = json.loads(exported.out)["timeline"]
    assert (answer["path"], answer["clips"]) == (str(out), 1)
    assert ["mask 圆形" in issue["message"] for issue in answer["issues"]] == [True]
    assert "mask 圆形" in exported.err
    assert c2jy("draft", "export", "短片", "--out", out, *root).status == 1, "nothing is replaced"

    built = c2jy("draft", "build", out, "--name", "again", "--json", *root)
    assert built.status == 0, built.err
    content = json.loads((tmp_path / "drafts" / "again" / "draft_content.json").read_text("utf-8"))
    assert [mark["title"] for mark in content["time_marks"]["mark_items"]] == ["here"]
    missing = c2jy("draft", "build", tmp_path / "none.otio", *root)
    assert (missing.status, "none.otio" in missing.err) == (1, True)
