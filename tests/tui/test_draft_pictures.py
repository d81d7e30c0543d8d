"""Frames of a draft in its detail, drawn by the real engine in a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import pytest
from PIL import Image

from app_drafts import jianying_59, write
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.engine import Engine
from c2jy_tui import desktop
from c2jy_tui.panes.drafts import DraftsPane
from c2jy_tui.panes.drafts.timeline_view import TimelineView
from c2jy_tui.screens.draft_detail import DraftDetailScreen
from c2jy_tui.widgets.picture import Picture, half_blocks
from pane_host import Host, StillClock, soon


def engine_over(place: Path) -> Engine:
    """An engine whose only draft begins with a red picture."""
    Image.new("RGB", (640, 360), (200, 30, 30)).save(place / "red.png")
    content = jianying_59(str(place / "red.png"), str(place / "no.mp4"), str(place / "no.wav"))
    write(place / "drafts" / "one", content)
    settings = {"drafts": {"root": str(place / "drafts")}, "data_dir": str(place / "data")}
    return Engine(Settings.model_validate({**settings, "config_dir": str(place / "config")}))


def test_a_picture_keeps_its_proportions_and_each_cell_has_two_pixels() -> None:
    picture = Image.new("RGB", (8, 4), (255, 0, 0))
    picture.paste((0, 0, 255), (0, 2, 8, 4))
    strips = half_blocks((8, 4, picture.tobytes()), 8, 10)
    assert [strip.cell_length for strip in strips] == [8, 8]
    top, bottom = (next(iter(strip)).style for strip in strips)
    assert (top.color.triplet.hex, bottom.bgcolor.triplet.hex) == ("#ff0000", "#0000ff")


async def test_p_shows_the_frame_of_the_clip_and_p_again_hides_it(tmp_path: Path) -> None:
    engine = await asyncio.to_thread(engine_over, tmp_path)
    host = Host(DraftsPane(clock=StillClock()))
    async with host.run_test(size=(130, 40)) as pilot:
        await host.query_one(DraftsPane).load(engine)
        await pilot.press("enter")
        await soon(pilot, lambda: isinstance(host.screen, DraftDetailScreen))
        picture = host.screen.query_one(Picture)
        timeline = host.screen.query_one(TimelineView)
        while timeline.lane.kind != "video":
            await pilot.press("down")
        await pilot.press("g", "p")
        await soon(pilot, lambda: picture._strips)
        reds = [
            s.style.color.triplet.red
            for strip in picture._strips
            for s in strip
            if s.style.color.triplet.green < 60
        ]
        assert reds
        assert max(reds) > 180
        assert "approximate" in host.seen()
        await pilot.press("p")
        await pilot.pause()
        assert not picture.display
    await engine.close()


async def test_without_the_extra_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await asyncio.to_thread(engine_over, tmp_path)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "av" else find(name))
    host = Host(DraftsPane(clock=StillClock()))
    async with host.run_test(size=(130, 40)) as pilot:
        await host.query_one(DraftsPane).load(engine)
        await pilot.press("enter")
        await soon(pilot, lambda: isinstance(host.screen, DraftDetailScreen))
        await pilot.press("p")
        await soon(pilot, lambda: "c2jy-tui[preview]" in host.seen())
    await engine.close()


@pytest.mark.slow
async def test_capital_p_makes_a_clip_and_says_where_it_lies_when_nothing_can_open_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await asyncio.to_thread(engine_over, tmp_path)
    monkeypatch.setattr(desktop, "folder_command", lambda path: None)
    host = Host(DraftsPane(clock=StillClock()))
    async with host.run_test(size=(130, 40)) as pilot:
        await host.query_one(DraftsPane).load(engine)
        await pilot.press("enter")
        await soon(pilot, lambda: isinstance(host.screen, DraftDetailScreen))
        await pilot.press("P")
        async with asyncio.timeout(60):
            while "one.mp4" not in host.said:
                await pilot.pause(0.1)
        (clip,) = await asyncio.to_thread(lambda: list(tmp_path.rglob("one.mp4")))
        assert str(clip) in host.said
    await engine.close()


async def test_p_in_the_list_shows_a_frame_below_it_and_the_detail_goes_on_with_pictures(
    tmp_path: Path,
) -> None:
    engine = await asyncio.to_thread(engine_over, tmp_path)
    host = Host(DraftsPane(clock=StillClock()))
    async with host.run_test(size=(80, 36)) as pilot:
        pane = host.query_one(DraftsPane)
        await pane.load(engine)
        await pilot.press("p")
        picture = pane.query_one(Picture)
        await soon(pilot, lambda: picture.display and picture.size.height > 5)
        await soon(pilot, lambda: "▀" in host.seen())
        seen = host.seen()
        assert max(s.style.color.triplet.red for strip in picture._strips for s in strip) > 180
        assert "one" in seen.splitlines()[1], "the rows keep their lines"
        assert "|0:00" in seen, "the timeline is there too"
        await pilot.resize_terminal(80, 10)
        await soon(pilot, lambda: "▀" not in host.seen())
        await pilot.press("p")
        assert "no room" not in host.said
        await pilot.press("p")
        await soon(pilot, lambda: "no room" in host.said)
        await pilot.resize_terminal(80, 36)
        await soon(pilot, lambda: "▀" in host.seen())
        await pilot.press("enter")
        await soon(pilot, lambda: isinstance(host.screen, DraftDetailScreen))
        await soon(pilot, lambda: "approximate" in host.seen())
        await pilot.press("escape", "p")
        await soon(pilot, lambda: "▀" not in host.seen())
    await engine.close()
