"""Drafts packed, rebuilt and deleted by key in a real terminal; the trash outlives the app."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXPORT = {
    "drafts": [
        {
            "draft_id": "d",
            "project": {"name": "旅行"},
            "tracks": [
                {
                    "track_type": "text",
                    "segments": [
                        {"type": "text", "content": "你好", "time_range": {"start": 0, "end": 3000}}
                    ],
                }
            ],
        }
    ]
}


@pytest.mark.slow
def test_a_user_packs_rebuilds_and_restores_by_key(
    c2jy: Callable[..., Any], terminal: Callable[..., Any], tmp_path: Path
) -> None:
    root, data = tmp_path / "drafts", tmp_path / "own"
    here = ("--lang", "zh", "--drafts-root", root, "--data-dir", data)
    built = c2jy("draft", "build", "-", *here, stdin=json.dumps(EXPORT))
    assert built.status == 0, built.err

    app = terminal("--demo", *here, columns=80, rows=24)
    app.wait_for("就绪")
    app.press("F5")
    app.wait_for("旅行", "打包")
    app.press("z")
    app.wait_for("那台电脑上的草稿文件夹")
    app.press("Down", "Enter")
    app.wait_for("Projects\\com.lved")  # in the field; the list has no room for it
    app.type("me")
    app.wait_for("C:\\Users\\me\\AppData")
    app.press("Enter")
    app.wait_for("已打包")
    with zipfile.ZipFile(data / "exports" / "旅行.zip") as archive:
        meta = json.loads(archive.read("旅行/draft_meta_info.json"))
    assert "JianyingPro" in meta["draft_fold_path"]
    assert "Users" in meta["draft_fold_path"]

    app.press("u")
    app.wait_for("当前单位")
    app.press("Home", "Enter")
    app.wait_for("旅行 (2)")
    content = json.loads((root / "旅行 (2)" / "draft_content.json").read_text(encoding="utf-8"))
    assert content["duration"] == 3000

    app.press("DC")
    app.wait_for("撤销")
    assert not (root / "旅行 (2)").exists()
    app.press("C-q")
    app.wait_for("exit status 0")

    later = terminal("--demo", *here, columns=60, rows=24)
    later.wait_for("就绪")
    later.press("F5")
    later.wait_for("旅行")
    later.press("t")
    later.wait_for("回收站里有 1 个", "旅行 (2)")
    later.press("Enter")
    later.wait_for("回收站是空的")
    assert (root / "旅行 (2)" / "draft_content.json").is_file()
    later.press("Escape")
    later.wait_for("共 2 个草稿")
