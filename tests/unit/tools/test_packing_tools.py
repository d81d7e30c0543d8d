"""export_draft, with real drafts on the disk."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from c2jy_bridge.drafts import DraftBuilder, DraftPacker, Library
from c2jy_bridge.tools.drafts import DraftTools, PackingTools

if TYPE_CHECKING:
    from tool_harness import Bot, MediaServer

WINDOWS = "D:\\剪映\\com.lveditor.draft"


@pytest.fixture(autouse=True)
async def made(bot: Bot, builder: DraftBuilder, library: Library, media: MediaServer, tmp_path: Path) -> None:
    bot.registry.register(DraftTools(builder, library, clock=lambda: 1_700_000_000.0))
    bot.registry.register(PackingTools(DraftPacker(library, tmp_path / "exports")))
    clips = [{"type": "image", "media": media.url("a.png"), "duration": 2}]
    document = {"schema": "c2jy/1", "name": "中国美食", "tracks": [{"type": "video", "clips": clips}]}
    told = await bot.call("generate_draft", content=document)
    assert told["status"] == "success"


def _zips(folder: Path) -> list[Path]:
    return list(folder.rglob("*.zip*"))


def _media(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        content = json.loads(opened.read("中国美食/draft_content.json"))
    return [str(material["path"]) for material in content["materials"]["videos"]]


async def test_a_bot_packs_a_draft_without_asking_and_is_told_where(bot: Bot, tmp_path: Path) -> None:
    told = await bot.call("export_draft", name="中国美食", target_root=WINDOWS)
    assert told["status"] == "success"
    assert bot.person.asked == []
    assert told["path"] == str(tmp_path / "exports" / "中国美食.zip")
    assert told["path"] in told["message"]
    assert (told["target_root"], told["issues"]) == (WINDOWS, [])
    assert _media(Path(told["path"]))[0].startswith(f"{WINDOWS}\\中国美食\\materials\\")
    checked = await bot.call("check_draft", name="中国美食")
    assert (checked["ok"], checked["issues"]) == (True, [])


async def test_without_a_zip_the_draft_itself_is_relocated(bot: Bot, root: Path) -> None:
    told = await bot.call("export_draft", name="中国美食", target_root=WINDOWS, zip=False)
    assert (told["status"], told["path"]) == ("success", str(root / "中国美食"))
    assert "portable" in told["message"]
    checked = await bot.call("check_draft", name="中国美食")
    assert checked["ok"] is True
    assert [i["code"] for i in checked["issues"]] == ["other_root"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "none"},
        {"name": "../drafts"},
        {"name": "中国美食", "target_root": "relative"},
    ],
)
async def test_what_cannot_be_exported_is_said(bot: Bot, arguments: dict[str, Any], tmp_path: Path) -> None:
    told = await bot.call("export_draft", **arguments)
    assert told["status"] == "error"
    assert told["message"]
    assert _zips(tmp_path) == []


async def test_a_portable_draft_needs_no_change_to_be_copied_and_an_absolute_one_becomes_portable(
    bot: Bot, root: Path
) -> None:
    (row,) = (await bot.call("list_drafts"))["drafts"]
    assert row["media_paths"] == "portable"
    told = await bot.call("export_draft", name="中国美食", zip=False)
    assert (told["status"], told["path"], told["target_root"]) == ("success", str(root / "中国美食"), "")
    await bot.call("export_draft", name="中国美食", target_root=WINDOWS, zip=False)
    (row,) = (await bot.call("list_drafts"))["drafts"]
    assert row["media_paths"] == "absolute"
    told = await bot.call("export_draft", name="中国美食", zip=False)
    assert WINDOWS in told["message"]
    (row,) = (await bot.call("list_drafts"))["drafts"]
    assert row["media_paths"] == "portable"
