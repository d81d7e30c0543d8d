"""Cancels, full disks and crashes: the draft is whole or not there."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.drafts import DraftBuilder, DraftError
from c2jy_bridge.drafts.write import folder as folder_module
from c2jy_bridge.drafts.write import folder as media_module
from c2jy_bridge.drafts.write import staging as staging_module


@pytest.fixture
def document(media: Path) -> dict[str, Any]:
    clips = [{"media": str(media / name), "duration": 1} for name in ("wide.png", "tall.jpg")]
    text = {"type": "text", "clips": [{"text": str(n), "duration": 1} for n in range(2000)]}
    return {"schema": "c2jy/1", "name": "x", "tracks": [{"type": "image", "clips": clips}, text]}


STEPS = {
    "a media file": (media_module, "_copy"),
    "the cover": (folder_module, "write_cover"),
    "a main file": (folder_module, "write_file"),
    "the meta file": (folder_module, "meta_info"),
    "verification": (folder_module, "faults"),
    "the folder's sync": (staging_module, "sync_folder"),
    "the rename": (os, "rename"),
}


@pytest.mark.parametrize("step", STEPS)
async def test_when_the_disk_fails_at_any_step_nothing_is_left(
    builder: DraftBuilder, document: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    module, name = STEPS[step]

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    await builder.probe([clip["media"] for clip in document["tracks"][0]["clips"]])
    monkeypatch.setattr(module, name, fail)
    with pytest.raises(DraftError, match="No space left"):
        await builder.build(document)
    assert os.listdir(tmp_path / "drafts") == []


@pytest.mark.parametrize("step", STEPS)
async def test_a_cancel_at_any_step_leaves_nothing(
    builder: DraftBuilder, document: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    module, name = STEPS[step]
    there, go_on = threading.Event(), threading.Event()
    real = getattr(module, name)

    def stop_here(*args: Any, **kwargs: Any) -> Any:
        there.set()
        go_on.wait(10)
        return real(*args, **kwargs)

    await builder.probe([clip["media"] for clip in document["tracks"][0]["clips"]])
    monkeypatch.setattr(module, name, stop_here)
    task = asyncio.create_task(builder.build(document))
    assert await asyncio.to_thread(there.wait, 10)
    task.cancel()
    await asyncio.sleep(0.02)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert os.listdir(tmp_path / "drafts") == []


async def test_a_cancel_while_compiling_stops_soon(builder: DraftBuilder, tmp_path: Path) -> None:
    clips = [
        {"text": str(n), "duration": 1, "keyframes": [{"property": "rotation", "at": 0, "value": n}]}
        for n in range(20_000)
    ]
    task = asyncio.create_task(
        builder.build({"schema": "c2jy/1", "name": "x", "tracks": [{"type": "text", "clips": clips}]})
    )
    await asyncio.sleep(0.5)
    begin = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begin < 5
    assert not (tmp_path / "drafts").exists() or os.listdir(tmp_path / "drafts") == []


async def test_builds_of_one_name_at_once_do_not_meet(
    builder: DraftBuilder, document: Any, tmp_path: Path
) -> None:
    reports = await asyncio.gather(*(builder.build(document) for _ in range(6)))
    names = sorted(report.drafts[0].name for report in reports)
    assert names == ["x", "x (2)", "x (3)", "x (4)", "x (5)", "x (6)"]
    assert sorted(os.listdir(tmp_path / "drafts")) == names


async def test_what_a_crash_left_is_swept_by_the_next_build(
    builder: DraftBuilder, document: Any, tmp_path: Path
) -> None:
    left = tmp_path / "drafts" / f"{staging_module.PREFIX}{'a' * 8}"
    left.mkdir(parents=True)
    (left / "draft_content.json").write_text("{", encoding="utf-8")
    os.utime(left, (0, 0))
    await builder.build(document)
    assert os.listdir(tmp_path / "drafts") == ["x"]


async def test_a_file_that_reads_back_differently_is_not_published(
    builder: DraftBuilder, document: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = staging_module.write_file

    def cut_short(path: Path, *pieces: bytes) -> None:
        real(path, *pieces[:-1])

    monkeypatch.setattr(folder_module, "write_file", cut_short)
    with pytest.raises(DraftError, match="reads back"):
        await builder.build(document)
    assert os.listdir(tmp_path / "drafts") == []


async def test_the_event_loop_runs_on_while_a_large_draft_is_built(builder: DraftBuilder) -> None:
    clips = [{"text": str(n), "at": {"start": n, "duration": 1}, "style": {"size": 9}} for n in range(10_000)]
    document = {"schema": "c2jy/1", "name": "x", "tracks": [{"type": "text", "clips": clips}]}
    beats = 0

    async def heart() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.005)
            beats += 1

    beating = asyncio.create_task(heart())
    await builder.build(document)
    beating.cancel()
    # How long a gap may be is a matter of benchmarks/drafts.py; a build on the loop would give one beat.
    assert beats > 5


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EROFS, "disk_read_only"),
        (errno.EACCES, "disk_read_only"),
        (errno.EIO, "disk"),
    ],
)
async def test_each_kind_of_disk_fault_has_its_own_sentence_with_what_to_do(
    builder: DraftBuilder,
    document: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    code: str,
) -> None:
    def fail(self: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(staging_module.Staging, "__enter__", fail)
    with pytest.raises(DraftError) as caught:
        await builder.build(document)
    (found,) = caught.value.issues
    assert (found.code, str(tmp_path / "drafts") in found.message, bool(found.fix)) == (code, True, True)


@pytest.mark.skipif(os.name == "nt", reason="POSIX's limit on the size of files")
async def test_a_file_larger_than_the_system_allows_leaves_nothing(
    builder: DraftBuilder, document: Any, tmp_path: Path
) -> None:
    import resource

    await builder.probe([clip["media"] for clip in document["tracks"][0]["clips"]])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(DraftError) as caught:
            await builder.build(document)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [found.code for found in caught.value.issues] == ["disk_file_size"]
    assert os.listdir(tmp_path / "drafts") == []
