"""The list takes a draft's figures from where they were written down, and only while they are true."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.drafts.library import snapshot
from c2jy_bridge.drafts.library.snapshot import read_snapshot

Build = Callable[..., Any]


@pytest.fixture
async def draft(build: Build, media: Path) -> Path:
    picture = {"type": "image", "media": str(media / "wide.png"), "at": {"duration": 2}}
    texts = [{"type": "text", "text": "你好", "at": {"start": n, "duration": 1}} for n in range(3)]
    document = {
        "schema": "c2jy/1",
        "name": "数字",
        "width": 1080,
        "height": 1920,
        "tracks": [{"type": "video", "clips": [picture, picture]}, {"type": "text", "clips": texts}],
    }
    return Path((await build(document)).path)


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} was read whole")

    monkeypatch.setattr(snapshot, "load", refuse)


async def test_a_draft_of_ours_is_listed_without_its_content_being_parsed(
    draft: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = json.loads((draft / "c2jy.json").read_bytes())
    figures = mark.pop("figures")
    quick = read_snapshot(draft)
    (draft / "c2jy.json").write_text(json.dumps(mark))
    parsed = read_snapshot(draft)
    assert quick is not None
    assert parsed is not None
    assert (quick.figures.clips, quick.figures.tracks, quick.figures.duration_us) == (5, 2, 4_000_000)
    # All but the sizes and times of the files, which this test itself has changed.
    now = replace(parsed.figures, content_sha256=quick.figures.content_sha256)
    assert replace(parsed, size_bytes=quick.size_bytes, modified_at=quick.modified_at, figures=now) == quick
    (draft / "c2jy.json").write_text(
        f'{{"marker":{json.dumps(mark["marker"])},"figures":{json.dumps(figures)},"document":{{}}}}'
    )
    unread(monkeypatch)
    assert read_snapshot(draft) is not None


async def test_figures_of_another_content_are_not_believed(draft: Path) -> None:
    content = json.loads((draft / "draft_content.json").read_bytes())
    content["tracks"].pop()
    for file in ("draft_content.json", "draft_info.json"):
        (draft / file).write_text(json.dumps(content))
    found = read_snapshot(draft)
    assert found is not None
    assert (found.figures.tracks, found.figures.clips) == (1, 2)


@pytest.mark.parametrize(
    "figures",
    [
        None,
        [],
        {},
        {"tracks": True},
        {"media": 5},
        {"clips": -1},
        {"width": 2**60},
        {"duration_us": "1"},
        {"media": [1]},
        {"more": 1},
    ],
)
async def test_figures_that_we_did_not_write_are_no_figures(draft: Path, figures: Any) -> None:
    mark = json.loads((draft / "c2jy.json").read_bytes())
    spoiled = {**mark["figures"], **figures} if figures and isinstance(figures, dict) else figures
    (draft / "c2jy.json").write_text(
        f'{{"marker":{json.dumps(mark["marker"])},"figures":{json.dumps(spoiled)},"document":{{}}}}'
    )
    found = read_snapshot(draft)
    assert found is not None
    assert (found.figures.tracks, found.figures.clips, found.figures.duration_us) == (2, 5, 4_000_000)
