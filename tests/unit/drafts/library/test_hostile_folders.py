"""Hostile folders in the drafts folder: one of them must not make the others inaccessible."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.drafts import DraftError, Library
from c2jy_bridge.drafts.library.relocate import read_files
from c2jy_bridge.drafts.write.staging import owned, sweep

CONTENT = "draft_content.json"
pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX's pipes and devices")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A draft that is whole; each test spoils it."""
    folder = tmp_path / "drafts" / "hostile"
    folder.mkdir(parents=True)
    content: dict[str, Any] = {"tracks": [], "materials": {}, "duration": 0}
    (folder / CONTENT).write_text(json.dumps(content))
    return folder


@pytest.fixture
def library(tmp_path: Path, folder: Path) -> Library:
    fine = tmp_path / "drafts" / "fine"
    fine.mkdir()
    (fine / CONTENT).write_text((folder / CONTENT).read_text())
    return Library(tmp_path / "drafts", tmp_path / "trash")


def within_seconds(look: Callable[[], Any]) -> Any:
    """The result of `look`, or a failure instead of a test that hangs."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(look()), daemon=True)
    thread.start()
    thread.join(5)
    assert found, "it waits, or it raised"
    return found[0]


def states(library: Library) -> dict[str, str]:
    seen: dict[str, str] = within_seconds(lambda: {view.name: view.state for view in library.list()})
    within_seconds(lambda: library.detail("hostile"))
    within_seconds(lambda: library.check("hostile"))
    return seen


def test_a_pipe_in_the_place_of_our_mark_is_not_waited_for(library: Library, folder: Path) -> None:
    os.mkfifo(folder / "c2jy.json")
    assert states(library) == {"fine": "foreign", "hostile": "foreign"}


def test_a_mark_that_leads_to_a_device_without_end_is_not_read(library: Library, folder: Path) -> None:
    (folder / "c2jy.json").symlink_to("/dev/zero")
    assert states(library) == {"fine": "foreign", "hostile": "foreign"}


def test_a_main_file_of_gigabytes_is_not_read_into_memory(library: Library, folder: Path) -> None:
    os.truncate(folder / CONTENT, 3 * 1024**3)
    assert states(library) == {"fine": "foreign", "hostile": "damaged"}
    (trouble,) = library.check("hostile")
    assert (trouble.code, trouble.path) == ("unreadable", CONTENT)


@pytest.mark.parametrize(
    "path", ["/" + "a" * 5000, "##_draftpath_placeholder/materials/" + "a" * 300, "/a\0b"]
)
def test_a_media_path_that_the_system_cannot_look_at_is_a_missing_file(
    library: Library, folder: Path, path: str
) -> None:
    content = {"tracks": [], "materials": {"videos": [{"id": "a", "path": path}]}, "duration": 0}
    (folder / CONTENT).write_text(json.dumps(content))
    assert states(library) == {"fine": "foreign", "hostile": "media_missing"}


def test_numbers_beyond_all_measure_are_not_believed(library: Library, folder: Path) -> None:
    content = '{"tracks":[],"materials":{},"duration":1e308,"canvas_config":{"width":-1e300}}'
    (folder / CONTENT).write_text(content)
    view = next(view for view in library.list() if view.name == "hostile")
    assert (view.duration_us, view.width) == (0, 0)


def test_a_sweep_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    (tmp_path / ".c2jy-old-deadbeef").mkdir()
    os.mkfifo(tmp_path / ".c2jy-old-deadbeef" / "draft_meta_info.json")
    within_seconds(lambda: sweep(tmp_path, 4e9))


def test_a_sweep_survives_a_process_number_that_no_system_has(tmp_path: Path) -> None:
    place = tmp_path / f".c2jy-tmp-{owned('deadbeef').rpartition('-')[0]}-ffffffff"
    place.mkdir()
    assert sweep(tmp_path, place.stat().st_mtime) == []


def test_a_name_that_is_no_unicode_goes_to_the_trash_and_comes_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"bad\xff")
    folder = tmp_path / "drafts" / name
    folder.mkdir(parents=True)
    (folder / CONTENT).write_text('{"tracks":[],"materials":{}}')
    library = Library(tmp_path / "drafts", tmp_path / "trash")
    assert library.restore(library.trash(name)) == name
    assert [view.name for view in library.list()] == [name]


def test_a_name_longer_than_any_is_no_draft(library: Library) -> None:
    with pytest.raises(DraftError):
        library.detail("x" * 5000)


@pytest.mark.parametrize("spoil", ["pipe", "empty", "no draft", "huge"])
def test_a_spoiled_ticket_leads_nowhere_and_keeps_nobody_waiting(
    library: Library, tmp_path: Path, spoil: str
) -> None:
    ticket = library.trash("hostile")
    mark = tmp_path / "trash" / ticket / "c2jy-trashed.json"
    if spoil == "no draft":
        (mark.parent / "draft").rename(tmp_path / "elsewhere")
    else:
        mark.unlink()
        os.mkfifo(mark) if spoil == "pipe" else mark.write_bytes(b" " * (100_000 if spoil == "huge" else 0))

    def restored() -> str:
        try:
            return library.restore(ticket)
        except DraftError as error:
            return error.issues[0].code

    assert within_seconds(restored) == "no_ticket"


def test_a_draft_with_a_pipe_for_its_meta_file_is_not_packed_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "draft_meta_info.json")

    def code() -> str:
        try:
            read_files(folder)
        except DraftError as error:
            return error.issues[0].code
        return ""

    assert within_seconds(code) == "unreadable"


async def test_a_file_name_that_is_no_unicode_does_not_end_the_watch(library: Library, folder: Path) -> None:
    names: set[str] = set()

    async def follow() -> None:
        async for batch in library.watch():
            names.update(batch)
            if "hostile" in names:
                return

    async with asyncio.timeout(20):
        watching = asyncio.create_task(follow())
        await asyncio.sleep(1)
        (folder.parent / os.fsdecode(b"bad\xff")).mkdir()
        await asyncio.sleep(1)
        for number in range(8):
            if not watching.done():
                (folder / f"new{number}.txt").write_text("x")
                await asyncio.sleep(1)
        await watching
