"""The trash as it is found later: what is in it, what may be deleted for good, what is left alone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.drafts import DraftError, Library

Build = Callable[..., Any]
TEXT = {"type": "text", "clips": [{"text": "你好", "duration": 2}]}


@pytest.fixture
async def draft(build: Build, media: Path) -> Path:
    """One of ours, with a picture in it."""
    video = {"type": "video", "clips": [{"type": "image", "media": str(media / "wide.png"), "duration": 2}]}
    made = await build({"name": "夏天", "tracks": [video, TEXT]})
    return Path(made.path)


@pytest.fixture
def later(tmp_path: Path) -> Library:
    """The library of another run of the app."""
    return Library(tmp_path / "drafts", tmp_path / "trash")


def test_what_one_run_trashed_a_later_one_lists_with_its_name_place_time_and_size(
    library: Library, later: Library, draft: Path
) -> None:
    size = sum(path.stat().st_size for path in draft.rglob("*") if path.is_file())
    ticket = library.trash("夏天")
    (entry,) = later.trashed()
    assert (entry.ticket, entry.draft.name, entry.root) == (ticket, "夏天", str(draft.parent))
    assert (entry.draft.state, entry.draft.media, entry.draft.media_missing) == ("ok", 1, 0)
    assert (entry.draft.size_bytes, entry.draft.duration_us, entry.draft.ours) == (size, 2_000_000, True)
    os.utime(later._trash._folder / ticket / "c2jy-trashed.json", (1000.0, 1000.0))
    assert later.trashed()[0].trashed_at == 1000.0
    assert later.restore(ticket) == "夏天"
    assert later.trashed() == []
    assert later.check("夏天") == []


def test_the_newest_comes_first_and_what_is_no_ticket_is_not_shown(
    library: Library, later: Library, draft: Path, tmp_path: Path
) -> None:
    first = library.trash("夏天")
    shutil.copytree(tmp_path / "trash" / first / "draft", draft)
    second = library.trash("夏天")
    os.utime(tmp_path / "trash" / first / "c2jy-trashed.json", (2000.0, 2000.0))
    os.utime(tmp_path / "trash" / second / "c2jy-trashed.json", (1000.0, 1000.0))
    (tmp_path / "trash" / "abcd").mkdir()
    (tmp_path / "trash" / "notes.txt").write_text("mine")
    assert [entry.ticket for entry in later.trashed()] == [first, second]


def test_a_draft_of_ours_is_deleted_for_good_with_its_ticket(
    library: Library, later: Library, draft: Path, tmp_path: Path
) -> None:
    ticket = library.trash("夏天")
    assert later.delete(ticket) == "夏天"
    assert later.trashed() == []
    assert os.listdir(tmp_path / "trash") == []
    with pytest.raises(DraftError):
        later.restore(ticket)


def test_a_draft_that_is_not_proven_ours_is_never_deleted_for_good(
    library: Library, later: Library, draft: Path, tmp_path: Path
) -> None:
    (draft / "c2jy.json").unlink()
    ticket = library.trash("夏天")
    with pytest.raises(DraftError) as caught:
        later.delete(ticket)
    assert caught.value.issues[0].code == "not_ours_in_trash"
    assert str(tmp_path / "trash" / ticket / "draft") in caught.value.issues[0].fix
    assert later.restore(ticket) == "夏天"


@pytest.mark.parametrize("ticket", ["", "..", "../drafts", "nothing", "a/b"])
def test_only_what_is_in_the_trash_can_be_deleted(library: Library, draft: Path, ticket: str) -> None:
    with pytest.raises(DraftError):
        library.delete(ticket)
    assert draft.is_dir()


def test_a_link_in_the_trash_is_never_followed_when_it_is_emptied(
    library: Library, later: Library, draft: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "film.mp4").write_bytes(b"x")
    (draft / "link").symlink_to(precious)
    ticket = library.trash("夏天")
    later.delete(ticket)
    assert (precious / "film.mp4").is_file()


def test_a_draft_comes_back_into_the_drafts_folder_wherever_its_ticket_says_it_was(
    library: Library, draft: Path, tmp_path: Path
) -> None:
    ticket = library.trash("夏天")
    mark = tmp_path / "trash" / ticket / "c2jy-trashed.json"
    mark.write_text(json.dumps({"name": "夏天", "root": str(tmp_path / "elsewhere")}), encoding="utf-8")
    assert library.trashed()[0].root == str(tmp_path / "elsewhere")
    assert library.restore(ticket) == "夏天"
    assert draft.is_dir()
    assert not (tmp_path / "elsewhere").exists()
