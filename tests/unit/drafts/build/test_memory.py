"""A large draft does not hold the interpreter: no walk over its objects, no end of all of them at once."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.compat.coze2jianying import read_document
from c2jy_bridge.core.chunked_json import content_pieces
from c2jy_bridge.core.gc_control import gc_frozen, gc_paused, release_in_steps
from c2jy_bridge.core.settings import DraftSettings, MaterialSettings
from c2jy_bridge.drafts import DraftBuilder, DraftError
from c2jy_bridge.drafts.write.meta import read_marker

CLIPS = 2_000


def captions() -> dict[str, Any]:
    clips = [
        {"type": "text", "text": f"caption {n}", "at": {"start": n, "duration": 1}} for n in range(CLIPS)
    ]
    return {"schema": "c2jy/1", "name": "captions", "tracks": [{"type": "text", "clips": clips}]}


@pytest.fixture
def builder(tmp_path: Path) -> DraftBuilder:
    return DraftBuilder(
        root=tmp_path / "drafts",
        cache_dir=tmp_path / "cache",
        settings=DraftSettings(),
        materials=MaterialSettings(),
        reader=read_document,
    )


async def test_the_collector_never_walks_the_objects_of_a_draft_that_is_built(builder: DraftBuilder) -> None:
    document = captions()
    await builder.build(document)  # whatever the first build imports is no draft's
    gc.collect()
    walked: list[int] = []

    def begins(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            walked.append(len(gc.get_objects(info["generation"])))

    gc.callbacks.append(begins)
    try:
        await builder.build(document)
    finally:
        gc.callbacks.remove(begins)
    # A clip is a dozen objects at least; the small collections between two steps have nothing of them.
    assert max(walked, default=0) < 5 * CLIPS


async def test_after_a_build_the_collector_works_as_before(builder: DraftBuilder) -> None:
    await builder.build(captions())
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)
    with pytest.raises(DraftError):
        await builder.build({"schema": "c2jy/1", "tracks": [{"type": "text", "clips": [{"type": "text"}]}]})
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)


def test_two_builds_at_once_give_the_collector_back_when_the_later_one_ends() -> None:
    with gc_frozen():
        with gc_paused(), gc_paused():
            assert not gc.isenabled()
        with gc_frozen(), gc_paused():
            pass
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


def test_a_long_list_is_let_go_to_its_last_item() -> None:
    ended: list[int] = []

    class Clip:
        def __init__(self, number: int) -> None:
            self.number = number

        def __del__(self) -> None:
            ended.append(self.number)

    items: list[Any] = [Clip(n) for n in range(1_000)]
    release_in_steps(items)
    assert items == []
    assert sorted(ended) == list(range(1_000))


def test_a_document_in_pieces_is_the_same_json() -> None:
    document = captions() | {"meta": {"a": [1, None, "剪映"]}, "subtitles": []}
    assert (
        b"".join(content_pieces(document))
        == json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    )
    with pytest.raises(TypeError):
        list(content_pieces({"tracks": [{1: 2}]}))


def test_the_mark_of_a_draft_is_read_without_the_document_behind_it(tmp_path: Path) -> None:
    mark = {"draft_id": "A", "id": None, "schema": "c2jy/1", "created_at": 1.0, "version": "0"}
    (tmp_path / "c2jy.json").write_text(f'{{"marker":{json.dumps(mark)},"document":' + "[" * 10_000_000)
    found = read_marker(tmp_path)
    assert found is not None
    assert found.draft_id == "A"
    (tmp_path / "c2jy.json").write_text(json.dumps({"document": {}, "marker": mark}))
    assert read_marker(tmp_path) == found
