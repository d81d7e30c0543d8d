"""What a draft was made from, and building it again with the export's numbers in another time unit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.drafts import BuiltDraft, DraftBuilder, DraftError, Library

TEXT = {"type": "text", "clips": [{"text": "你好", "duration": 2}]}


def export(media: Path, end: int) -> dict[str, Any]:
    """As the desktop app of the predecessor gets it: two seconds of sound under two captions."""
    sound = {"type": "audio", "material_url": str(media / "sound.wav")}
    caption = {"type": "text", "content": "你好"}
    segments = [
        [{**sound, "time_range": {"start": 0, "end": end}}],
        [
            {**caption, "time_range": {"start": 0, "end": end // 2}},
            {**caption, "time_range": {"start": end // 2, "end": end}},
        ],
    ]
    tracks = [
        {"track_type": kind, "segments": found}
        for kind, found in zip(("audio", "text"), segments, strict=True)
    ]
    return {"drafts": [{"draft_id": "d", "project": {"name": "旅行"}, "tracks": tracks}]}


async def build(builder: DraftBuilder, document: object, **more: Any) -> BuiltDraft:
    (made,) = (await builder.build(json.dumps(document), **more)).drafts
    return made


async def test_an_exports_unit_is_told_with_its_evidence_and_the_length_in_every_unit(
    builder: DraftBuilder, media: Path
) -> None:
    made = await build(builder, export(media, 2000))
    origin = await builder.origin(Path(made.path))
    assert origin.unit == "ms"
    assert origin.lengths_us == {"us": 2000, "ms": 2_000_000, "s": 2_000_000_000}
    assert origin.evidence is not None
    assert "1 of 1 clips then match" in origin.evidence.message
    assert not origin.resaved


async def test_a_draft_of_an_export_is_built_again_in_another_unit_beside_itself(
    builder: DraftBuilder, library: Library, media: Path
) -> None:
    made = await build(builder, export(media, 2000), time_unit="us")
    assert made.duration_us == 2000
    (again,) = (await builder.rebuild(Path(made.path), time_unit="ms")).drafts
    assert (again.name, again.duration_us) == ("旅行 (2)", 2_000_000)
    assert library.check("旅行 (2)") == []
    assert library.detail("旅行").view.duration_us == 2000
    origin = await builder.origin(Path(again.path))
    assert origin.unit == "ms"


async def test_a_unit_that_was_asked_for_is_told_as_asked_for(builder: DraftBuilder, media: Path) -> None:
    made = await build(builder, export(media, 2000), time_unit="us")
    origin = await builder.origin(Path(made.path))
    assert origin.unit == "us"
    assert origin.evidence is not None
    assert origin.evidence.code == "time_unit"
    assert "match the real length" not in origin.evidence.message


async def test_a_draft_that_was_rebuilt_can_still_change_its_unit(builder: DraftBuilder, media: Path) -> None:
    made = await build(builder, export(media, 2000), time_unit="us")
    (again,) = (await builder.rebuild(Path(made.path))).drafts
    assert again.duration_us == 2000
    (third,) = (await builder.rebuild(Path(again.path), time_unit="ms")).drafts
    assert third.duration_us == 2_000_000
    assert [draft.name for draft in (made, again, third)] == ["旅行", "旅行 (2)", "旅行 (3)"]


async def test_our_own_document_has_no_other_unit(builder: DraftBuilder) -> None:
    made = await build(builder, {"schema": "c2jy/1", "name": "x", "tracks": [TEXT]})
    assert (await builder.origin(Path(made.path))).unit is None
    with pytest.raises(DraftError) as caught:
        await builder.rebuild(Path(made.path), time_unit="ms")
    assert caught.value.issues[0].code == "no_other_unit"


async def test_a_draft_that_was_saved_after_we_built_it_is_told_so(builder: DraftBuilder) -> None:
    made = Path((await build(builder, {"schema": "c2jy/1", "name": "x", "tracks": [TEXT]})).path)
    assert not (await builder.origin(made)).resaved
    later = (made / "c2jy.json").stat().st_mtime + 60
    os.utime(made / "draft_content.json", (later, later))
    assert (await builder.origin(made)).resaved


async def test_a_draft_that_is_not_ours_has_no_origin(builder: DraftBuilder) -> None:
    made = Path((await build(builder, {"schema": "c2jy/1", "name": "x", "tracks": [TEXT]})).path)
    (made / "c2jy.json").unlink()
    with pytest.raises(DraftError) as caught:
        await builder.origin(made)
    assert caught.value.issues[0].code == "no_document"
