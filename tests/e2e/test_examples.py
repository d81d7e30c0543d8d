"""Every example is built to a draft that is verified; its media are ours and say so."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
MEDIA = [EXAMPLES / "media", ROOT / "bridge" / "coze_emulator" / "media"]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A copy of the examples, as a user has them, and the folder that commands run in."""
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    return tmp_path


def checked(c2jy: Callable[..., Any], root: Path, name: str) -> dict[str, Any]:
    """A draft that `draft check` finds nothing wrong with."""
    check = c2jy("draft", "check", name, "--drafts-root", root, "--json")
    assert check.status == 0, check.out + check.err
    assert json.loads(check.out)["issues"] == []
    shown: dict[str, Any] = json.loads(c2jy("draft", "show", name, "--drafts-root", root, "--json").out)
    return shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "name", "kinds", "seconds"),
    [
        ("talking-head.json", "Talking head", ["video", "text", "text"], 9.0),
        ("picture-story.json", "Picture story", ["video", "audio", "audio", "text"], 9.0),
        ("product-clip.json", "Product clip", ["video", "filter", "effect", "text", "audio"], 6.0),
        ("lyric-video.json", "Lyric video", ["video", "audio", "text"], 16.0),
        ("coze2jianying-export.json", "Coze2JianYing export", ["video", "text", "audio"], 6.2),
    ],
)
def test_a_document_becomes_a_verified_draft_without_an_issue(
    c2jy: Callable[..., Any], here: Path, file: str, name: str, kinds: list[str], seconds: float
) -> None:
    built = c2jy("draft", "build", file, "--drafts-root", here / "drafts", "--json")
    assert built.status == 0, built.err
    done = json.loads(built.out)
    issues = [*done["issues"], *(issue for draft in done["drafts"] for issue in draft["issues"])]
    assert [issue for issue in issues if issue["severity"] != "info"] == []
    shown = checked(c2jy, here / "drafts", name)
    assert sorted(track["kind"] for track in shown["tracks"]) == sorted(kinds)
    assert done["drafts"][0]["duration_us"] == pytest.approx(seconds * 1e6, abs=200_000)


@pytest.mark.slow
def test_ten_rows_of_a_table_become_ten_verified_drafts_once(c2jy: Callable[..., Any], here: Path) -> None:
    root = here / "drafts"
    for _ in range(2):
        made = c2jy("draft", "batch", "batch.json", "batch.csv", "--name", "{title}", "--drafts-root", root)
        assert made.status == 0, made.err
    assert len(list(root.iterdir())) == 10
    assert checked(c2jy, root, "五仁月饼")["view"]["media_missing"] == 0


@pytest.mark.slow
def test_a_template_is_filled_and_what_follows_the_longer_video_moves(
    c2jy: Callable[..., Any], here: Path
) -> None:
    root = ("--drafts-root", here / "drafts")
    assert c2jy("draft", "build", "template.json", *root).status == 0
    filled = c2jy("draft", "fill", "Shop template", "template-values.json", "--name", "filled", *root)
    assert filled.status == 0, filled.err
    tracks = checked(c2jy, here / "drafts", "filled")["tracks"]
    labels = [clip["label"] for track in tracks for clip in track["clips"]]
    assert "一锅两味" in labels
    assert not [label for label in labels if "replace" in label]


def test_every_medium_that_is_shipped_has_its_licence_and_no_line_is_left_over() -> None:
    for folder in MEDIA:
        text = (folder / "README.md").read_text(encoding="utf-8")
        listed = {
            name
            for row in re.findall(r"^\| (`.*) \| .* \| CC0-1\.0 \|$", text, re.MULTILINE)
            for name in re.findall(r"`([\w.-]+)`", row)
        }
        shipped = {path.name for path in folder.iterdir() if path.suffix not in (".md", ".py", "")}
        assert listed == shipped, folder
