"""Unfinished drafts are on the disk, whole, whatever happens to the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from c2jy_bridge.compat.coze2jianying.unfinished import store as store_module
from c2jy_bridge.compat.coze2jianying.unfinished.draft import Lane, Step, Unfinished
from c2jy_bridge.compat.coze2jianying.unfinished.store import UnfinishedDrafts, UnknownDraft


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> UnfinishedDrafts:
    return UnfinishedDrafts(tmp_path / "unfinished", clock)


def begin(store: UnfinishedDrafts, call_id: str = "call-1", name: str = "夏日") -> Unfinished:
    return store.create(call_id, name=name, width=1080, height=1920, fps=25, time_unit="ms")


def step(call_id: str, text: str = "你好") -> Step:
    clip = {"type": "text", "text": text, "at": {"start": 0, "duration": 1_000_000}, "id": f"{call_id}-1"}
    frames = {f"{call_id}-1": [{"property": "scale", "at": 0, "value": 1.5}]}
    lane = Lane("text", call_id, "字幕", (clip,))
    return Step(call_id, "add_captions", (lane,), frames, 7, "ms", [{"content": text}])


def test_another_process_reads_what_one_has_written(
    store: UnfinishedDrafts, tmp_path: Path, clock: Clock
) -> None:
    draft = begin(store)
    changed = store.add(draft.draft_id, "call-2", lambda _: step("call-2"))
    again = UnfinishedDrafts(tmp_path / "unfinished", clock).get(draft.draft_id)
    assert again == changed
    assert again.document() == changed.document()
    assert (again.width, again.fps, again.unit, again.pictures_end_us) == (1080, 25, "ms", 7)


def test_a_call_that_comes_again_begins_no_second_draft_and_adds_nothing_twice(
    store: UnfinishedDrafts, tmp_path: Path
) -> None:
    draft = begin(store)
    assert begin(store) == draft
    for _ in range(2):
        store.add(draft.draft_id, "call-2", lambda _: step("call-2"))
    assert len(store.get(draft.draft_id).steps) == 1
    assert len(list((tmp_path / "unfinished").glob("*.json"))) == 1


def test_processes_that_add_at_the_same_time_lose_nothing(store: UnfinishedDrafts, tmp_path: Path) -> None:
    draft = begin(store)
    code = (
        "import sys; from pathlib import Path\n"
        "from c2jy_bridge.compat.coze2jianying.unfinished.draft import *\n"
        "from c2jy_bridge.compat.coze2jianying.unfinished.store import *\n"
        "store = UnfinishedDrafts(Path(sys.argv[1]), lambda: 0.0)\n"
        "for n in range(20):\n"
        "    call = f'{sys.argv[3]}-{n}'\n"
        "    store.add(sys.argv[2], call, lambda _: Step(call, 'add_track', (Lane('text', call),)))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "unfinished"), draft.draft_id, name])
        for name in ("a", "b")
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(store.get(draft.draft_id).steps) == 40


def test_a_disk_that_refuses_in_the_middle_leaves_the_draft_as_it_was(
    store: UnfinishedDrafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = begin(store)

    def half(path: Path, *pieces: bytes) -> None:
        path.write_bytes(b"".join(pieces)[:20])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as fault:
        fault.setattr(store_module, "write_file", half)
        with pytest.raises(OSError, match="No space"):
            store.add(draft.draft_id, "call-2", lambda _: step("call-2"))
    assert store.get(draft.draft_id) == draft
    assert store.add(draft.draft_id, "call-2", lambda _: step("call-2")).steps == (step("call-2"),)


def test_an_unknown_id_names_the_open_ones_nearest_first(store: UnfinishedDrafts) -> None:
    winter, summer = begin(store, "call-1", "冬日"), begin(store, "call-2", "夏日海边")
    with pytest.raises(UnknownDraft) as error:
        store.get("夏日海滩")
    assert [draft.name for draft in error.value.open] == ["夏日海边", "冬日"]
    assert store.get("冬日") == winter
    assert store.get(f" {summer.draft_id} ") == summer


@pytest.mark.parametrize("wanted", ["", "../x", "/etc/passwd", "*", ".lock", "a\0b"])
def test_an_id_never_reaches_outside_the_folder(store: UnfinishedDrafts, tmp_path: Path, wanted: str) -> None:
    begin(store)
    (tmp_path / "x.json").write_text(json.dumps({"format": store_module.FORMAT}))
    with pytest.raises(UnknownDraft):
        store.get(wanted)


def test_a_saved_draft_takes_no_more_steps_and_is_forgotten_after_a_week(
    store: UnfinishedDrafts, clock: Clock, tmp_path: Path
) -> None:
    saved, kept = begin(store, "call-1"), begin(store, "call-2")
    store.mark_saved(saved.draft_id, "call-9", name="夏日", path="/drafts/夏日")
    with pytest.raises(UnknownDraft) as error:
        store.add(saved.draft_id, "call-3", lambda _: step("call-3"))
    assert error.value.saved is not None
    assert error.value.saved.name == "夏日"
    assert store.get(saved.draft_id, call_id="call-9").draft_id == saved.draft_id
    clock.now += 8 * 24 * 3600
    begin(store, "call-4")
    left = {path.stem for path in (tmp_path / "unfinished").glob("*.json")}
    assert saved.draft_id not in left
    assert kept.draft_id in left


def test_a_file_that_is_not_ours_is_left_alone(store: UnfinishedDrafts, tmp_path: Path) -> None:
    draft = begin(store)
    for name, text in (("a.json", "{"), ("b.json", "[]"), ("c.json", '{"format": "other"}')):
        (tmp_path / "unfinished" / name).write_text(text)
    assert store.get(draft.draft_id) == draft
    assert {"a.json", "b.json", "c.json"} <= set(os.listdir(tmp_path / "unfinished"))


def test_kinds_of_track_are_stacked_in_their_order_whenever_they_were_added() -> None:
    draft = Unfinished("id", "n", 1920, 1080, 30, 0.0)
    for kind in ("text", "video", "sticker", "audio", "filter", "effect"):
        lane = Lane(kind, kind, None, ({"type": kind, "id": kind},))
        draft = draft.with_step(Step(kind, "add", (lane,)))
    assert [track["type"] for track in draft.document()["tracks"]] == [
        "video", "audio", "effect", "filter", "sticker", "text",
    ]  # fmt: skip


def test_lanes_of_one_key_are_one_track_and_empty_ones_none() -> None:
    draft = Unfinished("id", "n", 1920, 1080, 30, 0.0)
    for number in range(2):
        lane = Lane("text", "字幕", "字幕", ({"type": "text", "id": str(number)},))
        draft = draft.with_step(Step(str(number), "add_captions", (lane,)))
    draft = draft.with_step(Step("9", "add_track", (Lane("audio", "空", "空"),)))
    (track,) = draft.document()["tracks"]
    assert (track["name"], [clip["id"] for clip in track["clips"]]) == ("字幕", ["0", "1"])
    assert replace(draft, steps=()).document()["tracks"] == []
