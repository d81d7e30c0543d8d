"""The drafts folder as a list: what is there, what is wrong with it, the way to the trash and back."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.drafts import DraftError, Library

Build = Callable[..., Any]
TEXT = {"type": "text", "name": "字幕", "clips": [{"text": "你好", "start": 1, "duration": 2}]}


@pytest.fixture
async def draft(build: Build, media: Path) -> Path:
    clips = [
        {"media": str(media / "video.mp4"), "duration": 1},
        {"type": "image", "media": str(media / "wide.png"), "duration": 1},
    ]
    sound = {"type": "audio", "clips": [{"media": str(media / "sound.wav"), "duration": 1}]}
    effect = {"type": "effect", "clips": [{"name": "1998", "duration": 1}]}
    built = await build({"name": "x", "tracks": [{"type": "video", "clips": clips}, sound, TEXT, effect]})
    return Path(built.path)


def test_a_draft_is_listed_with_its_figures(library: Library, draft: Path) -> None:
    (view,) = library.list()
    assert (view.name, view.path, view.state, view.ours) == ("x", str(draft), "ok", True)
    assert (view.duration_us, view.tracks, view.clips, view.media, view.media_missing) == (
        3_000_000,
        4,
        5,
        3,
        0,
    )
    assert (view.width, view.height) == (1920, 1080)
    assert view.size_bytes == sum(p.stat().st_size for p in draft.rglob("*") if p.is_file())
    assert abs(view.modified_at - time.time()) < 60


def test_a_draft_opened_shows_its_tracks_to_scale(library: Library, draft: Path) -> None:
    detail = library.detail("x")
    assert (detail.fps, detail.issues) == (30.0, ())
    assert [(t.kind, t.name) for t in detail.tracks] == [
        ("video", "video"),
        ("audio", "audio"),
        ("text", "字幕"),
        ("effect", "effect"),
    ]
    video, sound, text, effect = detail.tracks
    assert [(c.kind, c.start_us, c.duration_us, c.label) for c in video.clips] == [
        ("video", 0, 1_000_000, "video.mp4"),
        ("image", 1_000_000, 1_000_000, "wide.png"),
    ]
    assert sound.clips[0].media_ok
    assert (text.clips[0].label, text.clips[0].start_us) == ("你好", 1_000_000)
    assert effect.clips[0].label == "1998"


def test_a_media_file_that_is_gone_is_named(library: Library, draft: Path) -> None:
    assert library.list()[0].state == "ok"
    gone = next((draft / "materials").glob("*.png"))
    gone.unlink()
    (view,) = library.list()
    assert (view.state, view.media_missing) == ("media_missing", 1)
    (issue,) = library.check("x")
    assert (issue.code, issue.severity) == ("media_missing", "error")
    assert gone.name in issue.message
    assert [c.media_ok for c in library.detail("x").tracks[0].clips] == [True, False]


@pytest.mark.parametrize(
    ("data", "state", "code"),
    [
        (b"U2FsdGVkX1+vupppZksvRf5pq5g5XjFRlipRkwB0K1Y=", "encrypted", "encrypted"),
        (b"\x00\x01\xfe\xff\x80", "encrypted", "encrypted"),
        (b'{"tracks": [', "damaged", "not_json_file"),
        (b"", "damaged", "not_json_file"),
        (b'{"a": 1}', "damaged", "not_a_draft"),
        (b"[1, 2]", "damaged", "not_a_draft"),
    ],
)
def test_a_draft_that_cannot_be_read_is_listed_as_what_it_is(
    library: Library, draft: Path, data: bytes, state: str, code: str
) -> None:
    (draft / "draft_content.json").write_bytes(data)
    os.utime(draft / "draft_content.json", (2e9, 2e9))
    assert library.list()[0].state == state
    assert [issue.code for issue in library.check("x")] == [code]
    assert library.detail("x").tracks == ()


def test_drafts_of_others_are_listed_as_foreign(library: Library, draft: Path, tmp_path: Path) -> None:
    import pyJianYingDraft as jy

    script = jy.DraftFolder(str(tmp_path / "drafts")).create_draft("theirs", 1280, 720)
    script.append_track(jy.TrackSpec(jy.TrackType.text))
    script.add_segment(jy.TextSegment("x", jy.Timerange(0, 1_000_000)))
    script.save()
    (draft.parent / "no draft").mkdir()
    (draft.parent / "file").write_text("x", encoding="utf-8")
    views = {view.name: view for view in library.list()}
    assert views.keys() == {"x", "theirs"}
    assert (views["theirs"].state, views["theirs"].ours, views["theirs"].width) == ("foreign", False, 1280)


def test_links_in_the_drafts_folder_are_not_followed(library: Library, draft: Path, tmp_path: Path) -> None:
    shutil.copytree(draft, tmp_path / "outside")
    (draft.parent / "link").symlink_to(tmp_path / "outside")
    assert [view.name for view in library.list()] == ["x"]
    for call in (library.detail, library.check, library.trash):
        with pytest.raises(DraftError):
            call("link")
    (draft / "draft_content.json").unlink()
    (draft / "draft_content.json").symlink_to(tmp_path / "outside" / "draft_content.json")
    (draft / "draft_info.json").unlink()
    assert library.list()[0].state == "damaged"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/etc", "x/../x", "x\0", ".c2jy-tmp-00000000", "gone", "x\\y"]
)
def test_only_names_of_drafts_in_the_folder_are_accepted(library: Library, draft: Path, name: str) -> None:
    for call in (library.detail, library.check, library.trash):
        with pytest.raises(DraftError):
            call(name)
    assert draft.is_dir()


def test_a_draft_goes_to_the_trash_and_comes_back(library: Library, draft: Path) -> None:
    before = sorted(p.relative_to(draft) for p in draft.rglob("*"))
    ticket = library.trash("x")
    assert (library.list(), draft.exists()) == ([], False)
    assert library.restore(ticket) == "x"
    assert sorted(p.relative_to(draft) for p in draft.rglob("*")) == before
    assert library.check("x") == []
    with pytest.raises(DraftError):
        library.restore(ticket)


async def test_a_restored_draft_does_not_replace_a_newer_one(
    library: Library, draft: Path, build: Build
) -> None:
    ticket = library.trash("x")
    await build({"name": "x", "tracks": [TEXT]})
    assert library.restore(ticket) == "x (2)"
    assert {view.name for view in library.list()} == {"x", "x (2)"}


@pytest.mark.parametrize("ticket", ["", "..", "../drafts", "nothing", "a/b"])
def test_a_ticket_leads_only_into_the_trash(library: Library, draft: Path, ticket: str) -> None:
    with pytest.raises(DraftError):
        library.restore(ticket)
    assert draft.is_dir()


def test_a_forged_ticket_cannot_put_a_draft_elsewhere(library: Library, draft: Path, tmp_path: Path) -> None:
    ticket = library.trash("x")
    (tmp_path / "trash" / ticket / "c2jy-trashed.json").write_text(
        json.dumps({"name": "../evil"}), encoding="utf-8"
    )
    with pytest.raises(DraftError):
        library.restore(ticket)
    assert not (tmp_path / "evil").exists()


def test_a_folder_that_does_not_exist_yet_is_an_empty_list(tmp_path: Path) -> None:
    assert Library(tmp_path / "none", tmp_path / "trash").list() == []


def test_a_thousand_drafts_are_listed_quickly_the_second_time(library: Library, draft: Path) -> None:
    for number in range(1000):
        shutil.copytree(draft, draft.parent / f"copy {number}", copy_function=os.link)
    library.list()
    begin = time.perf_counter()
    assert len(library.list()) == 1001
    assert time.perf_counter() - begin < 2


async def _next(changes: Any) -> tuple[str, ...]:
    return await asyncio.wait_for(anext(changes), 20)


async def test_changes_on_the_disk_are_told_with_the_names(
    library: Library, draft: Path, build: Build
) -> None:
    changes = library.watch()
    task = asyncio.create_task(_next(changes))
    await asyncio.sleep(0.5)
    await build({"name": "neu", "tracks": [TEXT]})
    assert "neu" in await task
    task = asyncio.create_task(_next(changes))
    await asyncio.sleep(0.2)
    next((draft / "materials").glob("*.png")).unlink()
    assert await task == ("x",)
    await changes.aclose()


async def test_changes_are_told_where_the_system_gives_no_notice(
    library: Library, draft: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import watchfiles

    from c2jy_bridge.drafts.library import library as module

    def no_notice(*_: Any, **__: Any) -> Any:
        raise OSError(28, "no space left on device: inotify watches")

    monkeypatch.setattr(watchfiles, "awatch", no_notice)
    monkeypatch.setattr(module, "_POLL_S", 0.05)
    changes = library.watch()
    task = asyncio.create_task(_next(changes))
    await asyncio.sleep(0.2)
    library.trash("x")
    assert await task == ("x",)
    await changes.aclose()


def test_reading_drafts_needs_no_library_of_jianying(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from c2jy_bridge.drafts import Library;"
        f"Library(Path({str(tmp_path)!r}), Path({str(tmp_path)!r})).list();"
        "print([m for m in ('pyJianYingDraft', 'httpx', 'PIL', 'watchfiles', 'textual') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
