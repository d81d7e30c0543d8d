"""Tracks drawn to scale: geometry, blocks, the cursor from clip to clip."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from c2jy_bridge.core import i18n
from c2jy_bridge.core.views import ClipView, TrackView
from c2jy_tui.panes.drafts.labels import clip_name
from c2jy_tui.panes.drafts.timeline import (
    FINEST_US,
    ClipBlock,
    Scale,
    TrackLane,
    block_marks,
    block_text,
    ordered,
    ruler,
    whole,
)
from c2jy_tui.panes.drafts.timeline_view import TimelineView
from pane_host import Host

S = 1_000_000


def clip(start_s: float, length_s: float, label: str = "a.mp4", **more: Any) -> ClipView:
    return ClipView(
        **({"kind": "video", "media": label} | more),
        start_us=int(start_s * S),
        duration_us=int(length_s * S),
        label=label,
    )


def track(*clips: ClipView, kind: str = "video", name: str = "main") -> TrackView:
    return TrackView(kind, name, clips)


def drawn(lane: TrackLane, scale: Scale, first: int, width: int) -> str:
    line, at = "", first
    for block in lane.blocks(scale, first, width):
        line += "·" * (block.cell - at) + block_text(block, lane.clips[block.first])
        at = block.cell + block.width
    return line + "·" * (first + width - at)


@given(st.integers(1, 10**11), st.integers(1, 400))
def test_the_whole_of_any_draft_fits_the_screen(duration_us: int, width: int) -> None:
    assert whole(duration_us, width).cells(duration_us) <= width


def test_zooming_in_and_out_ends_at_a_third_of_a_frame_and_at_the_whole() -> None:
    scale = whole(60 * S, 100)
    for _ in range(40):
        scale = scale.closer()
    assert scale.us_per_cell == FINEST_US
    for _ in range(40):
        scale = scale.farther(60 * S, 100)
    assert scale == whole(60 * S, 100)


@pytest.mark.parametrize("us_per_cell", [10_000, 33_000, 100_000, 700_000, 5 * S, 60 * S, 4000 * S])
def test_the_marks_of_the_ruler_stand_where_their_time_is_and_have_room(us_per_cell: int) -> None:
    scale = Scale(us_per_cell)
    line = ruler(scale, 0, 200)
    places = [cell for cell, character in enumerate(line) if character == "|"]
    assert places == [scale.cell(n * scale.step_us()) for n in range(len(places))]
    assert all(later - earlier >= 8 for earlier, later in pairwise(places))


def test_a_panned_ruler_is_a_window_of_the_same_ruler() -> None:
    scale = Scale(250_000)
    whole_line = ruler(scale, 0, 300)
    assert ruler(scale, 37, 80) == whole_line[37:117]


def test_clips_stand_side_by_side_at_their_times() -> None:
    lane = TrackLane(track(clip(0, 4, "open.mp4"), clip(4, 3, "n.webp", kind="image"), clip(8, 2, "end.mp4")))
    assert drawn(lane, Scale(S // 4), 0, 44) == "▎V open.mp4     ▎I n.webp   ····▎V end.…····"


def test_a_missing_file_is_marked_at_every_width() -> None:
    gone = clip(0, 1, "gone.mp4", media_ok=False)
    texts = [block_text(ClipBlock(0, width, 0), gone) for width in (1, 2, 3, 4, 12)]
    assert texts == ["!", "▎!", "▎!V", "▎!V ", "▎!V gone.mp4"]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("41d19513.png", "video"),
        ("41d19513871ccdaf.mp4", "video"),
        ("wok.mp4", "wok.mp4"),
        ("20261121.mp4", "20261121.mp4"),
        ("facade.mp4", "facade.mp4"),
        ("DSC_0001.jpg", "DSC_0001.jpg"),
    ],
)
def test_a_clip_whose_link_has_no_name_is_called_by_its_kind(label: str, name: str) -> None:
    shown = clip(0, 2, label)
    assert clip_name(shown) == name
    assert name in block_text(ClipBlock(0, 40, 0, 1, True, True), shown)


def test_several_clips_in_one_cell_are_one_mark_and_the_missing_one_wins() -> None:
    clips = [clip(n / 10, 0.1) for n in range(40)]
    assert drawn(TrackLane(track(*clips)), Scale(S), 0, 6) == "####··"
    clips[25] = clip(2.5, 0.1, media_ok=False)
    assert drawn(TrackLane(track(*clips)), Scale(S), 0, 6) == "##!#··"


def test_a_clip_that_goes_on_beyond_the_edge_says_so() -> None:
    lane = TrackLane(track(clip(0, 100, "long.mp4")))
    assert drawn(lane, Scale(S), 40, 12) == "‹V long.mp4›"
    assert drawn(lane, Scale(S), 0, 12) == "▎V long.mp4›"
    assert drawn(lane, Scale(S), 88, 12) == "‹V long.mp4 "


def test_keyframes_and_the_transition_are_drawn_where_they_are() -> None:
    shown = clip(2, 8, "a.mp4", keyframes_us=(0, 3 * S, 7 * S), transition="叠化", transition_us=S)
    block = ClipBlock(2, 8, 0)
    assert block_text(block, shown) == "▎V◆ a.m⋈".replace("a.m", "a.…")
    assert block_text(block, shown, alone=False) == "▎V a.mp4"
    assert block_marks(block, shown, Scale(S)) == "◆  ◆   ⋈"
    assert block_marks(block, shown, Scale(S), last=False) == "▎       "


def test_sounds_are_below_the_main_video_and_the_top_track_is_first() -> None:
    tracks = [track(kind="audio", name="bgm"), track(), track(kind="audio", name="voice"), track(kind="text")]
    assert [lane.kind for lane in ordered(tracks)] == ["text", "video", "audio", "audio"]


_CLIPS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 80)), max_size=60)


@given(_CLIPS, st.integers(1, 60), st.integers(0, 300), st.integers(1, 120))
@example([(0, 4), (0, 1)], 3, 1, 1)
def test_blocks_never_overlap_never_leave_the_window_and_hide_no_clip(
    gaps_and_lengths: list[tuple[int, int]], us_per_cell: int, first: int, width: int
) -> None:
    clips, at = [], 0
    for gap, length in gaps_and_lengths:
        clips.append(ClipView("text", at + gap, length, "x"))
        at += gap + length
    lane, scale = TrackLane(TrackView("text", "", tuple(clips))), Scale(us_per_cell)
    cell, seen = first, set()
    for block in lane.blocks(scale, first, width):
        assert block.cell >= cell
        cell = block.cell + block.width
        assert cell <= first + width
        several = block.count > 1
        seen |= set(range(block.first, block.first + block.count)) if several else {block.first}
    inside = {
        index for index, shown in enumerate(clips) if first <= scale.cell(shown.start_us) < first + width
    }
    assert inside <= seen


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=40), st.integers(1, 50))
def test_overlapping_clips_of_a_damaged_draft_are_drawn_without_end(
    spans: list[tuple[int, int]], us_per_cell: int
) -> None:
    lane = TrackLane(TrackView("text", "", tuple(ClipView("text", a, d, "x") for a, d in spans)))
    cells = [(block.cell, block.width) for block in lane.blocks(Scale(us_per_cell), 0, 100)]
    assert cells == sorted(cells)
    assert sum(width for _, width in cells) <= 100


@given(st.text(max_size=30), st.integers(1, 60), st.booleans(), st.sampled_from(["video", "text", "odd"]))
def test_a_block_is_exactly_as_wide_as_its_clip_whatever_its_label(
    label: str, width: int, ok: bool, kind: str
) -> None:
    for language in ("en", "zh"):
        i18n.use(language)
        text = block_text(ClipBlock(0, width, 0), ClipView(kind, 0, 1, label, "m", ok))
        assert cell_len(text) == width
        assert "\x1b" not in text
        assert "\n" not in text


def test_going_to_another_track_stays_at_the_same_time() -> None:
    lane = TrackLane(track(clip(0, 2), clip(2, 2), clip(10, 2)))
    assert [lane.near(int(s * S)) for s in (0, 1.9, 2, 5, 8, 11, 99)] == [0, 0, 1, 1, 2, 2, 2]
    assert TrackLane(track()).near(5) == 0


def timeline() -> TimelineView:
    video = track(clip(0, 4, "open.mp4"), clip(4, 3, "gone.mp4", media_ok=False), clip(7, 5, "end.mp4"))
    text = track(*(clip(n * 1.5, 1.2, f"caption {n}", kind="text", media="") for n in range(8)), kind="text")
    return TimelineView([video, text], 12 * S)


async def test_the_cursor_goes_from_clip_to_clip_and_from_track_to_track() -> None:
    view = timeline()
    host = Host(view)
    async with host.run_test(size=(80, 8)) as pilot:
        await pilot.pause()
        places = []
        for key in (
            "right",
            "right",
            "right",
            "down",
            "right",
            "left",
            "left",
            "left",
            "G",
            "k",
            "g",
            "n",
            "n",
        ):
            await pilot.press(key)
            assert view.clip is not None
            lane, index, _ = view.clip
            places.append((lane.kind, index))
        assert places == [
            ("text", 1),
            ("text", 2),
            ("text", 3),
            ("video", 1),
            ("video", 2),
            ("video", 1),
            ("video", 0),
            ("video", 0),
            ("video", 2),
            ("text", 4),
            ("text", 0),
            ("video", 1),
            ("video", 1),
        ]


async def test_zoom_keeps_the_clip_in_sight_and_zero_shows_the_whole_again() -> None:
    view = timeline()
    host = Host(view)
    async with host.run_test(size=(80, 8)) as pilot:
        await pilot.pause()
        everything = host.seen()
        await pilot.press("down", "G", "plus", "plus", "plus", "plus")
        await pilot.pause()
        assert "end.mp4" in host.seen()
        assert view.max_scroll_x > 0
        await pilot.press("g")
        await pilot.pause()
        assert view.scroll_offset.x == 0
        assert "▎V open.mp4" in host.seen()
        await pilot.press("l")
        await pilot.pause()
        assert view.scroll_offset.x == 17
        assert "‹V open.mp4" in host.seen()
        await pilot.press("h", "up", "0")
        await pilot.pause()
        assert host.seen() == everything
        await pilot.press("minus", "minus")
        await pilot.pause()
        assert host.seen() == everything


async def test_ten_thousand_clips_draw_no_more_blocks_than_there_are_cells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    blocks = TrackLane.blocks

    def counted(lane: TrackLane, *where: Any) -> Any:
        for block in blocks(lane, *where):
            asked.append(block.first)
            yield block

    monkeypatch.setattr(TrackLane, "blocks", counted)
    view = TimelineView([track(*(clip(n, 1, f"c{n}") for n in range(10_000)))], 0)
    host = Host(view)
    async with host.run_test(size=(80, 8)) as pilot:
        await pilot.pause()
        asked.clear()
        view.refresh()
        await pilot.pause()
        assert 0 < len(asked) <= 2 * 80
        await pilot.press("G")
        await pilot.pause()
        assert view.clip[1] == 9_999
        for _ in range(30):
            await pilot.press("plus")
        await pilot.pause()
        assert "c9999" in host.seen()


async def test_other_tracks_may_come_while_the_cursor_is_on_a_clip_that_goes() -> None:
    view = timeline()
    host = Host(view)
    async with host.run_test(size=(60, 8)) as pilot:
        await pilot.pause()
        await pilot.press("down", "G")
        view.show_tracks([track(clip(0, 1, "only.mp4"))], S)
        await pilot.pause()
        assert view.clip[2].label == "only.mp4"
        view.show_tracks([], 0)
        await pilot.press("right", "down", "G", "n", "plus", "0")
        assert view.clip is None
