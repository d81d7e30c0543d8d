"""What the drafts pane looks like, at three sizes, in both languages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from c2jy_bridge.core import i18n
from c2jy_bridge.core.events import DraftWritten, Issue
from c2jy_bridge.core.views import ClipView, DraftDetail, DraftView, TrackView
from c2jy_tui.panes.drafts import DraftsPane
from contrast import each_theme_is_readable
from pane_host import NOON, Host, PaneDrafts, PaneEngine, StillClock, soon

SIZES = [pytest.param((w, h), id=f"{w}x{h}") for w, h in ((120, 36), (80, 24), (60, 24))]
S = 1_000_000


def food() -> DraftDetail:
    """A draft with every kind of clip, one of them without its file."""
    view = DraftView(
        "中国美食介绍",
        "/home/maker/drafts/中国美食介绍",
        "media_missing",
        15 * S,
        4_200_000,
        5,
        14,
        7,
        1,
        1920,
        1080,
        NOON - 30,
        True,
    )

    def media(kind: str, start_s: float, length_s: float, name: str, ok: bool = True) -> ClipView:
        return ClipView(kind, int(start_s * S), int(length_s * S), name, f"{view.path}/{name}", ok)

    pictures = (
        media("video", 0, 3.5, "wok.mp4"),
        media("image", 3.5, 3, "hotpot.png", ok=False),
        media("video", 6.5, 2.5, "面条.mp4"),
        media("image", 9, 2, "mooncake.webp"),
        media("video", 11, 4, "tea.mp4"),
    )
    lines = ("烟火升腾，一锅炒尽四季", "红汤白汤", "一碗面，一座城", "月圆时节", "饭后清茶，余味悠长")
    captions = tuple(ClipView("text", n * 3 * S, int(2.6 * S), line) for n, line in enumerate(lines))
    tracks = (
        TrackView("video", "video", pictures),
        TrackView("audio", "bgm", (media("audio", 0, 15, "guzheng.mp3"),)),
        TrackView("text", "text", captions),
        TrackView("effect", "effect", (ClipView("effect", 4 * S, 2 * S, "星火"),)),
        TrackView("sticker", "", tuple(ClipView("sticker", n * S // 20, S // 20, "s") for n in range(60))),
    )
    fault = Issue(
        "media_missing", "tracks[0].clips[1]", "error", "hotpot.png 不在了", "放回文件，或重新生成草稿。"
    )
    return DraftDetail(view, 30.0, tracks, (fault,))


def folder() -> list[DraftView]:
    return [
        food().view,
        DraftView(
            "travel vlog", "/d/1", "ok", 65 * S, 1_200_000_000, 3, 40, 12, 0, 1080, 1920, NOON - 4000, True
        ),
        DraftView("秋天的第一支视频", "/d/2", "encrypted", 0, 81_000, 0, 0, 0, 0, 0, 0, NOON - 90_000),
        DraftView("theirs", "/d/3", "foreign", 3 * S, 3000, 1, 1, 1, 0, 0, 0, NOON - 9_000_000),
        DraftView("broken", "/d/4", "damaged", 0, 12, 0, 0, 0, 0, 0, 0, NOON - 200_000, True),
    ]


def scene(*pressed: str, empty: bool = False) -> tuple[Host, Callable[[Pilot[Any]], Awaitable[None]]]:
    pane = DraftsPane(clock=StillClock())
    detail = food()
    engine = PaneEngine(
        drafts=PaneDrafts(folder=[] if empty else folder(), details={detail.view.name: detail})
    )
    note = Issue("filter", "tracks[1].clips[0].filter", "warning", "滤镜“复古”没有写入", "在剪映中添加。")

    async def play(pilot: Pilot[Any]) -> None:
        await pane.load(engine)
        if not empty:
            view = detail.view
            pane.show(
                DraftWritten(
                    at=NOON, draft_id="1", name=view.name, path=view.path, duration_us=1, issues=(note,)
                )
            )
            await soon(pilot, lambda: pane._debounce is None)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        await soon(pilot, lambda: pane._glance._small_of[0] == pane._name)
        for key in pressed:
            await pilot.press(key)
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()
        if i18n.language() == "en":
            await each_theme_is_readable(pilot)

    return Host(pane), play


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", SIZES)
def test_the_list_of_drafts(snap_compare: Any, size: tuple[int, int], language: i18n.Language) -> None:
    i18n.use(language)
    host, play = scene()
    assert snap_compare(host, terminal_size=size, run_before=play)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", SIZES)
def test_a_draft_with_its_tracks_to_scale(
    snap_compare: Any, size: tuple[int, int], language: i18n.Language
) -> None:
    i18n.use(language)
    host, play = scene("enter", "n")
    assert snap_compare(host, terminal_size=size, run_before=play)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_timeline_seen_closer(snap_compare: Any, language: i18n.Language) -> None:
    i18n.use(language)
    host, play = scene("enter", "j", "j", "right", "plus", "plus", "plus")
    assert snap_compare(host, terminal_size=(60, 24), run_before=play)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_draft_yet(snap_compare: Any, language: i18n.Language) -> None:
    i18n.use(language)
    host, play = scene(empty=True)
    assert snap_compare(host, terminal_size=(60, 24), run_before=play)
