"""Media tools: real files over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from c2jy_bridge.drafts import DraftBuilder
from c2jy_bridge.tools.media import MediaTools

if TYPE_CHECKING:
    from tool_harness import Bot, MediaServer


@pytest.fixture(autouse=True)
def tools(bot: Bot, builder: DraftBuilder) -> None:
    bot.registry.register(MediaTools(builder))


async def test_media_are_measured_in_the_order_asked_with_an_error_where_one_failed(
    bot: Bot, media: MediaServer
) -> None:
    urls = [media.url(name) for name in ("b.wav", "gone.mp4", "a.png", "page", "b.wav")]
    told = await bot.call("probe_media", urls=urls)
    assert told["status"] == "success"
    assert [result["url"] for result in told["results"]] == urls
    sound, gone, picture, page, again = told["results"]
    assert (sound["kind"], sound["duration_s"]) == ("audio", pytest.approx(2.0, abs=0.05))
    assert (picture["kind"], picture["width"], picture["height"]) == ("image", 64, 48)
    assert gone["error"]
    assert page["error"]
    assert again == sound
    assert told["failed"] == 2
    assert told["message"].startswith("3 of 5 measured; 2 could not be fetched. The first of them: ")
    assert gone["error"] in told["message"]


@pytest.mark.parametrize(("tool", "argument"), [("probe_media", "urls"), ("get_media_duration", "links")])
async def test_media_of_which_none_could_be_had_are_an_error(
    bot: Bot, media: MediaServer, tool: str, argument: str
) -> None:
    told = await bot.call(tool, **{argument: [media.url(name) for name in ("gone.mp4", "page")]})
    assert (told["status"], told["failed"]) == ("error", 2)
    assert told["message"].startswith("None of the 2 could be measured.")
    rows = told["results" if tool == "probe_media" else "timelines"]
    assert [bool(row["error"]) for row in rows] == [True, True]


async def test_durations_line_up_with_their_links_in_milliseconds(bot: Bot, media: MediaServer) -> None:
    links = [media.url(name) for name in ("b.wav", "gone.mp3", "c.wav")]
    told = await bot.call("get_media_duration", links=links)
    first, failed, last = told["timelines"]
    assert first["start"] == 0
    assert first["end"] == pytest.approx(2000, abs=50)
    assert failed["start"] == failed["end"] == first["end"]
    assert failed["error"]
    assert last["start"] == first["end"]
    assert last["end"] - last["start"] == pytest.approx(500, abs=50)
    assert told["all_timelines"] == [{"start": 0, "end": last["end"]}]
    assert told["unit"] == "ms"


async def test_one_address_instead_of_a_list_is_explained(bot: Bot, media: MediaServer) -> None:
    told = await bot.call("probe_media", urls=media.url("a.png"))
    assert told["status"] == "error"
    assert "must be a list" in told["message"]


async def test_a_private_address_is_not_fetched(bot: Bot) -> None:
    told = await bot.call("probe_media", urls=["http://127.0.0.1:1/x.png"])
    assert told["results"][0]["error"]
