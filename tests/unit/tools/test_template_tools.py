"""describe_template and fill_template, called as Coze calls them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app_drafts import files, jianying_59, names, write
from c2jy_bridge.core.events import DraftWritten
from c2jy_bridge.drafts import DraftBuilder, Library, TemplateFiller
from c2jy_bridge.tools.templates import TemplateTools

if TYPE_CHECKING:
    from tool_harness import Bot, MediaServer


@pytest.fixture(autouse=True)
def template(bot: Bot, builder: DraftBuilder, library: Library, root: Path) -> Path:
    bot.registry.register(TemplateTools(TemplateFiller(builder, library, lambda: 1.7e9), lambda: 1.7e9))
    return write(root / "年会", jianying_59("C:/a/wide.png", "C:/a/clip.mp4", "C:/a/song.wav"))


async def test_a_bot_is_told_the_slots_and_fills_them_without_asking(
    bot: Bot, media: MediaServer, template: Path
) -> None:
    told = await bot.call("describe_template", name="年会")
    assert (told["status"], told["duration_s"]) == ("success", 12.0)
    assert [slot["slot"] for slot in told["slots"]][:3] == ["image1", "text1", "audio1"]
    assert told["slots"][1]["spans"] == ["春天", "来了"]
    before = files(template)
    fill = {"image1": media.url("a.png"), "text1": "夏天到了"}
    done = await bot.call("fill_template", name="年会", fill=fill, new_name="夏会")
    assert (done["status"], done["name"], done["duration_s"]) == ("success", "夏会", 12.0)
    assert bot.person.asked == []
    assert files(template) == before
    assert any(isinstance(event, DraftWritten) and event.name == "夏会" for event in bot.events)
    assert [issue["code"] for issue in done["issues"]] == ["as_template"]


async def test_a_call_that_comes_again_finds_its_draft(bot: Bot, root: Path) -> None:
    arguments: dict[str, Any] = {"name": "年会", "fill": '{"text1": "x"}', "new_name": "夏会"}
    first = await bot.call_as("call-7", "fill_template", **arguments)
    second = await bot.call_as("call-7", "fill_template", **arguments)
    assert first["path"] == second["path"]
    assert names(root) == ["夏会", "年会"]


async def test_a_dry_run_writes_nothing_and_tells_no_screen(bot: Bot, root: Path) -> None:
    done = await bot.call("fill_template", name="年会", fill={"text1": "x"}, new_name="夏会", dry_run=True)
    assert (done["status"], done["path"]) == ("success", "")
    assert names(root) == ["年会"]
    assert not any(isinstance(event, DraftWritten) for event in bot.events)


async def test_a_wrong_slot_is_an_error_that_names_the_right_one(bot: Bot, root: Path) -> None:
    told = await bot.call("fill_template", name="年会", fill={"imgae1": "x"}, new_name="夏会")
    assert told["status"] == "error"
    (issue,) = told["issues"]
    assert (issue["code"], issue["path"]) == ("slot_unknown", "slots.imgae1")
    assert "image1" in issue["message"]
    assert names(root) == ["年会"]


async def test_a_template_that_is_not_there_is_an_error(bot: Bot) -> None:
    told = await bot.call("describe_template", name="../年会")
    assert told["status"] == "error"
    assert told["issues"][0]["code"] == "name_character"


async def test_the_example_in_the_description_fills_a_template(bot: Bot, media: MediaServer) -> None:
    (one,) = [view for view in bot.registry.views() if view.name == "fill_template"]
    example = re.search(r'\{"image1".*?\["红色", "白色"\]\}', one.description, re.DOTALL)
    assert example is not None
    text = example[0].replace("https://example.com/a.jpg", media.url("a.png"))
    fill = json.loads(text.replace("https://example.com/b.mp4", media.url("clip.mp4")))
    fill["text1"], fill["text2"] = fill["text2"], fill["text1"]  # the template's first text has two spans
    done = await bot.call("fill_template", name="年会", fill=fill, new_name="夏会")
    assert done["status"] == "success", done["message"]
