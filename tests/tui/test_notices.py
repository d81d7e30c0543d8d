"""Notices are read whole, and hide nothing."""

from __future__ import annotations

from typing import Any

import pytest
from textual.screen import Screen
from textual.widgets._toast import Toast

from pane_host import soon

WORDS = "请把 bridge.port 换成别的数字，或设为 0。"


@pytest.mark.parametrize("width", [60, 80, 81, 120, 121])
async def test_a_notice_is_whole_and_the_composer_stays_in_view(
    make_app: Any, stage_of: Any, width: int
) -> None:
    app = make_app(lang="zh")
    async with app.run_test(size=(width, 24), notifications=True) as pilot:
        on = await stage_of(app, pilot)
        await on.play(on.bot.started("做个视频"), on.bot.says("好的，马上开始，镜头一个一个来。" * 8))
        app.notify(WORDS, title="桥接模式未打开", severity="error")
        for _ in range(300):
            if app.screen.query(Toast) and WORDS in on.text:
                break
            await pilot.pause(0.01)
        assert WORDS in on.text
        assert "桥接模式未打开" in on.text
        assert "想做个什么视频" in on.text
        toast = app.screen.query_one(Toast).region
        panes = on.main.workspace.region
        assert not toast.overlaps(panes)


def drawn(screen: Screen[Any]) -> bool:
    return any(toast.region.height for toast in screen.query(Toast))


async def test_a_dialog_shows_a_notice_once_and_leaves_the_header_alone(make_app: Any, stage_of: Any) -> None:
    app = make_app(lang="zh")
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        on = await stage_of(app, pilot)
        app.notify(WORDS, severity="error")
        await pilot.press("f1")
        await soon(pilot, lambda: app.screen is not on.main and drawn(app.screen) and drawn(on.main))
        assert app.screen.query_one(Toast).region == on.main.query_one(Toast).region
        assert app.screen.query_one(Toast).region.y == 1
