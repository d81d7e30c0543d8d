"""Draft tools, with the real builder and media over HTTP."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from c2jy_bridge.core.events import DraftWritten, ToolCallProgress
from c2jy_bridge.drafts import DraftBuilder, Library
from c2jy_bridge.drafts.spec.reading import parse_spec
from c2jy_bridge.tools.drafts import DraftTools

if TYPE_CHECKING:
    from tool_harness import Bot, MediaServer


@pytest.fixture(autouse=True)
def tools(bot: Bot, builder: DraftBuilder, library: Library) -> None:
    bot.registry.register(DraftTools(builder, library, clock=lambda: 1_700_000_000.0))


@pytest.fixture
def document(media: MediaServer) -> dict[str, Any]:
    return {
        "schema": "c2jy/1",
        "name": "中国美食",
        "tracks": [
            {"type": "video", "clips": [{"type": "image", "media": media.url("a.png"), "duration": 2}]},
            {"type": "audio", "clips": [{"media": media.url("b.wav"), "volume": 0.5}]},
            {"type": "text", "clips": [{"text": "你好", "start": 0, "duration": 2}]},
        ],
    }


async def test_one_call_makes_a_draft_folder_that_the_list_and_the_check_know(
    bot: Bot, document: dict[str, Any], root: Path
) -> None:
    told = await bot.call("generate_draft", content=document)
    assert told["status"] == "success"
    (draft,) = told["drafts"]
    assert (draft["name"], draft["duration_s"], draft["tracks"], draft["clips"], draft["media"]) == (
        "中国美食", 2.0, 3, 3, 2,
    )  # fmt: skip
    assert Path(draft["path"]) == root / "中国美食"
    assert (root / "中国美食" / "draft_content.json").is_file()
    assert told["issues"] == []
    assert "中国美食" in told["message"]

    listed = await bot.call("list_drafts")
    assert [(row["name"], row["state"], row["duration_s"]) for row in listed["drafts"]] == [
        ("中国美食", "ok", 2.0)
    ]
    shown = await bot.call("get_draft", name="中国美食")
    assert [track["type"] for track in shown["timeline"]] == ["video", "audio", "text"]
    assert shown["timeline"][2]["clips"][0]["label"] == "你好"
    assert await bot.call("check_draft", name="中国美食") == {
        "status": "success", "message": 'Draft "中国美食" is complete.', "ok": True, "issues": [],
    }  # fmt: skip


async def test_the_written_draft_and_the_progress_are_events_of_the_call(
    bot: Bot, document: dict[str, Any]
) -> None:
    told = await bot.call("generate_draft", content=document)
    (written,) = [event for event in bot.events if isinstance(event, DraftWritten)]
    assert (written.call_id, written.at, written.name) == ("call-1", 1_700_000_000.0, "中国美食")
    assert written.draft_id == told["drafts"][0]["draft_id"]
    assert written.duration_us == 2_000_000
    assert any(isinstance(event, ToolCallProgress) for event in bot.events)


async def test_the_document_may_come_as_json_text(bot: Bot, document: dict[str, Any]) -> None:
    told = await bot.call("generate_draft", content=json.dumps(document), name="另一个")
    assert [draft["name"] for draft in told["drafts"]] == ["另一个"]


async def test_a_dry_run_writes_nothing_and_announces_nothing(
    bot: Bot, document: dict[str, Any], root: Path
) -> None:
    told = await bot.call("generate_draft", content=document, dry_run=True)
    assert told["status"] == "success"
    assert "nothing was written" in told["message"]
    assert os.listdir(root) == []
    assert not [event for event in bot.events if isinstance(event, DraftWritten)]


async def test_a_wrong_document_is_an_error_with_path_reason_and_fix_for_each_fault(
    bot: Bot, document: dict[str, Any], root: Path
) -> None:
    document["tracks"][0]["clips"][0]["duration"] = "3"
    document["tracks"][1]["clips"][0]["volume"] = 99
    told = await bot.call("generate_draft", content=document)
    assert told["status"] == "error"
    assert told["drafts"] == []
    paths = [issue["path"] for issue in told["issues"]]
    assert paths == ["tracks[0].clips[0].duration", "tracks[1].clips[0].volume"]
    assert all(issue["message"] and issue["severity"] == "error" for issue in told["issues"])
    assert "tracks[1].clips[0].volume" in told["message"]
    assert os.listdir(root) == []


async def test_media_that_cannot_be_had_are_named_and_no_draft_is_written(
    bot: Bot, document: dict[str, Any], media: MediaServer, root: Path
) -> None:
    document["tracks"][0]["clips"][0]["media"] = media.url("missing.png")
    told = await bot.call("generate_draft", content=document)
    assert told["status"] == "error"
    assert "tracks[0].clips[0].media" in told["issues"][0]["path"]
    assert os.listdir(root) == []


async def test_what_is_not_done_as_asked_is_told_in_the_answer(bot: Bot, document: dict[str, Any]) -> None:
    document["tracks"][2]["clips"][0]["colour"] = "red"
    told = await bot.call("generate_draft", content=document)
    assert told["status"] == "success"
    assert [issue["path"] for issue in told["issues"]] == ["tracks[2].clips[0].colour"]
    assert "tracks[2].clips[0].colour" in told["message"]
    (written,) = [event for event in bot.events if isinstance(event, DraftWritten)]
    assert [issue.path for issue in written.issues] == ["tracks[2].clips[0].colour"]


async def test_an_output_folder_outside_is_refused(
    bot: Bot, document: dict[str, Any], tmp_path: Path
) -> None:
    for folder in (str(tmp_path / "elsewhere"), "../elsewhere"):
        told = await bot.call("generate_draft", content=document, output_folder=folder)
        assert told["status"] == "error"
    assert not (tmp_path / "elsewhere").exists()


async def test_a_draft_with_a_missing_file_fails_its_check(
    bot: Bot, document: dict[str, Any], root: Path
) -> None:
    await bot.call("generate_draft", content=document)
    for picture in (root / "中国美食").rglob("*.png"):
        picture.unlink()
    told = await bot.call("check_draft", name="中国美食")
    assert told["ok"] is False
    assert told["issues"]
    listed = await bot.call("list_drafts")
    assert listed["drafts"][0]["state"] == "media_missing"


async def test_an_unknown_draft_is_answered_with_the_nearest_name(bot: Bot, document: dict[str, Any]) -> None:
    await bot.call("generate_draft", content=document, name="夏日海边日记")
    for tool in ("get_draft", "check_draft"):
        told = await bot.call(tool, name="夏日海边")
        assert told["status"] == "error"
        assert 'did you mean "夏日海边日记"?' in told["message"]
        assert (await bot.call(tool, name="../../etc"))["status"] == "error"


async def test_the_list_can_be_narrowed_and_limited(
    bot: Bot, document: dict[str, Any], root: Path, library: Library
) -> None:
    await bot.call("generate_draft", content=document, name="Trip 1")
    for number in (2, 3):
        shutil.copytree(root / "Trip 1", root / f"trip {number}")
    assert (await bot.call("list_drafts", query="TRIP", limit=2))["total"] == 3
    assert len((await bot.call("list_drafts", query="TRIP", limit=2))["drafts"]) == 2
    assert (await bot.call("list_drafts", query="food"))["drafts"] == []


async def test_the_example_in_the_description_is_a_valid_document_without_unknown_fields(
    bot: Bot, media: MediaServer
) -> None:
    one = bot.registry.get("generate_draft")
    assert one is not None
    example = re.search(r"\{\"schema\".*?\}\]\}\]\}", one.description, re.DOTALL)
    assert example is not None
    document = json.loads(example[0])
    assert parse_spec(document).issues == ()
    text = example[0].replace("https://example.com/a.jpg", media.url("a.png"))
    text = text.replace("https://example.com/bgm.mp3", media.url("b.wav"))
    smaller = json.loads(text)
    smaller["tracks"][0]["clips"].pop()  # the video
    smaller["tracks"][1]["clips"][0]["duration"] = 2
    told = await bot.call("generate_draft", content=smaller)
    assert told["status"] == "success"
    assert told["issues"] == []
