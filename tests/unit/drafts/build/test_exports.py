"""Exports of Coze2JianYing through the whole build: told in their own words, and given back as they came."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2jy_bridge.drafts import DraftBuilder, DraftError

MakeBuilder = Callable[..., DraftBuilder]
S = 1_000_000


def text(words: str = "一", **more: Any) -> dict[str, Any]:
    return {"type": "text", "content": words, "time_range": {"start": 0, "end": 3 * S}, **more}


def draft(name: str, *tracks: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "draft_id": name,
        "project": {"name": name, "width": 1920, "height": 1080, "fps": 30},
        "tracks": [{"track_type": kind, "segments": segments} for kind, segments in tracks],
    }


@pytest.fixture
def builder(make_builder: MakeBuilder) -> DraftBuilder:
    return make_builder()


async def test_one_draft_that_cannot_be_read_does_not_stop_the_others(
    builder: DraftBuilder, tmp_path: Path
) -> None:
    backwards = text(time_range={"start": 3 * S, "end": 0})
    batch = {"drafts": [draft("a", ("text", [text()])), draft("b", ("text", [backwards]))]}
    report = await builder.build(json.dumps(batch))
    assert [made.name for made in report.drafts] == ["a"]
    (fault,) = report.issues
    assert (fault.severity, fault.path) == ("error", "drafts[1].tracks[0].segments[0].time_range.start")
    with pytest.raises(DraftError) as caught:
        await builder.build({"drafts": batch["drafts"][1:]})
    assert caught.value.issues[0].path == "drafts[0].tracks[0].segments[0].time_range.start"


async def test_what_the_build_finds_is_told_at_its_place_in_the_export(
    builder: DraftBuilder, media: Path
) -> None:
    picture = {
        "type": "image",
        "material_url": str(media / "wide.png"),
        "time_range": {"start": 0, "end": 3 * S},
        "effects": {"filter_type": "没有的滤镜", "transition_type": "没有的转场"},
        "animations": {"intro": "渐显", "outro": "没有的动画"},
    }
    flat = {"image_url": str(media / "wide.png"), "start": 0, "end": 3 * S, "filter_type": "没有的滤镜"}
    # Captions on a video track go to a track of their own, so that tracks do not line up with the export's.
    document = {
        "drafts": [
            draft("x", ("text", [text()])),
            draft(
                "y",
                ("video", [text(), picture]),
                ("text", [text(style={"font_family": "没有的字体"})]),
                ("effect", [{"effect_type": "没有的特效", "time_range": {"start": 0, "end": S}}]),
                ("video", [flat, {**flat, "image_url": str(media / "gone.png")}]),
            ),
        ]
    }
    report = await builder.build(document, dry_run=True)
    where = {issue.path for issue in report.issues if issue.code not in ("time_unit", "track_split")}
    assert where >= {
        "drafts[1].tracks[3].segments[1].image_url",
    }
    document["drafts"][1]["tracks"][3]["segments"].pop()
    report = await builder.build(document, dry_run=True)
    told = {issue.path for made in report.drafts for issue in made.issues if issue.code.startswith("unknown")}
    told |= {issue.path for issue in report.issues}
    assert told >= {
        "drafts[1].tracks[0].segments[1].effects.filter_type",
        "drafts[1].tracks[0].segments[1].effects.transition_type",
        "drafts[1].tracks[0].segments[1].animations.outro",
        "drafts[1].tracks[1].segments[0].style.font_family",
        "drafts[1].tracks[2].segments[0].effect_type",
        "drafts[1].tracks[3].segments[0].filter_type",
    }
    assert not any(".clips[" in path for path in told)


async def test_an_export_comes_back_from_its_draft_as_it_went_in(
    builder: DraftBuilder, tmp_path: Path
) -> None:
    given = draft("n", ("text", [text(transform={"position_x": None, "scale": 1.0}, style=None)]))
    given |= {
        "total_duration_ms": None,
        "media_resources": [],
        "big": 10**17,
        "float": 1e-7,
        "deep": [[None]],
    }
    document = {"success": True, "message": None, "draft_data": json.dumps({"drafts": [given]})}
    made = (await builder.build(document)).drafts[0]

    def legacy(folder: str) -> str:
        kept = json.loads((Path(folder) / "c2jy.json").read_text(encoding="utf-8"))
        return json.dumps(kept["document"]["legacy"])

    assert legacy(made.path) == json.dumps(given)
    again = (await builder.rebuild(Path(made.path))).drafts[0]
    assert again.path != made.path
    assert legacy(again.path) == json.dumps(given)


async def test_a_name_that_stands_twice_in_our_own_document_is_refused(builder: DraftBuilder) -> None:
    document = '{"schema": "c2jy/1", "name": "a", "name": "b", "tracks": []}'
    with pytest.raises(DraftError) as caught:
        await builder.build(document)
    assert [(issue.code, issue.path) for issue in caught.value.issues] == [("json_twice", "name")]
