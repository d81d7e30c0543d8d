"""What the dialogs of the drafts pane look like, in both languages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from c2jy_bridge.core import i18n
from c2jy_bridge.core.draft_views import OriginView
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import DraftView
from c2jy_tui.panes.drafts import DraftsPane
from c2jy_tui.screens.draft_forms import PackForm, UnitChoice
from c2jy_tui.screens.trash import TrashScreen
from contrast import each_theme_is_readable
from pane_host import NOON, Host, PaneDrafts, PaneEngine, StillClock, soon

SIZES = [pytest.param((w, h), id=f"{w}x{h}") for w, h in ((120, 36), (80, 24), (60, 24))]
FOOD = DraftView(
    "中国美食介绍", "/drafts/中国美食介绍", "ok", 12_500_000, 4_200_000, 3, 9, 5, modified_at=NOON, ours=True
)
ORIGIN = OriginView(
    resaved=True,
    unit="ms",
    lengths_us={"us": 12_500, "ms": 12_500_000, "s": 12_500_000_000},
    evidence=Issue(
        "time_unit", "", "info", "时间按毫秒读取：3/3 个片段与素材的实际时长相符。", "不对请换单位。"
    ),
)


def scene(key: str, dialog: type) -> tuple[Host, Callable[[Pilot[Any]], Awaitable[None]]]:
    pane = DraftsPane(clock=StillClock())
    trashed = {"1": FOOD, "2": replace(FOOD, name="theirs", ours=False, state="foreign")}
    drafts = PaneDrafts(folder=[FOOD], origins={FOOD.name: ORIGIN}, bin=trashed)

    async def play(pilot: Pilot[Any]) -> None:
        await pane.load(PaneEngine(drafts=drafts))
        await pilot.press(key)
        await soon(pilot, lambda: isinstance(pilot.app.screen, dialog))
        await soon(pilot, lambda: not pane.job_line)
        await pilot.press("down")
        await pilot.pause()
        if i18n.language() == "en":
            await each_theme_is_readable(pilot)

    return Host(pane), play


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("key", "dialog"),
    [
        pytest.param("z", PackForm, id="pack"),
        pytest.param("u", UnitChoice, id="unit"),
        pytest.param("t", TrashScreen, id="trash"),
    ],
)
def test_a_dialog_of_the_drafts(
    snap_compare: Any, key: str, dialog: type, size: tuple[int, int], language: i18n.Language
) -> None:
    i18n.use(language)
    host, play = scene(key, dialog)
    assert snap_compare(host, terminal_size=size, run_before=play)
