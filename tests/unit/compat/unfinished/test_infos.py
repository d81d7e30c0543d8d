"""The `*_infos` of Coze2JianYing's tools in every form they come in, and the unit of their times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from c2jy_bridge.compat.coze2jianying.unfinished.draft import Lane, Step, Unfinished
from c2jy_bridge.compat.coze2jianying.unfinished.infos import read_infos
from c2jy_bridge.compat.coze2jianying.unfinished.keyframes import read_keyframes
from c2jy_bridge.drafts.errors import DraftError

DRAFT = Unfinished("id", "夏日", 1920, 1080, 30, 0.0)
IMAGE = {"image_url": "https://example.com/a.png", "start": 0, "end": 3000, "in_animation": "渐显"}
TEXT = json.dumps(IMAGE)


@pytest.mark.parametrize(
    "infos",
    [
        [TEXT],
        [IMAGE],
        json.dumps([IMAGE]),
        json.dumps([TEXT]),
        TEXT,
        IMAGE,
        [IMAGE, None],
        {"image_infos": [IMAGE]},
        [{"image_info_string": TEXT, "success": True, "message": "ok"}],
    ],
)
def test_every_form_of_the_list_means_the_same(infos: Any) -> None:
    read = read_infos("image_infos", infos, DRAFT, "auto")
    (lane,) = read.lanes("video", "call", None, "abc", set())
    (clip,) = lane.clips
    assert clip["at"] == {"start": 0, "duration": 3_000_000}
    assert clip["animations"] == [{"kind": "in", "name": "渐显", "duration": 500_000}]
    assert (clip["type"], clip["id"]) == ("image", "abc-video-1")


@pytest.mark.parametrize("infos", [[], "[]", [None], {}, [""]])
def test_nothing_is_an_error_that_names_the_argument(infos: Any) -> None:
    with pytest.raises(DraftError) as error:
        read_infos("image_infos", infos, DRAFT, "auto")
    assert error.value.issues[0].path.startswith("image_infos")


def test_a_fault_is_named_by_its_place_in_the_argument() -> None:
    with pytest.raises(DraftError) as error:
        read_infos("image_infos", [IMAGE, {"start": 0, "end": 1000}], DRAFT, "auto")
    assert [issue.path for issue in error.value.issues] == ["image_infos[1]"]


def test_the_unit_is_what_was_said_then_what_the_draft_says_then_what_the_media_show() -> None:
    def length(read: Any) -> int:
        (lane,) = read.lanes("audio", "k", None, "p", set())
        return int(lane.clips[0]["at"]["duration"])

    audio = [{"audio_url": "https://example.com/a.mp3", "start": 0, "end": 3000}]
    assert length(read_infos("audio_infos", audio, DRAFT, "us")) == 3000
    seconds = Unfinished("id", "n", 1920, 1080, 30, 0.0, time_unit="s")
    assert length(read_infos("audio_infos", audio, seconds, "auto")) == 3_000_000_000
    assert length(read_infos("audio_infos", audio, seconds, "ms")) == 3_000_000
    open_ = read_infos("audio_infos", audio, DRAFT, "auto")
    assert length(open_.with_durations({"https://example.com/a.mp3": 3_000_000}, None)) == 3_000_000
    assert length(open_.with_durations({"https://example.com/a.mp3": 3_000_000_000}, None)) == 3_000_000_000


def test_where_the_numbers_leave_it_open_the_unit_is_that_of_what_was_added_before() -> None:
    caption = [{"content": "你好", "start": 0, "end": 600_000}]
    read = read_infos("caption_infos", caption, DRAFT, "auto")
    assert read.unit is None
    as_before = read.with_durations({}, "ms")
    (lane,) = as_before.lanes("text", "k", None, "p", set())
    assert lane.clips[0]["at"]["duration"] == 600_000_000
    assert as_before.issues[0].code == "unit_as_before"
    assert not any(issue.code == "time_unit" for issue in as_before.issues)


def test_an_info_keeps_its_own_id_unless_another_clip_has_it() -> None:
    read = read_infos("image_infos", [{**IMAGE, "id": "mine"}], DRAFT, "ms")
    assert read.lanes("video", "k", None, "p", set())[0].clips[0]["id"] == "mine"
    assert read.lanes("video", "k", None, "p", {"mine"})[0].clips[0]["id"] == "p-video-1"


def moving() -> Unfinished:
    picture = {"type": "image", "id": "p-1", "at": {"start": 0, "duration": 3_000_000}}
    effect = {"type": "effect", "id": "e-1", "at": {"start": 0, "duration": 3_000_000}}
    lanes = (Lane("video", "v", None, (picture,)), Lane("effect", "e", None, (effect,)))
    return DRAFT.with_step(Step("1", "add", lanes))


@pytest.mark.parametrize(
    ("time", "at_us"),
    [
        ({"time": "1.5s"}, 1_500_000),
        ({"time": "500ms"}, 500_000),
        ({"time": 2}, 2_000_000),
        ({"time": 1500}, 1_500_000),
        ({"time": 2_500_000}, 2_500_000),
        ({"time_offset": 1000}, 1000),
        ({"time_offset": "1s"}, 1_000_000),
    ],
)
def test_the_time_of_a_keyframe_has_the_unit_that_puts_it_into_its_clip(
    time: dict[str, Any], at_us: int
) -> None:
    info = {"segment_id": "p-1", "property": "KeyframeProperty.uniform_scale", "value": 1.2, **time}
    frames, issues = read_keyframes([json.dumps(info)], moving(), None)
    assert frames == {"p-1": [{"property": "scale", "at": at_us, "value": 1.2}]}
    assert issues == ()


def test_a_position_in_pixels_becomes_half_canvas_sizes_and_is_told() -> None:
    frames, issues = read_keyframes(
        [{"segment_id": "p-1", "property": "position_x", "time": "0s", "value": 480}], moving(), None
    )
    assert frames["p-1"][0]["value"] == 0.5
    assert [issue.code for issue in issues] == ["keyframe_pixels"]


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"segment_id": "p-2"}, "unknown_segment", "p-1"),
        ({"segment_id": "e-1"}, "segment_is_still", ""),
        ({"property": "positon_x"}, "unknown_property", "position_x"),
        ({"value": "big"}, "keyframe_value", ""),
        ({"value": True}, "keyframe_value", ""),
        ({"time": "soon"}, "keyframe_time", ""),
        ({"time": -1}, "keyframe_time", ""),
        ({"time": None}, "keyframe_time", ""),
    ],
)
def test_a_keyframe_that_cannot_be_used_is_an_error_with_the_way_out(
    change: dict[str, Any], code: str, word: str
) -> None:
    info = {"segment_id": "p-1", "property": "scale", "time": "1s", "value": 1, **change}
    with pytest.raises(DraftError) as error:
        read_keyframes([info], moving(), None)
    (issue,) = error.value.issues
    assert (issue.code, issue.path.startswith("keyframe_infos[0].")) == (code, True)
    assert word in issue.fix
