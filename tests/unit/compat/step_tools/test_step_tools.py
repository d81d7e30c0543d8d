"""A draft made step by step with the argument names of Coze2JianYing, by the real builder with real media."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from c2jy_bridge.compat.coze2jianying import step_tools
from c2jy_bridge.compat.coze2jianying.unfinished.store import UnfinishedDrafts
from c2jy_bridge.core.events import DraftWritten, ToolCall
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts import DraftBuilder, DraftError

if TYPE_CHECKING:
    from tool_harness import Bot, MediaServer

NOW = 1_700_000_000.0


def equip(bot: Bot, builder: DraftBuilder, folder: Path, time_unit: TimeUnit = "auto") -> None:
    for tools in step_tools(builder, folder, time_unit=time_unit, clock=lambda: NOW):
        bot.registry.register(tools)


@pytest.fixture(autouse=True)
def tools(bot: Bot, builder: DraftBuilder, tmp_path: Path) -> None:
    equip(bot, builder, tmp_path / "unfinished")


@pytest.fixture
async def draft_id(bot: Bot) -> str:
    told = await bot.call("create_draft", draft_name="夏日", width=1080, height=1920)
    assert told["status"] == "success"
    return str(told["draft_id"])


def content(root: Path, name: str = "夏日") -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((root / name / "draft_content.json").read_text(encoding="utf-8"))
    return loaded


def images(media: MediaServer, *ends: int) -> list[str]:
    starts = (0, *ends)
    return [
        json.dumps({"image_url": media.url("a.png"), "start": start, "end": end})
        for start, end in zip(starts, ends, strict=False)
    ]


async def test_all_steps_together_make_one_draft_with_all_that_was_added(
    bot: Bot, draft_id: str, media: MediaServer, root: Path
) -> None:
    video = {"video_url": media.url("clip.mp4"), "start": 4000, "end": 6000, "volume": 0.5}
    steps: list[tuple[str, str, Any]] = [
        ("add_captions", "caption_infos", [{"content": "你好", "start": 0, "end": 4000, "position_x": 0}]),
        ("add_images", "image_infos", images(media, 2000, 4000)),
        ("add_videos", "video_infos", [json.dumps(video)]),
        ("add_audios", "audio_infos", [{"audio_url": media.url("b.wav"), "start": 0, "end": 2000}]),
        ("add_effects", "effect_infos", json.dumps([{"effect_type": "故障", "start": 0, "end": 2000}])),
        ("add_filters", "filter_infos", [{"filter_type": "清晰", "start": 0, "end": 2000, "intensity": 0.5}]),
        ("add_stickers", "sticker_infos", [{"resource_id": "7132097333274987814", "start": 0, "end": 2000}]),
    ]
    ids: dict[str, list[str]] = {}
    for name, argument, infos in steps:
        told = await bot.call(name, draft_id=draft_id, time_unit="ms", **{argument: infos})
        assert told["status"] == "success", told
        ids[name] = told["segment_ids"]
    assert [len(found) for found in ids.values()] == [1, 2, 1, 1, 1, 1, 1]
    moved = await bot.call(
        "add_keyframes",
        draft_id=draft_id,
        keyframe_infos=[
            {"segment_id": ids["add_images"][1], "property": "scale", "time": "0s", "value": 1},
            {"segment_id": ids["add_images"][1], "property": "scale", "time": "2s", "value": 1.5},
        ],
    )
    assert (moved["status"], moved["count"]) == ("success", 2)
    assert os.listdir(root) == []

    saved = await bot.call("save_draft", draft_id=draft_id)
    assert saved["status"] == "success"
    (draft,) = saved["drafts"]
    assert (draft["name"], draft["duration_s"], draft["clips"], draft["media"]) == ("夏日", 6.0, 8, 3)
    (written,) = [event for event in bot.events if isinstance(event, DraftWritten)]
    assert (written.name, written.at) == ("夏日", NOW)
    made = content(root)
    assert (made["canvas_config"]["width"], made["canvas_config"]["height"]) == (1080, 1920)
    # The captions came first and are on top all the same.
    assert [track["type"] for track in made["tracks"]] == [
        "video", "video", "audio", "effect", "filter", "sticker", "text",
    ]  # fmt: skip
    frames = made["tracks"][0]["segments"][1]["common_keyframes"]
    assert [[point["values"][0] for point in frame["keyframe_list"]] for frame in frames] == [[1, 1.5]] * len(
        frames
    )
    assert frames
    assert made["tracks"][1]["segments"][0]["volume"] == 0.5


async def test_what_was_added_before_a_restart_is_saved_after_it(
    bot: Bot, draft_id: str, media: MediaServer, builder: DraftBuilder, root: Path, tmp_path: Path
) -> None:
    await bot.call("add_images", draft_id=draft_id, image_infos=images(media, 3000))
    fresh = type(bot)()
    equip(fresh, builder, tmp_path / "unfinished")
    added = await fresh.call_as(
        "later",
        "add_audios",
        draft_id=draft_id,
        audio_infos=[{"audio_url": media.url("b.wav"), "start": 0, "end": 2000}],
    )
    assert added["status"] == "success"
    assert (await fresh.call_as("last", "save_draft", draft_id=draft_id))["status"] == "success"
    assert [track["type"] for track in content(root)["tracks"]] == ["video", "audio"]


async def test_a_call_that_comes_again_after_a_crash_changes_nothing(
    bot: Bot, media: MediaServer, root: Path
) -> None:
    async def twice(call_id: str, tool: str, **arguments: Any) -> dict[str, Any]:
        first = await bot.call_as(call_id, tool, **arguments)
        assert first["status"] == "success", first
        assert await bot.call_as(call_id, tool, **arguments) == first
        return first

    draft_id = (await twice("a", "create_draft", draft_name="夏日"))["draft_id"]
    added = await twice("b", "add_images", draft_id=draft_id, image_infos=images(media, 3000))
    await twice("c", "add_track", draft_id=draft_id, track_type="text", track_name="标题")
    info = {"segment_id": added["segment_ids"][0], "property": "scale", "time": "1s", "value": 2}
    await twice("d", "add_keyframes", draft_id=draft_id, keyframe_infos=[info])
    scene = {"image": media.url("a.png"), "narration": media.url("b.wav"), "caption": "你好"}
    await twice("e", "append_scenes", draft_id=draft_id, scenes=[scene])
    saved = await twice("f", "save_draft", draft_id=draft_id)
    assert (saved["drafts"][0]["clips"], saved["drafts"][0]["duration_s"]) == (4, 5.0)
    assert os.listdir(root) == ["夏日"]
    again = await bot.call("save_draft", draft_id=draft_id)
    assert again["status"] == "error"
    assert "夏日" in again["message"]


async def test_calls_of_one_batch_are_all_kept(bot: Bot, draft_id: str, media: MediaServer) -> None:
    arguments = json.dumps({"draft_id": draft_id, "image_infos": images(media, 3000)})
    calls = [ToolCall(call_id=f"batch-{n}", tool="add_images", arguments=arguments) for n in range(8)]
    [event async for event in bot.runner.run(calls)]
    assert (await bot.call("save_draft", draft_id=draft_id))["drafts"][0]["tracks"] == 8


async def test_nothing_is_kept_of_infos_that_cannot_be_used(
    bot: Bot, draft_id: str, media: MediaServer, root: Path
) -> None:
    missing = {"image_url": media.url("gone.png"), "start": 3000, "end": 6000}
    told = await bot.call("add_images", draft_id=draft_id, image_infos=[*images(media, 3000), missing])
    assert told["status"] == "error"
    assert told["segment_ids"] == []
    assert [issue["path"] for issue in told["issues"] if issue["severity"] == "error"] == [
        "image_infos[1].image_url"
    ]
    wrong = await bot.call(
        "add_effects", draft_id=draft_id, effect_infos=[{"effect_type": "故障X", "start": 0, "end": 9}]
    )
    assert wrong["status"] == "error"
    assert "故障" in wrong["issues"][0]["fix"] + wrong["issues"][1]["fix"]
    empty = await bot.call("save_draft", draft_id=draft_id)
    assert empty["status"] == "error"
    assert "add something" in empty["message"]


async def test_a_save_that_fails_keeps_everything(
    bot: Bot, draft_id: str, media: MediaServer, builder: DraftBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bot.call("add_images", draft_id=draft_id, image_infos=images(media, 3000))
    unsafe = await bot.call("save_draft", draft_id=draft_id, name="../evil")
    assert unsafe["status"] == "error"
    assert "kept" in unsafe["message"]
    saved = await bot.call("save_draft", draft_id=draft_id, name="秋日")
    assert [draft["name"] for draft in saved["drafts"]] == ["秋日"]


async def test_the_length_of_the_media_tells_the_unit_and_the_answer_says_so(
    bot: Bot, draft_id: str, media: MediaServer
) -> None:
    for end in (2, 2000, 2_000_000):
        audio = [{"audio_url": media.url("b.wav"), "start": 0, "end": end}]
        told = await bot.call("add_audios", draft_id=draft_id, audio_infos=audio)
        assert told["end_s"] == 2.0
        (unit,) = [issue for issue in told["issues"] if issue["code"] == "time_unit"]
        assert "1 of 1" in unit["message"] or "real length" in unit["message"]


async def test_the_unit_may_be_said_once_for_the_whole_draft(bot: Bot, media: MediaServer) -> None:
    begun = await bot.call("create_draft", time_unit="s")
    told = await bot.call("add_images", draft_id=begun["draft_id"], image_infos=images(media, 3))
    assert told["end_s"] == 3.0


async def test_the_unit_of_the_settings_counts_where_nobody_says_one(
    bot: Bot, builder: DraftBuilder, media: MediaServer, tmp_path: Path
) -> None:
    fresh = type(bot)()
    equip(fresh, builder, tmp_path / "settled", "s")
    begun = await fresh.call("create_draft")
    told = await fresh.call("add_images", draft_id=begun["draft_id"], image_infos=images(media, 3))
    assert told["end_s"] == 3.0
    begun = await fresh.call("create_draft", time_unit="ms")
    told = await fresh.call("add_images", draft_id=begun["draft_id"], image_infos=images(media, 3000))
    assert told["end_s"] == 3.0


async def test_what_was_added_wrongly_is_taken_out_and_added_again(
    bot: Bot, draft_id: str, media: MediaServer, root: Path, builder: DraftBuilder, tmp_path: Path
) -> None:
    added = await bot.call("add_images", draft_id=draft_id, image_infos=images(media, 3000, 6000))
    first, second = added["segment_ids"]
    frame = {"segment_id": second, "property": "scale", "time": "1s", "value": 2}
    await bot.call("add_keyframes", draft_id=draft_id, keyframe_infos=[frame])
    told = await bot.call_as("r", "remove_segments", draft_id=draft_id, segment_ids=[second])
    assert (told["removed"], told["left"]) == ([second], 1)
    again = await bot.call_as("r", "remove_segments", draft_id=draft_id, segment_ids=[second])
    assert again["status"] == "success"
    gone = await bot.call("remove_segments", draft_id=draft_id, segment_ids=[second])
    assert gone["status"] == "error"
    assert first in gone["message"]
    # Under the id that was taken away, and after a restart.
    fresh = type(bot)()
    equip(fresh, builder, tmp_path / "unfinished")
    info = {"id": second, "image_url": media.url("a.png"), "start": 3000, "end": 5000}
    replaced = await fresh.call_as("n", "add_images", draft_id=draft_id, image_infos=[info])
    assert replaced["segment_ids"] == [second]
    saved = await fresh.call_as("s", "save_draft", draft_id=draft_id)
    assert (saved["drafts"][0]["clips"], saved["drafts"][0]["duration_s"]) == (2, 5.0)
    segments = [segment for track in content(root)["tracks"] for segment in track["segments"]]
    assert [segment["common_keyframes"] for segment in segments] == [[], []]


async def test_the_scenes_go_on_where_the_remaining_ones_end(
    bot: Bot, draft_id: str, media: MediaServer
) -> None:
    scene = {"image": media.url("a.png"), "duration": 3}
    await bot.call("append_scenes", draft_id=draft_id, scenes=[scene])
    last = await bot.call("append_scenes", draft_id=draft_id, scenes=[scene])
    assert last["scenes"][0]["start_s"] == 3.0
    await bot.call("remove_segments", draft_id=draft_id, segment_ids=[last["scenes"][0]["segment_id"]])
    told = await bot.call("append_scenes", draft_id=draft_id, scenes=[scene])
    assert told["scenes"][0]["start_s"] == 3.0


async def test_several_calls_share_a_track_that_they_name(
    bot: Bot, draft_id: str, media: MediaServer, root: Path
) -> None:
    first = await bot.call("add_track", draft_id=draft_id, track_type="video", track_name="主轨")
    second = await bot.call("add_track", draft_id=draft_id, track_type="text", track_name="标题")
    assert (first["track_index"], second["track_index"]) == (0, 1)
    info = {"image_url": media.url("a.png")}
    for start in (0, 3000):
        told = await bot.call(
            "add_images",
            draft_id=draft_id,
            image_infos=[{**info, "start": start, "end": start + 3000}],
            track_name="主轨",
        )
        assert told["status"] == "success"
    clash = await bot.call(
        "add_images", draft_id=draft_id, image_infos=[{**info, "start": 0, "end": 3000}], track_name="标题"
    )
    assert clash["status"] == "error"
    await bot.call("save_draft", draft_id=draft_id)
    (track,) = content(root)["tracks"]
    assert (track["name"], len(track["segments"])) == ("主轨", 2)


async def test_an_unknown_draft_is_answered_with_the_open_ones(bot: Bot, draft_id: str) -> None:
    told = await bot.call("add_track", draft_id="nope", track_type="text", track_name="x")
    assert told["status"] == "error"
    assert told["open"] == [{"draft_id": draft_id, "name": "夏日"}]
    assert draft_id in told["message"]


async def test_without_any_open_draft_the_bot_is_told_to_begin_one(bot: Bot) -> None:
    told = await bot.call("save_draft", draft_id="nope")
    assert "create_draft" in told["message"]


async def test_the_original_infos_are_kept_in_the_draft(
    bot: Bot, draft_id: str, media: MediaServer, root: Path
) -> None:
    infos = images(media, 3000)
    await bot.call("add_images", draft_id=draft_id, image_infos=infos)
    await bot.call("save_draft", draft_id=draft_id)
    document = json.loads((root / "夏日" / "c2jy.json").read_text(encoding="utf-8"))["document"]
    assert document["meta"]["steps"] == [{"tool": "add_images", "arguments": infos}]


async def test_a_crash_between_writing_the_draft_and_noting_it_makes_no_second_one(
    bot: Bot, draft_id: str, media: MediaServer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bot.call("add_images", draft_id=draft_id, image_infos=images(media, 3000))

    def killed(*_: Any, **__: Any) -> None:
        raise DraftError([])

    with monkeypatch.context() as fault:
        fault.setattr(UnfinishedDrafts, "mark_saved", killed)
        assert (await bot.call_as("s", "save_draft", draft_id=draft_id))["status"] == "error"
    assert os.listdir(root) == ["夏日"]
    assert (await bot.call_as("s", "save_draft", draft_id=draft_id))["status"] == "success"
    assert os.listdir(root) == ["夏日"]
