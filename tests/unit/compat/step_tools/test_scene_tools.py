"""append_scenes: narrated videos without given lengths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from c2jy_bridge.compat.coze2jianying import step_tools
from c2jy_bridge.drafts import DraftBuilder

if TYPE_CHECKING:
    from tool_harness import Bot, MediaServer


@pytest.fixture(autouse=True)
def tools(bot: Bot, builder: DraftBuilder, tmp_path: Path) -> None:
    for one in step_tools(builder, tmp_path / "unfinished", clock=lambda: 0.0):
        bot.registry.register(one)


@pytest.fixture
async def draft_id(bot: Bot) -> str:
    return str((await bot.call("create_draft", draft_name="美食"))["draft_id"])


async def tracks(bot: Bot, draft_id: str, root: Path) -> dict[str, list[dict[str, Any]]]:
    """Save, and the segments of each track by its type and name."""
    saved = await bot.call("save_draft", draft_id=draft_id)
    assert saved["status"] == "success", saved
    text = (root / saved["drafts"][0]["name"] / "draft_content.json").read_text(encoding="utf-8")
    return {f"{one['type']} {one['name']}": one["segments"] for one in json.loads(text)["tracks"]}


def ranges(segments: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(one["target_timerange"]["start"], one["target_timerange"]["duration"]) for one in segments]


async def test_scenes_last_as_long_as_their_narration_and_follow_one_another(
    bot: Bot, draft_id: str, media: MediaServer, root: Path
) -> None:
    scenes = [
        {"image": media.url("a.png"), "narration": media.url("b.wav"), "transition": "叠化",
         "caption": "第一道菜是麻婆豆腐。又麻又辣！", "animation": "渐显"},
        {"image": media.url("a.png"), "narration": media.url("c.wav"), "caption": "再见"},
    ]  # fmt: skip
    told = await bot.call("append_scenes", draft_id=draft_id, scenes=scenes)
    assert told["status"] == "success"
    assert [(scene["start_s"], scene["end_s"]) for scene in told["scenes"]] == [(0.0, 2.0), (2.0, 2.5)]
    made = await tracks(bot, draft_id, root)
    assert ranges(made["video Scenes"]) == [(0, 2_000_000), (2_000_000, 500_000)]
    assert ranges(made["audio Narration"]) == ranges(made["video Scenes"])
    captions = ranges(made["text Captions"])
    assert len(captions) == 3
    assert captions[0][0] == 0
    assert captions[1] == (captions[0][1], 2_000_000 - captions[0][1])
    assert captions[2] == (2_000_000, 500_000)
    assert len(made["video Scenes"][0]["extra_material_refs"]) > len(
        made["video Scenes"][1]["extra_material_refs"]
    )


async def test_scenes_go_on_after_the_last_picture_on_the_same_track_whatever_music_lies_below(
    bot: Bot, draft_id: str, media: MediaServer, root: Path
) -> None:
    await bot.call("add_images", draft_id=draft_id, time_unit="ms",
                   image_infos=[{"image_url": media.url("a.png"), "start": 0, "end": 1500}])  # fmt: skip
    await bot.call("add_audios", draft_id=draft_id, time_unit="ms",
                   audio_infos=[{"audio_url": media.url("b.wav"), "start": 0, "end": 2000}])  # fmt: skip
    first = await bot.call(
        "append_scenes", draft_id=draft_id, scenes=[{"image": media.url("a.png"), "duration": 2}]
    )
    second = await bot.call(
        "append_scenes", draft_id=draft_id,
        scenes=[{"image": media.url("a.png"), "narration": media.url("c.wav")}],
    )  # fmt: skip
    assert (first["scenes"][0]["start_s"], second["scenes"][0]["start_s"]) == (1.5, 3.5)
    made = await tracks(bot, draft_id, root)
    (pictures,) = [segments for name, segments in made.items() if name.startswith("video")]
    assert ranges(pictures) == [(0, 1_500_000), (1_500_000, 2_000_000), (3_500_000, 500_000)]


async def test_a_video_is_repeated_or_cut_to_its_narration_and_is_silent_under_it(
    bot: Bot, draft_id: str, media: MediaServer, root: Path
) -> None:
    scenes = [
        {"video": media.url("clip.mp4"), "narration": media.url("b.wav")},
        {"video": media.url("clip.mp4"), "duration": 10},
        {"video": media.url("clip.mp4")},
    ]
    told = await bot.call("append_scenes", draft_id=draft_id, scenes=scenes)
    assert [scene["end_s"] - scene["start_s"] for scene in told["scenes"]] == [2.0, 10.0, 4.0]
    segments = (await tracks(bot, draft_id, root))["video Scenes"]
    assert [length for _, length in ranges(segments)] == [
        2_000_000, 4_000_000, 4_000_000, 2_000_000, 4_000_000,
    ]  # fmt: skip
    assert [segment["volume"] for segment in segments] == [0, 1, 1, 1, 1]


async def test_music_lies_under_all_scenes_of_the_call_and_fades_out(
    bot: Bot, draft_id: str, media: MediaServer, root: Path
) -> None:
    scenes = [{"image": media.url("a.png"), "duration": 3}, {"image": media.url("a.png"), "duration": 2}]
    music = {"url": media.url("b.wav"), "volume": 0.25}
    told = await bot.call("append_scenes", draft_id=draft_id, scenes=scenes, music=music)
    assert told["status"] == "success"
    segments = (await tracks(bot, draft_id, root))["audio Music"]
    assert ranges(segments) == [(0, 2_000_000), (2_000_000, 2_000_000), (4_000_000, 1_000_000)]
    assert {segment["volume"] for segment in segments} == {0.25}


async def test_an_address_alone_is_music_too(bot: Bot, draft_id: str, media: MediaServer, root: Path) -> None:
    scenes = [{"image": media.url("a.png"), "duration": 1}]
    told = await bot.call("append_scenes", draft_id=draft_id, scenes=scenes, music=media.url("b.wav"))
    assert told["status"] == "success"
    assert ranges((await tracks(bot, draft_id, root))["audio Music"]) == [(0, 1_000_000)]


async def test_the_narration_is_never_cut_and_a_length_that_was_chosen_for_the_bot_is_told(
    bot: Bot, draft_id: str, media: MediaServer
) -> None:
    scenes = [
        {"image": media.url("a.png"), "narration": media.url("b.wav"), "duration": 1},
        {"image": media.url("a.png"), "narration": media.url("c.wav"), "duration": 4},
        {"image": media.url("a.png")},
    ]
    told = await bot.call("append_scenes", draft_id=draft_id, scenes=scenes)
    assert [scene["end_s"] - scene["start_s"] for scene in told["scenes"]] == [2.0, 4.0, 3.0]
    assert [(issue["code"], issue["path"]) for issue in told["issues"]] == [
        ("scene_longer", "scenes[0].duration"),
        ("scene_silent", "scenes[2]"),
    ]


async def test_every_file_that_cannot_be_had_is_named_by_its_scene_and_nothing_is_added(
    bot: Bot, draft_id: str, media: MediaServer
) -> None:
    scenes = [
        {"image": media.url("gone.png"), "narration": media.url("b.wav")},
        {"image": media.url("a.png"), "narration": media.url("a.png")},
        {"image": media.url("a.png"), "narration": media.url("page")},
    ]
    told = await bot.call("append_scenes", draft_id=draft_id, scenes=scenes)
    assert told["status"] == "error"
    assert {issue["path"] for issue in told["issues"]} == {
        "scenes[0].image", "scenes[1].narration", "scenes[2].narration",
    }  # fmt: skip
    assert (await bot.call("save_draft", draft_id=draft_id))["status"] == "error"


async def test_a_wrong_name_is_told_at_the_scene_that_has_it(
    bot: Bot, draft_id: str, media: MediaServer
) -> None:
    scenes = [{"image": media.url("a.png"), "duration": 2}, {"image": media.url("a.png"), "duration": 2,
              "animation": "渐险"}]  # fmt: skip
    told = await bot.call("append_scenes", draft_id=draft_id, scenes=scenes)
    (issue,) = told["issues"]
    assert issue["path"].startswith("scenes[1]")
    assert "渐显" in issue["fix"]


@pytest.mark.parametrize(
    ("scene", "word"),
    [
        ({"image": "https://example.com/a.png", "video": "https://example.com/a.mp4"}, "scenes[0]"),
        ({}, "scenes[0]"),
        ({"picture": "https://example.com/a.png"}, "picture"),
        ({"image": "https://example.com/a.png", "duration": 0}, "scenes[0].duration"),
    ],
)
async def test_a_scene_that_makes_no_sense_is_refused_with_its_place(
    bot: Bot, draft_id: str, scene: dict[str, Any], word: str
) -> None:
    told = await bot.call("append_scenes", draft_id=draft_id, scenes=[scene])
    assert told["status"] == "error"
    assert word in told["message"]


async def test_captions_take_the_style_that_is_asked_for(
    bot: Bot, draft_id: str, media: MediaServer, root: Path
) -> None:
    scene = {"image": media.url("a.png"), "narration": media.url("c.wav"), "caption": "你好"}
    wrong = await bot.call("append_scenes", draft_id=draft_id, scenes=[scene], caption_style={"size": "big"})
    assert wrong["status"] == "error"
    assert wrong["issues"][0]["path"] == "scenes[0].style.size"
    told = await bot.call(
        "append_scenes", draft_id=draft_id, scenes=[scene], caption_style={"size": 12}, fit="fill"
    )
    assert told["status"] == "success"
    await bot.call("save_draft", draft_id=draft_id)
    text = (root / "美食" / "draft_content.json").read_text(encoding="utf-8")
    (caption,) = json.loads(text)["materials"]["texts"]
    assert json.loads(caption["content"])["styles"][0]["size"] == 12
