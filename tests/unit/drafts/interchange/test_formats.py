"""What FCPXML and EDL hold is written by their adapters and read back; what they do not hold is an Issue."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

import app_drafts
from c2jy_bridge.core.draft_views import DraftError, TimelineFormat
from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.interchange import exchange
from c2jy_bridge.drafts.interchange.exchange import read_timelines
from c2jy_bridge.drafts.write.paths import PLACEHOLDER
from unit.drafts.interchange.conftest import Export, s


def _messages(issues: tuple[Issue, ...], code: str) -> str:
    return "\n".join(issue.message for issue in issues if issue.code == code)


def _clips(path: str) -> list[tuple[str, int, int, str, float]]:
    """Type, start, duration, file and speed of every clip of a timeline file, as the document has them."""
    (read,) = read_timelines(Path(path))
    return [
        (
            clip["type"],
            clip["at"]["start"],
            clip["at"]["duration"],
            Path(clip["media"]["path"]).suffix,
            clip.get("speed", 1.0),
        )
        for track in read.document["tracks"]
        for clip in track["clips"]
    ]


def _events(path: str) -> list[tuple[str, str]]:
    """(in and out of the source, in and out of the record) of each event of an EDL."""
    lines = [line.split() for line in Path(path).read_text("utf-8").splitlines() if line[:1].isdigit()]
    return [(" ".join(line[4:6]), " ".join(line[6:])) for line in lines]


async def test_fcpxml_keeps_tracks_clips_times_and_media_and_names_the_rest(
    rich: dict[str, Any], build: Callable[..., Any], export: Export
) -> None:
    await build(rich)

    made = export("春天", "fcpxml")

    assert sorted(_clips(made.path)) == sorted(
        [
            ("video", 0, s(1.04), ".mp4", 1.0),
            ("image", s(1.04), s(1.2), ".jpg", 1.0),
            ("video", s(3), s(1), ".mp4", 1.0),
            ("image", s(0.48), s(2.28), ".png", 1.0),
            ("audio", s(0.4), s(1.52), ".wav", 1.0),
            ("audio", s(1.92), s(0.96), ".wav", 1.0),
        ]
    )
    lost = _messages(made.issues, "exchange_lost")
    for what in ("speed", "fade", "transition", "text 春天来了", "marker beat", "marker 段落"):
        assert what in lost


async def test_an_edl_is_the_main_track_with_its_speeds_and_the_rest_is_named(
    rich: dict[str, Any], build: Callable[..., Any], export: Export
) -> None:
    await build(rich)

    made = export("春天", "edl")

    assert _clips(made.path) == [
        ("video", 0, s(1.04), ".mp4", 2.0),
        ("image", s(1.04), s(1.2), ".jpg", 1.0),
        ("video", s(3), s(1), ".mp4", 1.0),
    ]
    lost = _messages(made.issues, "exchange_lost")
    for what in ("above the main track", "sound ", "transition", "marker beat"):
        assert what in lost
    assert _events(made.path) == [
        # 0.513 s and 2.074 s at double speed, 25 frames a second
        ("00:00:00:13 00:00:02:15", "00:00:00:00 00:00:01:01"),
        ("00:00:00:00 00:00:01:05", "00:00:01:01 00:00:02:06"),
        ("00:00:00:06 00:00:01:06", "00:00:03:00 00:00:04:00"),
    ]


@pytest.mark.parametrize("speed", [0.5, 1.25, 3.0])
async def test_an_edl_s_event_takes_as_much_of_its_source_as_its_speed_asks_for(
    speed: float, media: Path, build: Callable[..., Any], export: Export
) -> None:
    clip = {
        "type": "video", "media": {"path": str(media / "video.mp4")}, "at": {"start": 0, "duration": 0.8},
        "trim": {"start": 0.4, "duration": 0.8 * speed}, "speed": speed,
    }  # fmt: skip
    await build(
        {"schema": "c2jy/1", "name": "speed", "fps": 25, "tracks": [{"type": "video", "clips": [clip]}]}
    )

    made = export("speed", "edl")

    ((source, _),) = _events(made.path)
    first, end = (otio.opentime.from_timecode(at, 25).value for at in source.split())
    assert (first, end - first) == (10, 20 * speed)
    assert _clips(made.path) == [("video", 0, s(0.8), ".mp4", speed)]
    (read,) = read_timelines(Path(made.path))
    assert read.document["tracks"][0]["clips"][0]["trim"] == {"start": s(0.4), "duration": s(0.8 * speed)}


@pytest.mark.parametrize("to", ["otio", "fcpxml", "edl"])
def test_nothing_of_a_draft_of_the_app_is_left_out_in_silence(
    to: TimelineFormat, media: Path, tmp_path: Path, export: Export
) -> None:
    content = app_drafts.jianying_59(
        str(media / "wide.png"), str(media / "video.mp4"), str(media / "sound.wav")
    )
    content["tracks"][0]["segments"][0]["common_keyframes"] = [
        {"property_type": "KFTypePositionX", "keyframe_list": [{"time_offset": 0, "values": [0.5]}]}
    ]
    (compound,) = [
        segment
        for track in content["tracks"]
        for segment in track["segments"]
        if set(segment["extra_material_refs"]) & {held["id"] for held in content["materials"]["drafts"]}
    ]
    compound |= {"clip": {"scale": {"x": 1.03, "y": 1.03}}, "volume": 0.5, "speed": 2.0}
    text = next(track for track in content["tracks"] if track["type"] == "text")["segments"][0]
    text["extra_material_refs"].append("FLOWER")
    content["materials"].setdefault("effects", []).append(
        {"id": "FLOWER", "type": "text_effect", "name": "橙色立体花字"}
    )
    content["materials"]["common_mask"] = [{"id": "M1", "name": "圆形", "config": {}}]
    content["tracks"][0]["segments"][1]["extra_material_refs"].append("M1")
    app_drafts.write(tmp_path / "drafts" / "app", content)

    made = export("app", to)

    lost = _messages(made.issues, "exchange_lost")
    for what in ("animation", "keyframes KFTypePositionX", "speed curve", "mask 圆形", "sticker 花",
                 "effect 金粉", "adjustment", "filter 晴空", "text effect 橙色立体花字",
                 "template 标题模板", "clip"):  # fmt: skip
        assert what in lost, what
    assert all(issue.path for issue in made.issues)
    if to == "otio":
        assert "compound" not in lost
        for what in ("position, size, rotation and opacity", "volume", "changed speed"):
            assert what in lost, what
        timeline = otio.adapters.read_from_file(made.path)
        (stack,) = timeline.find_children(descended_from_type=otio.schema.Stack)
        assert [clip.name for clip in stack.find_clips()] == ["wide.png", "inside"]
    else:
        assert "compound clip 复合片段1" in lost


async def test_a_frame_rate_of_29_97_becomes_30_in_fcpxml_and_no_cut_moves_by_more_than_a_frame(
    rich: dict[str, Any], build: Callable[..., Any], export: Export
) -> None:
    await build({**rich, "fps": 29.97})

    made = export("春天", "fcpxml")

    assert "29.970 → 30" in _messages(made.issues, "exchange_changed")
    starts = sorted(start for _, start, *_ in _clips(made.path))
    expected = sorted([0, s(1.037), s(3), s(0.5), s(0.4), s(1.9)])
    assert all(abs(a - b) <= s(1 / 29.97) for a, b in zip(starts, expected, strict=True))


def test_a_file_that_is_there_is_not_replaced(media: Path, tmp_path: Path, export: Export) -> None:
    content = app_drafts.jianying_59(str(media / "wide.png"), "gone.mp4", "gone.wav")
    app_drafts.write(tmp_path / "drafts" / "app", content)
    there = tmp_path / "mine.otio"
    there.write_text("mine")

    with pytest.raises(DraftError) as refused:
        export("app", "otio", there)

    assert refused.value.issues[0].code == "exchange_there"
    assert there.read_text() == "mine"


def test_missing_media_are_named_and_the_timeline_is_written_all_the_same(
    media: Path, tmp_path: Path, export: Export
) -> None:
    content = app_drafts.jianying_59(str(media / "wide.png"), "C:/films/gone.mp4", "gone.wav")
    app_drafts.write(tmp_path / "drafts" / "app", content)

    made = export("app")

    assert "gone.mp4 is not on this machine" in _messages(made.issues, "exchange_missing")
    timeline = otio.adapters.read_from_file(made.path)
    urls = {getattr(clip.media_reference, "target_url", "") for clip in timeline.find_clips()}
    assert "C:/films/gone.mp4" in urls


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"{PLACEHOLDER}/materials/gone.png", "{drafts}/lost/materials/gone.png"),
        ("C:/Users/a/gone.png", "C:/Users/a/gone.png"),
    ],
)
def test_a_missing_file_is_named_by_where_it_belongs_and_the_way_back_names_it_so(
    path: str, told: str, media: Path, tmp_path: Path, export: Export
) -> None:
    content = app_drafts.jianying_59(path, str(media / "video.mp4"), str(media / "sound.wav"))
    app_drafts.write(tmp_path / "drafts" / "lost", content)

    made = export("lost", "otio")

    (read,) = read_timelines(Path(made.path))
    paths = {
        clip["media"]["path"]
        for track in read.document["tracks"]
        for clip in track["clips"]
        if "media" in clip
    }
    assert told.format(drafts=tmp_path / "drafts") in paths


@pytest.mark.parametrize("name", ["a.otio", "a.fcpxml", "a.edl"])
def test_a_file_that_is_no_timeline_is_refused_with_its_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"\xff\x00 not a timeline {")

    with pytest.raises(DraftError) as refused:
        read_timelines(path)

    found = refused.value.issues[-1]
    assert found.code in ("exchange_unreadable", "exchange_nothing")
    assert str(path) in found.message
    assert found.fix


def test_an_edl_without_a_frame_rate_is_read_at_the_lowest_that_its_times_fit(tmp_path: Path) -> None:
    path = tmp_path / "old.edl"
    path.write_text(
        "TITLE: old\nFCM: NON-DROP FRAME\n* exported elsewhere\n\n"
        "001  AX       V     C        00:00:01:00 00:00:02:24 00:00:00:00 00:00:01:24\n"
        "* FROM CLIP NAME: a\n* FROM CLIP: file:///films/a.mp4\n"
    )

    (read,) = read_timelines(path)

    assert read.document["tracks"][0]["clips"][0]["at"] == {"start": 0, "duration": s(1.96)}
    assert "taken as 25" in _messages(read.issues, "exchange_changed")


def test_without_the_extra_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(DraftError) as refused:
        exchange.read_timelines(tmp_path / "a.otio")

    assert f'{sys.executable} -m pip install "c2jy-tui[interchange]"' in refused.value.issues[0].fix
