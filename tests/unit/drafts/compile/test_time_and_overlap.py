"""When clips play and which part of their file: loops, trims, lanes, shifts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.drafts import BuiltDraft, DraftError
from c2jy_bridge.drafts.compile.plan import PlacedClip, resolve_overlaps
from c2jy_bridge.drafts.errors import IssueCollector
from c2jy_bridge.drafts.spec.document import Overlap, TextClip

Build = Callable[..., Any]
Content = Callable[[BuiltDraft], dict[str, Any]]
Codes = Callable[[BuiltDraft], set[str]]
S = 1_000_000


def _times(content: dict[str, Any], track: int = 0) -> list[tuple[int, int]]:
    return [
        (s["target_timerange"]["start"], s["target_timerange"]["duration"])
        for s in content["tracks"][track]["segments"]
    ]


def _sources(content: dict[str, Any]) -> list[tuple[int, int]]:
    return [
        (s["source_timerange"]["start"], s["source_timerange"]["duration"])
        for s in content["tracks"][0]["segments"]
    ]


async def test_a_clip_without_a_start_follows_the_one_before(build: Build, content_of: Content) -> None:
    clips = [
        {"text": "a", "duration": 1.5},
        {"text": "b", "end": 4},
        {"text": "c", "start": 9, "duration": 1},
    ]
    draft = await build({"tracks": [{"type": "text", "clips": clips}], "name": "x"})
    assert _times(content_of(draft)) == [(0, 1_500_000), (1_500_000, 2_500_000), (9 * S, S)]


async def test_a_media_clip_without_a_duration_runs_to_the_end_of_its_file(
    build: Build, content_of: Content, media: Path
) -> None:
    clips = [{"media": str(media / "sound.wav")}, {"media": str(media / "sound.wav"), "trim": {"start": 0.5}}]
    draft = await build({"tracks": [{"type": "audio", "clips": clips}], "name": "x"})
    assert _times(content_of(draft)) == [(0, 2 * S), (2 * S, 1_500_000)]


async def test_a_short_file_is_repeated_until_the_time_is_full(
    build: Build, content_of: Content, codes: Codes, media: Path
) -> None:
    clip = {
        "media": str(media / "sound.wav"),
        "duration": 5,
        "loop": True,
        "fade": {"in": 0.5, "out": 0.5},
        "keyframes": [
            {"property": "volume", "at": 0, "value": 0},
            {"property": "volume", "at": 4, "value": 1},
        ],
    }
    draft = await build({"tracks": [{"type": "audio", "clips": [clip]}], "name": "x"})
    content = content_of(draft)
    assert _times(content) == [(0, 2 * S), (2 * S, 2 * S), (4 * S, S)]
    assert _sources(content) == [(0, 2 * S), (0, 2 * S), (0, S)]
    fades = [(f["fade_in_duration"], f["fade_out_duration"]) for f in content["materials"]["audio_fades"]]
    assert fades == [(500_000, 0), (0, 500_000)]
    volumes = [
        [(k["time_offset"], k["values"][0]) for k in s["common_keyframes"][0]["keyframe_list"]]
        for s in content["tracks"][0]["segments"]
    ]
    assert volumes == [[(0, 0.0), (2 * S, 0.5)], [(0, 0.5), (2 * S, 1.0)], [(0, 1.0), (S, 1.0)]]
    assert codes(draft) == set()


async def test_a_clip_longer_than_its_file_ends_with_it_and_says_so(
    build: Build, content_of: Content, media: Path
) -> None:
    clip = {"media": str(media / "video.mp4"), "start": 1, "duration": 10}
    draft = await build({"tracks": [{"type": "video", "clips": [clip]}], "name": "x"})
    (start, duration) = _times(content_of(draft))[0]
    assert start == S
    assert abs(duration - 3 * S) < 50_000
    (issue,) = draft.issues
    assert (issue.code, issue.severity, issue.path) == (
        "longer_than_file",
        "warning",
        "tracks[0].clips[0].at",
    )


async def test_a_millisecond_more_than_the_file_has_is_rounding(
    build: Build, content_of: Content, media: Path
) -> None:
    clip = {"media": str(media / "sound.wav"), "duration": "2000900us"}
    draft = await build({"tracks": [{"type": "audio", "clips": [clip]}], "name": "x"})
    assert _times(content_of(draft)) == [(0, 2 * S)]
    assert [(issue.code, issue.severity) for issue in draft.issues] == [("rounded_to_file", "info")]


@pytest.mark.parametrize(
    ("clip", "code", "path"),
    [
        ({"media": "video.mp4", "trim": {"start": 9}}, "trim_beyond_end", "trim"),
        ({"media": "wide.png"}, "image_without_duration", "at"),
        ({"media": "video.mp4", "trim": {"end": 3}, "duration": "10us"}, "speed_impossible", "at"),
        (
            {"media": "video.mp4", "trim": {"end": "2us"}, "loop": True, "duration": 9},
            "too_many_repeats",
            "loop",
        ),
        ({"media": "video.mp4", "start": 5, "end": 4}, "range_backwards", "at"),
        ({"media": "sound.wav", "duration": 1}, "no_picture", "media"),
    ],
)
async def test_what_cannot_be_placed_is_an_error_with_its_path(
    build: Build, media: Path, clip: dict[str, Any], code: str, path: str
) -> None:
    clip = {**clip, "media": str(media / clip["media"])}
    with pytest.raises(DraftError) as caught:
        await build({"tracks": [{"type": "video", "clips": [clip]}], "name": "x"})
    assert (code, f"tracks[0].clips[0].{path}") in [(i.code, i.path) for i in caught.value.issues]


@pytest.mark.parametrize(
    ("policy", "tracks"),
    [
        ("lane", [[(0, 2 * S), (3 * S, S)], [(S, 2 * S)]]),
        ("shift", [[(0, 2 * S), (2 * S, 2 * S), (4 * S, S)]]),
        ("trim", [[(0, S), (S, 2 * S), (3 * S, S)]]),
    ],
)
async def test_overlapping_clips_are_settled_as_the_document_wants(
    build: Build, content_of: Content, codes: Codes, policy: str, tracks: list[list[tuple[int, int]]]
) -> None:
    clips = [
        {"text": "a", "start": 0, "duration": 2},
        {"text": "b", "start": 1, "duration": 2},
        {"text": "c", "start": 3, "duration": 1},
    ]
    draft = await build({"overlap": policy, "tracks": [{"type": "text", "clips": clips}], "name": "x"})
    content = content_of(draft)
    assert [_times(content, number) for number in range(len(content["tracks"]))] == tracks
    assert codes(draft) == {{"lane": "lanes", "shift": "shifted", "trim": "ended_sooner"}[policy]}


async def test_overlap_is_an_error_when_the_document_says_so(build: Build) -> None:
    clips = [{"text": "a", "start": 0, "duration": 2}, {"text": "b", "start": 1, "duration": 2}]
    with pytest.raises(DraftError) as caught:
        await build({"tracks": [{"type": "text", "overlap": "error", "clips": clips}], "name": "x"})
    (issue,) = caught.value.issues
    assert (issue.code, issue.path) == ("overlap", "tracks[0].clips[1]")


async def test_seconds_that_round_apart_do_not_overlap(build: Build, content_of: Content) -> None:
    third = 2 / 3
    clips = [{"text": str(n), "start": n * third, "duration": third} for n in range(30)]
    draft = await build({"tracks": [{"type": "text", "overlap": "error", "clips": clips}], "name": "x"})
    times = _times(content_of(draft))
    assert all(a + b <= c for (a, b), (c, _) in pairwise(times))
    assert draft.issues == ()


_POLICY = st.sampled_from(["lane", "shift", "trim", "error"])
# Whole milliseconds: one or two microseconds of overlap are rounding, and settled without another lane.
_SPANS = st.lists(
    st.tuples(
        st.integers(0, 50_000).map(lambda ms: ms * 1000), st.integers(1, 20_000).map(lambda ms: ms * 1000)
    ),
    min_size=1,
    max_size=40,
)


@given(_SPANS, _POLICY)
def test_lanes_never_overlap_and_no_clip_is_lost_without_a_word(
    spans: list[tuple[int, int]], policy: Overlap
) -> None:
    clip, collector = TextClip(text="x"), IssueCollector()
    placed = [PlacedClip(clip, f"clips[{n}]", start, length) for n, (start, length) in enumerate(spans)]
    lanes = resolve_overlaps(placed, policy, "track", collector)
    for lane in lanes:
        assert all(a.end_us <= b.start_us for a, b in pairwise(lane))
        assert all(c.duration_us > 0 for c in lane)
    kept = {c.path for lane in lanes for c in lane}
    told = {issue.path for issue in collector.issues if issue.severity == "error"}
    assert kept | told == {c.path for c in placed}
    if policy == "lane":
        assert kept == {c.path for c in placed}
        moments = [start for start, _ in spans]
        at_once = max(sum(s <= m < s + d for s, d in spans) for m in moments)
        assert len(lanes) == at_once
