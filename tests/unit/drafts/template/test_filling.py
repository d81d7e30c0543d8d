"""Values in a template: lengths, frames, words, lists, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app_drafts import clip_of, material, names, put, read
from c2jy_bridge.drafts import DraftError, Library
from c2jy_bridge.drafts.template.filler import TemplateFiller

FillIt = Callable[..., Any]


async def test_a_template_says_what_can_be_filled(filler: TemplateFiller, template: Path) -> None:
    view = await filler.describe("template")
    assert (view.width, view.height, view.duration_us) == (1920, 1080, 12_000_000)
    assert [(slot.slot, slot.start_us // 1_000_000, slot.label) for slot in view.slots] == [
        ("image1", 0, "wide.png"),
        ("text1", 0, "春天来了"),
        ("audio1", 0, "song.wav"),
        ("video1", 3, "clip.mp4"),
        ("text_template1", 3, "标题模板"),
        ("text2", 6, "old caption"),
        ("compound1/image1", 0, "wide.png"),
        ("compound1/text1", 0, "inside"),
    ]
    assert view.slots[1].spans == ("春天", "来了")
    assert view.slots[4].texts == ("TITLE", "subtitle")
    assert await filler.describe(template) == view


async def test_a_file_longer_than_its_slot_loses_its_tail(fill: FillIt, media: Path) -> None:
    _, content = await fill({"audio1": {"media": str(media / "video.mp4"), "start": 0.5}})
    assert clip_of(content, "S12")["source_timerange"] == {"duration": 2_000_000, "start": 500_000}
    assert clip_of(content, "S12")["target_timerange"] == {"duration": 2_000_000, "start": 0}


async def test_a_shorter_video_is_slowed_down_and_that_is_said(fill: FillIt, media: Path) -> None:
    done, content = await fill({"video1": str(media / "silent.mp4")})
    clip = clip_of(content, "S2")
    assert clip["target_timerange"] == {"duration": 3_000_000, "start": 3_000_000}
    assert clip["source_timerange"]["duration"] == 2_000_000
    assert clip["speed"] == pytest.approx(2 / 3)
    assert material(content, "speeds", "P2")["speed"] == clip["speed"]
    assert [issue.code for issue in done.issues] == ["slowed_down"]


async def test_a_shorter_video_can_be_repeated(fill: FillIt, media: Path) -> None:
    _, content = await fill({"video1": {"media": str(media / "silent.mp4"), "length": "loop"}})
    clips = content["tracks"][0]["segments"]
    assert [clip["target_timerange"] for clip in clips[1:3]] == [
        {"duration": 2_000_000, "start": 3_000_000},
        {"duration": 1_000_000, "start": 5_000_000},
    ]
    assert clips[2]["id"] != "S2"
    assert clips[2]["extra_material_refs"] != clips[1]["extra_material_refs"]


async def test_a_slot_can_follow_its_file_and_all_that_comes_after_moves(fill: FillIt, media: Path) -> None:
    _, content = await fill({"video1": {"media": str(media / "silent.mp4"), "length": "follow"}})
    assert clip_of(content, "S2")["target_timerange"] == {"duration": 2_000_000, "start": 3_000_000}
    assert clip_of(content, "S3")["target_timerange"]["start"] == 5_000_000
    assert clip_of(content, "S6")["target_timerange"]["start"] == 5_000_000
    assert clip_of(content, "S5")["target_timerange"] == {"duration": 2_000_000, "start": 3_000_000}
    assert clip_of(content, "S8")["target_timerange"]["duration"] == 11_000_000
    assert content["duration"] == 11_000_000


async def test_a_picture_is_cropped_to_the_shape_of_the_old_one(fill: FillIt, media: Path) -> None:
    _, content = await fill({"image1": str(media / "tall.jpg")})
    crop = material(content, "videos", "V1")["crop"]
    shown = (
        (crop["upper_right_x"] - crop["upper_left_x"]) * 90,
        (crop["lower_left_y"] - crop["upper_left_y"]) * 160,
    )
    assert shown[0] / shown[1] == pytest.approx(640 / 360)
    assert crop["upper_left_y"] == pytest.approx(1 - crop["lower_left_y"])


async def test_a_picture_can_be_shown_whole_within_the_bounds_of_the_old_one(
    fill: FillIt, media: Path
) -> None:
    _, content = await fill({"image1": {"media": str(media / "tall.jpg"), "framing": "fit"}})
    assert material(content, "videos", "V1")["crop"]["upper_left_y"] == 0.0
    assert clip_of(content, "S1")["clip"]["scale"] == {"x": 1.0, "y": 1.0}
    _, wide = await fill({"video1": {"media": str(media / "tall.jpg"), "framing": "fit"}})
    assert material(wide, "videos", "V2")["type"] == "photo"


async def test_words_keep_the_style_of_their_spans(fill: FillIt) -> None:
    _, content = await fill(
        {"text1": "一二三四五六", "text_template1": {"texts": ["新标题"]}, "text2": "<b>"}
    )
    held = json.loads(material(content, "texts", "T1")["content"])
    assert (held["text"], [style["range"] for style in held["styles"]]) == ("一二三四五六", [[0, 3], [3, 6]])
    assert [style["size"] for style in held["styles"]] == [12.0, 6.5]
    assert json.loads(material(content, "texts", "T2")["content"])["text"] == "新标题"
    assert json.loads(material(content, "texts", "T3")["content"])["text"] == "subtitle"
    old = material(content, "texts", "T4")["content"]
    assert old == '<font id=""><color=(1.0, 1.0, 1.0, 1.0)>[＜b＞]</color></font>'


async def test_lists_fill_slots_in_their_order(fill: FillIt, media: Path) -> None:
    _, content = await fill({"texts": [None, "t"], "pictures": [str(media / "tall.jpg")]})
    assert material(content, "videos", "V1")["width"] == 90
    assert json.loads(material(content, "texts", "T2")["content"])["text"] == "t"
    assert json.loads(material(content, "texts", "T1")["content"])["text"] == "春天来了"


async def test_a_material_of_two_clips_is_filled_in_one_of_them(
    filler: TemplateFiller, template: Path, media: Path
) -> None:
    content = read(template / "draft_content.json")
    content["tracks"][0]["segments"][1]["material_id"] = "V1"
    put(template / "draft_content.json", json.dumps(content))
    done = await filler.fill("template", {"image2": str(media / "tall.jpg")}, "new")
    new = read(Path(done.path, "draft_content.json"))
    assert material(new, "videos", "V1")["width"] == 640
    assert material(new, "videos", clip_of(new, "S2")["material_id"])["width"] == 90


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ("{", ["fill_not_json"]),
        ([], ["fill_not_object"]),
        ({"imag1": "x", "text9": "y"}, ["slot_unknown", "slot_unknown"]),
        ({"image1": 5, "text1": 3.5, "text2": {"words": "x"}}, ["fill_media", "fill_text"]),
        ({"image1": {"media": "x", "lenght": "loop"}}, ["fill_unknown"]),
        ({"image1": {"media": "x", "length": "stretch"}}, ["fill_choice"]),
        ({"image1": {"media": "x", "start": "abc"}}, ["fill_time"]),
        ({"texts": ["1", "2", "3", "4", "5"]}, ["more_than_slots"]),
        ({"slots": {"text1": "a"}, "texts": ["b"]}, ["slot_twice"]),
        ({"text1": ["a", "b", "c"]}, ["wrong_spans"]),
        ({"repeat": [{"slots": ["image1"], "items": []}]}, ["repeat_empty"]),
        ({"repeat": [{"slots": ["compound1/image1"], "items": [{}]}]}, ["repeat_inside"]),
        ({"image1": "/nowhere/a.png"}, ["outside_folders"]),
    ],
)
async def test_what_cannot_be_filled_is_refused_with_its_place(
    filler: TemplateFiller, template: Path, values: Any, codes: list[str]
) -> None:
    with pytest.raises(DraftError) as refused:
        await filler.fill("template", values, "new")
    assert [issue.code for issue in refused.value.issues] == codes
    assert "new" not in names(template.parent)


async def test_a_sound_is_no_picture(filler: TemplateFiller, template: Path, media: Path) -> None:
    with pytest.raises(DraftError) as refused:
        await filler.fill("template", {"image1": str(media / "sound.wav")}, "new")
    (issue,) = refused.value.issues
    assert (issue.code, issue.path) == ("no_picture", "slots.image1")
    assert names(template.parent) == ["template"]


async def test_the_new_draft_is_ours_with_an_identity_of_its_own(
    fill: FillIt, template: Path, library: Library, media: Path
) -> None:
    done, content = await fill({"image1": str(media / "tall.jpg")}, "新年")
    meta = read(Path(done.path, "draft_meta_info.json"))
    assert (meta["draft_id"], meta["draft_name"]) == (done.draft_id, "新年")
    assert meta["draft_fold_path"] == Path(done.path).as_posix()
    _, entry = meta["draft_materials"][0]["value"]  # the old picture is still inside the compound clip
    assert entry["id"] == content["materials"]["videos"][0]["local_material_id"]
    assert entry["file_Path"].startswith("./materials/")
    view = next(view for view in library.list() if view.name == "新年")
    assert (view.state, view.ours, view.clips) == ("ok", True, 12)
    again, _ = await fill({}, "新年")
    assert again.name == "新年 (2)"


async def test_a_request_that_comes_again_finds_its_draft(fill: FillIt, template: Path) -> None:
    first, _ = await fill({"text1": "a"}, request_id="call-1")
    second, _ = await fill({"text1": "a"}, request_id="call-1")
    assert first.path == second.path
    assert names(template.parent) == ["new", "template"]


async def test_a_dry_run_writes_nothing(filler: TemplateFiller, template: Path, media: Path) -> None:
    done = await filler.fill("template", {"image1": str(media / "tall.jpg")}, "new", dry_run=True)
    assert (done.path, done.clips, done.media) == ("", 12, 1)
    assert names(template.parent) == ["template"]
