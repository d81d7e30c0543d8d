"""Previews as files: the process, what it makes, what it never replaces, and drafts that others saved."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import app_drafts
from c2jy_bridge.drafts import DraftError, Library
from c2jy_bridge.drafts.preview.previewer import Previewer


@pytest.fixture
async def previewer(tmp_path: Path, build: Callable[..., Any], media: Path, library: Library) -> Previewer:
    """Of a library with one draft, `story`, of 4 s."""
    clips = [{"type": "image", "media": str(media / "wide.png"), "duration": 4}]
    document = {"schema": "c2jy/1", "name": "story", "tracks": [{"type": "video", "clips": clips}]}
    await build(json.dumps(document))
    return Previewer(library, tmp_path / "exports")


def codes(error: DraftError) -> list[str]:
    return [issue.code for issue in error.issues]


async def test_a_sheet_goes_beside_the_exports_and_says_what_is_in_it(
    previewer: Previewer, tmp_path: Path
) -> None:
    made = await previewer.make("story")
    assert Path(made.path) == tmp_path / "exports" / "story.png"
    with Image.open(made.path) as sheet:
        assert sheet.size == (made.width, made.height)
        assert sheet.getpixel((200, 150)) == (180, 40, 40)
    assert (len(made.times_us), made.drawn, made.duration_us) == (12, {"image": 1}, 4_000_000)
    assert made.notes == ()
    again = await previewer.make("story")  # a preview of ours is replaced
    assert again.path == made.path
    assert [path.name for path in (tmp_path / "exports").iterdir()] == ["story.png"]


async def test_one_frame_can_be_had_at_any_time(previewer: Previewer, tmp_path: Path) -> None:
    made = await previewer.make("story", "frame", tmp_path / "frame.png", at_us=3_200_000)
    with Image.open(made.path) as frame:
        assert frame.size == (1280, 720)
    assert made.times_us == (3_200_000,)
    with pytest.raises(DraftError) as beyond:
        await previewer.make("story", "frame", tmp_path / "late.png", at_us=4_000_000)
    assert codes(beyond.value) == ["preview_beyond"]
    assert not (tmp_path / "late.png").exists()


async def test_a_file_that_is_no_preview_is_left_alone(previewer: Previewer, tmp_path: Path) -> None:
    mine = tmp_path / "mine.png"
    Image.new("RGB", (4, 4)).save(mine)
    before = mine.read_bytes()
    with pytest.raises(DraftError) as refused:
        await previewer.make("story", "sheet", mine)
    assert codes(refused.value) == ["preview_over_other"]
    assert mine.read_bytes() == before
    (tmp_path / "exports").mkdir()
    mine.rename(tmp_path / "exports" / "story.png")
    assert (await previewer.make("story")).path.endswith("story (2).png")


@pytest.mark.parametrize(("place", "code"), [
    ("drafts/story/a.png", "preview_inside"),
    ("nowhere/a.png", "preview_no_folder"),
    ("a.jpg", "preview_suffix"),
])  # fmt: skip
async def test_a_place_that_cannot_be_is_refused(previewer: Previewer, tmp_path: Path, place, code) -> None:
    with pytest.raises(DraftError) as refused:
        await previewer.make("story", "sheet", tmp_path / place)
    assert codes(refused.value) == [code]
    assert refused.value.issues[0].message


async def test_without_the_extra_it_says_what_to_install(
    previewer: Previewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DraftError) as missing:
        await previewer.make("story")
    assert "c2jy-tui[preview]" in missing.value.issues[0].fix


async def test_a_process_that_dies_is_an_error_and_leaves_nothing(
    previewer: Previewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(DraftError) as crashed:
        await previewer.make("story")
    assert codes(crashed.value) == ["preview_crashed"]
    assert list((tmp_path / "exports").iterdir()) == []


async def test_a_cancelled_preview_leaves_nothing(previewer: Previewer, tmp_path: Path) -> None:
    task = asyncio.create_task(previewer.make("story"))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not (tmp_path / "exports").exists() or list((tmp_path / "exports").iterdir()) == []


async def test_a_draft_of_jianying_is_drawn_and_what_is_not_is_listed(
    tmp_path: Path, media: Path, library: Library
) -> None:
    content = app_drafts.jianying_59(
        str(media / "wide.png"), str(media / "video.mp4"), str(media / "gone.wav")
    )
    folder = app_drafts.write(tmp_path / "drafts" / "春天", content)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    made = await Previewer(library, tmp_path / "exports").make("春天")
    assert {(note.code, note.name, note.fidelity) for note in made.notes} == {
        ("filter", "晴空", "not_drawn"),
        ("effect", "金粉", "not_drawn"),
        ("adjustment", "", "not_drawn"),
        ("sticker", "花", "not_drawn"),
        ("unknown_clip", "hologram", "not_drawn"),
        ("text_template", "标题模板", "approximate"),
        ("speed_curve", "", "approximate"),
    } | {(note.code, note.name, note.fidelity) for note in made.notes if note.code == "characters"}
    assert made.drawn["compound"] == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


async def test_missing_media_are_striped_and_named(previewer: Previewer, tmp_path: Path) -> None:
    (picture,) = (tmp_path / "drafts" / "story" / "materials").iterdir()
    picture.unlink()
    made = await previewer.make("story")
    (note,) = made.notes
    assert (note.code, note.name) == ("missing", picture.name)
    with Image.open(made.path) as sheet:
        assert len({sheet.getpixel((x, 200)) for x in range(100, 300, 4)}) > 1


async def test_damaged_media_and_text_instead_of_pictures_are_named(
    previewer: Previewer, tmp_path: Path
) -> None:
    (picture,) = (tmp_path / "drafts" / "story" / "materials").iterdir()
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"nothing of a picture" * 50)
    (note,) = (await previewer.make("story")).notes
    assert (note.code, note.name) == ("unreadable", picture.name)


async def test_an_encrypted_draft_says_what_to_do(previewer: Previewer, tmp_path: Path) -> None:
    for name in ("draft_content.json", "draft_info.json"):
        (tmp_path / "drafts" / "story" / name).write_bytes(b"QUJDREVGR0g=" * 20)
    with pytest.raises(DraftError) as refused:
        await previewer.make("story")
    assert codes(refused.value) == ["preview_encrypted"]
    assert refused.value.issues[0].fix
