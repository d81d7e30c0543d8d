"""Which unit a draft was written in, by what evidence, and how to change one's mind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.compat.coze2jianying.exports import parse
from c2jy_bridge.compat.coze2jianying.exports.units import (
    ClipTime,
    Evidence,
    UnitDecision,
    odd_clips,
    setting_us,
)
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts.errors import DraftError


def clips(*times: float, source: str = "a") -> list[ClipTime]:
    return [ClipTime(f"c{n}", start, start + length, source) for n, (start, length) in enumerate(
        zip([sum(times[:n]) for n in range(len(times))], times, strict=True)
    )]  # fmt: skip


def decide(
    times: Sequence[ClipTime], durations_us: Mapping[str, int] | None = None, **known: Any
) -> UnitDecision:
    return Evidence(times, **known).decide(durations_us or {})


@pytest.mark.parametrize(
    ("lengths", "unit", "sure"),
    [
        ((3_936_000, 3_240_000, 8_736_000), "us", True),
        ((15_000, 45_000), "ms", True),
        ((3_000, 3_000, 3_000), "ms", True),
        ((100_000,), "ms", True),
        ((500,), "ms", False),
        ((3.5, 4.5), "s", False),
        ((3, 3), "s", False),
        ((600_000, 600_000), "us", False),
        ((3, 100_000, 3, 10_000_000), "us", False),
    ],
)
def test_without_other_evidence_the_size_of_the_numbers_decides(lengths, unit, sure):
    found = decide(clips(*lengths))
    assert (found.unit, found.reason, found.sure) == (unit, "size", sure)


@pytest.mark.parametrize(("factor", "unit"), [(1, "us"), (1_000, "ms"), (1_000_000, "s")])
def test_real_lengths_of_the_media_outweigh_the_size_of_the_numbers(factor, unit):
    times = [ClipTime("a", 0, 400_000, "x"), ClipTime("b", 0, 380_000, "y"), ClipTime("c", 0, 7, "z")]
    found = decide(times, durations_us={"x": 400_000 * factor, "y": 400_000 * factor, "z": 5})
    assert (found.unit, found.reason, found.agreeing, found.compared) == (unit, "media", 2, 3)


def test_a_clip_at_double_speed_uses_twice_its_length_of_the_file():
    found = decide([ClipTime("a", 0, 15_000, "x", speed=2)], durations_us={"x": 30_000_000})
    assert (found.unit, found.reason) == ("ms", "media")


def test_media_that_contradict_one_another_decide_nothing_and_leave_doubt():
    times = [ClipTime("a", 0, 4_000_000, "x"), ClipTime("b", 0, 4_000_000, "y")]
    found = decide(times, durations_us={"x": 4_000_000, "y": 4_000_000_000})
    assert (found.unit, found.reason, found.sure) == ("us", "size", False)


def test_a_few_seconds_of_a_long_song_contradict_nothing():
    found = decide([ClipTime("a", 0, 10_000_000, "song")], durations_us={"song": 180_000_000})
    assert (found.unit, found.reason, found.sure) == ("us", "size", True)


def test_the_total_of_the_draft_decides_before_the_size():
    assert decide(clips(600_000), total_ms=600).unit == "us"
    found = decide(clips(600_000), total_ms=600_000)
    assert (found.unit, found.reason) == ("ms", "total")


@pytest.mark.parametrize("asked", ["us", "ms", "s"])
def test_whoever_asks_for_a_unit_gets_it(asked):
    found = decide(clips(15_000), asked=asked, durations_us={"a": 15_000_000})
    assert (found.unit, found.reason, found.sure) == (asked, "asked", True)


@given(
    st.lists(st.floats(0, 1e12, allow_nan=False), min_size=1, max_size=20),
    st.dictionaries(st.just("a"), st.integers(0, 10**12)),
)
def test_any_numbers_get_a_unit_and_an_alternative(lengths, durations):
    found = decide(clips(*lengths), durations_us=durations)
    assert found.unit in ("us", "ms", "s")
    assert found.issue("x").severity == ("info" if found.sure else "warning")


def test_a_clip_that_is_impossible_in_the_unit_is_named_with_the_one_that_fits():
    (issue,) = odd_clips([ClipTime("a", 0, 3), ClipTime("b", 0, 4_000_000)], "us")
    assert (issue.path, issue.code) == ("a", "odd_length")
    assert "s they would be plausible" in issue.fix


@pytest.mark.parametrize(
    ("value", "unit", "longest_us", "expected"),
    [
        (500, "us", None, (500_000, "ms")),
        (10_000, "us", None, (10_000_000, "ms")),
        (100_000, "us", None, (100_000, "us")),
        (500, "ms", None, (500_000, "ms")),
        (12_000, "ms", 45_000_000, (12_000_000, "ms")),
        (100_000, "ms", 5_000_000, (100_000, "us")),
        (0.5, "s", None, (500_000, "s")),
        (500, "s", None, (500_000, "ms")),
        (0, "us", None, (0, "ms")),
    ],
)
def test_settings_beside_the_timeline_have_units_of_their_own(value, unit, longest_us, expected):
    assert setting_us(value, unit, longest_us) == expected


def test_media_that_are_known_later_change_the_unit_and_nothing_is_fetched_again(export):
    (imported,) = parse(export("bare_draft_us"))
    sources = [clip.media.address for clip in imported.spec.tracks[1].clips]
    lengths = [clip.at.duration or 0 for clip in imported.spec.tracks[1].clips]
    assert all(lengths)
    assert imported.decide_unit(dict(zip(sources, lengths, strict=True))).unit.reason == "media"
    assert imported.decide_unit({}) is imported
    in_ms = imported.decide_unit({s: n * 1000 for s, n in zip(sources, lengths, strict=True)})
    assert in_ms.unit.unit == "ms"
    assert [c.media.address for c in in_ms.spec.tracks[1].clips] == sources
    assert in_ms.spec.tracks[1].clips[0].at.duration == lengths[0] * 1000


def test_an_explicit_unit_is_not_overruled_by_the_media(export):
    (imported,) = parse(export("bare_draft_us"), time_unit="us")
    source = imported.spec.tracks[1].clips[0].media.address
    assert imported.decide_unit({source: 10**10}) is imported


def test_the_evidence_names_the_choice_the_length_and_the_alternatives(export):
    (imported,) = parse(export("seconds"))
    (issue,) = [issue for issue in imported.issues if issue.code == "time_unit_unsure"]
    assert issue.severity == "warning"
    assert "0-0:08 (s)" in issue.message
    (sure,) = parse(export("bare_draft_us"))
    (issue,) = [issue for issue in sure.issues if issue.code == "time_unit"]
    assert "0-0:20.208 (us)" in issue.message
    assert "ms = 5:36:48" in issue.fix


def test_a_draft_of_mixed_units_goes_on_and_says_which_clips_are_odd(export):
    (imported,) = parse(export("mixed_units"))
    assert imported.unit.unit == "us"
    assert not imported.unit.sure
    odd = [issue.path for issue in imported.issues if issue.code == "odd_length"]
    assert odd == ["tracks[0].segments[0].time_range.start"]


def test_neighbours_never_overlap_by_rounding(draft):
    third = 1 / 3
    times = [
        {"type": "image", "material_url": "u", "time_range": {"start": n * third, "end": (n + 1) * third}}
        for n in range(9)
    ]
    (imported,) = parse(draft(*times), time_unit="s")
    placed = [clip.at for clip in imported.spec.tracks[0].clips]
    assert all(a.start + a.duration == b.start for a, b in pairwise(placed))


def test_the_way_to_another_unit_is_told_even_when_no_other_is_likely(draft):
    segment = {"type": "text", "content": "x", "time_range": {"start": 0, "end": 5}}
    (imported,) = parse(draft(segment), time_unit="s")
    (issue,) = [issue for issue in imported.issues if issue.code == "time_unit"]
    assert issue.fix.endswith("time_unit: us = 0:00.000005, ms = 0:00.005.")


def test_a_unit_in_which_the_draft_lasts_for_days_is_refused_with_the_path(export):
    with pytest.raises(DraftError) as caught:
        parse(export("bare_draft_us"), time_unit="s")
    assert {issue.code for issue in caught.value.issues} == {"time_too_long"}
    assert caught.value.issues[0].path == "tracks[0].segments[0].time_range"


KEYFRAMES: dict[str, tuple[list[int], TimeUnit, list[int]]] = {
    "relative in the draft's unit": ([0, 1_000_000, 4_000_000], "us", [0, 1_000_000, 4_000_000]),
    "absolute in the draft's unit": ([8_000_000, 9_000_000], "us", [0, 1_000_000]),
    "relative in milliseconds beside microseconds": ([0, 1000, 4000], "us", [0, 1_000_000, 4_000_000]),
    "absolute in milliseconds beside microseconds": ([8000, 12000], "us", [0, 4_000_000]),
    "all at the start": ([0, 0], "us", [0, 0]),
}


@pytest.mark.parametrize("name", KEYFRAMES)
def test_keyframe_times_are_of_the_clip_or_of_the_draft(draft, name):
    times, unit, expected = KEYFRAMES[name]
    segment = {
        "type": "image",
        "material_url": "u",
        "time_range": {"start": 8_000_000, "end": 12_000_000},
        "keyframes": {"opacity": [{"time": time, "value": 0.5} for time in times]},
    }
    (imported,) = parse(draft(segment), time_unit=unit)
    clip = imported.spec.tracks[0].clips[0]
    assert [frame.at for frame in clip.keyframes] == expected
    told = "keyframes_absolute" in {issue.code for issue in imported.issues}
    assert told == name.startswith("absolute")
