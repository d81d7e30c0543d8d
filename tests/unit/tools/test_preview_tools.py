"""The tool that shows a Bot its draft: asked for, drawn in another process, uploaded."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from c2jy_bridge.drafts import DraftBuilder, Library
from c2jy_bridge.drafts.preview.previewer import Previewer
from c2jy_bridge.tools.previews import PreviewTools

if TYPE_CHECKING:
    from tool_harness import Bot, MediaServer


class Coze:
    """Takes uploads."""

    def __init__(self) -> None:
        self.data = b""
        self.broken = False

    async def upload(self, path: Path) -> str:
        if self.broken:
            raise ConnectionError("no network")
        self.data = await asyncio.to_thread(path.read_bytes)
        return "7369495981"


@pytest.fixture
async def coze(bot: Bot, builder: DraftBuilder, library: Library, media: MediaServer, tmp_path: Path) -> Coze:
    """A Bot that can see; there is a draft of 2 s with a filter."""
    made = Coze()
    bot.registry.register(PreviewTools(Previewer(library, tmp_path / "exports"), made.upload))
    tracks = [
        {"type": "video", "clips": [{"type": "image", "media": media.url("a.png"), "duration": 2}]},
        {"type": "filter", "clips": [{"type": "filter", "name": "晴空", "duration": 2}]},
    ]
    await builder.build(json.dumps({"schema": "c2jy/1", "name": "seen", "tracks": tracks}))
    return made


async def test_the_bot_gets_the_sheets_file_id_and_what_is_not_drawn(bot: Bot, coze: Coze) -> None:
    told = await bot.call("preview_draft", name="seen")
    assert (told["status"], told["file_id"], told["image"]) == ("success", "7369495981", "7369495981")
    with Image.open(io.BytesIO(coze.data)) as sheet:
        assert (sheet.format, sheet.size) == ("PNG", (told["width"], told["height"]))
    assert len(told["times_s"]) == 12
    assert told["times_s"] == sorted(told["times_s"])
    assert (told["approximate"], told["not_drawn"]) == ([], ["not drawn: filter 晴空"])


async def test_one_frame_is_shown_larger(bot: Bot, coze: Coze) -> None:
    told = await bot.call("preview_draft", name="seen", at=1.5)
    assert (told["times_s"], told["width"]) == ([1.5], 1280)


async def test_it_asks_before_a_picture_leaves_the_machine(bot: Bot, coze: Coze) -> None:
    await bot.call("preview_draft", name="seen")
    (asked,) = bot.person.asked
    assert (asked.tool, asked.arguments) == ("preview_draft", {"name": "seen", "at": None})


async def test_an_unknown_draft_and_a_broken_upload_are_errors_that_say_so(bot: Bot, coze: Coze) -> None:
    unknown = await bot.call("preview_draft", name="nothing")
    assert (unknown["status"], unknown["issues"][0]["code"]) == ("error", "no_draft")
    coze.broken = True
    told = await bot.call("preview_draft", name="seen")
    assert told["status"] == "error"
    assert "no network" in told["message"]
